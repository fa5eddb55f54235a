"""Stock commands: every change of a level is recorded as a movement in the ledger."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.domain.inspection import Condition, Found, inspected
from services.shipping.domain.sourcing import demand_of
from services.shipping.domain.stock_movements import EFFECTS, MovementKind
from services.shipping.models import ExpectedLine, Shipment, ShipmentLine, StockLevel, StockMovement
from shared import clock
from shared.access import EVERYTHING, actor_of, require_current
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.messaging import outbox
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import lock_order, next_version
from shared.skus import subject, unfit

AT_ONCE = 50  # SKUs told of in one transaction

Levels = Mapping[tuple[str, str], StockLevel]  # by SKU and location

_MAKE_MISSING_LEVELS = text("""
    insert into stock_levels (sku, location)
    select sku, code
    from unnest(cast(:skus as text[])) as sku cross join locations
    where code = any(cast(:locations as text[]))
    order by sku, code
    on conflict do nothing
""")


def set_stock(session: Session, location: str, sku: str, *, on_hand: int, reason: str) -> StockLevel:
    """Set the stock on hand of a SKU to a count; a count that agrees records no movement.

    Raises NotFound for a location that the actor may not change, Refused (units_reserved) where fewer units
    were counted than are promised to shipments.
    """
    level = _level_in_hand(session, location, sku)
    if on_hand < level.reserved:
        raise Refused(
            "units_reserved", f"{level.reserved} are reserved for shipments", reserved=level.reserved
        )
    if on_hand != level.on_hand:
        _move(session, level, MovementKind.ADJUSTED, on_hand - level.on_hand, reason=reason)
        serve_waiting(session, [sku])
    return level


def receive_stock(session: Session, location: str, sku: str, *, quantity: int, reason: str) -> StockLevel:
    """Receive goods; shipments waiting for them are served next, oldest first.

    Raises NotFound for a location that the actor may not change.
    """
    level = _level_in_hand(session, location, sku)
    _move(session, level, MovementKind.RECEIVED, quantity, reason=reason)
    serve_waiting(session, [sku])
    return level


def scrap_stock(session: Session, location: str, sku: str, *, quantity: int, reason: str) -> StockLevel:
    """Scrap goods that can't be sold; reserved units are not touched.

    Raises NotFound for a location that the actor may not change, Refused (units_reserved) where that many
    are not free.
    """
    level = _level_in_hand(session, location, sku)
    if quantity > level.available:
        raise Refused(
            "units_reserved",
            f"only {level.available} are not reserved for shipments",
            available=level.available,
        )
    _move(session, level, MovementKind.SCRAPPED, quantity, reason=reason)
    return level


def put_in_bin(session: Session, location: str, sku: str, *, bin: str) -> StockLevel:  # noqa: A002 - the shelf
    """Set the shelf of a SKU at a location; pick lists are ordered by it.

    Raises NotFound for a location that the actor may not change.
    """
    level = _level_in_hand(session, location, sku)
    level.bin = bin
    return level


def take_in(
    session: Session,
    seller: str,
    location: str,
    lines: Collection[ShipmentLine] | Collection[ExpectedLine],
    found: Sequence[Found],
    *,
    reason: str,
) -> Mapping[tuple[UUID, Condition], int]:
    """Receive returned goods as found; returns sales units by line and condition.

    What can't be sold again is scrapped as it comes. Raises NotFound for a location that the actor may not
    change, Invalid for one that doesn't serve the seller, or for goods that the lines don't have.
    """
    sums = inspected({line.line_id: line.quantity for line in lines}, found)
    place = queries.location(session, location)
    if not actor_of(session).may_see_seller(place.seller):
        raise NotFound("location", location)
    if place.seller not in {seller, EVERYTHING}:
        raise Invalid(location="serves another seller")
    by_id = {line.line_id: line for line in lines}
    skus = {by_id[line_id].sku for line_id, _ in sums}
    levels = lock_levels(session, skus, [location]) if skus else {}
    for (line_id, condition), quantity in sums.items():
        line = by_id[line_id]
        level, units = levels[line.sku, location], quantity * line.coefficient
        _move(session, level, MovementKind.RETURNED, units, reason=reason)
        if condition is Condition.SELLABLE:
            serve_waiting(session, [line.sku])
        else:
            _move(session, level, MovementKind.SCRAPPED, units, reason=reason)
    return sums


def lock_levels(session: Session, skus: Collection[str], locations: Collection[str]) -> Levels:
    """Lock the levels of these SKUs at these locations until the transaction ends.

    Called once in a transaction, with all that it will touch: this is the one place where stock is locked,
    in the order of SKU and location, so that no two transactions wait for each other. A level that isn't
    there is made: whoever finds no stock and waits, and whoever brings some, must meet at a row, or one
    would not notice the other.
    """
    wanted = {"skus": list(skus), "locations": list(locations)}
    session.execute(_MAKE_MISSING_LEVELS, wanted)
    found = (
        select(StockLevel)
        .where(StockLevel.sku.in_(skus), StockLevel.location.in_(locations))
        .order_by(StockLevel.sku, StockLevel.location)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(level.sku, level.location): level for level in session.scalars(found)}


def _lock_all_levels(session: Session, skus: Collection[str]) -> list[StockLevel]:
    """Lock all levels of these SKUs, in the same order as lock_levels."""
    found = (
        select(StockLevel)
        .where(StockLevel.sku.in_(skus))
        .order_by(StockLevel.sku, StockLevel.location)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(found))


def reserve(session: Session, shipment: Shipment, levels: Levels, location: str) -> None:
    """Reserve a shipment's stock at a location that covers it."""
    shipment.location = location
    for sku, units in _demand(shipment.lines).items():
        _move(session, levels[sku, location], MovementKind.RESERVED, units, shipment=shipment)


