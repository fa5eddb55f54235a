"""Edits over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.own_prices import refuse_changed_prices
from services.orders.api.schemas.edits import EditArguments, EditListSchema, EditSchema
from services.orders.commands import editing as commands
from services.orders.queries import history
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "edits",
    __name__,
    url_prefix="/v1/orders/<uuid:order_id>/edits",
    description="Changes of placed orders, with a preview of what they come to.",
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(EditArguments)
@blueprint.response(200, EditSchema)
@requires("orders:write")
@command
def edit_order(session: Session, edit: dict[str, Any], order_id: UUID) -> commands.Edit:
    """Change a placed order: addresses, methods, lines, quantities, prices, fees, discounts, tax.

    Nothing is paid back by it: the answer says what is due. Touching prices, discounts, fees or the way it is
    taxed wants the scope `prices:write` too. Refused (409) with its reason: `wrong_status`. Publishes
    `order.updated`.
    """
    refuse_changed_prices(edit)
    return commands.edit_order(session, order_id, **edit)


@blueprint.route("/preview", methods=["POST"])
@blueprint.arguments(EditArguments)
@blueprint.response(200, EditSchema)
@requires("orders:write")
@query
def preview_edit(session: Session, edit: dict[str, Any], order_id: UUID) -> commands.Edit:
    """Preview an edit: what the order would become; nothing is saved.

    Refused as the edit itself would be.
    """
    refuse_changed_prices(edit)
    return commands.edit_order(session, order_id, **edit)


@blueprint.route("", methods=["GET"])
@blueprint.response(200, EditListSchema)
@requires("orders:read")
@query
def list_edits(session: Session, order_id: UUID) -> dict[str, Any]:
    """All edits of an order, oldest first: who, when, why, and the sums before and after."""
    queries.order(session, order_id)
    return {"items": history.edits(session, order_id)}
