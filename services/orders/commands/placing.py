"""Placing an order, the one hot path. The caller owns the transaction; commands never commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, Unpack
from uuid import UUID

import msgspec
from sqlalchemy import select, text, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from services.orders import events
from services.orders.commands.changes import (
    coupon_use_rows,
    derive_columns,
    history_entry,
    search_word_rows,
    watch_deadline,
)
from services.orders.domain.deadlines import Deadlines
from services.orders.domain.order_status import status_after
from services.orders.domain.payments import Balance
from services.orders.domain.taxation import Override, is_open
from services.orders.domain.verification import AUTOMATIC, VERIFICATION, unverified
from services.orders.models import (
    CUSTOMER_COLUMNS,
    Base,
    CouponUse,
    Customer,
    DeliveryGroup,
    HistoryEntry,
    Hold,
    Order,
    OrderFee,
    OrderLine,
    OrderWord,
    as_loaded,
    column_names,
)
from services.orders.pricing.contents import CustomerInput, LineInput, OrderContents
from services.orders.pricing.costs import Costs, costs_of
from services.orders.pricing.coupons import (
    Redemption,
    doubtful_codes,
    free_shipping_by,
    redeem,
    refused_codes,
    waive_shipping,
)
from services.orders.pricing.terms import Terms, refuse_impossible, terms_of
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events.snapshots import Channel, OrderStatus, Totals
from shared.folding import searchable
from shared.messaging.outbox import publication

M = TypeVar("M", bound=Base)


def _rows_of(model: type[Base], given: str) -> str:
    """The SQL that inserts the rows of a model, given under a name.

    Column by column: a row made as its table is would take no default of a column that the next release adds.
    """
    table, columns = model.__tablename__, column_names(model)
    return f"""
        insert into {table} ({", ".join(columns)})
        select {", ".join(f"new.{column}" for column in columns)}
        from {"given" if model is Order else "placed, given"},
             jsonb_populate_recordset(null::{table}, rows -> '{given}') as new
    """  # noqa: S608 - names of our own models


# One round trip where the ORM would take eight. Rows come as JSON, so the text is the same for any order and
# PostgreSQL keeps its plan. Everything hangs on `placed`: under a reference that is taken nothing is written.
# The order's row in `subjects` is made here; nobody else can know the id yet, so there is nothing to lock. A
# draft's order has the row already, and whoever places it the lock.
_INSERT = text(
    f"""
    with given as (
        select cast(:rows as jsonb) as rows
    ), placed as (
        {_rows_of(Order, "order")}
        on conflict (seller_code, external_reference) where external_reference is not null do nothing
        returning id
    ), customer as (
        {_rows_of(Customer, "customer")}
    ), delivery as (
        {_rows_of(DeliveryGroup, "delivery_groups")}
    ), line as (
        {_rows_of(OrderLine, "lines")}
    ), fee as (
        {_rows_of(OrderFee, "fees")}
    ), coupon_use as (
        {_rows_of(CouponUse, "coupon_uses")}
    ), hold as (
        {_rows_of(Hold, "holds")}
    ), history as (
        {_rows_of(HistoryEntry, "history")}
    ), word as (
        {_rows_of(OrderWord, "words")}
    ), subject as (
        insert into subjects (subject) select cast(id as text) from placed
        on conflict do nothing
    ), event as (
        insert into event_log (event_id, type, subject, reference, version, occurred_at, payload,
                               correlation_id, causation_id, trace_parent, actor, told_to)
        select :event_id, :type, :subject, :reference, :version, :occurred_at, cast(:payload as jsonb),
               :correlation_id, :causation_id, :trace_parent, :actor, cast(:subscribers as text[])
        from placed
        returning event_id, seq
    ), deliveries as (
        insert into outbox (event_id, subscriber, seq)
        select event_id, subscriber, seq from event, unnest(cast(:subscribers as text[])) as subscriber
    )
    select pg_notify('outbox', '') from placed