def free(session: Session, shipment: Shipment, levels: Levels, *, reason: str = "") -> None:
    """Free the stock reserved for a shipment; those waiting for it are served next."""
    for line in shipment.lines:
        put_back(session, shipment, levels, line, line.picked)
    release(session, shipment, levels, shipment.lines, reason=reason)


def release(
    session: Session,
    shipment: Shipment,
    levels: Levels,
    lines: Sequence[ShipmentLine],
    *,
    reason: str = "",
) -> None:
    """Free the stock reserved for these lines, whose units are on their shelves."""
    assert shipment.location is not None
    demand = _demand(lines)
    for sku, units in demand.items():
        level = levels[sku, shipment.location]
        _move(session, level, MovementKind.RELEASED, units, shipment=shipment, reason=reason)
    serve_waiting(session, demand)


def hand_on(
    session: Session, shipment: Shipment, other: Shipment, levels: Levels, lines: Sequence[ShipmentLine]
) -> None:
    """Transfer the reservations for these lines to another shipment, at the same location."""
    assert shipment.location is not None
    other.location = shipment.location
    for sku, units in _demand(lines).items():
        level = levels[sku, shipment.location]
        _move(session, level, MovementKind.RELEASED, units, shipment=shipment)
        _move(session, level, MovementKind.RESERVED, units, shipment=other)


def pick(session: Session, shipment: Shipment, levels: Levels, line: ShipmentLine, units: int) -> None:
    """Record units of a line as picked."""
    if units:
        assert shipment.location is not None
        _move(session, levels[line.sku, shipment.location], MovementKind.PICKED, units, shipment=shipment)
        line.picked += units


def pick_all(session: Session, shipment: Shipment, levels: Levels) -> None:
    """Record all units of a shipment that are still on their shelves as picked."""
    for line in shipment.lines:
        pick(session, shipment, levels, line, line.units - line.picked)


