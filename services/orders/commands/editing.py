"""Edits of a placed order: working out the new sums, and applying them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, derive_payment, locked_order
from services.orders.commands.credits import recount_cancelled
from services.orders.commands.customers import put_person
from services.orders.domain.order_status import refuse_unless_possible
from services.orders.domain.taxation import ChargesTaxed, Override
from services.orders.models import (
    CUSTOMER_COLUMNS,
    Base,
    DeliveryGroup,
    Market,
    Order,
    OrderFee,
    OrderLine,
    as_loaded,
    column_names,
)
from services.orders.pricing.contents import (
    DeliveryInput,
    DiscountInput,
    FeeInput,
    LineInput,
    OrderContents,
    delivery_input,
)
from services.orders.pricing.costs import Costs, costs_of, following
from services.orders.pricing.coupons import (
    Redemption,
    doubtful_codes,
    free_shipping_by,
    redeem,
    refused_codes,
    waive_shipping,
)
from services.orders.pricing.retaxing import follows_price, override_of, retaxing
from services.orders.pricing.taxes import ByMarket
from services.orders.pricing.terms import Offer, Terms, refuse_impossible, terms_of
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid
from shared.events.snapshots import Address, ChargeKind, Totals
from shared.events.snapshots import Payment as PaymentStanding
from shared.messaging import outbox

_GONE = -1  # the place of a delivery group that is none any more


class DeliveryEdit(DeliveryInput, total=False):
    """A delivery group; with an id, what is left out stays; groups that are not named are removed."""

    group_id: UUID


class LineEdit(LineInput, total=False):
    """A line; with an id, what is left out stays; lines that are not named are removed."""

    line_id: UUID


class EditInput(TypedDict, total=False):
    """What an edit names; what is left out stays as it is."""

    customer: Mapping[str, str]
    billing_address: Address
    delivery_groups: Sequence[DeliveryEdit]
    lines: Sequence[LineEdit]
    fees: Sequence[FeeInput]
    discounts: Sequence[DiscountInput]
    coupons: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The edited order, before it is priced."""

    customer: Mapping[str, str]  # the columns that are named
    billing_address: Address
    groups: Sequence[DeliveryEdit]
    lines: Sequence[LineEdit]
    fees: Sequence[FeeInput]
    discounts: Sequence[DiscountInput]
    coupons: list[str] | None  # None: those that it has stay

    def contents(self, order: Order) -> OrderContents:
        """The same in the form of an order to place."""
        return {
            "customer": {"id": order.customer_id},
            "payment_method": order.payment_method,
            "delivery_groups": self.groups,
            "lines": self.lines,
            "fees": self.fees,
            "discounts": self.discounts,
            "coupons": self.coupons or (),
        }


@dataclass(frozen=True, kw_only=True)
class Edit:
    """The result of an edit."""

    version: int
    changed: Sequence[str]  # what of the order differs: lines, delivery_groups, …
    before: Totals
    after: Totals
    payment: PaymentStanding
    outstanding_minor: int  # still to be paid
    refund_due_minor: int  # paid too much, and not on its way back yet
    lines: Sequence[OrderLine]
    coupons: Sequence[Redemption]  # those that were named, and what each takes off


def edit_order(
    session: Session,
    order_id: UUID,
    *,
    reason: str,
    tax: Mapping[str, Any] | None = None,
    **edit: Unpack[EditInput],
) -> Edit:
    """Edit a placed order, and publish order.updated; what is left out stays as it is, tax rates too.

    Of an order that was taxed by a table, what now goes elsewhere, or to somebody known otherwise to VAT, is
    decided anew by the rates of the day it was placed, and the market's price follows as it would have then;
    `tax` names a treatment in place of the table's, or with none has the table say it again.

    A list that is named replaces the one there was. Discounts and coupons are one list: naming either
    replaces both. Until then an amount that was taken off stays, a percentage follows the goods, and free
    shipping is that of whatever it costs. What limits the coupons holds for those that are named. Lines
    that stay keep their price unless one is named; new ones get the market's. Nothing is paid back by itself:
    the answer says what would be due, and an edit undone leaves the order as it was. Whoever wants to see
    that first rolls the transaction back. Raises NotFound, Refused (wrong_status), Invalid naming each field
    that can't be.
    """
    order = locked_order(session, order_id)
    refuse_unless_possible("edit", order.facts)
    before, edited = order.totals, _editable(order)
    revision = _revised(order, actor_of(session).name, edit)
    terms = _terms(session, order, revision, override_of(order, tax))
    revision = _repriced(order, terms, revision)
    days = {group.requested_on for group in order.delivery_groups if group.requested_on}
    refuse_impossible(terms, revision.contents(order), ordered_at=order.placed_at, known_days=days)
    with change(session, order, "edit", reason=reason) as detail:
        redeemed = _put(session, order, terms, revision)
        changed = [name for name, value in _editable(order).items() if value != edited[name]]
        detail["changed"] = changed
        if tax is not None:
            detail["tax"] = dict(tax)
    outbox.publish(session, events.order_updated(order))
    return Edit(
        version=order.version,
        changed=changed,
        before=before,
        after=order.totals,
        payment=order.payment,
        outstanding_minor=order.balance.outstanding_minor,
        refund_due_minor=order.balance.excess_minor,
        lines=order.lines,
        coupons=redeemed,
    )


