"""Documents' tests: sessions that are rolled back, and for what must really commit, ones that do."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from services.documents import consumers, jobs  # noqa: F401 - they register themselves
from services.documents.messaging import messaging
from shared.messaging import copies
from shared.messaging.subjects import lock_order


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "papers"


@pytest.fixture
def session(service_session, folder):
    with service_session(messaging) as session:
        session.info["documents_folder"] = folder
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
def sessions(engines, folder):
    """A maker of sessions that really commit; what they leave is removed."""
    yield sessionmaker(
        engines["documents"],
        expire_on_commit=False,
        info={**messaging.session_info(), "documents_folder": folder},
    )
    with engines["documents"].begin() as connection:
        connection.execute(text("truncate papers, series, jobs, event_log, outbox, subjects, copies"))