"""  # noqa: S608 - put together from what stands above
)


def place_order(
    session: Session,
    *,
    seller: str,
    market: str,
    exchange_of: UUID | None = None,
    tax: Override | None = None,
    order_id: UUID | None = None,
    origin: Mapping[str, Any] | None = None,
    **contents: Unpack[OrderContents],
) -> Order:
    """Place an order and publish order.placed; a customer without an id is created with it.

    Amounts are in minor units of the market's currency, as its tax mode counts them. A coupon that is not
    valid, or used as often as it may be, grants nothing and is noted with the reason; what the market
    verifies and does not find puts the hold `verification` on the order. Where the market keeps a table of
    taxes, each part is taxed by where it goes and who buys, unless an override says how. A draft's order is
    given the draft's id, and its history where it comes from. Raises Invalid naming each field that market,
    seller or products don't allow, Refused (already_placed) for an external reference that the seller has
    used before. What it answers is for reading: it is not the session's, to which the order is new; do more
    with it in the same transaction by loading it.
    """
    wanted_groups = contents["delivery_groups"]
    terms = terms_of(session, seller, market, contents, numbered=True)
    placed_at, locale = clock.now(), contents.get("locale") or terms.market.locale
    buyer = terms.customer or _new_customer(seller, market, contents["customer"], placed_at)
    addresses = (group.get("address") for group in wanted_groups)
    billing = contents.get("billing_address") or next(filter(None, addresses), None)
    terms = terms.taxed(wanted_groups, billing, buyer.vat_number, placed_at, tax)
    refuse_impossible(terms, contents, ordered_at=placed_at)
    if billing is None:
        raise Invalid(billing_address="is required if nothing is delivered to an address")
    contents["lines"] = [{"price_set_by": actor_of(session).name, **line} for line in contents["lines"]]
    groups = terms.group_rows(wanted_groups, locale)
    redeemed = redeem(
        session, terms, contents, groups, placed_at, customer_id=buyer.id, email=buyer.email, alone=True
    )
    waive_shipping(groups, free_shipping_by(redeemed))
    costs = costs_of(terms, contents, groups, redeemed)
    order = _new_order(
        terms,
        buyer,
        contents,
        redeemed,
        costs,
        placed_at,
        id=order_id or new_id(),
        locale=locale,
        exchange_of=exchange_of,
        billing_address=billing,
    )
    _verify(order, groups, redeemed)
    _set_parts(order, groups, contents["lines"], costs)
    derive_columns(order, placed_at)
    _insert(session, order, None if terms.customer else buyer, origin or {})
    if terms.customer is not None:
        _bought_in(session, terms.customer, market)
    watch_deadline(session, order, Deadlines())
    return order


def _new_order(  # noqa: PLR0917 - what an order takes over
    terms: Terms,
    buyer: Customer,
    contents: OrderContents,
    redeemed: Sequence[Redemption],
    costs: Costs,
    placed_at: datetime,
    **columns: Any,
) -> Order:
    """The row of an order: what its terms, customer, contents, coupons and costs say, and these columns."""
    return as_loaded(
        Order,
        number=terms.number,
        version=1,
        status=status_after("place", OrderStatus.DRAFT),
        seller_code=terms.seller.code,
        seller=terms.seller,
        market_code=terms.market.code,
        market=terms.market,
        channel=contents.get("channel", Channel.OTHER),
        currency=terms.market.currency,
        external_reference=contents.get("external_reference"),
        remark=contents.get("remark", ""),
        tags=[],
        coupons=list(contents.get("coupons", ())),
        coupons_refused=refused_codes(redeemed),
        free_shipping=free_shipping_by(redeemed),
        link_serial=0,
        customer_id=buyer.id,
        **{column: getattr(buyer, name) for name, column in CUSTOMER_COLUMNS.items()},
        payment_method=contents["payment_method"],
        **_sums(costs.totals, placed_at),
        taxation=costs.taxation,
        charges_taxed=terms.market.charges_taxed,
        to_decide=0,
        placed_at=placed_at,
        end_reason="",
        **columns,
    )


def _insert(
    session: Session,
    order: Order,
    customer: Customer | None,
    origin: Mapping[str, Any],
) -> None:
    """Store a new order, and its customer if new, and publish order.placed.

    Raises Refused (already_placed) with the order that has its external reference.
    """
    detail = {**origin, "unverified": order.unverified} if order.unverified else dict(origin)
    entry = history_entry(session, order, "place", {}, detail)
    entry.id = new_id()
    rows = {
        "order": [_columns(order)],
        "customer": _rows([customer] if customer else []),
        "delivery_groups": _rows(order.delivery_groups),
        "lines": _rows(order.lines),
        "fees": _rows(order.fees),
        "coupon_uses": coupon_use_rows(order),
        "holds": _rows(order.holds),
        "history": _rows([entry]),
        "words": search_word_rows(order),
    }
    told = publication(session, events.order_placed(order), new_id())
    stored = session.connection().execute(_INSERT, told | {"rows": msgspec.json.encode(rows).decode()})
    if stored.first() is None:
        _refuse_placed(session, order)


def _bought_in(session: Session, customer: Customer, market: str) -> None:
    """Record that a customer bought in a market, so that those who see only that market see the customer."""
    if market not in customer.markets:
        markets = type_coerce(Customer.markets, JSONB)
        new = update(Customer).where(Customer.id == customer.id, ~markets.has_key(market))
        session.execute(new.values(markets=markets.concat([market])))


def _new_customer(seller: str, market: str, customer: CustomerInput, created_at: datetime) -> Customer:
    unnamed = dict.fromkeys(CUSTOMER_COLUMNS, "")
    return as_loaded(
        Customer,
        id=new_id(),
        seller_code=seller,
        **(unnamed | customer),
        name_folded=searchable(customer.get("name", "")),
        version=1,
        markets=[market],
        created_at=created_at,
    )


def _sums(totals: Totals, placed_at: datetime) -> dict[str, Any]:
    """The order's totals; nothing is paid yet."""
    balance = Balance(total_minor=totals.total_minor, cancelled_minor=0, received_minor=0, refunded_minor=0)
    covered_at = placed_at if balance.covered else None
    return {**vars(totals), **vars(balance), "payment_state": balance.state, "covered_at": covered_at}


