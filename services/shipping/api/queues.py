"""The work queues of warehouse and seller, over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.queues import QueueFilters, QueuePageArguments, StepCountsSchema
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.domain.queues import Queue, queue_of, statuses_of
from shared.errors import Invalid
from shared.events.snapshots import ShipmentStatus
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint(
    "queues",
    __name__,
    url_prefix="/v1/queues",
    description="Work queues: what is to be done next, most urgent first.",
)

OVERDUE = "overdue"
FILTERS = ("seller", "location", "method", "kind")
RARE = ("method", "kind")  # by no index
NAMES = f"any({', '.join((*Queue, OVERDUE))})"


@blueprint.route("", methods=["GET"])
@blueprint.arguments(QueueFilters, location="query")
@blueprint.response(200, StepCountsSchema)
@requires("shipping:read")
@query
def count_steps(session: Session, filters: dict[str, Any]) -> dict[str, Any]:
    """How many shipments that you may see are at each step, counted up to a thousand each."""
    counts, releasable, held_back = queries.pending_counts(session, **filters)
    return {
        "items": [
            {"status": status, "queue": queue_of(status), **_counted(count)}
            for status, count in counts.items()
        ],
        "releasable": _counted(releasable),
        "held_back": _counted(held_back),
    }


@blueprint.route(f"/<{NAMES}:name>", methods=["GET"])
@blueprint.arguments(QueuePageArguments, location="query")
@blueprint.response(200, page_schema(ShipmentSchema))
@requires("shipping:read")
@query
def list_queue(session: Session, arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """Shipments of a queue that you may see, most urgent first; in finalised, newest first.

    `overdue` is what is past its time in any queue: not prepared, not collected, without a carrier's
    progress, undelivered.
    """
    limit = arguments["limit"]
    wanted = {
        **{one: arguments.get(one) for one in FILTERS},
        "after": decode_cursor(arguments["cursor"], datetime, UUID) if "cursor" in arguments else None,
        "limit": limit + 1,
    }
    status = arguments.get("status")
    if status is not None and (name == OVERDUE or status not in statuses_of(Queue(name))):
        raise Invalid(status=f"is not a status in {name}")
    releasable = arguments.get("releasable")
    has_its_stock = status in {None, ShipmentStatus.INVENTORY_ASSIGNED}
    if releasable is not None and not (name == Queue.TO_PREPARE and has_its_stock):
        raise Invalid(releasable="only applies to shipments to prepare that have their stock")
    for one in RARE:
        if name == Queue.FINALISED and wanted[one] is not None:
            why = "can't be used with finalised: too many shipments might have to be searched"
            raise Invalid(**{one: why})
    if name == OVERDUE:
        rows = queries.overdue_page(session, **wanted)
    else:
        rows = queries.queue_page(session, Queue(name), status=status, releasable=releasable, **wanted)
    return page(rows, limit, lambda shipment: (shipment.queue_at, shipment.id))


def _counted(count: int) -> dict[str, Any]:
    most = queries.COUNTED_AT_MOST
    return {"count": min(count, most), "count_is_capped": count > most}