def put_back(session: Session, shipment: Shipment, levels: Levels, line: ShipmentLine, units: int) -> None:
    """Record units of a line as back on the shelf; what was packed has to be scanned again."""
    if units:
        assert shipment.location is not None
        _move(session, levels[line.sku, shipment.location], MovementKind.PICKED, -units, shipment=shipment)
        line.picked -= units
        line.checked = 0


def write_off(session: Session, level: StockLevel, units: int, *, reason: str) -> None:
    """Write off unreserved units that are missing."""
    if units:
        _move(session, level, MovementKind.ADJUSTED, -units, reason=reason)


def take_out(session: Session, shipment: Shipment, levels: Levels) -> None:
    """Take a shipment's goods out of stock as it leaves, if it has any."""
    if shipment.location is not None:
        for sku, units in _demand(shipment.lines).items():
            level = levels[sku, shipment.location]
            _move(session, level, MovementKind.SHIPPED, units, shipment=shipment)


def serve_waiting(session: Session, skus: Collection[str]) -> None:
    """Schedule another attempt for the shipments that wait for these SKUs, if there are any."""
    if queries.is_waited_for(session, skus):
        first = min(skus)
        enqueue(
            session,
            "allocation",
            key=f"allocation:{new_id()}",
            order_id=subject(first),
            number=first,
            argument={"skus": sorted(skus)},
        )


def _level_in_hand(session: Session, code: str, sku: str) -> StockLevel:
    location = queries.location(session, code)
    if not actor_of(session).may_see_seller(location.seller):
        raise NotFound("location", code)  # everybody's to draw on, but not this actor's to fill
    if (wrong := unfit(sku)) and session.get(StockLevel, (sku, code)) is None:
        raise Invalid(sku=wrong)
    level = lock_levels(session, [sku], [code])[sku, code]
    require_current(session, level.version, code, sku)
    return level


def _demand(lines: Sequence[ShipmentLine]) -> dict[str, int]:
    return demand_of((line.sku, line.units) for line in lines)


def _move(
    session: Session,
    level: StockLevel,
    kind: MovementKind,
    units: int,
    *,
    reason: str = "",
    shipment: Shipment | None = None,
) -> None:
    """Change a level and record the movement; nothing else changes one."""
    on_hand, reserved, picked = EFFECTS[kind]
    level.on_hand += on_hand * units
    level.reserved += reserved * units
    level.picked += picked * units
    if not (on_hand or reserved) and level.told_version == level.version:
        level.told_version += 1  # what is picked is not told, so what was said last still holds
    level.version += 1
    level.as_of = clock.now()
    session.add(
        StockMovement(
            sku=level.sku,
            location=level.location,
            position=level.version,
            kind=kind,
            on_hand_change=on_hand * units,
            reserved_change=reserved * units,
            picked_change=picked * units,
            reason=reason,
            actor=actor_of(session).name,
            shipment=shipment,
            at=level.as_of,
        )
    )


def tell_changed_stock(session: Session) -> int:
    """Publish stock.changed for SKUs whose levels changed since they were last published; returns how many.

    Each event carries all levels of its SKU. Picking changes nothing in it: what is picked was reserved.
    A SKU that was told of within the last second has its turn later, with what it has come to by then; two
    agents that do this at once do not tell twice.
    """
    due = queries.skus_to_tell(session, limit=AT_ONCE)
    for sku in due:
        lock_order(session, subject(sku))
    still_due = queries.skus_to_tell(session, among=due, limit=AT_ONCE) if due else []
    if not still_due:
        return 0
    levels = _lock_all_levels(session, still_due)
    owners = queries.owners(session, {level.location for level in levels})
    now = clock.now()
    for level in levels:
        level.told_version, level.told_at = level.version, now
    for sku, of_sku in groupby(levels, key=attrgetter("sku")):
        version = next_version(session, subject(sku))
        outbox.publish(session, events.stock_changed(sku, version, now, [*of_sku], owners))
    return len(still_due)
