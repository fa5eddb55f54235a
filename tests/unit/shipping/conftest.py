"""Shipping's sessions, rolled back or really committed; its API, and who calls it."""

from base64 import b64encode

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ISSUER, Keys
from services.shipping import consumers, db, jobs  # noqa: F401 - they register themselves
from services.shipping.app import create_app
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from tests.emptying import MESSAGING, empty

TABLES = (
    *("findings", "expected_lines", "expected_returns", "appointments", "sign_offs", "pickups"),
    *("tracking_events", "stock_movements", "parcel_contents", "parcels", "pick_list_lines", "pick_lists"),
    *("unassigned_lines", "goods", "shipment_lines", "shipments", "couriers", "order_states"),
    *("stock_levels", "locations", "idempotency_keys", *MESSAGING),
)


@pytest.fixture
def session(service_session):
    with service_session(messaging) as session:
        yield session


@pytest.fixture
def sessions(engines):
    """A maker of sessions that really commit; what they leave is removed."""
    yield sessionmaker(engines["shipping"], expire_on_commit=False, info=messaging.session_info())
    with engines["shipping"].begin() as connection:
        empty(connection, TABLES)
        connection.execute(text("delete from carriers where code <> 'waybill'"))


CARRIER_SECRET = "whsec_" + b64encode(b"known to these tests alone").decode()
SELLERS_SECRET = "whsec_" + b64encode(b"of one seller's account with a carrier").decode()
SCOPES = ("shipping:read", "shipping:write", "stock:read", "stock:write")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")  # others bind the service to databases of their own
def app(postgres_server, keys):
    nowhere = "http://127.0.0.1:1"
    yield create_app(
        Settings(
            database_url=postgres_server.url("shipping"),
            broker_url="redis://127.0.0.1:1/0",
            orders_url=nowhere,
            shipping_url=nowhere,
            documents_url=nowhere,
            notifications_url=nowhere,
            jwks=str(keys.jwks_file),
            token_issuer=ISSUER,
            service_token="unused",
            customer_link_keys=("a", "b"),
            carrier_secrets=(
                f"waybill={CARRIER_SECRET}",
                f"dhl={CARRIER_SECRET}",
                f"dhl/first={SELLERS_SECRET}",
            ),
        )
    )
    db.sessions.kw["bind"].dispose()


@pytest.fixture
def call(app, keys, sessions):
    """Send a request as somebody and answer status, JSON and headers."""

    def send(method, path, body=None, *, scopes=SCOPES, sellers=("*",), markets=("*",), **headers):
        token = keys.token("ada", scopes=scopes, sellers=sellers, markets=markets)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = app.test_client().open(
            path, method=method, json=body, headers={"Authorization": f"Bearer {token}"} | headers
        )
        return answer.status_code, answer.get_json(), answer.headers

    return send


@pytest.fixture
def told(sessions):
    """Hear of something in a transaction of its own."""

    def tell(action, *arguments, **named):
        with sessions.begin() as session:
            return action(session, *arguments, **named)

    return tell
