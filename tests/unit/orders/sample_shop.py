"""A small shop: its market, sellers and wares, and what is wanted of it, as commands and the API take it."""

from base64 import b64encode
from uuid import UUID

from services.orders.commands import master_data
from services.orders.models import Order
from shared import clock
from shared.db import new_id
from shared.events.snapshots import (
    Address,
    Cancellation,
    Parcel,
    PaymentMethod,
    ReceivedReturn,
    ReturnLine,
    Shipment,
    ShipmentLine,
    TaxMode,
    TaxRounding,
)

HOME = Address(name="Ada Okafor", line1="3 Quay Row", city="Hull", postcode="HU1 2AB", country="GB")
GATEWAY_SECRET = "whsec_" + b64encode(b"known to these tests alone").decode()
PRODUCTS = {"TEA-250": 450, "MUG-1": 1200, "BOOK-1": 999}

MARKET = {
    "name": "United Kingdom",
    "currency": "GBP",
    "locale": "en",
    "time_zone": "Europe/London",
    "tax_mode": TaxMode.GROSS,
    "tax_rounding": TaxRounding.PER_LINE,
    "tax_rates": {"standard": 2000, "reduced": 500, "zero": 0},
    "payment_methods": [method for method in PaymentMethod if method is not PaymentMethod.EXCHANGE],
    "shipping_methods": {"delivery": {"en": "Delivery", "es": "Envío"}, "pickup": {"en": "Pickup"}},
    "backorders": True,
    "invoice_on": "acceptance",
    "pay_within_seconds": None,
    "accept_within_seconds": None,
    "return_days": 14,
    "return_expiry_days": 30,
    "exchange_after_return": True,
}


def seller_details(**changes):
    return {
        "name": "Quay Tea",
        "legal_name": "Quay Tea Ltd",
        "email": "orders@quay.example",
        "phone": "",
        "address": HOME,
        "vat_number": "GB123456789",
        "registration": "",
        "website": "",
        "iban": "",
        "colour": "#1f4e5f",
        "legal_text": {},
    } | changes


def product_details(**changes):
    return {
        "name": "Assam tea",
        "description": "",
        "page_url": "",
        "tax_class": "standard",
        "sales_coefficient": 1,
        "active": True,
        "prices": {},
    } | changes


def lay_out(session):
    """Two sellers with the same wares, and two markets: gross pounds and net euros."""
    master_data.put_market(session, "gb", **MARKET)
    master_data.put_market(
        session, "eu", **MARKET | {"name": "Europe", "currency": "EUR", "tax_mode": TaxMode.NET}
    )
    for seller in ("quay", "dock"):
        master_data.put_seller(session, seller, **seller_details(name=seller.title()))
        for sku, price in PRODUCTS.items():
            details = product_details(
                name=sku.title(),
                prices={"gb": price, "eu": price},
                tax_class="zero" if sku == "BOOK-1" else "standard",
            )
            master_data.put_product(session, seller, sku, **details)


def order_wanted(lines=(("TEA-250", 2),), method="transfer", **changes):
    """What place_order is given: lines are (sku, quantity[, unit price])."""
    wanted = [
        {"sku": line[0], "quantity": line[1]} | ({"unit_price_minor": line[2]} if line[2:] else {})
        for line in lines
    ]
    return {
        "seller": "quay",
        "market": "gb",
        "customer": {"name": "Ada Okafor", "email": "ada@example.com", "phone": "+44 1482 000000"},
        "delivery_groups": [{"method": "delivery", "shipping_minor": 0, "address": HOME}],
        "lines": wanted,
        "payment_method": PaymentMethod(method),
    } | changes


def shipment_of(order, status, lines=None, tracking_number="1"):
    carried = lines or [(line, line.quantity) for line in order.lines]
    return Shipment(
        shipment_id=new_id(),
        number=f"{order.number}/{status}",
        group_id=order.delivery_groups[0].id,
        method="delivery",
        status=status,
        location="WEST",
        lines=tuple(
            ShipmentLine(line_id=line.id, sku=line.sku, quantity=quantity, units=quantity)
            for line, quantity in carried
        ),
        parcels=(Parcel(parcel_id=new_id(), carrier="w", tracking_number=tracking_number, tracking_url=""),),
        created_at=order.placed_at,
        delivered_at=order.placed_at if status == "delivered" else None,
    )


def came(one, *, restocked=None, scrapped=0):
    """What shipping says came of a return: all that was asked for, sellable, unless it says otherwise."""
    return ReceivedReturn(
        return_id=one.id,
        location="WEST",
        received_at=clock.now(),
        lines=tuple(
            ReturnLine(
                line_id=line.line_id,
                sku=line.sku,
                requested_quantity=line.requested_quantity,
                received_quantity=(line.requested_quantity if restocked is None else restocked) + scrapped,
                restocked_quantity=line.requested_quantity if restocked is None else restocked,
                scrapped_quantity=scrapped,
            )
            for line in one.lines
        ),
    )


def answer(order, *, done, reason=""):
    """Shipping's answer to the order's newest cancellation."""
    return Cancellation(requested_at=order.cancellation.requested_at, done=done, reason=reason)


def placing_body(**changes):
    """An order as the API takes it."""
    address = {
        "name": "Ada Okafor",
        "line1": "3 Quay Row",
        "city": "Hull",
        "postcode": "HU1 2AB",
        "country": "GB",
    }
    return {
        "seller": "quay",
        "market": "gb",
        "customer": {"name": "Ada Okafor", "email": "ada@example.com", "phone": "+44 1482 000000"},
        "delivery_groups": [{"method": "delivery", "shipping_minor": 500, "address": address}],
        "lines": [{"sku": "TEA-250", "quantity": 2}],
        "payment_method": "transfer",
    } | changes


def stored(session, order_id):
    """The order as it is in the database now."""
    return session.get(Order, UUID(str(order_id)), populate_existing=True)
