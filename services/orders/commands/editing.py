"""Editing a placed order: what an edit makes of its sums, and making it so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.commands.costs import Costs, costs_of, line_total, price_of
from services.orders.commands.coupons import redeem
from services.orders.commands.edited import (
    EditedDelivery,
    EditedLine,
    Wanted,
    discounts_as_wanted,
    groups_as_wanted,
    own_class,
    wanted_of,
)
from services.orders.commands.feasibility import refuse_impossible
from services.orders.commands.ledger import restate_payment
from services.orders.commands.terms import Offer, Terms, terms_of
from services.orders.commands.wanted import AddedFee, GrantedDiscount
from services.orders.domain.order_status import refuse_unless_possible
from services.orders.domain.refunds import units_cost
from services.orders.domain.totals import ChargeKind
from services.orders.models import (
    DeliveryGroup,
    Market,
    Order,
    OrderFee,
    OrderLine,
    as_loaded,
    column_names,
)
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid
from shared.events.snapshots import Address, Totals
from shared.events.snapshots import Payment as PaymentStanding
from shared.messaging import outbox

# Keys of the customer as an edit names them, by the order's columns.
_CUSTOMER = {name: f"customer_{name}" for name in ("name", "email", "phone", "company", "vat_number")}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What an edit made of an order."""

    version: int
    changed: Sequence[str]  # what of the order differs: lines, delivery_groups, …
    before: Totals
    after: Totals
    payment: PaymentStanding
    outstanding_minor: int  # still to be paid
    refund_due_minor: int  # paid too much, and not on its way back yet
    lines: Sequence[OrderLine]


def edit_order(
    session: Session,
    order_id: UUID,
    *,
    reason: str,
    customer: Mapping[str, str] | None = None,
    billing_address: Address | None = None,
    delivery_groups: Sequence[EditedDelivery] | None = None,
    lines: Sequence[EditedLine] | None = None,
    fees: Sequence[AddedFee] | None = None,
    discounts: Sequence[GrantedDiscount] | None = None,
    coupons: Sequence[str] | None = None,
) -> Edit:
    """Change a placed order, and tell order.updated; what is left out stays as it is, tax rates too.

    A list that is named replaces the one there was. Discounts and coupons are one list: naming either
    replaces both, and what a coupon took off stays until then. Lines that stay keep their price unless one
    is named; new ones get the market's. Nothing is paid back by itself: the answer says what would be due,
    and an edit undone leaves the order as it was. Whoever wants to see that first rolls the transaction
    back. Raises NotFound, Refused (wrong_status), Invalid naming each field that can't be.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("edit", order.facts)
    before, pictured = order.totals, _pictured(order)
    if discounts is None and coupons is not None:
        discounts = ()
    wanted = wanted_of(order, delivery_groups, lines, fees, discounts)
    terms = _terms(session, order, wanted, coupons or ())
    refuse_impossible(terms, order.payment_method, wanted.groups, wanted.lines, wanted.fees)
    granted = _redeemed(terms, wanted, coupons or ())
    with change(session, order, "edit", reason=reason) as detail:
        for name, value in (customer or {}).items():
            setattr(order, _CUSTOMER[name], value)
        order.billing_address = billing_address or order.billing_address
        groups = _put_groups(session, order, terms, wanted.groups)
        costs = costs_of(terms, groups, wanted.lines, wanted.fees, [*wanted.discounts, *granted])
        if coupons is not None or discounts is not None:
            order.coupons = list(coupons or ())
        _put_lines(session, order, terms, groups, wanted.lines, costs)
        _put_fees(session, order, costs)
        _drop_groups(session, order, groups)
        _put_sums(session, order, costs.totals)
        changed = [name for name, value in _pictured(order).items() if value != pictured[name]]
        detail["changed"] = changed
    outbox.publish(session, events.order_updated(order))
    return Edit(
        version=order.version,
        changed=changed,
        before=before,
        after=order.totals,
        payment=order.payment,
        outstanding_minor=order.ledger.outstanding_minor,
        refund_due_minor=order.ledger.excess_minor,
        lines=order.lines,
    )


def _redeemed(terms: Terms, wanted: Wanted, codes: Sequence[str]) -> list[GrantedDiscount]:
    """What the coupons take off; raises Invalid for one that is not valid now."""
    redeemed = redeem(terms, codes, wanted.lines, wanted.discounts, clock.now())
    if wrong := {f"coupons.{place}": one.refusal for place, one in enumerate(redeemed) if one.refusal}:
        raise Invalid(**wrong)
    return [one.discount for one in redeemed if one.amount_minor]


def _terms(session: Session, order: Order, wanted: Wanted, coupons: Sequence[str]) -> Terms:
    """The market's terms as of now, but for what the order has already: that keeps its rates and names."""
    terms = terms_of(
        session,
        market=order.market_code,
        seller=order.seller_code,
        customer_id=order.customer_id,
        skus=(line["sku"] for line in wanted.lines),
        coupons=coupons,
        is_draft=True,
    )
    rates = terms.market.tax_rates | {line.tax_class: line.tax_rate_basis_points for line in order.lines}
    for fee in order.fees:
        rates[own_class(fee.tax_rate_basis_points)] = fee.tax_rate_basis_points
        if fee.kind is ChargeKind.SHIPPING:
            rates["standard"] = fee.tax_rate_basis_points
    columns = {name: getattr(terms.market, name) for name in column_names(Market)}
    offers = {
        line.sku: Offer(
            name=line.name,
            tax_class=line.tax_class,
            sales_coefficient=line.sales_coefficient,
            price_minor=line.list_price_minor,
        )
        for line in order.lines
    }
    return replace(
        terms, market=as_loaded(Market, **columns | {"tax_rates": rates}), offers=terms.offers | offers
    )


