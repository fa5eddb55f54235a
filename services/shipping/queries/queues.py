"""The queues that warehouse and seller work through."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from services.shipping.domain.queues import PENDING, Queue
from services.shipping.models import Shipment
from services.shipping.queries.visibility import visible
from shared import clock
from shared.access import actor_of

Place = tuple[datetime, UUID]


def queue_page(
    session: Session, queue: Queue, *, location: str | None, after: Place | None, limit: int
) -> list[Shipment]:
    """Shipments of a queue that the actor may see: what is due first comes first, what ended last."""
    page = select(Shipment).where(Shipment.queue == queue, *visible(actor_of(session)))
    if location is not None:
        page = page.where(Shipment.location == location)
    place = tuple_(Shipment.queue_at, Shipment.id)
    if queue is Queue.FINALISED:
        page = page.order_by(Shipment.queue_at.desc(), Shipment.id.desc())
        page = page if after is None else page.where(place < after)
    else:
        page = page.order_by(Shipment.queue_at, Shipment.id)
        page = page if after is None else page.where(place > after)
    return list(session.scalars(page.limit(limit)).unique())


def overdue_page(
    session: Session, *, location: str | None, after: Place | None, limit: int
) -> list[Shipment]:
    """Shipments of all queues whose time has passed, the longest overdue first."""
    place = tuple_(Shipment.queue_at, Shipment.id)
    conditions = [Shipment.queue_at < clock.now(), *visible(actor_of(session))]
    if location is not None:
        conditions.append(Shipment.location == location)
    if after is not None:
        conditions.append(place > after)
    # One walk along the index for each queue, merged: they are ordered by time within a queue only.
    walks = union_all(
        *(
            select(Shipment)
            .where(Shipment.queue == queue, *conditions)
            .order_by(Shipment.queue_at, Shipment.id)
            .limit(limit)
            .subquery()
            .select()
            for queue in PENDING
        )
    ).subquery()
    overdue = aliased(Shipment, walks)
    page = select(overdue).order_by(overdue.queue_at, overdue.id).limit(limit)
    return list(session.scalars(page).unique())
