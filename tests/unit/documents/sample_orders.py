"""Orders as the orders service would tell of them, for the papers' tests and benchmarks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.documents.domain.legacy_billing import part_of_order
from services.documents.domain.papers import Content
from shared.db import new_id
from shared.events.snapshots import (
    Address,
    DeliveryGroup,
    Fee,
    MarketBlock,
    OrderLine,
    OrderSnapshot,
    Payment,
    People,
    Person,
    SellerBlock,
    Shipment,
    ShipmentLine,
    ShipmentsSnapshot,
    TaxRow,
    Totals,
)
from shared.money import tax_contained, tax_on_top

GOODS = (
    ("22423", "Regency cakestand, three tiers", 1275),
    ("85123A", "White hanging heart T-light holder", 295),
    ("47566", "Party bunting, cotton, 5 m", 495),
    ("84879", "Assorted colour bird ornament", 169),
    ("22720", "Set of three cake tins, pantry design", 495),
    (
        "21034",
        "Rex cash and carry jumbo shopper with a very long name that no column could hold on one line",
        95,
    ),
    ("20725", "Lunch bag red retrospot", 165),
    ("23203", "Jumbo bag doily patterns", 208),
)

SELLER = SellerBlock(
    seller="acme",
    name="Acme Gifts",
    legal_name="Acme Gifts Limited",
    email="orders@acme.example",
    phone="+44 20 7946 0000",
    website="acme.example",
    address=Address(
        name="Acme Gifts Limited", line1="12 Lamb Street", city="London", postcode="E1 6EA", country="GB"
    ),
    vat_number="GB123456789",
    registration="Registered in England and Wales no. 01234567",
    iban="GB29 NWBK 6016 1331 9268 19",
    legal_text={
        "en": "Goods remain our property until paid in full.",
        "es": "La mercancía sigue siendo de nuestra propiedad hasta su pago íntegro.",
    },
)
MARKETS = {
    "gb": MarketBlock(
        market="gb",
        name="United Kingdom",
        currency="GBP",
        locale="en-GB",
        time_zone="Europe/London",
        tax_mode="gross",
        tax_rounding="per_line",
        backorders=False,
        invoice_on="acceptance",
    ),
    "eu": MarketBlock(
        market="eu",
        name="Europe",
        currency="EUR",
        locale="en-IE",
        time_zone="Europe/Madrid",
        tax_mode="gross",
        tax_rounding="per_line",
        backorders=False,
        invoice_on="acceptance",
    ),
    "net": MarketBlock(
        market="net",
        name="Trade",
        currency="EUR",
        locale="es-ES",
        time_zone="Europe/Madrid",
        tax_mode="net",
        tax_rounding="per_line",
        backorders=False,
        invoice_on="payment",
    ),
}
LONDON = Address(
    name="Ada Whitcombe",
    line1="Flat 4",
    line2="18 Calthorpe Street",
    city="London",
    postcode="WC1X 0JP",
    country="GB",
)
MADRID = Address(
    name="Íñigo Núñez de la Peña",
    company="Decoración y Regalos Núñez Hermanos, S. L.",
    line1="Calle de Embajadores, 52, 3.º izquierda",
    city="Madrid",
    postcode="28012",
    country="ES",
    phone="+34 910 00 00 00",
)
PLACED_AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def order(  # one keyword for each thing that a paper shows differently
    lines: int = 3,
    *,
    market: str = "gb",
    locale: str = "en-GB",
    rates: Sequence[int] = (2000,),
    method: str = "online",
    covered: bool = True,
    accepted: bool = True,
    groups: int = 1,
    address: Address = LONDON,
    shipping_minor: int = 395,
    number: str = "GB-000042",
    order_id: UUID | None = None,
) -> OrderSnapshot:
    """A placed order whose figures add up."""
    block = MARKETS[market]
    tax_of = tax_contained if block.tax_mode == "gross" else tax_on_top
    added = block.tax_mode == "net"
    delivery_groups = tuple(
        DeliveryGroup(
            group_id=new_id(),
            method="standard",
            method_name="Standard delivery",
            shipping_minor=shipping_minor if place == 0 else 0,
        )
        for place in range(groups)
    )
    order_lines = []
    for place in range(lines):
        sku, name, price = GOODS[place % len(GOODS)]
        quantity = place % 12 + 1
        rate = rates[place % len(rates)]
        order_lines.append(
            OrderLine(
                line_id=new_id(),
                group_id=delivery_groups[place % groups].group_id,
                sku=sku if place < len(GOODS) else f"{sku}-{place}",
                name=name,
                quantity=quantity,
                unit_price_minor=price,
                total_minor=price * quantity,
                tax_rate_basis_points=rate,
                tax_minor=tax_of(price * quantity, rate),
            )
        )
    fees = (
        Fee(
            kind="shipping",
            name="Standard delivery" if not locale.startswith("es") else "Envío estándar",
            amount_minor=shipping_minor,
            tax_rate_basis_points=rates[0],
            tax_minor=tax_of(shipping_minor, rates[0]),
            group_id=delivery_groups[0].group_id,
        ),
    )
    amounts: defaultdict[int, int] = defaultdict(int)
    taxes: defaultdict[int, int] = defaultdict(int)
    for row in order_lines:
        amounts[row.tax_rate_basis_points] += row.total_minor
        taxes[row.tax_rate_basis_points] += row.tax_minor
    for fee in fees:
        amounts[fee.tax_rate_basis_points] += fee.amount_minor
        taxes[fee.tax_rate_basis_points] += fee.tax_minor
    table = tuple(
        TaxRow(
            rate_basis_points=rate,
            net_minor=amounts[rate] if added else amounts[rate] - taxes[rate],
            tax_minor=taxes[rate],
            gross_minor=amounts[rate] + taxes[rate] if added else amounts[rate],
        )
        for rate in sorted(amounts, reverse=True)
    )
    total = sum(row.gross_minor for row in table)
    return OrderSnapshot(
        order_id=order_id or new_id(),
        number=number,
        version=1,
        status="accepted" if accepted else "placed",
        channel="web",
        locale=locale,
        currency=block.currency,
        customer_id=new_id(),
        seller=SELLER,
        market=block,
        people=People(
            customer=Person(name=address.name, email="customer@example.org", company=address.company),
            billing=address,
            delivery={str(group.group_id): address for group in delivery_groups},
        ),
        delivery_groups=delivery_groups,
        lines=tuple(order_lines),
        fees=fees,
        totals=Totals(
            lines_minor=sum(row.total_minor for row in order_lines),
            fees_minor=0,
            shipping_minor=shipping_minor,
            discounts_minor=0,
            tax_added_minor=sum(taxes.values()) if added else 0,
            total_minor=total,
            tax=table,
        ),
        payment=Payment(
            method=method,
            state="paid" if covered else "unpaid",
            owed_minor=total,
            received_minor=total if covered else 0,
            refunded_minor=0,
            covered=covered,
            covered_at=PLACED_AT if covered else None,
        ),
        placed_at=PLACED_AT,
        accepted_at=PLACED_AT if accepted else None,
    )


def invoice_of(placed: OrderSnapshot, **says: Any) -> Content:
    """What an invoice over all of an order says."""
    quantities = {line.line_id: line.quantity for line in placed.lines}
    paid = min(placed.payment.received_minor, placed.totals.total_minor)
    content = Content(order=placed, figures=part_of_order(placed, quantities, ()), paid_minor=paid)
    return replace(content, **says)


def cancelled(placed: OrderSnapshot) -> OrderSnapshot:
    """The same order, later cancelled."""
    return replace(placed, version=placed.version + 1, status="cancelled", cancelled_at=PLACED_AT)


def shipments(placed: OrderSnapshot, status: str = "packing", version: int = 1) -> ShipmentsSnapshot:
    """One shipment for each delivery group of an order, all in one status."""
    at = PLACED_AT
    return ShipmentsSnapshot(
        order_id=placed.order_id,
        number=placed.number,
        version=version,
        people=People(delivery=placed.people.delivery),
        shipments=tuple(
            Shipment(
                shipment_id=UUID(int=placed.order_id.int ^ (place + 1)),
                number=f"{placed.number}-{place + 1}",
                group_id=group.group_id,
                method=group.method,
                status=status,
                location="main",
                lines=tuple(
                    ShipmentLine(
                        line_id=line.line_id, sku=line.sku, quantity=line.quantity, units=line.quantity
                    )
                    for line in placed.lines
                    if line.group_id == group.group_id
                ),
                created_at=at,
                packing_at=at if status not in {"released", "inventory_assigned", "cancelled"} else None,
                shipped_at=at if status in {"shipped", "delivered"} else None,
                cancelled_at=at if status == "cancelled" else None,
            )
            for place, group in enumerate(placed.delivery_groups)
        ),
    )
