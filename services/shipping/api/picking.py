"""Picking and packing over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.picking import (
    PackedArguments,
    ParcelsArguments,
    PickListArguments,
    PickListHeadSchema,
    PickListPageArguments,
    PickListSchema,
    PicksArguments,
)
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.commands import packing, picking
from services.shipping.models import PickList, Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint(
    "picking", __name__, url_prefix="/v1", description="Pick lists, picks, parcels and packing scans."
)

SHIPMENT = "/shipments/<uuid:shipment_id>"


@blueprint.route("/pick-lists", methods=["POST"])
@blueprint.arguments(PickListArguments)
@blueprint.response(201, PickListSchema)
@requires("shipping:write")
@command
def make_pick_list(session: Session, wanted: dict[str, Any]) -> PickList:
    """Put released shipments of a location on a pick list, ordered by shelf; packing begins.

    Their labels are made in the background. Publishes `shipment.packing` for each. Refused (409) with its
    reason: `nothing_to_pick`, `at_another_location`, `wrong_status`, `already_shipped`, `already_delivered`,
    `shipment_cancelled`; with the number of the `shipment`.
    """
    return picking.make_pick_list(session, **wanted)


@blueprint.route("/pick-lists", methods=["GET"])
@blueprint.arguments(PickListPageArguments, location="query")
@blueprint.response(200, page_schema(PickListHeadSchema))
@requires("shipping:read")
@query
def list_pick_lists(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Pick lists that you may see, newest first."""
    limit = arguments["limit"]
    [before] = decode_cursor(arguments["cursor"], UUID) if "cursor" in arguments else [None]
    rows = queries.pick_lists_page(
        session,
        location=arguments.get("location"),
        shipment_id=arguments.get("shipment_id"),
        is_open=arguments.get("open"),
        before=before,
        limit=limit + 1,
    )
    return page(rows, limit, lambda row: (row.id,))


@blueprint.route("/pick-lists/<uuid:pick_list_id>", methods=["GET"])
@blueprint.response(200, PickListSchema)
@requires("shipping:read")
@query
def get_pick_list(session: Session, pick_list_id: UUID) -> PickList:
    """One pick list: what to take from which shelf for which shipment, and the state of each shipment."""
    return queries.pick_list(session, pick_list_id)


@blueprint.route(f"{SHIPMENT}/picks", methods=["POST"])
@blueprint.arguments(PicksArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def record_picks(session: Session, picks: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Record what was found for a shipment on a pick list; missing units are sourced elsewhere at once.

    What is short is written off the location's stock; of a sales unit of six, five are none. Publishes
    `shipment.updated` and what becomes of the missing units. Refused (409) with its reason: `already_picked`,
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return picking.record_picks(session, shipment_id, **picks)


@blueprint.route(f"{SHIPMENT}/parcels", methods=["PUT"])
@blueprint.arguments(ParcelsArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def pack_into_parcels(session: Session, packed: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Record the contents, weight and size of each parcel; every unit is in exactly one parcel.

    A parcel named by its id keeps carrier and number; one not named is gone. If there are other parcels than
    before, their labels are made anew. Publishes `shipment.updated`. Refused (409) with its reason:
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return packing.pack_into_parcels(session, shipment_id, **packed)


@blueprint.route(f"{SHIPMENT}/scans", methods=["POST"])
@blueprint.arguments(PackedArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def scan(session: Session, scanned: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Scan packed units; once scanning has begun, the shipment can be packed only when all are scanned.

    Refused (409) with its reason: `not_in_shipment`, `more_than_picked`, with how many are `left`,
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return packing.scan(session, shipment_id, **scanned)


@blueprint.route(f"{SHIPMENT}/scans/take-back", methods=["POST"])
@blueprint.arguments(PackedArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def take_back_scan(session: Session, scanned: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Undo scans made by mistake.

    Refused (409) with its reason: `not_in_shipment`, `more_than_checked`, with how many are `left`,
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return packing.take_back_scan(session, shipment_id, **scanned)
