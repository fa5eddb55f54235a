"""Shipments over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.shipments import (
    CancelArguments,
    HandOverArguments,
    OrderShipmentsSchema,
    PrintedLabelSchema,
    ShipmentPageArguments,
    ShipmentSchema,
)
from services.shipping.commands import shipments as commands
from services.shipping.models import Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint("shipments", __name__, url_prefix="/v1")

SHIPMENT = "/shipments/<uuid:shipment_id>"


@blueprint.route("/orders/<uuid:order_id>/shipments", methods=["GET"])
@blueprint.response(200, OrderShipmentsSchema)
@requires("shipping:read")
@query
def list_order_shipments(session: Session, order_id: UUID) -> dict[str, Any]:
    """All shipments of an order, what of it is in none, and what was answered when it was to be cancelled."""
    order = queries.order_state(session, order_id)
    return {
        "items": order.shipments,
        "unassigned": order.unassigned,
        "cancellation": order if order.cancel_requested_at else None,
    }


@blueprint.route("/shipments", methods=["GET"])
@blueprint.arguments(ShipmentPageArguments, location="query")
@blueprint.response(200, page_schema(ShipmentSchema))
@requires("shipping:read")
@query
def list_shipments(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Shipments that you may see, newest first."""
    limit = arguments["limit"]
    [before] = decode_cursor(arguments["cursor"], UUID) if "cursor" in arguments else [None]
    rows = queries.shipments_page(
        session,
        number=arguments.get("number"),
        status=arguments.get("status"),
        before=before,
        limit=limit + 1,
    )
    return page(rows, limit, lambda shipment: (shipment.id,))


@blueprint.route(SHIPMENT, methods=["GET"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:read")
@query
def get_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """A shipment with what may be done to it, and what stands against the rest."""
    return queries.shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/release", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def release_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Give a shipment to the warehouse: its order is accepted, paid or paid on delivery, and not held."""
    return commands.release_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/pick", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def pick_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Put a shipment's goods into a parcel; its label is made in the background."""
    return commands.pick_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/pack", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def pack_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Close a shipment's parcel; refused (label_not_ready) before its label is stored."""
    return commands.pack_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/print-label", methods=["POST"])
@blueprint.response(200, PrintedLabelSchema)
@requires("shipping:write")
@command
def print_label(session: Session, shipment_id: UUID) -> Shipment:
    """Print a shipment's label, the same each time; the first print packs it."""
    return commands.print_label(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/ship", methods=["POST"])
@blueprint.arguments(HandOverArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def ship_shipment(session: Session, carrier: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Hand a shipment to its carrier: Waybill's own, or the one named with tracking number and link."""
    return commands.ship_shipment(session, shipment_id, **carrier)


@blueprint.route(f"{SHIPMENT}/cancel", methods=["POST"])
@blueprint.arguments(CancelArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def cancel_shipment(session: Session, cancellation: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Delete a shipment before it leaves; its stock is free, its units are the order's to assign again."""
    return commands.cancel_shipment(session, shipment_id, **cancellation)
