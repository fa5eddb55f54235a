"""Orders that are placed, sessions rolled back or really committed, and the API over either."""

import psycopg
import pytest
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ALL_SCOPES, ISSUER, Keys
from services.orders import consumers, db  # noqa: F401 - consumers register themselves
from services.orders.app import create_app
from services.orders.commands import master_data, placing
from services.orders.commands.orders import accept_order
from services.orders.commands.payments import record_payment
from services.orders.messaging import messaging
from services.orders.models import Base
from services.orders.settings import Settings
from shared.db import make_engine
from shared.events.snapshots import People, ShipmentsSnapshot
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from shared.migrations import upgrade
from tests.emptying import MESSAGING, empty
from tests.unit.orders.sample_shop import GATEWAY_SECRET, MARKET, lay_out, order_wanted, shipment_of, stored


@pytest.fixture(scope="session")
def laid_out(postgres_server):
    """A second database of orders with the sample shop in it; nothing else is ever committed there."""
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as connection:
        connection.execute("create database laid_out owner orders")
    engine = make_engine(postgres_server.url("laid_out", role="orders"))
    upgrade(engine, "orders")
    with sessionmaker(engine, info=messaging.session_info()).begin() as session:
        lay_out(session)
    yield engine
    engine.dispose()


@pytest.fixture
def session(service_session, laid_out):
    with service_session(messaging, laid_out) as session:
        yield session


@pytest.fixture
def place_order(session):
    """Place an order of (sku, quantity[, unit price]) lines, and answer it as it is stored."""

    def place(**wanted):
        return stored(session, placing.place_order(session, **order_wanted(**wanted)).id)

    return place


@pytest.fixture
def accept_paid(session, place_order):
    """Place an order, have all its money recorded, and accept it."""

    def accept(**wanted):
        order = place_order(**wanted)
        record_payment(session, order.id, reference="TRF 1")
        accept_order(session, order.id)
        return order

    return accept


@pytest.fixture
def deliver(accept_paid, hear_shipments):
    """Place an order, paid and accepted, and have all of it delivered."""

    def delivered(**wanted):
        order = accept_paid(**wanted)
        hear_shipments(order, "delivered")
        return order

    return delivered


@pytest.fixture
def change_market(session):
    """Change the rules of the market gb."""

    def change(**rules):
        master_data.put_market(session, "gb", **MARKET | rules)
        session.expire_all()

    return change


@pytest.fixture
def hear_shipments(session):
    """Hear from shipping as the inbox does; one shipment of all lines for each status."""
    versions = iter(range(1, 1000))

    def hear(
        order,
        *statuses,
        event="shipment.updated",
        cancellation=None,
        lines=None,
        tracking_number="1",
        returns=(),
        people=None,
    ):
        shipments = tuple(shipment_of(order, status, lines, tracking_number) for status in statuses)
        snapshot = ShipmentsSnapshot(
            order_id=order.id,
            number=order.number,
            version=next(versions),
            people=people or People(),
            shipments=shipments,
            cancellation=cancellation,
            returns=tuple(returns),
        )
        lock_order(session, order.id)
        newest = copies.keep_newest(session, snapshot)
        for handler in messaging.consumers.handlers[event]:
            handler(session, newest)
        session.flush()
        return snapshot

    return hear


@pytest.fixture
def sessions(engines):
    """A maker of sessions that really commit; what they leave is removed."""
    made = sessionmaker(engines["orders"], expire_on_commit=False, info=messaging.session_info())
    with made.begin() as session:
        lay_out(session)
    yield made
    tables = [table.name for table in Base.metadata.sorted_tables]
    with engines["orders"].begin() as connection:
        empty(connection, (*tables, "idempotency_keys", *MESSAGING))


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
        token_issuer=ISSUER,
        service_token="unused",
        customer_link_keys=("key",),
        gateway_secret=GATEWAY_SECRET,
    )
    made = create_app(settings)
    engine = db.sessions.kw["bind"]
    yield made
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
