"""Carriers and couriers over HTTP."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.carriers import (
    AssignmentArguments,
    CarrierArguments,
    CarrierSchema,
    CourierArguments,
    CourierDeliverySchema,
    CourierSchema,
)
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.commands import couriers, master_data
from services.shipping.models import Carrier, Courier, Shipment
from shared.web.auth import refuse_bounded, requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page, page_schema

blueprint = Blueprint(
    "carriers",
    __name__,
    url_prefix="/v1",
    description="Carriers with tracking numbers, and couriers with their deliveries.",
)

CARRIER = "/carriers/<string(maxlength=40):code>"
COURIER = "/couriers/<string(maxlength=100):seller>/<string(maxlength=40):code>"


@blueprint.route("/carriers", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(CarrierSchema))
@requires("shipping:read")
@query
def list_carriers(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carriers by code."""
    limit = arguments["limit"]
    [after] = decode_cursor(arguments["cursor"], str) if "cursor" in arguments else [None]
    rows = queries.carriers_page(session, after=after, limit=limit + 1)
    return page(rows, limit, lambda carrier: (carrier.code,))


@blueprint.route(CARRIER, methods=["GET"])
@blueprint.response(200, CarrierSchema)
@requires("shipping:read")
@query
def get_carrier(session: Session, code: str) -> Carrier:
    """One carrier."""
    return queries.carrier(session, code)


@blueprint.route(CARRIER, methods=["PUT"])
@blueprint.arguments(CarrierArguments)
@blueprint.response(200, CarrierSchema)
@blueprint.alt_response(201, schema=CarrierSchema)
@requires("admin")
@command
def put_carrier(session: Session, carrier: dict[str, Any], code: str) -> tuple[Carrier, int]:
    """Create (201) or replace (200) a carrier, for all sellers; the token must not be limited to some.

    Its link is used for parcels that are entered from then on.
    """
    refuse_bounded("sellers", "markets")
    put, is_new = master_data.put_carrier(session, code, **carrier)
    return put, 201 if is_new else 200


@blueprint.route("/couriers", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(CourierSchema))
@requires("shipping:read")
@query
def list_couriers(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """The couriers of your sellers."""
    limit = arguments["limit"]
    after = decode_cursor(arguments["cursor"], str, str) if "cursor" in arguments else None
    rows = queries.couriers_page(session, after=after, limit=limit + 1)
    return page(rows, limit, lambda courier: (courier.seller, courier.code))


@blueprint.route(COURIER, methods=["GET"])
@blueprint.response(200, CourierSchema)
@requires("shipping:read")
@query
def get_courier(session: Session, seller: str, code: str) -> Courier:
    """One courier."""
    return queries.courier(session, seller, code)


@blueprint.route(COURIER, methods=["PUT"])
@blueprint.arguments(CourierArguments)
@blueprint.response(200, CourierSchema)
@blueprint.alt_response(201, schema=CourierSchema)
@requires("shipping:write")
@command
def put_courier(session: Session, courier: dict[str, Any], seller: str, code: str) -> tuple[Courier, int]:
    """Create (201) or replace (200) a courier.

    A courier who is not active keeps the deliveries assigned so far.
    """
    put, is_new = master_data.put_courier(session, seller, code, **courier)
    return put, 201 if is_new else 200


@blueprint.route(f"{COURIER}/deliveries", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(CourierDeliverySchema))
@requires("shipping:read")
@query
def list_deliveries(session: Session, arguments: dict[str, Any], seller: str, code: str) -> dict[str, Any]:
    """A courier's current deliveries, with recipient and address, oldest first.

    Those that are ready, on their way, or could not be delivered.
    """
    limit = arguments["limit"]
    [after] = decode_cursor(arguments["cursor"], UUID) if "cursor" in arguments else [None]
    queries.courier(session, seller, code)
    rows = queries.deliveries_page(session, seller, code, after=after, limit=limit + 1)
    return page(rows, limit, lambda shipment: (shipment.id,))


@blueprint.route("/shipments/<uuid:shipment_id>/courier", methods=["PUT"])
@blueprint.arguments(AssignmentArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def assign_courier(session: Session, assignment: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Assign a shipment to a courier of its seller, or to none.

    The courier is told by e-mail if an address is known. Publishes `shipment.updated`. Refused (409) with its
    reason: `courier_not_active`, `wrong_method` if nobody brings it, `already_delivered`, `already_shipped`
    if it came back, `shipment_cancelled`.
    """
    return couriers.assign_courier(session, shipment_id, **assignment)
