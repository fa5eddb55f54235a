"""Whether an order can be placed as it is wanted; if not, every field that stands in its way, at once."""

from collections.abc import Iterator, Sequence

from services.orders.commands.terms import Terms
from services.orders.commands.wanted import AddedFee, WantedDelivery, WantedLine
from services.orders.domain.payments import PaymentMethod
from shared.errors import Invalid


def refuse_impossible(
    terms: Terms,
    payment_method: PaymentMethod,
    delivery_groups: Sequence[WantedDelivery],
    lines: Sequence[WantedLine],
    fees: Sequence[AddedFee],
) -> None:
    """Go on only if market, seller and products allow what is wanted; raises Invalid."""
    if wrong := impossibilities(terms, payment_method, delivery_groups, lines, fees):
        raise Invalid(**wrong)


def impossibilities(
    terms: Terms,
    payment_method: PaymentMethod | None,
    delivery_groups: Sequence[WantedDelivery],
    lines: Sequence[WantedLine],
    fees: Sequence[AddedFee],
) -> dict[str, str]:
    """Each field that market, seller or products don't allow, with the reason."""
    wrong: dict[str, str] = {}
    methods = terms.market.payment_methods
    if payment_method not in methods:
        wrong["payment_method"] = f"must be one of the market's: {', '.join(methods)}"
    wrong.update(_wrong_with_groups(terms, delivery_groups, lines))
    for place, line in enumerate(lines):
        wrong.update((f"lines.{place}.{field}", reason) for field, reason in _wrong_with_line(terms, line))
        if line.get("delivery_group", 0) >= len(delivery_groups):
            wrong[f"lines.{place}.delivery_group"] = "there is no such delivery group"
    for place, fee in enumerate(fees):
        if fee.get("tax_class", "standard") not in terms.market.tax_rates:
            wrong[f"fees.{place}.tax_class"] = "has no rate in this market"
    return wrong


def _wrong_with_groups(
    terms: Terms, groups: Sequence[WantedDelivery], lines: Sequence[WantedLine]
) -> Iterator[tuple[str, str]]:
    methods = terms.market.shipping_methods
    with_lines = {line.get("delivery_group", 0) for line in lines}
    for place, group in enumerate(groups):
        if group.get("method") not in methods:
            yield f"delivery_groups.{place}.method", f"must be one of the market's: {', '.join(methods)}"
        if not (group.get("address") or group.get("pickup_point")):
            yield f"delivery_groups.{place}.address", "an address or a pickup point is needed"
        if place not in with_lines:
            yield f"delivery_groups.{place}", "no line goes there"


def is_impossible(terms: Terms, line: WantedLine) -> bool:
    """Whether a line can't be sold as it is wanted."""
    return any(_wrong_with_line(terms, line))


def _wrong_with_line(terms: Terms, line: WantedLine) -> Iterator[tuple[str, str]]:
    offer = terms.offers.get(line["sku"])
    if offer is None:
        yield "sku", "the seller has no such product"
        return
    if offer.tax_class not in terms.market.tax_rates:
        yield "sku", f"its tax class {offer.tax_class} has no rate in this market"
    price = line.get("unit_price_minor", offer.price_minor)
    if price is None:
        yield "unit_price_minor", "the product has no price in this market: name one"
    elif line.get("discount_minor", 0) > price * line["quantity"]:
        yield "discount_minor", "is more than the line costs"
