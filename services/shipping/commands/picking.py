"""Pick lists: one walk for many shipments, what was found, and what was missing."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import lines, parcels, sourcing, stock
from services.shipping.commands.shipments import in_hand, move_on, tell
from services.shipping.domain.shipment_status import refusal
from services.shipping.models import PickList, PickListLine, Shipment, ShipmentLine, pick_list_serials
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, Refused
from shared.messaging.order_locks import lock_order
from shared.state_machine import refuse

MOST_SHIPMENTS = 50  # on one list: it is made in one transaction, and carried on one trolley


def make_pick_list(session: Session, *, location: str, shipment_ids: Sequence[UUID]) -> PickList:
    """Put released shipments of a location on a pick list, ordered by shelf; publishes shipment.packing.

    Their labels fall due. Without ids it is the oldest released ones. Raises NotFound, or Refused with its
    reason and the shipment: those of picking, at_another_location, nothing_to_pick.
    """
    queries.location(session, location)
    ids = list(shipment_ids) or queries.released_at(session, location, MOST_SHIPMENTS)
    for order_id in queries.orders_of(session, ids):
        lock_order(session, order_id)
    shipments = queries.shipments(session, ids)
    if not shipment_ids:  # what somebody else's list took while this one waited is on that
        shipments = [
            shipment
            for shipment in shipments
            if shipment.location == location and refusal("pick", shipment.facts) is None
        ]
    if not shipments:
        raise Refused("nothing_to_pick", f"no shipment is released at {location}")
    for shipment in shipments:
        refuse(refusal("pick", shipment.facts), shipment=shipment.number)
        if shipment.location != location:
            raise Refused(
                "at_another_location", f"the shipment is at {shipment.location}", shipment=shipment.number
            )
    made = PickList(
        number=f"{location}-{session.scalars(select(pick_list_serials.next_value())).one()}",
        location=location,
        sellers=sorted({shipment.seller for shipment in shipments}),
        markets=sorted({shipment.market for shipment in shipments}),
        created_by=actor_of(session).name,
        created_at=clock.now(),
    )
    session.add(made)
    bins = queries.bins(session, location, {line.sku for shipment in shipments for line in shipment.lines})
    for shipment in shipments:
        made.lines += [_to_pick(shipment, line, bins.get(line.sku, "")) for line in shipment.lines]
        parcels.open_parcel(session, shipment)
        move_on(shipment, "pick")
    session.flush()
    session.refresh(made, ["lines"])  # in the order of the shelves
    for shipment in shipments:
        tell(session, shipment.order, events.status_reached(shipment))
    return made


def record_picks(session: Session, shipment_id: UUID, *, found: Mapping[UUID, int]) -> Shipment:
    """Record what was found for a shipment on a pick list; lines that are not named were found in full.

    `found` is in stock-keeping units, by line. What is short is written off the location's stock and looked
    for elsewhere at once, in a shipment of its own; of a case of six, five are none. Raises Refused
    (wrong_status, already_picked, …), Invalid where more than wanted was found or the line is not its.
    """
    shipment = in_hand(session, shipment_id, "record_picks")
    wanted = {line.line_id: line.units for line in shipment.lines}
    for line_id, units in found.items():
        if units > wanted.get(line_id, 0):
            raise Invalid(found=f"{wanted.get(line_id, 0)} of {line_id} are wanted, not {units}")
    short = [line for line in shipment.lines if found.get(line.line_id, line.units) < line.units]
    elsewhere = queries.locations_for(session, shipment)
    levels = sourcing.lock_levels(session, [shipment], {shipment.location or "", *elsewhere})
    for row in queries.open_pick_lines(session, shipment.id):
        row.found = min(row.units, found.get(row.line_id, row.units))
    missing = [_miss(session, shipment, levels, line, found[line.line_id]) for line in short]
    stock.pick_all(session, shipment, levels)
    move_on(shipment, "record_picks")
    if missing:
        parcels.fit_contents(shipment)
        tell(session, shipment.order, *_look_elsewhere(session, shipment, levels, elsewhere, missing))
    return shipment


def fit_lists(session: Session, shipment: Shipment) -> None:
    """Reduce a shipment's lines on open pick lists to what it carries."""
    carried = {line.line_id: line.units - line.picked for line in shipment.lines}
    for row in queries.open_pick_lines(session, shipment.id):
        if units := carried.get(row.line_id, 0):
            row.units = min(row.units, units)
        else:
            session.delete(row)


def _to_pick(shipment: Shipment, line: ShipmentLine, shelf: str) -> PickListLine:
    return PickListLine(
        shipment=shipment, line_id=line.line_id, bin=shelf, sku=line.sku, name=line.name, units=line.units
    )


def _miss(
    session: Session, shipment: Shipment, levels: stock.Levels, line: ShipmentLine, found: int
) -> ShipmentLine:
    """Take out of a line what the units found cannot make up; missing units are written off."""
    assert shipment.location is not None
    level = levels[line.sku, shipment.location]
    lacking = line.units - found
    missing = lines.shrink(session, shipment, levels, line, line.quantity - found // line.coefficient)
    stock.write_off(session, level, lacking, reason=f"short pick for {shipment.number}")
    return missing


def _look_elsewhere(
    session: Session,
    shipment: Shipment,
    levels: stock.Levels,
    locations: Sequence[str],
    missing: Sequence[ShipmentLine],
) -> list[events.News]:
    """Source missing goods from other locations; if found, they are released as the rest was."""
    rest = lines.branch_off(session, shipment, missing)
    rest.rejected_by = [*shipment.rejected_by, shipment.location or ""]
    places = [location for location in locations if location != shipment.location]
    branches = sourcing.source_anew(session, rest, levels, places, release=True)
    if not shipment.lines:
        shipment.cancel_reason = "short_pick"
        move_on(shipment, "cancel")
    news = [*sourcing.changed_or_gone(shipment), events.shipment_created(rest)]
    return news + sourcing.news_of(rest, branches)
