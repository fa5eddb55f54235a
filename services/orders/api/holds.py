"""Holds over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.holds import HoldArguments, HoldListSchema, HoldSchema, PlacedHoldSchema
from services.orders.commands import orders as commands
from services.orders.models import Hold
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "holds",
    __name__,
    url_prefix="/v1/orders/<uuid:order_id>/holds",
    description="Holds: an order with one is neither accepted, released nor ended.",
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(HoldArguments)
@blueprint.response(201, PlacedHoldSchema)
@requires("orders:write")
@command
def place_hold(session: Session, hold: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """Put a hold on an order, in addition to any it already has.

    While one stands the order is neither accepted, released nor ended, and its deadlines stand still. Refused
    (409) with its reason: `wrong_status`. Publishes `order.held`.
    """
    placed = commands.place_hold(session, order_id, **hold)
    return {"hold": placed, "released_shipments": queries.released_shipments(session, order_id)}


@blueprint.route("", methods=["GET"])
@blueprint.response(200, HoldListSchema)
@requires("orders:read")
@query
def list_holds(session: Session, order_id: UUID) -> dict[str, Any]:
    """All holds of an order, oldest first, including lifted ones."""
    return {"items": queries.order(session, order_id).holds}


@blueprint.route("/<uuid:hold_id>/release", methods=["POST"])
@blueprint.response(200, HoldSchema)
@requires("orders:write")
@command
def release_hold(session: Session, order_id: UUID, hold_id: UUID) -> Hold:
    """Lift one hold; the order proceeds once none is left.

    Refused (409) with its reason: `not_held`. Publishes `order.hold_released`.
    """
    return commands.release_hold(session, order_id, hold_id)