def _put(session: Session, order: Order, terms: Terms, revision: Revision) -> list[Redemption]:
    """Apply the revision to a locked order, its parts and its sums."""
    put_person(order, revision.customer)
    order.billing_address = revision.billing_address
    groups, contents = _put_groups(session, order, terms, revision.groups), revision.contents(order)
    redeemed = _redeemed(session, order, terms, contents, groups)
    if revision.coupons is not None:
        order.coupons = revision.coupons
        order.coupons_refused = refused_codes(redeemed)
        order.free_shipping = free_shipping_by(redeemed)
    waive_shipping(groups, order.free_shipping)
    contents["discounts"] = following(terms, revision.lines, revision.discounts)
    costs = costs_of(terms, contents, groups, redeemed)
    order.taxation = costs.taxation
    _put_lines(session, order, groups, revision.lines, costs)
    _put_fees(session, order, costs)
    _drop_groups(session, order, groups)
    _put_sums(session, order, costs.totals)
    return redeemed


def _revised(order: Order, editor: str, edit: EditInput) -> Revision:
    """The order with what is named replaced and the rest unchanged; raises Invalid."""
    groups, lines, coupons = edit.get("delivery_groups"), edit.get("lines"), edit.get("coupons")
    discounts = edit.get("discounts", () if coupons is not None else None)  # naming either replaces both
    _refuse_strangers(order, groups or (), lines)
    known_groups = _groups_as_input(order)
    groups = known_groups if groups is None else [_edited_group(known_groups, group) for group in groups]
    known_lines = _lines_as_input(order, groups)
    lines = known_lines if lines is None else [_edited_line(known_lines, line, editor) for line in lines]
    if homeless := [str(place) for place, line in enumerate(lines) if line.get("delivery_group") == _GONE]:
        raise Invalid(
            **{f"lines.{place}.delivery_group": "its delivery group was removed" for place in homeless}
        )
    return Revision(
        customer={CUSTOMER_COLUMNS[name]: value for name, value in edit.get("customer", {}).items()},
        billing_address=edit.get("billing_address", order.billing_address),
        groups=groups,
        lines=lines,
        fees=edit.get("fees", _fees_as_input(order)),
        discounts=_discounts_as_input(order) if discounts is None else discounts,
        coupons=None if discounts is None else list(coupons or ()),
    )


def _edited_group(known: Sequence[DeliveryEdit], group: DeliveryEdit) -> DeliveryEdit:
    before = next((one for one in known if one["group_id"] == group.get("group_id")), None)
    if before is None:
        return {"shipping_minor": 0, **group}
    if group.get("address"):  # it is brought there, no longer fetched; and the other way round
        before = before | {"pickup_point": None}
    elif group.get("pickup_point"):
        before = before | {"address": None}
    return before | group


def _edited_line(known: Sequence[LineEdit], line: LineEdit, editor: str) -> LineEdit:
    before = next((one for one in known if one["line_id"] == line.get("line_id")), None)
    if before is None:
        return {"price_set_by": editor, **line}
    price = before["unit_price_minor"]
    if line.get("unit_price_minor", price) != price:
        before = before | {"price_set_by": editor}
    return before | line


