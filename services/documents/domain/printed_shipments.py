"""Shipments as printed for the warehouse and couriers: what to pick, where to deliver."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.events.snapshots import Address, DeliveryGroup, OrderSnapshot, Shipment, ShipmentsSnapshot
from shared.money import Money


@dataclass(frozen=True, kw_only=True)
class PrintedShipment:
    """A shipment with everything needed to hand it over."""

    order: OrderSnapshot
    shipment: Shipment
    address: Address | None

    @property
    def group(self) -> DeliveryGroup:
        """The delivery group it belongs to."""
        [group] = [each for each in self.order.delivery_groups if each.group_id == self.shipment.group_id]
        return group

    @property
    def phone(self) -> str:
        """The phone number to call: the address's, otherwise the customer's."""
        customer = self.order.people.customer
        return (self.address.phone if self.address else "") or (customer.phone if customer else "")

    @property
    def to_collect_minor(self) -> int:
        """The amount to collect on delivery."""
        return self.order.payment.due_on_delivery_minor

    @property
    def to_collect(self) -> str:
        """The amount to collect, formatted in the order's currency and the market's locale."""
        return Money(self.to_collect_minor, self.order.currency).show(
            self.order.market.locale.replace("-", "_")
        )


@dataclass(kw_only=True)
class Pick:
    """Units of one SKU to pick from one location, by shipment."""

    location: str
    bin: str  # the shelf; empty where shipping told none
    sku: str
    name: str
    barcode: str
    specifications: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter)  # units by shipment's number

    @property
    def units(self) -> int:
        """The total number of units to pick."""
        return self.counts.total()

    @property
    def shipments(self) -> list[tuple[str, int]]:
        """The number of units for each shipment."""
        return sorted(self.counts.items())


def address_of(shipment: Shipment, order: OrderSnapshot, shipments: ShipmentsSnapshot) -> Address | None:
    """The delivery address: once accepted, shipping's, which may have been corrected."""
    group = str(shipment.group_id)
    by_shipping = shipments.people.delivery
    own = by_shipping.get(str(shipment.shipment_id)) or by_shipping.get(group)
    return own or order.people.delivery.get(group)


def picks(shipments: Iterable[PrintedShipment]) -> list[Pick]:
    """What to pick for all the shipments, in shelf order."""
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
