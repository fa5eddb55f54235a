"""Taxes of an edited order that was placed under a tax table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.orders.domain.taxation import Override, Taxed, Untaxable
from services.orders.models import Order, OrderLine
from services.orders.pricing.contents import DeliveryInput, LineInput, delivery_input
from services.orders.pricing.taxes import ByTable, by_table, table_of
from services.orders.pricing.terms import Terms
from shared.errors import Invalid
from shared.events.snapshots import Address, ChargeKind


def override_of(order: Order, tax: Mapping[str, Any] | None) -> Override | None:
    """The override that an edit gives, or else the one the order has; raises Invalid."""
    if order.taxation is None:
        if tax is not None:
            raise Invalid(tax="the order was taxed by its market's rates, not by a tax table")
        return None
    if tax is None:
        return order.taxation.override
    return Override(**tax) if tax["treatment"] is not None else None


def retaxing(  # noqa: PLR0917 - what taxes depend on
    order: Order,
    terms: Terms,
    groups: Sequence[DeliveryInput],
    billing: Address,
    vat_number: str,
    override: Override | None,
) -> ByTable:
    """The taxing rules for an edited order, at the rates of the day on which it was placed.

    A delivery group that goes where it went, to whom it went, keeps what was decided; a group that the order
    has is known by its `group_id`. Raises Invalid where the seller has no VAT identifier any more.
    """
    taxation, table = order.taxation, table_of(terms.market, terms.seller)
    assert taxation is not None
    if table is None:
        raise Invalid(seller="no longer has a VAT identifier, which the order's taxes depend on")
    known = (table, terms.market, terms.seller)
    of_before = [delivery_input(group) for group in order.delivery_groups]
    to_whom = (order.billing_address, order.customer_vat_number)
    before = by_table(*known, of_before, *to_whom, taxation.decided_on, taxation.override)
    after = by_table(*known, groups, billing, vat_number, taxation.decided_on, override)
    if before.override != after.override:
        return after
    places = {group.id: place for place, group in enumerate(order.delivery_groups)}
    kept: dict[tuple[int, str], Taxed] = {}
    for place, given in enumerate(groups):
        group_id = given.get("group_id")
        earlier = places.get(group_id) if isinstance(group_id, UUID) else None
        if earlier is None or before.sales[earlier] != after.sales[place]:
            continue
        kept |= {(place, tax_class): taxed for tax_class, taxed in _decided(order, earlier).items()}
    return replace(after, kept=kept)


def follows_price(line: OrderLine, terms: Terms, given: LineInput) -> bool:
    """Whether an existing line at the market's price is now taxed differently, so that its price changes too.

    Its price is then the market's of before, as it is asked where the line goes now. Of a line whose price
    somebody named that stays, and so it does of one whose tax was not decided anew.
    """
    if line.tax_treatment is None or line.price_set_by is not None or line.list_price_minor is None:
        return False
    if given.get("unit_price_minor") != line.unit_price_minor:
        return False
    try:
        now = terms.tax_of(given)
    except Untaxable:
        return False  # refused where all that is wrong is named
    return (now.rate_basis_points, now.treatment) != (line.tax_rate_basis_points, line.tax_treatment)


def _decided(order: Order, place: int) -> dict[str, Taxed]:
    """How each tax class was taxed in a delivery group; fees without a group count as the first one's."""
    assert order.taxation is not None
    reasons = {reason.rate_basis_points: reason for reason in order.taxation.reasons}
    group_id = order.delivery_groups[place].id
    found = {}
    for fee in order.fees:
        if fee.tax_class and (fee.group_id == group_id or (fee.kind is ChargeKind.FEE and place == 0)):
            reason = reasons[fee.tax_rate_basis_points]
            found[fee.tax_class] = Taxed(
                rate_basis_points=reason.rate_basis_points,
                treatment=reason.treatment,
                place=reason.places[0],
                exemption=reason.exemption,
            )
    for line in order.lines:
        if line.group_id == group_id:
            found[line.tax_class] = Taxed(
                rate_basis_points=line.tax_rate_basis_points,
                treatment=line.tax_treatment,
                place=line.tax_place or "",
                exemption=reasons[line.tax_rate_basis_points].exemption,
            )
    return found