def _refuse_strangers(order: Order, groups: Sequence[DeliveryEdit], lines: Sequence[LineEdit] | None) -> None:
    """Require the groups and lines named by id to be the order's, once each, and keep cancelled units."""
    wrong: dict[str, str] = {}
    unnamed_groups = {group.id for group in order.delivery_groups}
    for place, group in enumerate(groups):
        if "group_id" in group and group["group_id"] not in unnamed_groups:
            wrong[f"delivery_groups.{place}.group_id"] = "the order has no such group, or it is named twice"
        unnamed_groups.discard(group.get("group_id", order.id))
    unnamed = {line.id: line for line in order.lines}
    for place, line in enumerate(lines or ()):
        if "line_id" not in line:
            continue
        known = unnamed.pop(line["line_id"], None)
        if known is None:
            wrong[f"lines.{place}.line_id"] = "the order has no such line, or it is named twice"
        elif line.get("sku", known.sku) != known.sku:
            wrong[f"lines.{place}.sku"] = "can't be changed on a line: leave out line_id for a new one"
        elif line.get("quantity", known.quantity) < known.cancelled_quantity:
            wrong[f"lines.{place}.quantity"] = (
                f"can't be less than the {known.cancelled_quantity} already cancelled"
            )
    gone = [line.sku for line in unnamed.values() if line.cancelled_quantity]
    if lines is not None and gone:
        wrong["lines"] = f"units of {', '.join(gone)} are cancelled: the line can't be removed"
    if wrong:
        raise Invalid(**wrong)


def _groups_as_input(order: Order) -> list[DeliveryEdit]:
    return [{"group_id": group.id, **delivery_input(group)} for group in order.delivery_groups]


def _lines_as_input(order: Order, groups: Sequence[DeliveryEdit]) -> list[LineEdit]:
    places = {group["group_id"]: place for place, group in enumerate(groups) if "group_id" in group}
    return [
        {
            "line_id": line.id,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "delivery_group": places.get(line.group_id, _GONE),
            "unit_price_minor": line.unit_price_minor,
            "price_set_by": line.price_set_by,
            "discount_minor": line.discount_minor,
        }
        for line in order.lines
    ]


def _fees_as_input(order: Order) -> list[FeeInput]:
    """The fees as they were entered: one that is taxed like the goods is stored as a row for each rate."""
    fees: list[FeeInput] = []
    as_goods: dict[str, FeeInput] = {}
    for fee in order.fees:
        if fee.kind is not ChargeKind.FEE:
            continue
        if fee.tax_class == "" and fee.name in as_goods:
            as_goods[fee.name]["amount_minor"] += fee.amount_minor
            continue
        fees.append({"name": fee.name, "amount_minor": fee.amount_minor})
        if fee.tax_class == "":
            as_goods[fee.name] = fees[-1]
        elif order.taxation is not None and fee.tax_class is not None:
            fees[-1]["tax_class"] = fee.tax_class
        else:
            fees[-1]["tax_class"] = _own_class(fee.tax_rate_basis_points)
    return fees


def _discounts_as_input(order: Order) -> list[DiscountInput]:
    """The discounts as they were granted: a discount is stored as one row for each tax rate."""
    amounts: Counter[tuple[str, int | None]] = Counter()
    for fee in order.fees:
        if fee.kind is ChargeKind.DISCOUNT:
            amounts[fee.name, fee.share_basis_points] -= fee.amount_minor
    return [
        {"name": name, "amount_minor": amount, "share_basis_points": share}
        for (name, share), amount in amounts.items()
    ]


def _own_class(rate_basis_points: int) -> str:
    """A tax class for what is already on the order; no market can have a class of this name."""
    return f"at {rate_basis_points}"


def _redeemed(
    session: Session, order: Order, terms: Terms, contents: OrderContents, groups: Sequence[DeliveryGroup]
) -> list[Redemption]:
    """What the coupons take off; raises Invalid, with the reason, for one that is not valid now.

    The order's own use of one counts for nothing here.
    """
    redeemed = redeem(
        session,
        terms,
        contents,
        groups,
        clock.now(),
        customer_id=order.customer_id,
        email=order.customer_email,
        but_of=order.id,
        alone=True,
    )
    codes, reasons = [one.code for one in redeemed], refused_codes(redeemed)
    if doubtful := doubtful_codes(redeemed):
        raise Invalid(**{f"coupons.{codes.index(code)}": reasons[code] for code in doubtful})
    return redeemed


