"""Bringing shipments in line with their order: planned, replanned, cancelled, given stock."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import stock
from services.shipping.commands.shipments import cancel, held_levels, move_on, tell
from services.shipping.domain.methods import kind_of
from services.shipping.domain.shipment_status import LEFT, OPEN, UNRELEASED, ShipmentStatus
from services.shipping.domain.wishes import Wish, wishes_of
from services.shipping.models import OrderState, Shipment, ShipmentLine
from shared import clock
from shared.db import new_id
from shared.events.snapshots import OrderSnapshot
from shared.messaging.subjects import lock_order

ENDED = {"cancelled", "refused", "failed"}
TO_BE_FULFILLED = {"placed", "accepted"}

# What the order no longer asks for, it may ask for again; what somebody cancelled by hand is not made again.
NO_LONGER_ORDERED = "no_longer_ordered"


def bring_shipments_in_line(session: Session, order: OrderSnapshot) -> None:
    """Make shipping's side of an order what its snapshot calls for; runs under the order's lock.

    An order to be fulfilled gets a shipment per delivery group and stock for it, one that ended gives its
    stock back, one that is to be cancelled gets its answer. Tells each change once. A snapshot older than the
    one followed last changes nothing, nor does the same one again.
    """
    state = session.get(OrderState, order.order_id)
    if state is None:
        state = OrderState(order_id=order.order_id, shipments=[], returns=[])
        session.add(state)
    elif order.version < state.order_version:
        return
    was_accepted = state.accepted_at is not None
    _take_note(state, order)
    if order.status in ENDED:
        news = _cancel_open(session, state, f"order_{order.status}")
    elif order.cancel_requested_at not in {None, state.cancel_requested_at}:
        news = _answer_cancel_request(session, state, order)
    elif order.status in TO_BE_FULFILLED:
        news = _plan(session, state, wishes_of(order), owns_addresses=was_accepted)
    else:
        news = []
    tell(session, state, *news)


def assign_stock(session: Session, shipment_id: UUID) -> bool:
    """Give a waiting shipment stock, if a location has all of it, and tell shipment.inventory_assigned.

    Answers whether it did; a shipment that no longer waits is left alone.
    """
    order_id = session.scalars(select(Shipment.order_id).where(Shipment.id == shipment_id)).one()
    lock_order(session, order_id)
    shipment = queries.shipment(session, shipment_id)
    if shipment.status is not ShipmentStatus.AWAITING_INVENTORY:
        return False
    locations = queries.locations_serving(session, shipment.seller)
    levels = stock.lock_levels(session, {line.sku for line in shipment.lines}, locations)
    if not _assign(session, shipment, levels, locations):
        return False
    tell(session, shipment.order, events.status_reached(shipment))
    return True


def _take_note(state: OrderState, order: OrderSnapshot) -> None:
    state.number = order.number
    state.seller = order.seller.seller
    state.market = order.market.market
    state.time_zone = order.market.time_zone
    state.locale = order.locale
    state.currency = order.currency
    state.order_version = order.version
    state.order_status = order.status
    state.covered = order.payment.covered
    state.cash_on_delivery = order.payment.method == "cash_on_delivery"
    state.to_collect_minor = _to_collect_minor(order) if state.cash_on_delivery else 0
    state.held = bool(order.holds)
    state.accepted_at = order.accepted_at


def _to_collect_minor(order: OrderSnapshot) -> int:
    """What the customer still owes, in minor units of the order's currency."""
    payment = order.payment
    return max(0, payment.owed_minor - payment.received_minor + payment.refunded_minor)


def _cancel_open(session: Session, state: OrderState, reason: str) -> list[events.News]:
    opened = [shipment for shipment in state.shipments if shipment.status in OPEN]
    if not opened:
        return []
    cancel(session, opened, reason, held_levels(session, opened))
    return [events.shipments_cancelled(opened, reason)]


def _answer_cancel_request(session: Session, state: OrderState, order: OrderSnapshot) -> list[events.News]:
    """Cancel all open shipments, or none if any has left; the order's lock stands between this and `ship`."""
    has_left = any(shipment.status in LEFT for shipment in state.shipments)
    state.cancel_requested_at = order.cancel_requested_at
    state.cancel_done = not has_left
    state.cancel_reason = "already_shipped" if has_left else ""
    if has_left:
        return [events.cancel_refused(state.cancel_reason)]
    # Told even where nothing was open: the order waits for its answer.
    reason = "order_cancelled"
    return _cancel_open(session, state, reason) or [events.shipments_cancelled([], reason)]


