"""The same done to many shipments: each by its own command, in its own transaction, with its own result."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping.api.schemas.bulk import BulkShipmentArguments, BulkShipmentSchema
from services.shipping.commands import shipments as commands
from services.shipping.models import Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.bulk import Each, Row, bulk

blueprint = Blueprint(
    "bulk", __name__, url_prefix="/v1/shipments/bulk", description="The same to many shipments."
)


@blueprint.route("/release", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def release_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Give many shipments to the warehouse; what one refuses does not stop the others."""
    return _outcome(each, wanted["shipment_ids"], commands.release_shipment)


@blueprint.route("/pick", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def pick_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Note that the goods of many shipments are off their shelves; their labels are made."""
    return _outcome(each, wanted["shipment_ids"], commands.pick_shipment)


@blueprint.route("/pack", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def pack_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Close the parcels of many shipments."""
    return _outcome(each, wanted["shipment_ids"], commands.pack_shipment)


@blueprint.route("/ship", methods=["POST"])
@blueprint.arguments(BulkShipmentArguments)
@blueprint.response(200, BulkShipmentSchema)
@requires("shipping:write")
@bulk
def ship_shipments(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Hand many shipments to the carriers that their parcels name."""
    return _outcome(each, wanted["shipment_ids"], commands.ship_shipment)


def _outcome(each: Each, ids: list[UUID], do: Callable[[Session, UUID], Shipment]) -> dict[str, Any]:
    def act(session: Session, shipment_id: UUID) -> Row:
        shipment = do(session, shipment_id)
        session.flush()
        return {"number": shipment.number, "status": shipment.status, "version": shipment.version}

    rows = [{"shipment_id": row.pop("id"), **row} for row in each(ids, act)]
    done = sum(row["done"] for row in rows)
    return {"done": done, "not_done": len(rows) - done, "items": rows}
