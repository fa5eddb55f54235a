"""Placing an order, the one hot path. The caller owns the transaction; commands never commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from services.orders.commands.changes import history_entry, picture
from services.orders.commands.feasibility import refuse_impossible
from services.orders.commands.insertion import insert_placed
from services.orders.commands.terms import Terms, terms_of
from services.orders.commands.wanted import (
    AddedFee,
    GrantedDiscount,
    OrderingCustomer,
    WantedDelivery,
    WantedLine,
)
from services.orders.domain.channels import Channel
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.order_status import OrderStatus, status_after
from services.orders.domain.payments import PaymentMethod
from services.orders.domain.totals import Charge, ChargeKind, spread_discount, tax_of_each, totals_of
from services.orders.models import Customer, DeliveryGroup, Order, OrderFee, OrderLine
from shared import clock
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid
from shared.events.snapshots import Address

LARGEST_TOTAL_MINOR = 10**15  # far above any order, far below what a bigint holds


def place_order(
    session: Session,
    *,
    seller: str,
    market: str,
    customer: OrderingCustomer,
    delivery_groups: Sequence[WantedDelivery],
    lines: Sequence[WantedLine],
    payment_method: PaymentMethod,
    billing_address: Address | None = None,
    channel: Channel = Channel.OTHER,
    locale: str | None = None,
    external_reference: str | None = None,
    fees: Sequence[AddedFee] = (),
    discounts: Sequence[GrantedDiscount] = (),
) -> Order:
    """Place an order and tell order.placed; a customer without an id is made with it.

    Amounts are in minor units of the market's currency, as its tax mode counts them. Raises Invalid naming
    each field that market, seller or products don't allow, Refused (already_placed) for an external reference
    that the seller has used before.
    """
    terms = terms_of(
        session,
        market=market,
        seller=seller,
        customer_id=customer.get("id"),
        skus=(line["sku"] for line in lines),
    )
    refuse_impossible(terms, payment_method, delivery_groups, lines, fees)
    placed_at = clock.now()
    buyer = terms.customer or _new_customer(seller, customer, placed_at)
    order = Order(
        id=new_id(),
        number=terms.number,
        version=1,
        status=status_after("place", OrderStatus.DRAFT),
        fulfilment=Fulfilment.UNFULFILLED,
        awaiting=None,
        seller_code=seller,
        market_code=market,
        channel=channel,
        locale=locale or terms.market.locale,
        currency=terms.market.currency,
        external_reference=external_reference,
        customer_id=buyer.id,
        customer_name=buyer.name,
        customer_email=buyer.email,
        customer_phone=buyer.phone,
        customer_company=buyer.company,
        customer_vat_number=buyer.vat_number,
        billing_address=billing_address or _first_address(delivery_groups),
        payment_method=payment_method,
        cancelled_minor=0,
        received_minor=0,
        refunded_minor=0,
        placed_at=placed_at,
        accepted_at=None,
        cancelled_at=None,
        completed_at=None,
    )
    set_committed_value(order, "seller", terms.seller)
    set_committed_value(order, "market", terms.market)
    for empty in ("holds", "refunds", "cancellations"):
        set_committed_value(order, empty, [])
    groups = [_delivery_group(order, terms, place, wanted) for place, wanted in enumerate(delivery_groups)]
    set_committed_value(order, "delivery_groups", groups)
    actor = actor_of(session).name
    goods = [_line(order, terms, place, wanted, actor) for place, wanted in enumerate(lines)]
    set_committed_value(order, "lines", goods)
    _charge(order, terms, fees, discounts)
    entry = history_entry(session, order, "place", before={}, after=picture(order), detail={})
    entry.id = new_id()
    insert_placed(session, order, None if terms.customer else buyer, entry)
    return order


def _first_address(delivery_groups: Sequence[WantedDelivery]) -> Address:
    for group in delivery_groups:
        if address := group.get("address"):
            return address
    raise Invalid(billing_address="is needed where nothing is delivered to an address")


def _new_customer(seller: str, customer: OrderingCustomer, created_at: datetime) -> Customer:
    return Customer(
        id=new_id(),
        seller_code=seller,
        name=customer["name"],
        email=customer["email"],
        phone=customer.get("phone", ""),
        company=customer.get("company", ""),
        vat_number=customer.get("vat_number", ""),
        created_at=created_at,
    )


def _delivery_group(order: Order, terms: Terms, place: int, wanted: WantedDelivery) -> DeliveryGroup:
    return DeliveryGroup(
        id=new_id(),
        order_id=order.id,
        position=place,
        method=wanted["method"],
        method_name=terms.method_name(wanted["method"], order.locale),
        shipping_minor=wanted["shipping_minor"],
        address=wanted.get("address"),
        pickup_point=wanted.get("pickup_point"),
        requested_on=wanted.get("requested_on"),
    )


def _line(order: Order, terms: Terms, place: int, wanted: WantedLine, actor: str) -> OrderLine:
    offer = terms.offers[wanted["sku"]]
    price = wanted.get("unit_price_minor", offer.price_minor)
    assert price is not None
    discount = wanted.get("discount_minor", 0)
    return OrderLine(
        id=new_id(),
        order_id=order.id,
        position=place,
        group_id=order.delivery_groups[wanted.get("delivery_group", 0)].id,
        sku=wanted["sku"],
        name=wanted.get("name") or offer.name,
        quantity=wanted["quantity"],
        unit_price_minor=price,
        list_price_minor=offer.price_minor,
        price_set_by=None if price == offer.price_minor else actor,
        discount_minor=discount,
        total_minor=price * wanted["quantity"] - discount,
        tax_class=offer.tax_class,
        tax_rate_basis_points=terms.market.tax_rates[offer.tax_class],
        sales_coefficient=offer.sales_coefficient,
        cancelled_quantity=0,
        returned_quantity=0,
    )


def _charge(
    order: Order, terms: Terms, fees: Sequence[AddedFee], discounts: Sequence[GrantedDiscount]
) -> None:
    """Work out what all costs: shipping, fees and discounts beside the lines, each tax, and the sums."""
    mode, rounding = terms.market.tax_mode, terms.market.tax_rounding
    goods = [Charge(ChargeKind.LINE, line.total_minor, line.tax_rate_basis_points) for line in order.lines]
    others = _other_charges(order, terms.market.tax_rates, goods, fees, discounts)
    charges = goods + [charge for _, charge, _ in others]
    taxes = tax_of_each(charges, mode, rounding)
    totals = totals_of(charges, taxes, mode)
    if totals.discounts_minor > totals.lines_minor:
        raise Invalid(discounts="are more than the goods cost")
    if totals.total_minor > LARGEST_TOTAL_MINOR:
        raise Invalid(lines=f"cost more than {LARGEST_TOTAL_MINOR} in all")
    for line, tax in zip(order.lines, taxes, strict=False):
        line.tax_minor = tax
    order_fees = [
        OrderFee(
            id=new_id(),
            order_id=order.id,
            position=place,
            kind=charge.kind,
            name=name,
            amount_minor=charge.amount_minor,
            tax_rate_basis_points=charge.rate_basis_points,
            tax_minor=tax,
            group_id=group_id,
        )
        for place, ((name, charge, group_id), tax) in enumerate(zip(others, taxes[len(goods) :], strict=True))
    ]
    set_committed_value(order, "fees", order_fees)
    order.lines_minor = totals.lines_minor
    order.fees_minor = totals.fees_minor
    order.shipping_minor = totals.shipping_minor
    order.discounts_minor = totals.discounts_minor
    order.tax_added_minor = totals.tax_added_minor
    order.total_minor = totals.total_minor
    order.tax = totals.tax
    order.payment_state = order.ledger.state
    order.covered_at = order.placed_at if order.ledger.covered else None


def _other_charges(
    order: Order,
    rates: Mapping[str, int],
    goods: Sequence[Charge],
    fees: Sequence[AddedFee],
    discounts: Sequence[GrantedDiscount],
) -> list[tuple[str, Charge, UUID | None]]:
    """What is charged or taken off beside the lines: its name, and its delivery group if it is shipping."""
    charges: list[tuple[str, Charge, UUID | None]] = []
    for group in order.delivery_groups:
        if group.shipping_minor:
            shipping = Charge(ChargeKind.SHIPPING, group.shipping_minor, rates["standard"])
            charges.append((group.method_name, shipping, group.id))
    for fee in fees:
        rate = rates[fee.get("tax_class", "standard")]
        charges.append((fee["name"], Charge(ChargeKind.FEE, fee["amount_minor"], rate), None))
    for discount in discounts:
        shares = spread_discount(discount["amount_minor"], goods)
        charges += [(discount["name"], share, None) for share in shares]
    return charges
