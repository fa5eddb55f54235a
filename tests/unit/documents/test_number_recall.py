"""A documents database that was set back gives no number twice: it first asks what it told."""

import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker
from werkzeug.serving import make_server

from deploy.local.postgres import FORGETFUL, Postgres, let_the_server_pass
from services.documents import number_recall
from services.documents.commands import papers as commands
from services.documents.jobs import make_paper
from services.documents.messaging import messaging
from services.documents.models import Paper, ToldNumber
from services.documents.numbering import is_recalled
from services.documents.series_audit import faulty_series
from shared import clock, stores
from shared.db import make_engine
from shared.events.snapshots import PaperKind
from shared.messaging import deliveries
from shared.messaging.inbox import _kept
from shared.messaging.jobs import RetryLater
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import inbox, outbox
from shared.migrations import upgrade
from tests.emptying import empty
from tests.in_process import make
from tests.serving import serving
from tests.unit.documents.sample_orders import order

pytestmark = pytest.mark.requirement("K-04")

LISTENERS = ("notifications", "orders")


class Documents:
    """Documents on a server of its own, which can be set back as a whole."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.engine = make_engine(server.url("documents"))
        self.sessions = sessionmaker(
            self.engine,
            expire_on_commit=False,
            info={**messaging.session_info(), "store": stores.at((folder / "papers").as_uri())},
        )

    def due(self, accepted):
        """The invoice of an accepted order, not yet numbered."""
        with self.sessions.begin() as session:
            lock_order(session, accepted.order_id)
            commands.issue_due_papers(session, accepted, None)
            return session.scalars(
                select(Paper.id).where(Paper.order_id == accepted.order_id, Paper.kind == PaperKind.INVOICE)
            ).one()

    def issued(self, accepted):
        """The number of an order's invoice, made as its job makes it and told of."""
        paper_id = self.due(accepted)
        effect = make_paper(self.sessions, {"paper_id": str(paper_id)})
        with self.sessions.begin() as session:
            lock_order(session, accepted.order_id)
            effect(session)
        return self.number_of(paper_id)

    def number_of(self, paper_id):
        with self.sessions() as session:
            return session.get_one(Paper, paper_id).number

    def save(self):
        """Keep all files of the server, as they are now."""
        with self.stopped():
            shutil.copytree(self.server.cluster, self.folder / "base", symlinks=True)

    def recover(self):
        """What is told of a point-in-time recovery: the files as they were, on a timeline of their own."""
        with self.stopped():
            owner = self.server.cluster.stat()
            shutil.rmtree(self.server.cluster)
            shutil.copytree(self.folder / "base", self.server.cluster, symlinks=True)
            (self.server.cluster / "recovery.signal").touch()
            for file in [self.server.cluster, *self.server.cluster.rglob("*")]:
                shutil.chown(file, owner.st_uid, owner.st_gid)

    @contextmanager
    def stopped(self):
        self.engine.dispose()
        self.server.stop()
        yield
        self.server.start()


@pytest.fixture
def documents(tmp_path):
    with tempfile.TemporaryDirectory(prefix="waybill-") as place:
        let_the_server_pass(Path(place))
        # Of what was archived nothing is left to be brought back.
        settings = FORGETFUL | {"restore_command": "false", "hot_standby": "off"}
        server = Postgres(Path(place) / "postgres", databases=["documents"], settings=settings)
        try:
            with server:
                made = Documents(server, tmp_path)
                upgrade(made.engine, "documents")
                yield made
                made.engine.dispose()
        finally:
            server.remove()


@pytest.fixture
def asking(postgres_server, engines, settings, keys):
    """Documents' settings, by which it reaches those whose inboxes have what they were told."""
    with ExitStack() as stack:
        addresses = {}
        for service in LISTENERS:
            made = make(service, postgres_server.url(service), keys, {"GATEWAY_SECRET": keys.gateway_secret})
            made.app.extensions["sessions"] = sessionmaker(engines[service], info=made.session_info)
            server = stack.enter_context(serving(make_server("127.0.0.1", 0, made.app, threaded=True)))
            addresses[f"{service}_url"] = f"http://127.0.0.1:{server.port}"
        yield replace(settings, **addresses, service_token=keys.service_token("documents"))
    for service in LISTENERS:
        with engines[service].begin() as connection:
            empty(connection, ["inbox"])


def tell(documents, engines, listener):
    """Have a listener take in all that it is owed, and keep of it what it keeps."""
    kept = import_module(f"services.{listener}.messaging").messaging.consumers
    with documents.sessions.begin() as session:
        owed = deliveries.pending_for(session, listener, 1000, 0)
        session.execute(outbox.update().values(acked_at=clock.now()))
    with engines[listener].begin() as connection:
        for event in owed:
            connection.execute(
                inbox.insert().values(
                    event_id=UUID(event["id"]),
                    source="documents",
                    type=event["type"],
                    subject=event["subject"],
                    envelope=_kept(kept, event),
                    via="push",
                    state="done",
                    next_at=clock.now(),
                )
            )


@pytest.mark.parametrize("listener", LISTENERS)
def test_numbers_that_one_of_them_heard_stay_those_of_their_orders(
    documents, engines, asking, monkeypatch, listener
):
    first, second, third, later = (order(1) for _ in range(4))
    yesterday = clock.now() - timedelta(days=1)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: yesterday)
        numbers = [documents.issued(first)]
        documents.save()
        numbers.append(documents.issued(second))
    numbers.append(documents.issued(third))
    tell(documents, engines, listener)
    documents.recover()

    new = documents.due(later)
    with pytest.raises(RetryLater, match="may have been restored"):
        make_paper(documents.sessions, {"paper_id": str(new)})
    assert number_recall.recall(documents.sessions, asking) == 2
    assert number_recall.recall(documents.sessions, asking) is None

    numbers.append(documents.issued(later))
    assert len(set(numbers)) == 4
    # Resynced, in whatever order, they are as their customers hold them.
    assert [documents.issued(third), documents.issued(second)] == [numbers[2], numbers[1]]
    with documents.sessions() as session:
        dates = select(Paper.issued_on).where(Paper.number == numbers[1])
        assert session.scalars(dates).all() == [yesterday.date()]
        assert list(faulty_series(session)) == []
        assert session.scalars(select(ToldNumber)).all() == []


def test_a_number_that_nobody_heard_of_is_given_again(documents, engines, asking):
    documents.issued(order(1))
    documents.save()
    unheard = documents.issued(order(1))
    documents.recover()
    number_recall.recall(documents.sessions, asking)

    assert documents.issued(order(1)) == unheard
    with documents.sessions() as session:
        assert list(faulty_series(session)) == []


def test_no_number_is_given_while_the_others_do_not_answer(documents, settings):
    documents.save()
    documents.recover()

    with pytest.raises(httpx2.ConnectError):
        number_recall.recall(documents.sessions, settings)
    with documents.sessions() as session:
        assert not is_recalled(session)


def test_a_restored_dump_asks_too(sessions):
    """Restored tables are others than those that were dumped; here one is made anew."""
    with sessions() as session:
        assert is_recalled(session)
        session.execute(text("alter table series rename to dumped"))
        session.execute(text("create table series (like dumped including all)"))

        assert not is_recalled(session)
        session.rollback()
