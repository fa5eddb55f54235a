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

blueprint = Blueprint(
    "shipments",
    __name__,
    url_prefix="/v1",
    description="Shipments: read, release, pack, print labels, ship, cancel.",
)

SHIPMENT = "/shipments/<uuid:shipment_id>"


@blueprint.route("/orders/<uuid:order_id>/shipments", methods=["GET"])
@blueprint.response(200, OrderShipmentsSchema)
@requires("shipping:read")
@query
def list_order_shipments(session: Session, order_id: UUID) -> dict[str, Any]:
    """All shipments of an order, its unassigned lines, and the answer to a request to cancel it."""
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
    """Shipments that you may see, newest first.

    Filter by `number` to find what was scanned or what a customer names.
    """
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
    """One shipment, with the actions possible now and what blocks the others."""
    return queries.shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/release", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def release_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Release a shipment to the warehouse: its order must be accepted, paid or paid on delivery, not held.

    What needs no packing is ready at once. Publishes `shipment.released`, or `shipment.ready`. Refused (409)
    with its reason: `awaiting_inventory`, `order_not_accepted`, `cancel_requested`, `on_hold`,
    `payment_not_recorded`, `not_yet_available` (with the day), `wrong_status`, `already_shipped`,
    `already_delivered`, `shipment_cancelled`.
    """
    return commands.release_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/pick", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def pick_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Pick a shipment's goods into one parcel; its label is made in the background.

    For a shipment that is on no pick list. Publishes `shipment.packing`. Refused (409) with its reason:
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return commands.pick_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/pack", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def pack_shipment(session: Session, shipment_id: UUID) -> Shipment:
    """Pack a shipment: close its parcels, so that it is ready.

    Publishes `shipment.ready`. Refused (409) with its reason: `not_picked`, `check_incomplete` if scanning
    has begun and units are missing, `label_not_ready` until its label is stored, `wrong_status`,
    `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return commands.pack_shipment(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/print-label", methods=["POST"])
@blueprint.response(200, PrintedLabelSchema)
@requires("shipping:write")
@command
def print_label(session: Session, shipment_id: UUID) -> Shipment:
    """Print a shipment's label, the same every time; the first print packs the shipment.

    The answer says where the label's file is. The first print publishes `shipment.ready`. Refused (409) with
    its reason: `not_picked`, `check_incomplete`, `label_not_ready`, `wrong_method` if it needs no label,
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return commands.print_label(session, shipment_id)


@blueprint.route(f"{SHIPMENT}/ship", methods=["POST"])
@blueprint.arguments(HandOverArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def ship_shipment(session: Session, carrier: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Ship a shipment with its carrier: Waybill's own, or the one given with tracking number and link.

    Its stock leaves with it. If it has several parcels, name each parcel's carrier beforehand. Publishes
    `shipment.shipped`. Refused (409) with its reason: `tracking_number_taken` if a parcel of another order is
    on its way under the number, `wrong_method`, `wrong_status`, `already_shipped`, `already_delivered`,
    `shipment_cancelled`.
    """
    return commands.ship_shipment(session, shipment_id, **carrier)


@blueprint.route(f"{SHIPMENT}/cancel", methods=["POST"])
@blueprint.arguments(CancelArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def cancel_shipment(session: Session, cancellation: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Cancel a shipment before it leaves; its stock is freed, and its units become unassigned.

    Publishes `shipment.cancelled`. Refused (409) with its reason: `already_shipped`, `already_delivered`,
    `shipment_cancelled`.
    """
    return commands.cancel_shipment(session, shipment_id, **cancellation)
