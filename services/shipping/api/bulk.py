"""Bulk actions: each shipment is handled by its own command, in its own transaction, with its own result."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.bulk import (
    BulkLabelSchema,
    BulkPicksArguments,
    BulkShipmentArguments,
    BulkShipmentSchema,
)
from services.shipping.commands import picking
from services.shipping.commands import shipments as commands
from services.shipping.models import Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.bulk import Each, Row, bulk
from shared.web.commands import open_session

blueprint = Blueprint(
    "bulk",
    __name__,
    url_prefix="/v1/shipments/bulk",
    description="One action on many shipments, with a result for each.",
)

NO_SHIPMENT: Row = {
    "shipment_id": None,
    "done": False,
    "reason": "no_shipment",
    "detail": "the order has no shipment",
    "facts": {},
}


@blueprint.route("/release", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def release_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Release many shipments to the warehouse; one that is refused does not stop the others.

    Each answers as `POST /v1/shipments/{id}/release` would.
    """
    return _outcome(each, wanted, commands.release_shipment)


@blueprint.route("/pick", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def pick_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Record that the goods of many shipments have been picked; their labels are then made.

    Each answers as `POST /v1/shipments/{id}/pick` would.
    """
    return _outcome(each, wanted, commands.pick_shipment)


@blueprint.route("/picks", methods=["POST"])
@blueprint.arguments(BulkPicksArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def record_picks(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Record what was found for many shipments on pick lists, each as `/v1/shipments/{id}/picks` does.

    A shipment that is refused does not stop the others.
    """
    found = {picked["shipment_id"]: picked["found"] for picked in wanted["shipments"]}
    return _outcome(
        each,
        {"shipment_ids": list(found)},
        lambda session, shipment_id: picking.record_picks(session, shipment_id, found=found[shipment_id]),
    )


@blueprint.route("/pack", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def pack_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Pack many shipments: close their parcels.

    Each answers as `POST /v1/shipments/{id}/pack` would.
    """
    return _outcome(each, wanted, commands.pack_shipment)


@blueprint.route("/print-label", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkLabelSchema)
@requires("shipping:write")
@bulk
def print_labels(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Count a print of the labels of many shipments, as for one; documents puts them into one file.

    Each answers as `POST /v1/shipments/{id}/print-label` would.
    """
    return _outcome(each, wanted, commands.print_label, _labels_of)


@blueprint.route("/ship", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def ship_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Ship many shipments with the carriers named on their parcels.

    Each answers as `POST /v1/shipments/{id}/ship` would without a carrier in the request.
    """
    return _outcome(each, wanted, commands.ship_shipment)


def _outcome(
    each: Each,
    wanted: dict[str, Any],
    do: Callable[[Session, UUID], Shipment],
    more: Callable[[Shipment], Row] = lambda _: {},
) -> dict[str, Any]:
    def act(session: Session, shipment_id: UUID) -> Row:
        shipment = do(session, shipment_id)
        session.flush()
        return {
            "order_id": shipment.order_id,
            "number": shipment.number,
            "status": shipment.status,
            "version": shipment.version,
            **more(shipment),
        }

    def rows_of(ids: Sequence[UUID]) -> list[Row]:
        return [{"shipment_id": row.pop("id"), **row} for row in each(ids, act)]

    rows = (
        _of_orders(wanted["order_ids"], rows_of) if "order_ids" in wanted else rows_of(wanted["shipment_ids"])
    )
    done = sum(row["done"] for row in rows)
    return {"done": done, "not_done": len(rows) - done, "items": rows}


def _of_orders(order_ids: list[UUID], rows_of: Callable[[Sequence[UUID]], list[Row]]) -> list[Row]:
    """One row per shipment of these orders, and one for an order that has none."""
    with open_session() as session:
        known = queries.shipments_of_orders(session, order_ids)
    rows: list[Row] = []
    for order_id, shipments in known.items():
        of_order = {"order_id": order_id}
        named = {shipment.id: {"number": shipment.number, **of_order} for shipment in shipments}
        rows += [{**named[row["shipment_id"]], **row} for row in rows_of(list(named))]
        if not named:
            rows.append(of_order | NO_SHIPMENT)
    return rows


def _labels_of(shipment: Shipment) -> Row:
    return {"label_document_ids": [parcel.label_document_id for parcel in shipment.parcels]}
