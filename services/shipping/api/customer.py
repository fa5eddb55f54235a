"""What customers see of their goods, through the order's signed link."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.customer import CustomerTrackingSchema
from services.shipping.domain.appointments import local
from services.shipping.models import OrderState, Shipment
from shared.collect_codes import collect_code
from shared.events.snapshots import ShipmentStatus
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.customer_link import customer

blueprint = Blueprint(
    "customer",
    __name__,
    url_prefix="/v1/customer",
    description="The goods as their customer sees them, by the link that the customer was sent.",
)


@blueprint.route("/tracking", methods=["GET"])
@blueprint.response(200, CustomerTrackingSchema)
@customer
@query
def track_order(session: Session, order_id: UUID) -> dict[str, Any]:
    """Where the goods of the order are, step by step, and the code for collecting what is ready."""
    order = queries.order_state(session, order_id)
    keys = current_app.extensions["settings"].customer_link_keys
    shown = [one for one in order.shipments if one.status is not ShipmentStatus.CANCELLED]
    return {
        "number": order.number,
        "locale": order.locale,
        "shipments": [_shown(order, shipment, keys) for shipment in shown],
    }


def _shown(order: OrderState, shipment: Shipment, keys: Sequence[str]) -> dict[str, Any]:
    waits = shipment.pickup is not None and shipment.status is ShipmentStatus.READY
    return {
        "number": shipment.number,
        "timeline": shipment.timeline,
        "lines": shipment.lines,
        "parcels": shipment.parcels,
        "collect_code": collect_code(keys, shipment.id, shipment.pickup.serial)
        if waits and shipment.pickup
        else None,
        "collect_by": shipment.collect_by,
        "download_url": shipment.download_url or None,
        "appointments": [
            {
                "kind": one.kind,
                "starts": local(one.starts_at, order.time_zone),
                "ends": local(one.ends_at, order.time_zone),
                "time_zone": order.time_zone,
            }
            for one in shipment.appointments
        ],
    }
