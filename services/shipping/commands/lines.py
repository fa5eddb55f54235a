"""Moving lines between shipments; no unit is lost on the way."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping.commands import stock
from services.shipping.domain.demand import DemandLine
from services.shipping.domain.methods import kind_of
from services.shipping.models import OrderState, Shipment, ShipmentLine, UnassignedLine
from shared import clock
from shared.db import new_id
from shared.errors import Invalid
from shared.events.snapshots import ShipmentStatus


def open_shipment(
    session: Session,
    order: OrderState,
    *,
    group_id: UUID,
    method: str,
    pickup_point: str | None,
    address: dict[str, Any] | None,
    lines: Iterable[ShipmentLine],
) -> Shipment:
    """A new shipment of an order, not yet assigned to a location."""
    position = len(order.shipments) + 1
    shipment = Shipment(
        id=new_id(),
        order=order,
        order_id=order.order_id,
        position=position,
        number=f"{order.number}-{position}",
        group_id=group_id,
        seller=order.seller,
        market=order.market,
        method=method,
        kind=kind_of(method),
        pickup_point=pickup_point,
        address=address,
        status=ShipmentStatus.AWAITING_INVENTORY,
        rejected_by=[],
        version=1,
        created_at=clock.now(),
        lines=list(lines),
        parcels=[],
        appointments=[],
    )
    session.add(shipment)
    return shipment


def branch_off(session: Session, shipment: Shipment, lines: Iterable[ShipmentLine]) -> Shipment:
    """A new shipment with lines taken from another one, going to the same place."""
    branch = open_shipment(
        session,
        shipment.order,
        group_id=shipment.group_id,
        method=shipment.method,
        pickup_point=shipment.pickup_point,
        address=shipment.address,
        lines=lines,
    )
    branch.rejected_by = list(shipment.rejected_by)
    return branch


def as_lines(seller: str, demanded: Iterable[DemandLine]) -> list[ShipmentLine]:
    """An order's demand as lines of a shipment."""
    return [
        ShipmentLine(
            line_id=line.line_id,
            position=line.position,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            units=line.units,
            picked=0,
            checked=0,
            seller=seller,
        )
        for line in demanded
    ]


def take_out_lines(shipment: Shipment, share: Mapping[UUID, int]) -> list[ShipmentLine]:
    """Take sales units of lines out of a shipment; returns them as new lines, unpicked.

    What stock was promised for them is the caller's to move. Raises Invalid where the shipment hasn't that.
    """
    _require_there({line.line_id: line.quantity for line in shipment.lines}, share)
    taken = []
    for line in list(shipment.lines):
        if quantity := share.get(line.line_id, 0):
            taken.append(_part_of(line, quantity, shipment.seller))
            _take_from(shipment.lines, line, quantity)
    return taken


def put_in_lines(shipment: Shipment, lines: Iterable[ShipmentLine]) -> None:
    """Add lines to a shipment, each to the line it already has, if any."""
    there = {line.line_id: line for line in shipment.lines}
    for line in lines:
        if known := there.get(line.line_id):
            known.quantity += line.quantity
            known.units += line.units
        else:
            shipment.lines.append(_part_of(line, line.quantity, shipment.seller))


def put_aside(shipment: Shipment) -> None:
    """Add a shipment's contents to its order's unassigned lines; it keeps its own lines for the record."""
    there = {line.line_id: line for line in shipment.order.unassigned}
    for line in shipment.lines:
        if known := there.get(line.line_id):
            known.quantity += line.quantity
            known.units += line.units
        else:
            shipment.order.unassigned.append(
                UnassignedLine(
                    line_id=line.line_id,
                    group_id=shipment.group_id,
                    position=line.position,
                    sku=line.sku,
                    name=line.name,
                    quantity=line.quantity,
                    units=line.units,
                )
            )


def take_aside(order: OrderState, share: Mapping[UUID, int]) -> list[ShipmentLine]:
    """Take sales units out of an order's unassigned lines; raises Invalid if there are not that many."""
    _require_there({line.line_id: line.quantity for line in order.unassigned}, share)
    taken = []
    for line in list(order.unassigned):
        if quantity := share.get(line.line_id, 0):
            taken.append(_part_of(line, quantity, order.seller))
            _take_from(order.unassigned, line, quantity)
    return taken


def _require_there(there: Mapping[UUID, int], share: Mapping[UUID, int]) -> None:
    if not share:
        raise Invalid(lines="is empty")
    for line_id, quantity in share.items():
        if quantity > there.get(line_id, 0):
            raise Invalid(lines=f"has {there.get(line_id, 0)} of {line_id}, not {quantity}")


def _part_of(line: ShipmentLine | UnassignedLine, quantity: int, seller: str) -> ShipmentLine:
    return ShipmentLine(
        line_id=line.line_id,
        position=line.position,
        sku=line.sku,
        name=line.name,
        quantity=quantity,
        units=quantity * line.coefficient,
        picked=0,
        checked=0,
        seller=seller,
    )


def _take_from(lines: list[Any], line: ShipmentLine | UnassignedLine, quantity: int) -> None:
    if quantity == line.quantity:
        lines.remove(line)
    else:
        coefficient = line.coefficient
        line.quantity -= quantity
        line.units -= quantity * coefficient


def shrink(
    session: Session, shipment: Shipment, levels: stock.Levels, line: ShipmentLine, quantity: int
) -> ShipmentLine:
    """Take sales units out of an open shipment's line and free their stock; returns them as a line."""
    [part] = take_out_lines(shipment, {line.line_id: quantity})
    kept = line.units if line in shipment.lines else 0
    if shipment.holds_stock:
        stock.put_back(session, shipment, levels, line, max(0, line.picked - kept))
        stock.release(session, shipment, levels, [part])
    return part
