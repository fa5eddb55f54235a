"""The quote for a draft: current prices, totals and stock, what has changed, and what is still missing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from services.orders.domain import draft_status
from services.orders.domain.coupons import NOTHING_LEFT
from services.orders.domain.taxation import is_open
from services.orders.domain.verification import Check, unverified
from services.orders.models import DeliveryGroup, Draft
from services.orders.pricing.contents import DeliveryInput, LineInput, OrderContents
from services.orders.pricing.costs import (
    Costs,
    PricedLine,
    SideCharge,
    costs_of,
)
from services.orders.pricing.coupons import (
    Redemption,
    doubtful_codes,
    free_shipping_by,
    redeem,
    waive_shipping,
)
from services.orders.pricing.terms import (
    Offer,
    Terms,
    impossibilities,
    is_impossible,
    terms_of,
    untaxable,
)
from shared import clock
from shared.access import EVERYTHING
from shared.errors import Invalid
from shared.events.from_rows import made_of
from shared.events.snapshots import (
    Address,
    OrderStatus,
    Person,
    StockLevel,
    StockSnapshot,
    TaxReason,
    TaxTreatment,
    Totals,
)
from shared.messaging import copies
from shared.money import Money
from shared.skus import subject
from shared.state_machine import Refusal

_person = made_of(Person)

_PARTS_OF_ADDRESSES = ("name", "line1", "city", "country")

_REFUSED = {
    "coupon_unknown": "is unknown",
    "coupon_not_yet_valid": "is not valid yet",
    "coupon_expired": "has expired",
    "coupon_used_up": "has been used up",
    "coupon_used_by_customer": "has been used up by this customer",
    "coupon_below_minimum": "is for goods of {minimum} or more",
    NOTHING_LEFT: "finds nothing left to discount",
}


@dataclass(frozen=True, kw_only=True)
class Availability:
    """The stock of a line's SKU as last reported by shipping: advice, not a promise."""

    as_of: datetime
    available_units: int
    needed_units: int  # by all lines of the draft together
    levels: Sequence[StockLevel]

    @property
    def enough(self) -> bool:
        """Whether there is enough stock for the draft."""
        return self.available_units >= self.needed_units


@dataclass(frozen=True, kw_only=True)
class QuotedLine:
    """A line as it would be placed now; without a price if it could not be."""

    sku: str
    name: str
    own_name: str | None
    page_url: str
    quantity: int
    sales_coefficient: int
    delivery_group: int
    unit_price_minor: int | None
    list_price_minor: int | None
    price_set_by: str | None
    discount_minor: int
    total_minor: int
    tax_rate_basis_points: int | None
    tax_minor: int
    tax_treatment: TaxTreatment | None
    availability: Availability | None  # None: shipping has never told of the SKU


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that whoever works on the draft should know."""

    code: str
    detail: str
    line: int | None = None  # its place
    was_minor: int | None = None  # of price_changed: what a unit cost when the line was added
    coupon: str | None = None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A draft, and its current prices and totals."""

    draft: Draft
    contents: OrderContents
    customer: Person
    groups: Sequence[DeliveryGroup]
    lines: Sequence[QuotedLine]
    charges: Sequence[SideCharge]
    coupons: Sequence[Redemption]
    totals: Totals
    tax_reasons: Sequence[TaxReason]  # of each rate, where the market keeps a table
    notices: Sequence[Notice]
    lacks: Mapping[str, str]  # by field: what must be there before it can be placed
    unverified: Sequence[Check]  # what would have the order held for verification

    @property
    def version(self) -> int:
        """The draft's version."""
        return self.draft.version

    @property
    def actions(self) -> dict[str, Refusal | None]:
        """Each action with what blocks it, or None if it is possible now."""
        status = self.draft.status
        return {action: draft_status.refusal(action, status, self.lacks) for action in draft_status.ACTIONS}


def contents_of(draft: Draft) -> OrderContents:
    """The contents of a draft, typed."""
    return msgspec.convert(draft.contents, OrderContents)


