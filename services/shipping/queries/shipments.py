"""Queries for shipments."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import CompoundSelect, Row, or_, select
from sqlalchemy.orm import Session, contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from services.shipping.models import OrderState, Parcel, Shipment
from services.shipping.queries.visibility import in_sight
from shared.access import seen
from shared.db import leave_unread
from shared.errors import NotFound
from shared.events.snapshots import ShipmentStatus
from shared.tracking_numbers import normalise

# Most orders have none of these.
_SELDOM = (OrderState.unassigned, OrderState.returns)
_HAS_ANY = [part.any() for part in _SELDOM]


def shipment(session: Session, shipment_id: UUID) -> Shipment:
    """A shipment that the actor may see, with its current state in the database; raises NotFound."""
    rows = select(Shipment).where(Shipment.id == shipment_id)
    return seen(session, rows, "shipment", shipment_id, Shipment.seller, Shipment.market)


def known_order(session: Session, order_id: UUID) -> OrderState | None:
    """An order known to shipping, regardless of the actor; None before its first event."""
    row = session.execute(select(OrderState, *_HAS_ANY).where(OrderState.order_id == order_id)).one_or_none()
    if row is None:
        return None
    state: OrderState
    state, *has_any = row
    leave_unread(state, _SELDOM, has_any)
    return state


def shipments_of_order(session: Session, order_id: UUID) -> Sequence[Shipment]:
    """All shipments of an order and the order itself, regardless of the actor, in their current state."""
    rows = (
        select(Shipment, *_HAS_ANY)
        .join(Shipment.order)
        .options(contains_eager(Shipment.order))
        .where(Shipment.order_id == order_id)
        .order_by(Shipment.position)
        .execution_options(populate_existing=True)
    )
    found = session.execute(rows).unique().all()
    for row in found[:1]:
        leave_unread(row[0].order, _SELDOM, row[1:])
        set_committed_value(row[0].order, OrderState.shipments.key, [each[0] for each in found])
    return [row[0] for row in found]


def shipments(session: Session, ids: Collection[UUID]) -> list[Shipment]:
    """These shipments, if the actor may see them, in their current state; raises NotFound."""
    now = select(Shipment).where(Shipment.id.in_(ids), *in_sight(session))
    now = now.execution_options(populate_existing=True)
    found = {each.id: each for each in session.scalars(now).unique()}
    for shipment_id in ids:
        if shipment_id not in found:
            raise NotFound("shipment", shipment_id)
    return [found[shipment_id] for shipment_id in ids]


def orders_of(session: Session, ids: Collection[UUID]) -> list[UUID]:
    """The orders of shipments, in the order in which they must be locked."""
    mine = in_sight(session)
    return sorted(session.scalars(select(Shipment.order_id).where(Shipment.id.in_(ids), *mine).distinct()))


def shipments_of_orders(
    session: Session, order_ids: Collection[UUID]
) -> dict[UUID, list[Row[UUID, str, UUID]]]:
    """Id, number and order of the shipments of some orders, by order; only those the actor may see.

    Of an order in its own sequence, without the cancelled ones; for one that has none, an empty list.
    """
    rows = (
        select(Shipment.id, Shipment.number, Shipment.order_id)
        .where(
            Shipment.order_id.in_(order_ids),
            Shipment.status != ShipmentStatus.CANCELLED,
            *in_sight(session),
        )
        .order_by(Shipment.order_id, Shipment.position)
    )
    found: dict[UUID, list[Row[UUID, str, UUID]]] = {order_id: [] for order_id in order_ids}
    for row in session.execute(rows):
        found[row.order_id].append(row)
    return found


def order_of(session: Session, shipment_id: UUID) -> UUID:
    """The order of a shipment, for locking it; raises NotFound."""
    rows = select(Shipment.order_id).where(Shipment.id == shipment_id)
    return seen(session, rows, "shipment", shipment_id, Shipment.seller, Shipment.market)


def released_at(session: Session, location: str, limit: int) -> list[UUID]:
    """The released shipments at a location that the actor may see, oldest first."""
    released = (
        select(Shipment.id)
        .where(
            Shipment.location == location,
            Shipment.status == ShipmentStatus.RELEASED,
            *in_sight(session),
        )
        .order_by(Shipment.id)
        .limit(limit)
    )
    return list(session.scalars(released))


def numbered(number: str) -> CompoundSelect[UUID]:
    """The ids of the shipments that a number may refer to; a shipment's number begins with its order's."""
    of_order = (
        select(Shipment.id)
        .join(OrderState, OrderState.order_id == Shipment.order_id)
        .where(
            OrderState.number.in_({number, number.rpartition("-")[0]}),
            or_(OrderState.number == number, Shipment.number == number),
        )
    )
    return of_order.union(select(Parcel.shipment_id).where(Parcel.tracking_number == normalise(number)))


def order_state(session: Session, order_id: UUID) -> OrderState:
    """What shipping knows of an order the actor may see; raises NotFound, also before its first event."""
    rows = select(OrderState).where(OrderState.order_id == order_id)
    return seen(session, rows, "order", order_id, OrderState.seller, OrderState.market)


def shipments_page(
    session: Session,
    *,
    number: str | None = None,
    status: ShipmentStatus | None,
    before: UUID | None,
    limit: int,
) -> list[Shipment]:
    """Shipments that the actor may see, newest first, from before the one given.

    A number is a shipment's, an order's, or a parcel's with its carrier: what papers have on them.
    """
    page = select(Shipment).where(*in_sight(session)).order_by(Shipment.id.desc()).limit(limit)
    if number is not None:
        page = page.where(Shipment.id.in_(numbered(number)))
    if status is not None:
        page = page.where(Shipment.status == status)
    if before is not None:
        page = page.where(Shipment.id < before)
    return list(session.scalars(page).unique())