def _verify(order: Order, groups: Sequence[DeliveryGroup], redeemed: Sequence[Redemption]) -> None:
    """Record which checks an order fails; if none, it is verified."""
    order.unverified = unverified(
        order.market.verifies,
        order.customer,
        [group.address for group in groups],
        doubtful_codes(redeemed),
        open_vat_number=is_open(order.taxation, order.customer_vat_number),
    )
    if not order.unverified:
        order.verified_by, order.verified_at = AUTOMATIC, order.placed_at


def _set_parts(
    order: Order, groups: Sequence[DeliveryGroup], lines: Sequence[LineInput], costs: Costs
) -> None:
    for place, group in enumerate(groups):
        group.order_id, group.position = order.id, place
    parts: dict[str, Sequence[Base]] = {
        "delivery_groups": groups,
        "lines": [
            _part(
                OrderLine,
                order,
                position=place,
                group_id=groups[line.get("delivery_group", 0)].id,
                cancelled_quantity=0,
                returned_quantity=0,
                **vars(priced),
            )
            for place, (line, priced) in enumerate(zip(lines, costs.lines, strict=True))
        ],
        "fees": [
            _part(OrderFee, order, position=place, **vars(charge))
            for place, charge in enumerate(costs.others)
        ],
        "holds": [
            _part(Hold, order, reason=VERIFICATION, owner=AUTOMATIC, held_at=order.placed_at)
            for _ in range(bool(order.unverified))
        ],
        "refunds": [],
        "returns": [],
        "cancellations": [],
    }
    for name, rows in parts.items():
        set_committed_value(order, name, rows)


def _part(model: type[M], order: Order, **columns: Any) -> M:
    return as_loaded(model, id=new_id(), order_id=order.id, **columns)


def _rows(objects: Sequence[Base]) -> list[dict[str, Any]]:
    return [_columns(one) for one in objects]


def _columns(row: Base) -> dict[str, Any]:
    values = vars(row)  # each of them is there: the row was made with all its columns
    return {name: values[name] for name in column_names(type(row))}


def _refuse_placed(session: Session, order: Order) -> None:
    earlier = session.execute(
        select(Order.id, Order.number).where(
            Order.seller_code == order.seller_code, Order.external_reference == order.external_reference
        )
    ).one()
    raise Refused(
        "already_placed",
        f"{order.external_reference} is already order {earlier.number}",
        order_id=earlier.id,
        number=earlier.number,
    )