def quote(session: Session, draft: Draft, terms: Terms | None = None) -> Quote:
    """Work out a draft's prices and totals on current terms."""
    contents = contents_of(draft)
    terms = terms or terms_of(session, draft.seller_code, draft.market_code, contents)
    customer, customer_id = _customer(terms, contents), terms.customer.id if terms.customer else None
    wanted_groups = contents.get("delivery_groups", [])
    terms = terms.taxed(
        [_with_place(group) for group in wanted_groups],
        _billing(contents),
        customer.vat_number,
        clock.now(),
    )
    lines = contents.get("lines", [])
    sold = [line for line in lines if not is_impossible(terms, line)]
    taxable = [fee for fee in contents.get("fees", []) if not untaxable(terms, fee)]
    possible = contents | {"lines": sold, "fees": taxable}
    locale = contents.get("locale", terms.market.locale)
    groups = terms.group_rows(wanted_groups, locale)
    redeemed = redeem(
        session, terms, possible, groups, clock.now(), customer_id=customer_id, email=customer.email
    )
    waive_shipping(groups, free_shipping_by(redeemed))
    lacks = {} if draft.status is OrderStatus.PLACED else _lacking(terms, contents)
    try:
        costs = costs_of(terms, possible, groups, redeemed)
    except Invalid as error:
        lacks |= error.fields
        costs = costs_of(terms, {})
    quoted = _lines(terms, lines, sold, costs, _availability(session, terms, sold))
    return Quote(
        draft=draft,
        contents=contents,
        customer=customer,
        groups=groups,
        lines=quoted,
        charges=costs.others,
        coupons=redeemed,
        totals=costs.totals,
        tax_reasons=costs.taxation.reasons if costs.taxation else (),
        notices=[*_notices(terms, lines, quoted), *_coupon_notices(terms, redeemed)],
        lacks=lacks,
        unverified=unverified(
            terms.market.verifies,
            customer,
            [group.address for group in groups],
            doubtful_codes(redeemed),
            open_vat_number=is_open(costs.taxation, customer.vat_number),
        ),
    )


def _lacking(terms: Terms, contents: OrderContents) -> dict[str, str]:
    lines, groups = contents.get("lines", []), contents.get("delivery_groups", [])
    customer = contents.get("customer", {})
    lacks: dict[str, str] = {}
    if not customer:
        lacks["customer"] = "choose a customer, or enter a new one"
    elif "id" not in customer:
        lacks |= {f"customer.{name}": "is required" for name in ("name", "email") if not customer.get(name)}
    if not lines:
        lacks["lines"] = "at least one line is needed"
    if not groups:
        lacks["delivery_groups"] = "say where the goods go, and how"
    elif "billing_address" not in contents and not any("address" in group for group in groups):
        lacks["billing_address"] = "is required if nothing is delivered to an address"
    lacks |= dict(_lacking_of_addresses(contents))
    wrong = impossibilities(terms, contents, ordered_at=clock.now())
    if not lines or not groups:  # nothing can be assigned yet
        wrong = {field: reason for field, reason in wrong.items() if not _is_assignment(field)}
    return lacks | wrong


def _lacking_of_addresses(contents: OrderContents) -> Iterator[tuple[str, str]]:
    """The required parts that addresses are missing; an order can't be placed without them."""
    places = {
        f"delivery_groups.{place}.address": group.get("address")
        for place, group in enumerate(contents.get("delivery_groups", []))
    }
    for field, address in (places | {"billing_address": contents.get("billing_address")}).items():
        if address is not None:
            for part in _PARTS_OF_ADDRESSES:
                if not getattr(address, part).strip():
                    yield f"{field}.{part}", "is required"


def _is_assignment(field: str) -> bool:
    first, _, rest = field.partition(".")
    return (first == "delivery_groups" and rest.isdigit()) or rest.endswith(".delivery_group")


def _billing(contents: OrderContents) -> Address | None:
    """The billing address that placing the draft would use."""
    addresses = (group.get("address") for group in contents.get("delivery_groups", []))
    found = contents.get("billing_address") or next(filter(None, addresses), None)
    return found if found and found.country else None


def _with_place(group: DeliveryInput) -> DeliveryInput:
    """A delivery as needed for taxes: without an address until its country is known."""
    address = group.get("address")
    return group if address is None or address.country else group | {"address": None}


def _customer(terms: Terms, contents: OrderContents) -> Person:
    if terms.customer is not None:
        return _person(terms.customer)
    given: Mapping[str, Any] = contents.get("customer", {})
    return Person(**{part.name: given.get(part.name, "") for part in fields(Person)})


