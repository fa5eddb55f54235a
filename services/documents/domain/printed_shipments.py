"""Shipments on their way through the warehouse and to their people: what to fetch, where to go."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.events.snapshots import Address, DeliveryGroup, OrderSnapshot, Shipment, ShipmentsSnapshot
from shared.money import Money


@dataclass(frozen=True, kw_only=True)
class PrintedShipment:
    """A shipment, with all that is to be known to hand it over."""

    order: OrderSnapshot
    shipment: Shipment
    address: Address | None

    @property
    def group(self) -> DeliveryGroup:
        """How it goes out."""
        [group] = [each for each in self.order.delivery_groups if each.group_id == self.shipment.group_id]
        return group

    @property
    def phone(self) -> str:
        """Whom to call: the place's number, else the customer's."""
        customer = self.order.people.customer
        return (self.address.phone if self.address else "") or (customer.phone if customer else "")

    @property
    def to_collect_minor(self) -> int:
        """What is to be paid on delivery."""
        return self.order.payment.due_on_delivery_minor

    @property
    def to_collect(self) -> str:
        """The same, in the order's currency as its market writes it."""
        return Money(self.to_collect_minor, self.order.currency).show(
            self.order.market.locale.replace("-", "_")
        )


@dataclass(kw_only=True)
class Pick:
    """Units of one SKU to fetch from one place, and for which shipments."""

    location: str
    bin: str  # the shelf; empty where shipping told none
    sku: str
    name: str
    barcode: str
    specifications: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter)  # units by shipment's number

    @property
    def units(self) -> int:
        """How many to fetch in all."""
        return self.counts.total()

    @property
    def shipments(self) -> list[tuple[str, int]]:
        """How many for each shipment."""
        return sorted(self.counts.items())


def address_of(shipment: Shipment, order: OrderSnapshot, shipments: ShipmentsSnapshot) -> Address | None:
    """Where a shipment goes: from acceptance on shipping owns the address, and may have corrected it."""
    group = str(shipment.group_id)
    by_shipping = shipments.people.delivery
    own = by_shipping.get(str(shipment.shipment_id)) or by_shipping.get(group)
    return own or order.people.delivery.get(group)


def picks(shipments: Iterable[PrintedShipment]) -> list[Pick]:
    """What to fetch for all of the shipments, in the order of the shelves."""
    found: dict[tuple[str, str, str], Pick] = {}
    for one in shipments:
        names = {line.line_id: line.name for line in one.order.lines}
        for line in one.shipment.lines:
            place = one.shipment.location, line.bin, line.sku
            pick = found.setdefault(
                place,
                Pick(
                    location=one.shipment.location,
                    bin=line.bin,
                    sku=line.sku,
                    name=names.get(line.line_id, ""),
                    barcode=line.barcode,
                    specifications=line.specifications,
                ),
            )
            pick.counts[one.shipment.number] += line.units
    return [found[place] for place in sorted(found)]
