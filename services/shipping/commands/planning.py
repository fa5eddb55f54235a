"""Keep shipments in line with their order: planned, replanned, cancelled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import lines, regrouping, sourcing, stock
from services.shipping.commands.shipments import cancel, held_levels, tell
from services.shipping.domain.demand import Demand, DemandLine, demands_of
from services.shipping.domain.distribution import Distribution, share_out
from services.shipping.domain.methods import kind_of
from services.shipping.domain.shipment_status import OPEN, UNRELEASED
from services.shipping.models import OrderState, Shipment
from shared.events.snapshots import LEFT, OrderSnapshot, OrderStatus, ShipmentStatus

ENDED = {OrderStatus.CANCELLED, OrderStatus.REFUSED, OrderStatus.FAILED}

NO_LONGER_ORDERED = "no_longer_ordered"


def bring_shipments_in_line(session: Session, order: OrderSnapshot) -> None:
    """Update an order's shipments from its snapshot; runs under the order's lock.

    An order to be fulfilled gets shipments for each delivery group and stock for them, one that ended gives
    its stock back, one that is to be cancelled gets its answer. Tells each change once. A snapshot older than
    the one followed last changes nothing, nor does the same one again.
    """
    state = queries.known_order(session, order.order_id)
    if state is None:
        state = OrderState(order_id=order.order_id, shipments=[], unassigned=[], returns=[])
        session.add(state)
    elif order.version < state.order_version:
        return
    was_accepted = state.accepted_at is not None
    _take_note(state, order)
    if order.status in ENDED:
        state.unassigned.clear()
        news = _cancel_open(session, state, f"order_{order.status}")
    elif order.cancel_requested_at not in {None, state.cancel_requested_at}:
        news = _answer_cancel_request(session, state, order)
    elif order.cancel_requested_at is not None:
        news = []  # answered; what it still wants is known when it has heard the answer
    elif state.to_be_fulfilled:
        news = _plan(session, state, demands_of(order), owns_addresses=was_accepted)
    else:
        news = []
    if state.to_be_fulfilled or state.order_status == OrderStatus.CANCELLING:
        for shipment in state.shipments:
            if shipment.status in UNRELEASED:
                shipment.let_go = state.lets_go  # told by nobody, and no reason to tell anything
    tell(session, state, *news)


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
    state.cash_on_delivery = order.payment.is_on_delivery
    state.to_collect_minor = order.payment.due_on_delivery_minor
    state.held = bool(order.holds)
    state.accepted_at = order.accepted_at


def _cancel_open(session: Session, state: OrderState, reason: str) -> list[events.News]:
    opened = [shipment for shipment in state.shipments if shipment.status in OPEN]
    if not opened:
        return []
    cancel(session, opened, reason, held_levels(session, opened))
    return [events.shipments_cancelled(opened, reason)]


def _answer_cancel_request(session: Session, state: OrderState, order: OrderSnapshot) -> list[events.News]:
    """Cancel all open shipments, or none if any has left; the order's lock prevents a race with `ship`.

    Single lines go the same way: as many units as are asked for, or none.
    """
    if order.cancel_lines:
        wanted = {line.line_id: line.quantity for line in order.cancel_lines}
        news = regrouping.withdraw(session, state, wanted)
    elif any(shipment.status in LEFT for shipment in state.shipments):
        news = None
    else:
        # Told even where nothing was open: the order waits for its answer.
        reason = "order_cancelled"
        news = _cancel_open(session, state, reason) or [events.shipments_cancelled([], reason)]
    state.cancel_requested_at = order.cancel_requested_at
    state.cancel_lines = [msgspec.to_builtins(line) for line in order.cancel_lines]
    state.cancel_done = news is not None
    state.cancel_reason = "already_shipped" if news is None else ""
    return [events.cancel_refused(state.cancel_reason)] if news is None else news


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The new plan for a delivery group."""

    demand: Demand | None  # none where nothing of it is wanted any more
    shipments: list[Shipment]  # that may still be changed
    allocation: Distribution

    def lines(self, share: Mapping[UUID, int]) -> tuple[DemandLine, ...]:
        """A share of the demand, as its lines."""
        demanded = self.demand.lines if self.demand else ()
        return tuple(line.of(share[line.line_id]) for line in demanded if line.line_id in share)


def _plan(
    session: Session, state: OrderState, demands: Sequence[Demand], *, owns_addresses: bool
) -> list[events.News]:
    """Plan shipments for lines that are in none, and update unreleased ones to what their group now needs."""
    demand_for = {demand.group_id: demand for demand in demands}
    groups = [
        _shared_out(state, group_id, demand_for.get(group_id))
        for group_id in dict.fromkeys([*demand_for, *(shipment.group_id for shipment in state.shipments)])
    ]
    fewer_unassigned = _keep_unassigned(state, groups)
    dropped: list[Shipment] = []
    revised: list[tuple[Shipment, Demand]] = []
    new: list[Demand] = []
    for group in groups:
        for shipment, share in zip(group.shipments, group.allocation.shipments, strict=True):
            if group.demand is None or not share:
                dropped.append(shipment)
                continue
            demand = replace(group.demand, lines=group.lines(share))
            if owns_addresses:
                demand = _as_it_goes(shipment, demand)
            if demand != shipment.demand:
                revised.append((shipment, demand))
        if group.demand is not None and group.allocation.new:
            new.append(replace(group.demand, lines=group.lines(group.allocation.new)))
    if not (dropped or revised or new):
        return [events.shipment_updated(state.shipments[-1])] if fewer_unassigned else []
    with session.no_autoflush:  # a new shipment is written once, when it has its stock
        return _carry_out(session, state, dropped, revised, new)


