"""Goods returned by customers, over HTTP."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.returns import (
    ExpectedReturnSchema,
    OrderReturnsSchema,
    ReceiveReturnArguments,
    ReturnPageArguments,
)
from services.shipping.commands import returns as commands
from services.shipping.models import ExpectedReturn
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint(
    "returns",
    __name__,
    url_prefix="/v1",
    description="Returned goods: what is expected, and what arrived in which condition.",
)

RETURN = "/returns/<uuid:return_id>"


@blueprint.route("/returns", methods=["GET"])
@blueprint.arguments(ReturnPageArguments, location="query")
@blueprint.response(200, page_schema(ExpectedReturnSchema))
@requires("shipping:read")
@query
def list_returns(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns that you may see, oldest first: those expected, unless another status is asked for."""
    limit = arguments["limit"]
    [after] = decode_cursor(arguments["cursor"], UUID) if "cursor" in arguments else [None]
    rows = queries.returns_page(
        session, arguments["status"], number=arguments.get("number"), after=after, limit=limit + 1
    )
    return page(rows, limit, lambda expected: (expected.id,))


@blueprint.route("/orders/<uuid:order_id>/returns", methods=["GET"])
@blueprint.response(200, OrderReturnsSchema)
@requires("shipping:read")
@query
def list_order_returns(session: Session, order_id: UUID) -> dict[str, Any]:
    """The approved returns of an order, and what was received."""
    queries.order_state(session, order_id)
    return {"items": queries.returns_of_order(session, order_id)}


@blueprint.route(RETURN, methods=["GET"])
@blueprint.response(200, ExpectedReturnSchema)
@requires("shipping:read")
@query
def get_return(session: Session, return_id: UUID) -> ExpectedReturn:
    """One return."""
    return queries.expected_return(session, return_id)


@blueprint.route(f"{RETURN}/receive", methods=["POST"])
@blueprint.arguments(ReceiveReturnArguments)
@blueprint.response(200, ExpectedReturnSchema)
@requires("stock:write")
@command
def receive_return(session: Session, goods: dict[str, Any], return_id: UUID) -> ExpectedReturn:
    """Receive a return, inspected unit by unit; once. Only sellable goods go to stock.

    What is not named has not come. Publishes `return.received` and `stock.changed`. Refused (409) with its
    reason: `already_received`, `return_closed`.
    """
    return commands.receive_return(session, return_id, **goods)
