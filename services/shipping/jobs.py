"""Shipping's background work: stock that came goes to the shipments that wait for it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from services.shipping import queries
from services.shipping.commands import planning, stock
from services.shipping.messaging import jobs
from shared.db import new_id

BATCH = 100  # shipments served by one job; the rest is the next one's


@jobs.kind("allocation", limit_seconds=120)
def serve_waiting_shipments(
    sessions: sessionmaker[Session], argument: dict[str, Any]
) -> Callable[[Session], None] | None:
    """Give stock to whoever waits for these SKUs, the oldest first, one transaction each.

    One that can't be served whole is passed over, and keeps its place.
    """
    skus = argument["skus"]
    served = 0
    for _ in range(BATCH):
        with sessions() as session:
            shipment_id = queries.next_to_serve(session, skus)
        if shipment_id is None:
            return None
        with sessions.begin() as session:
            served += planning.assign_stock(session, shipment_id)
    return partial(stock.serve_waiting, skus=skus, cause=str(new_id())) if served else None