def _terms(session: Session, order: Order, revision: Revision, override: Override | None) -> Terms:
    """The market's current terms, except that what is already on the order keeps its rates and names."""
    terms = terms_of(session, order.seller_code, order.market_code, revision.contents(order))
    rates = terms.market.tax_rates | {line.tax_class: line.tax_rate_basis_points for line in order.lines}
    for fee in order.fees:
        rates[_own_class(fee.tax_rate_basis_points)] = fee.tax_rate_basis_points
        if fee.kind is ChargeKind.SHIPPING:
            rates["standard"] = fee.tax_rate_basis_points
    columns = {name: getattr(terms.market, name) for name in column_names(Market)}
    columns |= {"tax_rates": rates, "charges_taxed": order.charges_taxed or ChargesTaxed.STANDARD}
    offers = {
        line.sku: Offer(
            name=line.name,
            tax_class=line.tax_class,
            sales_coefficient=line.sales_coefficient,
            price_minor=line.list_price_minor,
        )
        for line in order.lines
    }
    terms = replace(
        terms,
        market=as_loaded(Market, **columns),
        offers=terms.offers | offers,
        taxing=ByMarket(rates),
    )
    if order.taxation is None:
        return terms
    vat_number = revision.customer.get("customer_vat_number", order.customer_vat_number)
    billing = revision.billing_address
    return replace(terms, taxing=retaxing(order, terms, revision.groups, billing, vat_number, override))


def _repriced(order: Order, terms: Terms, revision: Revision) -> Revision:
    """The same revision, with the market's price for lines that are now taxed differently."""
    known = {line.id: line for line in order.lines}
    lines = []
    for given in revision.lines:
        line = known.get(given["line_id"]) if "line_id" in given else None
        if line is not None and follows_price(line, terms, given):
            lines.append(cast(LineEdit, {key: of for key, of in given.items() if key != "unit_price_minor"}))
        else:
            lines.append(given)
    return replace(revision, lines=lines)


def _put_groups(
    session: Session, order: Order, terms: Terms, wanted: Sequence[DeliveryEdit]
) -> list[DeliveryGroup]:
    known = {group.id: group for group in order.delivery_groups}
    groups = []
    for place, given in enumerate(wanted):
        group = known.get(given["group_id"]) if "group_id" in given else None
        columns = terms.group_columns(given, order.locale)
        if group is None:
            group = DeliveryGroup(id=new_id(), order_id=order.id)
            session.add(group)
        elif group.method == given["method"]:
            columns["method_name"] = group.method_name  # as it was called when the order was placed
        _set(group, position=place, **columns)
        groups.append(group)
    session.flush()  # lines refer to them
    return groups


def _put_lines(
    session: Session,
    order: Order,
    groups: Sequence[DeliveryGroup],
    wanted: Sequence[LineEdit],
    costs: Costs,
) -> None:
    known = {line.id: line for line in order.lines}
    for place, (given, priced) in enumerate(zip(wanted, costs.lines, strict=True)):
        line = known.pop(given["line_id"]) if "line_id" in given else None
        if line is None:
            line = OrderLine(id=new_id(), order_id=order.id, cancelled_quantity=0, returned_quantity=0)
            session.add(line)
        _set(line, position=place, group_id=groups[given.get("delivery_group", 0)].id, **vars(priced))
    for line in known.values():
        session.delete(line)
    session.flush()


def _put_fees(session: Session, order: Order, costs: Costs) -> None:
    for fee in order.fees:
        session.delete(fee)
    session.add_all(
        OrderFee(order_id=order.id, position=place, **vars(charge))
        for place, charge in enumerate(costs.others)
    )
    session.flush()


def _set(row: Base, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _drop_groups(session: Session, order: Order, kept: Sequence[DeliveryGroup]) -> None:
    for group in order.delivery_groups:
        if group not in kept:
            session.delete(group)
    session.flush()
    session.refresh(order, ["delivery_groups", "lines", "fees"])


def _put_sums(session: Session, order: Order, totals: Totals) -> None:
    _set(order, **vars(totals))
    recount_cancelled(order)
    derive_payment(session, order)


def _editable(order: Order) -> dict[str, Any]:
    """Everything that an edit can change, to tell whether it did."""
    return {
        "customer": order.customer,
        "billing_address": order.billing_address,
        "delivery_groups": _groups_as_input(order),
        "lines": [
            (line.id, line.group_id, line.name, line.quantity, line.unit_price_minor, line.discount_minor)
            for line in order.lines
        ],
        "fees": [(fee.name, fee.amount_minor) for fee in order.fees if fee.kind is ChargeKind.FEE],
        "discounts": _discounts_as_input(order),
        "coupons": list(order.coupons),
        "tax": order.taxation and (order.taxation.reasons, order.taxation.override),
    }
