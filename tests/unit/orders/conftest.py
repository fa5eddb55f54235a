"""Markets, sellers and products to order from; orders that were placed; the API over the same transaction."""

from base64 import b64encode
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ALL_SCOPES, Keys
from services.orders import consumers, db  # noqa: F401 - consumers register themselves
from services.orders.app import create_app
from services.orders.commands import masters, placing
from services.orders.domain.payments import PaymentMethod
from services.orders.domain.totals import TaxMode, TaxRounding
from services.orders.messaging import messaging
from services.orders.models import Base, Order
from services.orders.settings import Settings
from shared.db import new_id
from shared.events.snapshots import (
    Address,
    Cancellation,
    Parcel,
    People,
    Shipment,
    ShipmentLine,
    ShipmentsSnapshot,
)
from shared.messaging import copies
from shared.messaging.subjects import lock_order

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
    "payment_methods": [*PaymentMethod],
    "shipping_methods": {"delivery": {"en": "Delivery", "es": "Envío"}, "pickup": {"en": "Pickup"}},
    "backorders": True,
    "invoice_on": "acceptance",
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
    masters.put_market(session, "gb", **MARKET)
    masters.put_market(
        session, "eu", **MARKET | {"name": "Europe", "currency": "EUR", "tax_mode": TaxMode.NET}
    )
    for seller in ("quay", "dock"):
        masters.put_seller(session, seller, **seller_details(name=seller.title()))
        for sku, price in PRODUCTS.items():
            details = product_details(
                name=sku.title(),
                prices={"gb": price, "eu": price},
                tax_class="zero" if sku == "BOOK-1" else "standard",
            )
            masters.put_product(session, seller, sku, **details)


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


@pytest.fixture
def session(service_session):
    with service_session(messaging) as session:
        lay_out(session)
        yield session


@pytest.fixture
def place_order(session):
    """Place an order of (sku, quantity[, unit price]) lines, and answer it as it is stored."""

    def place(**wanted):
        return placing.place_order(session, **order_wanted(**wanted))

    return place


@pytest.fixture
def change_market(session):
    """Change the rules of the market gb."""

    def change(**rules):
        masters.put_market(session, "gb", **MARKET | rules)
        session.expire_all()

    return change


@pytest.fixture
def hear_shipments(session):
    """Hear from shipping as the inbox does; one shipment of all lines for each status."""
    versions = iter(range(1, 1000))

    def hear(order, *statuses, event="shipment.updated", cancellation=None, lines=None):
        shipments = tuple(shipment_of(order, status, lines) for status in statuses)
        snapshot = ShipmentsSnapshot(
            order_id=order.id,
            number=order.number,
            version=next(versions),
            people=People(),
            shipments=shipments,
            cancellation=cancellation,
        )
        lock_order(session, order.id)
        newest = copies.keep_newest(session, snapshot)
        for handler in messaging.consumers.handlers[event]:
            handler(session, newest)
        session.flush()
        return snapshot

    return hear


def shipment_of(order, status, lines=None):
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
        parcels=(Parcel(parcel_id=new_id(), carrier="w", tracking_number="1", tracking_url=""),),
        created_at=order.placed_at,
    )


def answer(order, *, done, reason=""):
    """Shipping's answer to the order's newest cancellation."""
    return Cancellation(requested_at=order.cancellation.requested_at, done=done, reason=reason)


@pytest.fixture
def sessions(engines):
    """A maker of sessions that really commit; what they leave is removed."""
    made = sessionmaker(engines["orders"], expire_on_commit=False, info=messaging.session_info())
    with made.begin() as session:
        lay_out(session)
    yield made
    tables = [table.name for table in Base.metadata.sorted_tables]
    tables += ["idempotency_keys", "event_log", "outbox", "inbox", "jobs", "subjects", "copies"]
    with engines["orders"].begin() as connection:
        connection.execute(text(f"truncate {', '.join(tables)}"))


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def app(postgres_server, keys):
    """The service's own application; a test hands it the sessions it shall use."""
    settings = Settings(
        database_url=postgres_server.url("orders"),
        broker_url="redis://127.0.0.1:1/0",
        orders_url="http://127.0.0.1:1",
        shipping_url="http://127.0.0.1:1",
        documents_url="http://127.0.0.1:1",
        notifications_url="http://127.0.0.1:1",
        jwks=str(keys.jwks_file),
        service_token="unused",
        customer_link_keys=("key",),
        gateway_secret=GATEWAY_SECRET,
    )
    yield create_app(settings)
    engine = db.sessions.kw["bind"]
    db.sessions.configure(bind=None)
    engine.dispose()


@pytest.fixture
def client(app, session):
    """The API over this test's transaction."""
    app.extensions["sessions"] = sessionmaker(
        session.connection(),
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info=messaging.session_info(),
    )
    return app.test_client()


@pytest.fixture
def committing_client(app, sessions):
    """The API as it runs, each command committed."""
    app.extensions["sessions"] = sessions
    return app.test_client()


@pytest.fixture
def bearer(keys):
    """The headers of a caller; of every seller and market with every scope, unless it says otherwise."""

    def headers(*, scopes=ALL_SCOPES, subject="tess", **claims):
        return {"Authorization": f"Bearer {keys.token(subject, scopes=scopes, **claims)}"}

    return headers


def placing_body(**changes):
    """An order as the API takes it."""
    address = {"name": "Ada Okafor", "line1": "3 Quay Row", "city": "Hull", "country": "GB"}
    return {
        "seller": "quay",
        "market": "gb",
        "customer": {"name": "Ada Okafor", "email": "ada@example.com"},
        "delivery_groups": [{"method": "delivery", "shipping_minor": 500, "address": address}],
        "lines": [{"sku": "TEA-250", "quantity": 2}],
        "payment_method": "transfer",
    } | changes


def stored(session, order_id):
    """The order as it is in the database now."""
    return session.get(Order, UUID(str(order_id)), populate_existing=True)