def _put_groups(
    session: Session, order: Order, terms: Terms, wanted: Sequence[EditedDelivery]
) -> list[DeliveryGroup]:
    known = {group.id: group for group in order.delivery_groups}
    groups = []
    for place, want in enumerate(wanted):
        group = known.get(want["group_id"]) if "group_id" in want else None
        if group is None:
            group = DeliveryGroup(id=new_id(), order_id=order.id)
            session.add(group)
        if group.method != want["method"]:
            group.method = want["method"]
            group.method_name = terms.method_name(want["method"], order.locale)
        group.position = place
        group.shipping_minor = want["shipping_minor"]
        group.address = want.get("address")
        group.pickup_point = want.get("pickup_point")
        group.requested_on = want.get("requested_on")
        groups.append(group)
    session.flush()  # lines refer to them
    return groups


def _put_lines(  # noqa: PLR0917 - what a row is made of
    session: Session,
    order: Order,
    terms: Terms,
    groups: Sequence[DeliveryGroup],
    wanted: Sequence[EditedLine],
    costs: Costs,
) -> None:
    known = {line.id: line for line in order.lines}
    for place, want in enumerate(wanted):
        line = known.pop(want["line_id"]) if "line_id" in want else None
        if line is None:
            line = _new_line(order, terms, want["sku"])
            session.add(line)
        price = price_of(terms, want)
        if price != line.unit_price_minor:
            line.price_set_by = None if price == line.list_price_minor else actor_of(session).name
        line.position = place
        line.group_id = groups[want.get("delivery_group", 0)].id
        line.name = want.get("name") or line.name
        line.quantity = want["quantity"]
        line.unit_price_minor = price
        line.discount_minor = want.get("discount_minor", 0)
        line.total_minor = line_total(terms, want)
        line.tax_minor = costs.line_taxes[place]
    for line in known.values():
        session.delete(line)
    session.flush()


def _new_line(order: Order, terms: Terms, sku: str) -> OrderLine:
    offer = terms.offers[sku]
    return OrderLine(
        id=new_id(),
        order_id=order.id,
        sku=sku,
        name=offer.name,
        unit_price_minor=offer.price_minor,
        list_price_minor=offer.price_minor,
        tax_class=offer.tax_class,
        tax_rate_basis_points=terms.market.tax_rates[offer.tax_class],
        sales_coefficient=offer.sales_coefficient,
        cancelled_quantity=0,
        returned_quantity=0,
    )


def _put_fees(session: Session, order: Order, costs: Costs) -> None:
    for fee in order.fees:
        session.delete(fee)
    session.add_all(
        OrderFee(
            order_id=order.id,
            position=place,
            kind=side.charge.kind,
            name=side.name,
            amount_minor=side.charge.amount_minor,
            tax_rate_basis_points=side.charge.rate_basis_points,
            tax_minor=side.tax_minor,
            group_id=side.group_id,
        )
        for place, side in enumerate(costs.others)
    )
    session.flush()


def _drop_groups(session: Session, order: Order, kept: Sequence[DeliveryGroup]) -> None:
    for group in order.delivery_groups:
        if group not in kept:
            session.delete(group)
    session.flush()
    session.refresh(order, ["delivery_groups", "lines", "fees"])


def _put_sums(session: Session, order: Order, totals: Totals) -> None:
    for name in ("lines", "fees", "shipping", "discounts", "tax_added", "total"):
        setattr(order, f"{name}_minor", getattr(totals, f"{name}_minor"))
    order.tax = totals.tax
    order.cancelled_minor = sum(
        units_cost(part, 0, part.cancelled)[0] for part in order.charged if part.cancelled
    )
    restate_payment(session, order)


def _pictured(order: Order) -> dict[str, Any]:
    """What an edit may change, to tell whether it did."""
    return {
        "customer": order.customer,
        "billing_address": order.billing_address,
        "delivery_groups": groups_as_wanted(order),
        "lines": [
            (line.id, line.group_id, line.name, line.quantity, line.unit_price_minor, line.discount_minor)
            for line in order.lines
        ],
        "fees": [(fee.name, fee.amount_minor) for fee in order.fees if fee.kind is ChargeKind.FEE],
        "discounts": discounts_as_wanted(order),
        "coupons": list(order.coupons),
    }
