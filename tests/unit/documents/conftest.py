"""Documents' tests: sessions that are rolled back, and for what must really commit, ones that do."""

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ISSUER, Keys
from services.documents import consumers, db, jobs  # noqa: F401 - they register themselves
from services.documents.app import create_app
from services.documents.cli import cli
from services.documents.commands import papers as commands
from services.documents.messaging import messaging
from services.documents.queries import papers_in_line
from services.documents.settings import Settings
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from tests.emptying import MESSAGING, empty
from tests.object_store import store_at
from tests.unit.documents.sample_orders import order

TABLES = ("papers", "series", "told_numbers", "logos", "prints", "idempotency_keys", *MESSAGING)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "papers"


@pytest.fixture
def place(folder):
    """The settings that say where bytes are kept."""
    return {"documents_store": folder.as_uri()}


@pytest.fixture
def store(place):
    """What keeps them."""
    return store_at(place)


@pytest.fixture
def session(service_session, store):
    with service_session(messaging) as session:
        session.info["store"] = store
        yield session


@pytest.fixture
def hear(session):
    """Hear a snapshot as the inbox does: locked, kept if it is the newest, handed to the consumer."""

    def hear(snapshot, event):
        lock_order(session, snapshot.order_id)
        newest = copies.keep_newest(session, snapshot)
        for handler in messaging.consumers.handlers[event]:
            handler(session, newest)
        session.flush()

    return hear


@pytest.fixture
def sessions(engines, store):
    """A maker of sessions that really commit; what they leave is removed."""
    yield sessionmaker(
        engines["documents"],
        expire_on_commit=False,
        info={**messaging.session_info(), "store": store},
    )
    with engines["documents"].begin() as connection:
        empty(connection, TABLES)


@pytest.fixture
def known(sessions):
    """An order that documents has heard of."""
    heard = order()
    with sessions.begin() as session:
        lock_order(session, heard.order_id)
        copies.keep_newest(session, heard)
    return heard


@pytest.fixture
def keys(tmp_path):
    return Keys(tmp_path / "keys")


@pytest.fixture
def settings(postgres_server, keys, place):
    return Settings(
        database_url=postgres_server.url("documents"),
        broker_url="redis://127.0.0.1:1/0",
        orders_url="http://127.0.0.1:1",
        shipping_url="http://127.0.0.1:1",
        documents_url="http://127.0.0.1:1",
        notifications_url="http://127.0.0.1:1",
        jwks=str(keys.jwks_file),
        token_issuer=ISSUER,
        service_token="unused",
        customer_link_keys=("key",),
        **place,
    )


@pytest.fixture
def app(settings, sessions):
    yield create_app(settings)
    engine = db.sessions.kw["bind"]
    db.sessions.configure(bind=None, info=messaging.session_info())
    engine.dispose()


@pytest.fixture
def operate(app, settings, place):
    """Run an operator's verb."""
    environment = {
        "DATABASE_URL": settings.database_url,
        **{name.upper(): value for name, value in place.items()},
        "JWKS": settings.jwks,
        "TOKEN_ISSUER": settings.token_issuer,
        "BROKER_URL": settings.broker_url,
        "SERVICE_TOKEN": "none",
        "CUSTOMER_LINK_KEYS": "key",
        **{
            f"{name}_URL": "http://127.0.0.1:1"
            for name in ("ORDERS", "SHIPPING", "DOCUMENTS", "NOTIFICATIONS")
        },
    }

    def operate(*words):
        served = dict(db.sessions.kw)
        ended = CliRunner().invoke(cli, words, env=environment)
        db.sessions.kw["bind"].dispose()  # the verb's own
        db.sessions.configure(**served)
        return ended

    return operate


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def headers(keys):
    def headers(scopes=("documents:read", "documents:issue"), **claims):
        return {"Authorization": f"Bearer {keys.token('tess', scopes=scopes, **claims)}"}

    return headers


@pytest.fixture
def made(sessions, app):
    """An accepted order whose papers are made; answers them by kind."""

    def made(accepted):
        with sessions.begin() as session:
            lock_order(session, accepted.order_id)
            copies.keep_newest(session, accepted)
            commands.issue_due_papers(session, accepted, None)
            ids = [paper.id for paper in papers_in_line(session, accepted.order_id)]
        for paper_id in ids:
            effect = jobs.make_paper(sessions, {"paper_id": str(paper_id)})
            with sessions.begin() as session:
                lock_order(session, accepted.order_id)
                effect(session)
        with sessions() as session:
            return {paper.kind.value: paper for paper in papers_in_line(session, accepted.order_id)}

    return made
