"""Shipments before they leave: edited, split, merged, made from unassigned lines, lines withdrawn."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import lines, parcels, picking, sourcing, stock
from services.shipping.commands.shipments import held_levels, in_hand, move_on, tell
from services.shipping.domain.methods import AT_A_POINT, kind_of
from services.shipping.domain.shipment_status import refuse_unless_possible
from services.shipping.models import OrderState, Shipment
from shared.errors import Invalid, Refused
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.messaging.order_locks import lock_order

Share = Mapping[UUID, int]  # sales units by line
WITHDRAWN = "lines_cancelled"
# Whatever has not left, what is farthest from leaving first.
FARTHEST_FIRST = (
    ShipmentStatus.AWAITING_INVENTORY,
    ShipmentStatus.INVENTORY_ASSIGNED,
    ShipmentStatus.RELEASED,
    ShipmentStatus.PACKING,
    ShipmentStatus.READY,
)


def edit_shipment(
    session: Session,
    shipment_id: UUID,
    *,
    method: str | None = None,
    pickup_point: str | None = None,
    address: dict[str, Any] | None = None,
) -> Shipment:
    """Change the method or destination of a shipment; what is left out stays.

    A method of another kind, or another pickup point, may need stock of another location. Tells
    shipment.updated. Raises Refused with its reason, Invalid where the method needs an address, NotFound for
    a pickup point that is none of ours.
    """
    shipment = in_hand(session, shipment_id, "edit")
    before = (shipment.kind, shipment.pickup_point)
    shipment.method = method or shipment.method
    shipment.kind = kind_of(shipment.method)
    shipment.address = address or shipment.address
    if shipment.kind is MethodKind.DELIVERY and shipment.address is None:
        raise Invalid(address="is required with this method")
    if pickup_point is not None:
        queries.location(session, pickup_point)
    shipment.pickup_point = pickup_point or shipment.pickup_point if shipment.kind in AT_A_POINT else None
    move_on(shipment, "edit")
    news = [events.shipment_updated(shipment)]
    if before != (shipment.kind, shipment.pickup_point):
        news += _source_elsewhere(session, shipment)
    tell(session, shipment.order, *news)
    return shipment


def split_shipment(session: Session, shipment_id: UUID, *, share: Share) -> Shipment:
    """Split sales units off a shipment's lines; returns the shipment that they are in now.

    Units keep their state: what was promised stays so, what waits for stock waits on, though what there is
    may now do for it. Tells shipment.updated and shipment.created. Raises Refused (nothing_would_stay, or
    already_released), Invalid where the shipment has not that many.
    """
    shipment = in_hand(session, shipment_id, "split")
    if share == {line.line_id: line.quantity for line in shipment.lines}:
        raise Refused("nothing_would_stay", "nothing would be left in the shipment")
    is_waiting = shipment.status is ShipmentStatus.AWAITING_INVENTORY
    places = queries.locations_for(session, shipment) if is_waiting else [shipment.location or ""]
    levels = sourcing.lock_levels(session, [shipment], places)
    branch = sourcing.branch_off(session, shipment, levels, share)
    news = [events.shipment_created(branch)]
    if is_waiting:
        # Both parts are smaller than the whole was: stock that was too little for it may be enough for one.
        for part in (shipment, branch):
            further = sourcing.assign_in_turn(session, part, levels, places)
            news += [one for new in further or [] for one in sourcing.news_of_new(new)]
        if shipment.status is not ShipmentStatus.AWAITING_INVENTORY:
            news.append(events.status_reached(shipment))
    news.append(events.status_reached(branch))
    move_on(shipment, "split")
    tell(session, shipment.order, events.shipment_updated(shipment), *news)
    return branch


def merge_shipments(session: Session, shipment_id: UUID, *, other_id: UUID, share: Share | None) -> Shipment:
    """Merge another shipment of the order, or some sales units of its lines, into this one.

    Both go to the same place in the same way and are in the same state at the same location, so that no unit
    changes its own; a shipment that is left without lines is cancelled (merged). Tells shipment.updated of
    both, or shipment.cancelled. Raises Refused (not_alike, same_shipment, already_released), Invalid where
    the other has not that many.
    """
    shipment = in_hand(session, shipment_id, "merge")
    other = queries.shipment(session, other_id)
    if other is shipment:
        raise Refused("same_shipment", "a shipment can't be merged with itself")
    _refuse_unless_alike(shipment, other)
    refuse_unless_possible("merge", other.facts)
    taken = lines.take_out_lines(
        other, {line.line_id: line.quantity for line in other.lines} if share is None else share
    )
    if other.holds_stock:
        levels = stock.lock_levels(session, {line.sku for line in taken}, [other.location or ""])
        stock.hand_on(session, other, shipment, levels, taken)
    lines.put_in_lines(shipment, taken)
    move_on(shipment, "merge")
    sourcing.drop_if_empty(other)
    tell(session, shipment.order, events.shipment_updated(shipment), *sourcing.changed_or_gone(other))
    return shipment


def ship_unassigned(session: Session, order_id: UUID, *, share: Share | None) -> Shipment:
    """Make a shipment of an order's unassigned lines of one delivery group: all, or some sales units of them.

    It goes where the group's last shipment was to go. Tells shipment.created. Raises NotFound, Refused
    (nothing_unassigned, order_closed), Invalid where that is not unassigned or of two groups.
    """
    queries.order_state(session, order_id)  # before the lock: nobody waits at another's order
    lock_order(session, order_id)
    order = queries.order_state(session, order_id)
    if not order.to_be_fulfilled:
        raise Refused("order_closed", f"the order is {order.order_status}")
    if not order.unassigned:
        raise Refused("nothing_unassigned", "every unit of the order is in a shipment")
    group_of = {line.line_id: line.group_id for line in order.unassigned}
    if share is None:
        share = {
            line.line_id: line.quantity
            for line in order.unassigned
            if line.group_id == order.unassigned[0].group_id
        }
    if len({group_of.get(line_id) for line_id in share}) > 1:
        raise Invalid(lines="go to different places")
    taken = lines.take_aside(order, share)
    last = [each for each in order.shipments if each.group_id == group_of[taken[0].line_id]][-1]
    shipment = lines.branch_off(session, last, taken)
    shipment.rejected_by = []
    with session.no_autoflush:
        places = queries.locations_for(session, shipment)
        levels = sourcing.lock_levels(session, [shipment], places)
        branches = sourcing.assign_in_turn(session, shipment, levels, places)
    tell(session, order, events.shipment_created(shipment), *sourcing.news_of(shipment, branches or []))
    return shipment


def withdraw(session: Session, order: OrderState, wanted: Mapping[UUID, int]) -> list[events.News] | None:
    """Take sales units out of what has not left, all of them or none; returns None if too many have left.

    What is unassigned goes first, then what is farthest from leaving. A shipment that is left without lines
    is cancelled.
    """
    opened = sorted(
        (shipment for shipment in order.shipments if shipment.status in FARTHEST_FIRST),
        key=lambda shipment: (FARTHEST_FIRST.index(shipment.status), -shipment.position),
    )
    there: Counter[UUID] = Counter()
    there.update({line.line_id: line.quantity for line in order.unassigned})
    for shipment in opened:
        there.update({line.line_id: line.quantity for line in shipment.lines})
    if any(there[line_id] < quantity for line_id, quantity in wanted.items()):
        return None

    left = dict(wanted)
    aside = {
        line.line_id: min(line.quantity, left[line.line_id])
        for line in order.unassigned
        if left.get(line.line_id)
    }
    if aside:
        lines.take_aside(order, aside)
        left = {line_id: quantity - aside.get(line_id, 0) for line_id, quantity in left.items()}
    levels = held_levels(session, opened)
    changed = [shipment for shipment in opened if _take_from(session, shipment, levels, left)]
    gone = [shipment for shipment in changed if not shipment.lines]
    for shipment in gone:
        shipment.cancel_reason = WITHDRAWN
        move_on(shipment, "cancel")
    updated = [events.shipment_updated(shipment) for shipment in changed if shipment.lines]
    # Told even where only unassigned lines went: the order waits for its answer.
    return [*updated, events.shipments_cancelled(gone, WITHDRAWN)]


def _source_elsewhere(session: Session, shipment: Shipment) -> list[events.News]:
    before, was_at = shipment.status, shipment.location
    places = queries.locations_for(session, shipment)
    nearest = sorted(places, key=lambda place: place != was_at)
    skus = {line.sku for line in shipment.lines}
    levels = stock.lock_levels(session, skus, {*places, was_at} - {None})  # type: ignore[arg-type]
    sourcing.unassign(session, shipment, levels)
    branches = sourcing.assign_in_turn(session, shipment, levels, nearest) or []
    news = [] if shipment.status is before else [events.status_reached(shipment)]
    return news + [one for branch in branches for one in sourcing.news_of_new(branch)]


def _refuse_unless_alike(shipment: Shipment, other: Shipment) -> None:
    for what in ("order_id", "group_id", "method", "pickup_point", "address", "status", "location"):
        if getattr(shipment, what) != getattr(other, what):
            raise Refused("not_alike", f"the two shipments differ in their {what}", differs_in=what)


def _take_from(session: Session, shipment: Shipment, levels: stock.Levels, left: dict[UUID, int]) -> bool:
    """Take as many of the remaining units as a shipment has; returns whether it had any."""
    skus = set()
    for line in list(shipment.lines):
        if quantity := min(left.get(line.line_id, 0), line.quantity):
            left[line.line_id] -= quantity
            skus.add(line.sku)
            lines.shrink(session, shipment, levels, line, quantity)
    if not skus:
        return False
    parcels.fit_contents(shipment)
    picking.fit_lists(session, shipment)
    shipment.version += 1
    if shipment.status is ShipmentStatus.AWAITING_INVENTORY and shipment.lines:
        stock.serve_waiting(session, {line.sku for line in shipment.lines})  # what there is may do now
    return True