def _as_it_goes(shipment: Shipment, demand: Demand) -> Demand:
    return replace(
        demand, method=shipment.method, pickup_point=shipment.pickup_point, address=shipment.address
    )


def _shared_out(state: OrderState, group_id: UUID, demand: Demand | None) -> _Group:
    standing = [
        shipment
        for shipment in state.shipments
        if shipment.group_id == group_id and shipment.status is not ShipmentStatus.CANCELLED
    ]
    unreleased = [shipment for shipment in standing if shipment.status in UNRELEASED]
    fixed: Counter[UUID] = Counter()
    for shipment in standing:
        if shipment not in unreleased:
            fixed.update({line.line_id: line.quantity for line in shipment.lines})
    allocation = share_out(
        {line.line_id: line.quantity for line in demand.lines} if demand else {},
        fixed,
        {line.line_id: line.quantity for line in state.unassigned if line.group_id == group_id},
        [{line.line_id: line.quantity for line in shipment.lines} for shipment in unreleased],
    )
    return _Group(demand=demand, shipments=unreleased, allocation=allocation)


def _keep_unassigned(state: OrderState, groups: Sequence[_Group]) -> bool:
    """Reduce unassigned lines to what is still wanted; returns whether anything was removed."""
    kept = {
        line_id: quantity for group in groups for line_id, quantity in group.allocation.unassigned.items()
    }
    surplus = {
        line.line_id: line.quantity - kept.get(line.line_id, 0)
        for line in state.unassigned
        if line.quantity > kept.get(line.line_id, 0)
    }
    if surplus:
        lines.take_aside(state, surplus)
    return bool(surplus)


def _carry_out(
    session: Session,
    state: OrderState,
    dropped: list[Shipment],
    revised: list[tuple[Shipment, Demand]],
    new: list[Demand],
) -> list[events.News]:
    opened = [
        lines.open_shipment(
            session,
            state,
            group_id=demand.group_id,
            method=demand.method,
            pickup_point=demand.pickup_point,
            address=demand.address,
            lines=lines.as_lines(state.seller, demand.lines),
        )
        for demand in new
    ]
    to_be_sourced = {shipment.id for shipment, demand in revised if _needs_other_stock(shipment, demand)}
    for shipment, demand in revised:
        shipment.method, shipment.kind = demand.method, kind_of(demand.method)
        shipment.pickup_point, shipment.address = demand.pickup_point, demand.address
    asking = [*opened, *(shipment for shipment, _ in revised if shipment.id in to_be_sourced)]
    locations = {shipment.id: queries.locations_for(session, shipment) for shipment in asking}
    skus = {line.sku for shipment in [*dropped, *asking] for line in shipment.lines}
    skus |= {line.sku for _, demand in revised for line in demand.lines}
    held_at = {shipment.location for shipment in [*dropped, *asking] if shipment.location is not None}
    levels = stock.lock_levels(session, skus, held_at.union(*locations.values()))

    news: list[events.News] = []
    if dropped:
        cancel(session, dropped, NO_LONGER_ORDERED, levels)
        news.append(events.shipments_cancelled(dropped, NO_LONGER_ORDERED))
    for shipment, demand in revised:
        if shipment.id in to_be_sourced:
            news += _source_anew(session, shipment, demand, levels, locations[shipment.id])
        else:
            news.append(events.shipment_updated(shipment))
        shipment.version += 1
    for shipment in opened:
        branches = sourcing.assign_in_turn(session, shipment, levels, locations[shipment.id])
        news.append(events.shipment_created(shipment))
        news += sourcing.news_of(shipment, branches or [])
    return news


def _needs_other_stock(shipment: Shipment, demand: Demand) -> bool:
    before = (shipment.demand.lines, shipment.kind, shipment.pickup_point)
    return before != (demand.lines, kind_of(demand.method), demand.pickup_point)


def _source_anew(
    session: Session, shipment: Shipment, demand: Demand, levels: stock.Levels, locations: list[str]
) -> list[events.News]:
    """Source a shipment again after its order changed its lines or destination.

    What a shipment was promised it may have again before anyone else, at the same place if that still has it.
    """
    before, was_at = shipment.status, shipment.location
    nearest = sorted(locations, key=lambda location: location != was_at)
    sourcing.unassign(session, shipment, levels)
    shipment.lines = lines.as_lines(shipment.seller, demand.lines)
    if before is ShipmentStatus.INVENTORY_ASSIGNED:
        branches = sourcing.assign(session, shipment, levels, nearest) or []
    else:
        branches = sourcing.assign_in_turn(session, shipment, levels, nearest) or []
    news = [events.shipment_updated(shipment)]
    if shipment.status is not before:
        news.append(events.status_reached(shipment))
    return news + [one for branch in branches for one in sourcing.news_of_new(branch)]