def _plan(
    session: Session, state: OrderState, wishes: list[Wish], *, owns_addresses: bool
) -> list[events.News]:
    """Shipments for the groups that have none; those not yet released as their group now wants them."""
    wish_for = {wish.group_id: wish for wish in wishes}
    standing = {shipment.group_id for shipment in state.shipments if _stands(shipment)}
    unreleased = [shipment for shipment in state.shipments if shipment.status in UNRELEASED]
    dropped = [shipment for shipment in unreleased if shipment.group_id not in wish_for]
    revised = []
    for shipment in unreleased:
        wish = wish_for.get(shipment.group_id)
        if wish is not None and owns_addresses:
            wish = replace(
                wish, method=shipment.method, pickup_point=shipment.pickup_point, address=shipment.address
            )
        if wish is not None and wish != shipment.wish:
            revised.append((shipment, wish))
    new = [wish for wish in wishes if wish.group_id not in standing]
    if not (dropped or revised or new):
        return []

    skus = {line.sku for wish in wishes for line in wish.lines}
    skus |= {line.sku for shipment in unreleased for line in shipment.lines}
    held_at = {shipment.location for shipment in unreleased if shipment.location is not None}
    locations = queries.locations_serving(session, state.seller)
    levels = stock.lock_levels(session, skus, held_at.union(locations))

    news: list[events.News] = []
    if dropped:
        cancel(session, dropped, NO_LONGER_ORDERED, levels)
        news.append(events.shipments_cancelled(dropped, NO_LONGER_ORDERED))
    for shipment, wish in revised:
        news += _revise(session, shipment, wish, levels, locations)
    for wish in new:
        shipment = _open(state, wish)
        session.add(shipment)
        if _is_its_turn(session, shipment, levels, locations):
            _assign(session, shipment, levels, locations)
        news += [events.shipment_created(shipment), events.status_reached(shipment)]
    return news


def _stands(shipment: Shipment) -> bool:
    return shipment.status is not ShipmentStatus.CANCELLED or shipment.cancel_reason != NO_LONGER_ORDERED


def _open(state: OrderState, wish: Wish) -> Shipment:
    position = len(state.shipments) + 1
    return Shipment(
        id=new_id(),
        order=state,
        order_id=state.order_id,
        position=position,
        number=f"{state.number}-{position}",
        group_id=wish.group_id,
        seller=state.seller,
        market=state.market,
        method=wish.method,
        kind=kind_of(wish.method),
        pickup_point=wish.pickup_point,
        address=wish.address,
        status=ShipmentStatus.AWAITING_INVENTORY,
        version=1,
        created_at=clock.now(),
        lines=_lines(state.seller, wish),
        parcels=[],
        appointments=[],
    )


def _revise(
    session: Session, shipment: Shipment, wish: Wish, levels: stock.Levels, locations: list[str]
) -> list[events.News]:
    """Follow the order to another address, method or quantity."""
    before = shipment.status
    has_other_lines = wish.lines != shipment.wish.lines
    shipment.method, shipment.kind = wish.method, kind_of(wish.method)
    shipment.pickup_point, shipment.address = wish.pickup_point, wish.address
    if has_other_lines and shipment.location is not None:
        # What it was promised it may have again before anyone else, at the same place if that still has it.
        nearest = [shipment.location, *locations]
        stock.free(session, shipment, levels)
        move_on(shipment, "unassign")
        shipment.location = None
        shipment.lines = _lines(shipment.seller, wish)
        _assign(session, shipment, levels, nearest)
    elif has_other_lines:
        shipment.lines = _lines(shipment.seller, wish)
        if _is_its_turn(session, shipment, levels, locations):
            _assign(session, shipment, levels, locations)
    shipment.version += 1
    updated = events.shipment_updated(shipment)
    return [updated] if shipment.status is before else [updated, events.status_reached(shipment)]


def _lines(seller: str, wish: Wish) -> list[ShipmentLine]:
    return [
        ShipmentLine(
            line_id=line.line_id,
            position=position,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            units=line.units,
            seller=seller,
        )
        for position, line in enumerate(wish.lines, 1)
    ]


def _is_its_turn(session: Session, shipment: Shipment, levels: stock.Levels, locations: list[str]) -> bool:
    """Whether a shipment may look for stock now.

    It waits where one that has waited longer could be served with the same stock; both are then served in
    turn, by a job.
    """
    if stock.covering_location(shipment, levels, locations) is None:
        return False
    skus = {line.sku for line in shipment.lines}
    with session.no_autoflush:  # it looks at others only, and a new shipment is to be written once
        overtaken = queries.next_to_serve(session, skus, older_than=shipment.id)
    if overtaken is None:
        return True
    stock.serve_waiting(session, skus, cause=f"{shipment.id}:{shipment.version}:in_turn")
    return False


def _assign(session: Session, shipment: Shipment, levels: stock.Levels, locations: list[str]) -> bool:
    location = stock.covering_location(shipment, levels, locations)
    if location is None:
        return False
    stock.reserve(session, shipment, levels, location)
    move_on(shipment, "assign")
    return True
