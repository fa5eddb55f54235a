"""The generic lifecycle over HTTP: parse, call the command of the order or draft, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.api.schemas.lifecycle import LifecycleArguments, LifecycleSchema
from services.orders.commands import drafts, orders
from services.orders.domain.shown_statuses import Lifecycle
from services.orders.queries.drafts import is_draft
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command

blueprint = Blueprint(
    "lifecycle",
    __name__,
    url_prefix="/v1/orders",
    description="One generic status for an order and its goods together.",
)


@blueprint.route("/<uuid:order_id>/lifecycle", methods=["POST"])
@blueprint.arguments(LifecycleArguments)
@blueprint.response(200, LifecycleSchema)
@requires("orders:write", "orders:accept")
@command
def set_lifecycle(session: Session, target: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """Move an order to a lifecycle state: Closed completes it, Canceled cancels it, Failed refuses it.

    Abandoned gives a draft up. The other words follow from where the goods are: refused (409)
    `derived_from_shipments`, with the `step` that leads there. Beside it a command's own reasons:
    `wrong_status`, `on_hold`, `already_shipped`, `not_confirmed`, `payment_not_recorded`.
    """
    if target["to"] is Lifecycle.ABANDONED and is_draft(session, order_id):
        draft = drafts.abandon_draft(session, order_id).draft
        reached = {"version": draft.version, "status": draft.status, "lifecycle": Lifecycle.ABANDONED}
    else:
        order = orders.set_lifecycle(session, order_id, **target)
        reached = {"version": order.version, "status": order.status, "lifecycle": order.lifecycle}
    return {"order_id": order_id, **reached}
