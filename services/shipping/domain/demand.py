"""What an order needs from shipping, by delivery group."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from shared.events.snapshots import OrderLine, OrderSnapshot


@dataclass(frozen=True, kw_only=True)
class DemandLine:
    """How much of an order line is wanted."""

    line_id: UUID
    position: int  # as the order lists its lines
    sku: str
    name: str
    quantity: int  # sales units
    units: int  # stock-keeping units

    def of(self, quantity: int) -> "DemandLine":
        """The same line with this many sales units."""
        return replace(self, quantity=quantity, units=quantity * (self.units // self.quantity))


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The lines that go to one place by one method."""

    group_id: UUID
    method: str
    pickup_point: str | None  # the location where it is fetched
    address: dict[str, Any] | None  # none where it is fetched, or the person was erased
    lines: tuple[DemandLine, ...]


def demands_of(order: OrderSnapshot) -> list[Demand]:
    """The order's delivery groups with their lines, less what was cancelled; empty groups are left out."""
    demands = []
    for group in order.delivery_groups:
        lines = tuple(
            _line(position, line)
            for position, line in enumerate(order.lines, 1)
            if line.group_id == group.group_id and line.quantity > line.cancelled_quantity
        )
        address = order.people.delivery.get(str(group.group_id))
        if lines:
            demands.append(
                Demand(
                    group_id=group.group_id,
                    method=group.method,
                    pickup_point=group.pickup_point or None,
                    address=None if address is None else msgspec.to_builtins(address),
                    lines=lines,
                )
            )
    return demands


def _line(position: int, line: OrderLine) -> DemandLine:
    quantity = line.quantity - line.cancelled_quantity
    return DemandLine(
        line_id=line.line_id,
        position=position,
        sku=line.sku,
        name=line.name,
        quantity=quantity,
        units=quantity * line.sales_coefficient,
    )
