"""Which location serves a shipment: by rule, by staff's choice, or the next one if it is rejected."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import lines, stock
from services.shipping.commands.shipments import in_hand, move_on, tell
from services.shipping.domain.methods import NEEDS_NO_PACKING
from services.shipping.domain.shipment_status import refusal
from services.shipping.domain.sourcing import Placement, SourcingLine, place
from services.shipping.models import Shipment
from shared.errors import Refused
from shared.events.snapshots import MethodKind, ShipmentStatus
from shared.messaging.order_locks import lock_order


def assign_stock(session: Session, shipment_id: UUID) -> bool:
    """Assign a waiting shipment if all of it is in stock, and publish shipment.inventory_assigned.

    Answers whether it did; a shipment that no longer waits is left alone.
    """
    lock_order(session, queries.order_of(session, shipment_id))
    shipment = queries.shipment(session, shipment_id)
    if shipment.status is not ShipmentStatus.AWAITING_INVENTORY:
        return False
    locations = queries.locations_for(session, shipment)
    branches = assign(session, shipment, lock_levels(session, [shipment], locations), locations)
    if branches is None:
        return False
    tell(session, shipment.order, *news_of(shipment, branches))
    return True


def reject_shipment(session: Session, shipment_id: UUID, *, reason: str) -> Shipment:
    """Reject a shipment at its location: the next location that has its goods gets it, released as before.

    Where none has them, it waits for stock anywhere else. The customer, who was told nothing of the
    location, is told nothing now. Raises Refused with its reason.
    """
    shipment = in_hand(session, shipment_id, "reject")
    assert shipment.location is not None
    was_released = shipment.status is ShipmentStatus.RELEASED
    turned_down_by = shipment.location
    shipment.rejected_by = [*shipment.rejected_by, turned_down_by]
    locations = queries.locations_for(session, shipment)
    levels = lock_levels(session, [shipment], [turned_down_by, *locations])
    stock.free(session, shipment, levels, reason=reason)
    move_on(shipment, "reject")
    branches = source_anew(session, shipment, levels, locations, release=was_released)
    tell(session, shipment.order, events.shipment_updated(shipment), *news_of(shipment, branches))
    return shipment


def relocate_shipment(
    session: Session, shipment_id: UUID, *, location: str, share: Mapping[UUID, int] | None
) -> Shipment:
    """Move a shipment, or sales units split off it, to another location.

    Answers the shipment that is now at the location. Raises Refused with its reason: already_released,
    location_does_not_serve, not_in_stock.
    """
    shipment = in_hand(session, shipment_id, "split")
    if location not in queries.locations_for(session, shipment, even_rejected=True):
        raise Refused("location_does_not_serve", f"{location} does not serve this shipment")
    levels = lock_levels(session, [shipment], {location, shipment.location or location})
    moved = shipment if share is None else branch_off(session, shipment, levels, share)
    unassign(session, moved, levels)
    if assign(session, moved, levels, [location]) is None:
        raise Refused("not_in_stock", f"{location} does not have all of it")
    if moved is shipment:
        move_on(shipment, "split")
        tell(session, shipment.order, events.shipment_updated(shipment), events.status_reached(shipment))
    else:
        drop_if_empty(shipment)
        tell(session, shipment.order, *changed_or_gone(shipment), *news_of_new(moved))
    return moved


def branch_off(
    session: Session, shipment: Shipment, levels: stock.Levels, share: Mapping[UUID, int]
) -> Shipment:
    """Split sales units off an unreleased shipment into a new one, in the same status."""
    taken = lines.take_out_lines(shipment, share)
    branch = lines.branch_off(session, shipment, taken)
    if shipment.status is ShipmentStatus.INVENTORY_ASSIGNED:
        if shipment.holds_stock:
            stock.hand_on(session, shipment, branch, levels, taken)
        move_on(branch, "assign")
    return branch


def drop_if_empty(shipment: Shipment) -> None:
    """Cancel a shipment whose last line has moved to another one."""
    if not shipment.lines:
        shipment.cancel_reason = "merged"
        move_on(shipment, "cancel")
    else:
        move_on(shipment, "split")


def unassign(session: Session, shipment: Shipment, levels: stock.Levels) -> None:
    """Take back the reservations of an unreleased shipment, if it has any."""
    if shipment.status is ShipmentStatus.INVENTORY_ASSIGNED:
        if shipment.holds_stock:
            stock.free(session, shipment, levels)
        move_on(shipment, "unassign")
    shipment.location = None


def source_anew(
    session: Session, shipment: Shipment, levels: stock.Levels, locations: Sequence[str], *, release: bool
) -> list[Shipment]:
    """Assign a shipment that lost its location, and release it and its branches again if it was released."""
    shipment.location = None
    branches = assign(session, shipment, levels, locations)
    for each in [shipment, *(branches or [])] if release else []:
        if branches is not None and refusal("release", each.facts) is None:
            move_on(each, "release")
    if shipment.status is ShipmentStatus.AWAITING_INVENTORY:
        shipment.released_at = None
    return branches or []


def assign(
    session: Session, shipment: Shipment, levels: stock.Levels, locations: Sequence[str]
) -> list[Shipment] | None:
    """Reserve everything that a waiting shipment needs, or nothing.

    Answers the shipments that were branched off for it; None where it was promised nothing.

    What no location has alone comes from as few as can be: each of them gets a shipment of its own. Only
    deliveries are cut up so; nobody wants to fetch an order at two places.
    """
    if shipment.kind in NEEDS_NO_PACKING:
        move_on(shipment, "assign")
        return []
    placement = _placement(shipment, levels, locations)
    if placement is None:
        return None
    (first, _), *others = placement.items()
    branches = []
    for location, share in others:
        branch = lines.branch_off(session, shipment, lines.take_out_lines(shipment, share))
        stock.reserve(session, branch, levels, location)
        branches.append(branch)
    stock.reserve(session, shipment, levels, first)
    for each in (shipment, *branches):
        move_on(each, "assign")
    return branches


def assign_in_turn(
    session: Session, shipment: Shipment, levels: stock.Levels, locations: Sequence[str]
) -> list[Shipment] | None:
    """Assign a shipment, unless the same stock could serve one that has waited longer.

    Both are then served in turn, by a job.
    """
    if shipment.kind not in NEEDS_NO_PACKING and _placement(shipment, levels, locations) is not None:
        skus = {line.sku for line in shipment.lines}
        with session.no_autoflush:  # it looks at others only, and a new shipment is to be written once
            overtaken = queries.next_to_serve(session, skus, before=shipment.id)
        if overtaken is not None:
            stock.serve_waiting(session, skus)
            return None
    return assign(session, shipment, levels, locations)


def lock_levels(
    session: Session, shipments: Collection[Shipment], locations: Collection[str]
) -> stock.Levels:
    """Lock the stock of shipments' SKUs at these locations; once in a transaction, for all of them."""
    skus = {
        line.sku for shipment in shipments if shipment.kind not in NEEDS_NO_PACKING for line in shipment.lines
    }
    return stock.lock_levels(session, skus, locations) if skus else {}


def news_of(shipment: Shipment, branches: Sequence[Shipment]) -> list[events.News]:
    """Events for a shipment that reached its status, and for the shipments branched off it."""
    return [events.status_reached(shipment), *(one for branch in branches for one in news_of_new(branch))]


def news_of_new(shipment: Shipment) -> list[events.News]:
    """Events for a new shipment in its current status."""
    return [events.shipment_created(shipment), events.status_reached(shipment)]


def changed_or_gone(shipment: Shipment) -> list[events.News]:
    """Events for a shipment that lost some of its lines, or all of them."""
    if shipment.status is ShipmentStatus.CANCELLED:
        return [events.shipments_cancelled([shipment], shipment.cancel_reason)]
    return [events.shipment_updated(shipment)]


def _placement(shipment: Shipment, levels: stock.Levels, locations: Sequence[str]) -> Placement | None:
    sought = [
        SourcingLine(line_id=line.line_id, sku=line.sku, quantity=line.quantity, coefficient=line.coefficient)
        for line in shipment.lines
    ]
    available = {place: level.available for place, level in levels.items()}
    most = None if shipment.kind is MethodKind.DELIVERY else 1
    return place(sought, available, locations, most=most)
