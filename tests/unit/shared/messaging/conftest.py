"""Two services as small as can be, on two real databases: orders tells, shipping hears."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from shared.events.orders import OrderPlaced
from shared.events.routes import SUBSCRIBERS
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox
from shared.messaging.sealing import Sealer
from shared.messaging.service import Messaging
from tests.emptying import MESSAGING, empty


class Service:
    """A service's messaging with sessions that commit."""

    def __init__(self, name, engine):
        self.messaging = Messaging(name, SUBSCRIBERS)
        self.engine = engine
        self.sessions = sessionmaker(engine, expire_on_commit=False, info=self.messaging.session_info())
        self.backoff = Backoff(0.01, 0.02)
        self.hearing = Inbox(sessions=self.sessions, consumers=self.messaging.consumers, backoff=self.backoff)

    def value(self, query, **parameters):
        """The one value that a query answers."""
        with self.engine.connect() as connection:
            return connection.execute(text(query), parameters).scalar()


def _service(name, engine) -> Iterator[Service]:
    yield Service(name, engine)
    with engine.begin() as connection:
        empty(connection, MESSAGING)


@pytest.fixture
def orders(engines) -> Iterator[Service]:
    yield from _service("orders", engines["orders"])


@pytest.fixture
def shipping(engines) -> Iterator[Service]:
    yield from _service("shipping", engines["shipping"])


@pytest.fixture
def heard(shipping) -> list:
    """The snapshots that shipping's consumer was given, in order."""
    snapshots = []

    @shipping.messaging.consumers.on(OrderPlaced)
    def follow(session, order):
        snapshots.append(order)

    return snapshots


@pytest.fixture(scope="session")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def sealers(keys):
    """The sealer of a service, each with keys of its own."""

    def sealer(service):
        public = keys.message_public_keys(SERVICES).split(",")
        return Sealer(service, keys.message_keys(service).split(","), public)

    return sealer
