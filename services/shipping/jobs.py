"""Shipping's background jobs: serving waiting shipments, and pickup deadlines."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from services.shipping import queries
from services.shipping.commands import handovers, sourcing, stock
from services.shipping.messaging import jobs
from shared.messaging.jobs import RetryLater

BATCH = 100  # shipments served by one job; the rest is the next one's
HOLD_SECONDS = 3600.0


@jobs.kind("allocation", limit_seconds=120)
def serve_waiting_shipments(
    sessions: sessionmaker[Session], argument: dict[str, Any]
) -> Callable[[Session], None] | None:
    """Assign stock of these SKUs to shipments that wait for it, oldest first, one transaction each.

    One that can't be served whole is passed over, and keeps its place.
    """
    skus = argument["skus"]
    served = 0
    shipment_id = None
    for _ in range(BATCH):
        with sessions() as session:
            shipment_id = queries.next_to_serve(session, skus, after=shipment_id)
        if shipment_id is None:
            return None
        with sessions.begin() as session:
            served += sourcing.assign_stock(session, shipment_id)
    return partial(stock.serve_waiting, skus=skus) if served else None


@jobs.kind("pickup_reminder", limit_seconds=30)
def remind_of_pickup(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Callable[[Session], None]:
    """Remind the customer to collect a shipment."""
    _wait_out_hold(sessions, argument)
    return partial(handovers.remind, shipment_id=UUID(argument["shipment_id"]))


@jobs.kind("pickup_release", limit_seconds=30)
def release_uncollected(
    sessions: sessionmaker[Session], argument: dict[str, Any]
) -> Callable[[Session], None]:
    """Cancel a shipment that nobody collected in time; its stock is free again."""
    _wait_out_hold(sessions, argument)
    return partial(handovers.release_uncollected, shipment_id=UUID(argument["shipment_id"]))


def _wait_out_hold(sessions: sessionmaker[Session], argument: dict[str, Any]) -> None:
    """Postpone the job while the order is on hold: deadlines are suspended then."""
    with sessions() as session:
        if queries.shipment(session, UUID(argument["shipment_id"])).order.held:
            raise RetryLater(HOLD_SECONDS, "the order is on hold")