def _availability(session: Session, terms: Terms, sold: Sequence[LineInput]) -> dict[str, Availability]:
    needed: Counter[str] = Counter()
    for line in sold:
        needed[line["sku"]] += line["quantity"] * terms.offers[line["sku"]].sales_coefficient
    told = {
        stock.sku: stock
        for stock in copies.newest_of_each(session, map(subject, needed), StockSnapshot).values()
    }
    owners = {terms.seller.code, EVERYTHING}  # another seller's goods of the same SKU are other goods
    levels = {sku: [level for level in stock.levels if level.seller in owners] for sku, stock in told.items()}
    return {
        sku: Availability(
            as_of=stock.as_of,
            available_units=sum(level.on_hand - level.reserved for level in levels[sku]),
            needed_units=needed[sku],
            levels=levels[sku],
        )
        for sku, stock in told.items()
    }


def _lines(
    terms: Terms,
    lines: Sequence[LineInput],
    sold: Sequence[LineInput],
    costs: Costs,
    stock: Mapping[str, Availability],
) -> list[QuotedLine]:
    priced = dict(zip(map(id, sold), costs.lines, strict=False))  # none where the sums are absurd
    return [_line(terms, line, priced.get(id(line)), stock.get(line["sku"])) for line in lines]


def _line(
    terms: Terms, line: LineInput, priced: PricedLine | None, availability: Availability | None
) -> QuotedLine:
    offer = terms.offers.get(line["sku"])
    shown = offer or Offer(name=_former_name(line), tax_class="", sales_coefficient=1, price_minor=None)
    price = line.get("unit_price_minor", shown.price_minor)
    if priced is not None:
        price = priced.unit_price_minor
    return QuotedLine(
        sku=line["sku"],
        name=line.get("name") or shown.name,
        own_name=line.get("name"),
        page_url=shown.page_url,
        quantity=line["quantity"],
        sales_coefficient=shown.sales_coefficient,
        delivery_group=line.get("delivery_group", 0),
        unit_price_minor=price,
        list_price_minor=shown.price_minor,
        price_set_by=line.get("price_set_by"),
        discount_minor=line.get("discount_minor", 0),
        total_minor=priced.total_minor if priced else 0,
        tax_rate_basis_points=priced.tax_rate_basis_points if priced else None,
        tax_minor=priced.tax_minor if priced else 0,
        tax_treatment=priced.tax_treatment if priced else None,
        availability=availability,
    )


def _notices(terms: Terms, lines: Sequence[LineInput], quoted: Sequence[QuotedLine]) -> Iterator[Notice]:
    for place, (line, now) in enumerate(zip(lines, quoted, strict=True)):
        if line["sku"] not in terms.offers:
            yield Notice(line=place, code="not_sold", detail=f"{now.name} ({now.sku}) is no longer sold")
            continue
        before = line.get("quoted", {}).get("price_minor")
        if now.unit_price_minor is None:
            yield Notice(line=place, code="no_price", detail=f"{now.name} has no price in this market")
        elif "unit_price_minor" not in line and before not in {None, now.list_price_minor}:
            was, is_now = (
                Money(price or 0, terms.market.currency).show(terms.market.locale)
                for price in (before, now.list_price_minor)
            )
            detail = f"{now.name} was {was} and is now {is_now}"
            yield Notice(line=place, code="price_changed", detail=detail, was_minor=before)
        stock = now.availability
        if stock is not None and not stock.enough:
            yield Notice(
                line=place,
                code="not_enough_stock",
                detail=f"{stock.available_units} of {stock.needed_units} units of {now.sku} are in stock",
            )


def _coupon_notices(terms: Terms, redeemed: Sequence[Redemption]) -> Iterator[Notice]:
    for redemption in redeemed:
        if redemption.refusal:
            minimum = Money(redemption.minimum_minor or 0, terms.market.currency).show(terms.market.locale)
            why = _REFUSED[redemption.refusal].format(minimum=minimum)
            detail = f"{redemption.code} {why} and takes nothing off"
            yield Notice(coupon=redemption.code, code=redemption.refusal, detail=detail)


def _former_name(line: LineInput) -> str:
    return line.get("quoted", {}).get("name") or line["sku"]
