"""What an order costs under its terms, and what the codes that its customer gave take off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.domain.coupons import why_not
from services.orders.domain.totals import Charge, spread_discount, tax_of_each, totals_of
from services.orders.models import DeliveryGroup
from services.orders.pricing.inputs import DiscountInput, FeeInput, LineInput
from services.orders.pricing.terms import Terms
from shared.errors import Invalid
from shared.events.snapshots import ChargeKind, Totals

LARGEST_TOTAL_MINOR = 10**15  # far above any order, far below what a bigint holds


@dataclass(frozen=True, slots=True)
class SideCharge:
    """What is charged or taken off beside the lines."""

    name: str
    charge: Charge
    tax_minor: int
    group_id: UUID | None  # whose shipping it is


@dataclass(frozen=True, slots=True)
class Costs:
    """What an order costs, and the tax of each of its parts."""

    line_taxes: Sequence[int]
    others: Sequence[SideCharge]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code, and what came of it."""

    code: str
    name: str
    amount_minor: int
    refusal: str | None  # coupon_unknown, coupon_not_yet_valid, coupon_expired

    @property
    def discount(self) -> DiscountInput:
        """What it takes off, as any discount."""
        return {"name": self.name, "amount_minor": self.amount_minor}


def costs_of(
    terms: Terms,
    groups: Sequence[DeliveryGroup],
    lines: Sequence[LineInput],
    fees: Sequence[FeeInput],
    discounts: Sequence[DiscountInput],
) -> Costs:
    """What all comes to; raises Invalid where discounts exceed the goods, or the total is absurd."""
    rates = terms.market.tax_rates
    goods = [
        Charge(ChargeKind.LINE, line_total(terms, line), rates[terms.offers[line["sku"]].tax_class])
        for line in lines
    ]
    named: list[tuple[str, Charge, UUID | None]] = []
    for group in groups:
        if group.shipping_minor:
            shipping = Charge(ChargeKind.SHIPPING, group.shipping_minor, rates["standard"])
            named.append((group.method_name, shipping, group.id))
    for fee in fees:
        rate = rates[fee.get("tax_class", "standard")]
        named.append((fee["name"], Charge(ChargeKind.FEE, fee["amount_minor"], rate), None))
    for discount in discounts:
        shares = spread_discount(discount["amount_minor"], goods)
        named += [(discount["name"], share, None) for share in shares]
    charges = goods + [charge for _, charge, _ in named]
    taxes = tax_of_each(charges, terms.market.tax_mode, terms.market.tax_rounding)
    totals = totals_of(charges, taxes, terms.market.tax_mode)
    if totals.discounts_minor > totals.lines_minor:
        raise Invalid(discounts="are more than the goods cost")
    if totals.total_minor > LARGEST_TOTAL_MINOR:
        raise Invalid(lines=f"cost more than {LARGEST_TOTAL_MINOR} in all")
    return Costs(
        line_taxes=taxes[: len(goods)],
        others=[
            SideCharge(name, charge, tax, group_id)
            for (name, charge, group_id), tax in zip(named, taxes[len(goods) :], strict=True)
        ],
        totals=totals,
    )


def redeem(
    terms: Terms,
    codes: Sequence[str],
    lines: Sequence[LineInput],
    discounts: Sequence[DiscountInput],
    at: datetime,
) -> list[Redemption]:
    """What each code grants at an instant, in their order.

    A share is one of the goods before other discounts; together nothing takes off more than the goods cost.
    """
    if not codes:
        return []
    goods = sum(line_total(terms, line) for line in lines)
    left = max(0, goods - sum(discount["amount_minor"] for discount in discounts))
    redeemed = []
    for code in codes:
        coupon = terms.coupons.get(code)
        refusal = why_not(coupon, at)
        amount = coupon.granted_minor(goods, left) if coupon and not refusal else 0
        left -= amount
        redeemed.append(Redemption(code, coupon.name if coupon else code, amount, refusal))
    return redeemed


def price_of(terms: Terms, line: LineInput) -> int:
    """What a unit of the line costs: the price that is named, or the market's."""
    price = line.get("unit_price_minor", terms.offers[line["sku"]].price_minor)
    assert price is not None, "a line without a price is not feasible"
    return price


def line_total(terms: Terms, line: LineInput) -> int:
    """What the line costs, less its discount."""
    return price_of(terms, line) * line["quantity"] - line.get("discount_minor", 0)
