"""The queues that warehouse and seller work through, over HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.queues import QueuePageArguments
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.domain.queues import Queue
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.paging import decode_cursor, page, page_schema

blueprint = Blueprint("queues", __name__, url_prefix="/v1/queues", description="What is to be done next.")

OVERDUE = "overdue"
NAMES = f"any({', '.join((*Queue, OVERDUE))})"


@blueprint.route(f"/<{NAMES}:name>", methods=["GET"])
@blueprint.arguments(QueuePageArguments, location="query")
@blueprint.response(200, page_schema(ShipmentSchema))
@requires("shipping:read")
@query
def list_queue(session: Session, arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """Shipments of a queue that you may see, what is due first before the rest; finalised, the newest.

    `overdue` is what is past its time in any queue: not prepared, not collected, without a carrier's
    progress, undelivered.
    """
    limit = arguments["limit"]
    wanted = {
        "location": arguments.get("location"),
        "after": decode_cursor(arguments["cursor"], datetime, UUID) if "cursor" in arguments else None,
        "limit": limit + 1,
    }
    if name == OVERDUE:
        rows = queries.overdue_page(session, **wanted)
    else:
        rows = queries.queue_page(session, Queue(name), **wanted)
    return page(rows, limit, lambda shipment: (shipment.queue_at, shipment.id))
