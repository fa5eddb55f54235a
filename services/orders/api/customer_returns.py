"""Returns requested by customers through their order's link."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.returns import CustomerReturnSchema, CustomerReturnsSchema, ReturnArguments
from services.orders.commands import returns as commands
from services.orders.models import Return
from services.orders.queries import returns as return_queries
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.customer_link import customer

blueprint = Blueprint(
    "customer_returns",
    __name__,
    url_prefix="/v1/customer/orders/return",
    description="Returns for an order's customer, by the link that the customer was sent.",
)


@blueprint.route("", methods=["GET"])
@blueprint.response(200, CustomerReturnsSchema)
@customer
@query
def show_returns(session: Session, order_id: UUID) -> dict[str, Any]:
    """What can be returned from the order, and until when, and the returns requested so far."""
    order = queries.order(session, order_id)
    return {"returnable": return_queries.returnable(session, order), "returns": order.returns}


@blueprint.route("", methods=["POST"])
@blueprint.arguments(ReturnArguments)
@blueprint.response(201, CustomerReturnSchema)
@customer
@command
def ask_for_return(session: Session, wanted: dict[str, Any], order_id: UUID) -> Return:
    """Request a return; the seller decides, and writes to the customer.

    Refused (409) with its reason: `wrong_status`, `not_delivered`, `more_than_delivered`,
    `return_period_over`. Publishes `return.requested`.
    """
    return commands.request_return(session, order_id, by_customer=True, **wanted)
