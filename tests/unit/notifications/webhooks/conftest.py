"""Webhooks with sessions that commit, and receivers that are real servers on this machine."""

import asyncio
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from sqlalchemy import exists, func, insert, select, text
from sqlalchemy.orm import sessionmaker

from services.notifications import webhook_jobs
from services.notifications.agent import number_events
from services.notifications.commands import webhooks as commands
from services.notifications.domain.webhooks import DeliveryState
from services.notifications.messaging import messaging
from services.notifications.models import Delivery, DeliveryAttempt, Webhook
from services.notifications.webhook_client import WebhookClient
from services.notifications.webhook_jobs import Round
from shared import clock
from shared.db import new_id
from shared.events.samples import envelope
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.tables import inbox, jobs
from tests.emptying import MESSAGING, empty
from tests.serving import serving
from tests.waiting import PATIENCE_SECONDS

TABLES = (
    *("webhook_bodies", "webhook_attempts", "webhook_deliveries", "webhooks", "notices", "notice_reads"),
    *("emails", "email_attempts", "email_contents", "feed", "feed_orders", "feed_waiting", *MESSAGING),
)


class Receiver(ThreadingHTTPServer):
    """Takes what is posted, unless it was told to answer otherwise; keeps what came."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, place=("127.0.0.1", 0)):
        super().__init__(place, ReceiverHandler)
        self.answers = []  # to the next posts: a status, with headers and body, or a function of the handler
        self.otherwise = 204  # to all others
        self.came = []
        self.lock = threading.Lock()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/hooks"

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _, _ in self.came]

    def handle_error(self, request, client_address):
        pass  # who hung up on us


class ReceiverHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.came.append((dict(self.headers.items()), body, time.monotonic()))
            answer = self.server.answers.pop(0) if self.server.answers else self.server.otherwise
        if callable(answer):
            answer(self)
        elif isinstance(answer, tuple):
            self.answer(*answer)
        else:
            self.answer(answer)

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver_at():
    """A server on this machine, given what it listens at or any free port."""
    with ExitStack() as stack:
        yield lambda *place: stack.enter_context(serving(Receiver(*place)))


@pytest.fixture
def receiver(receiver_at):
    return receiver_at()


@pytest.fixture
def settings(settings):
    key = b64encode(bytes(32)).decode()
    return replace(settings, webhook_keys=(key,), webhooks_local=1)


@pytest.fixture
def sessions(engines, settings):
    """Sessions that commit; what they leave is gone after the test."""
    engine = engines["notifications"]
    with engine.begin() as connection:
        empty(connection, TABLES)
    yield sessionmaker(
        engine, expire_on_commit=False, info={**messaging.session_info(), "settings": settings}
    )
    with engine.begin() as connection:
        empty(connection, TABLES)
        connection.execute(text("update feed_head set position = 0"))


@pytest.fixture
def hook(sessions):
    """Make a webhook; answers its id and its secret."""

    def made(receiver, **named):
        address = receiver if isinstance(receiver, str) else receiver.address
        given = {"email": "hooks@shop.example", "description": "", "types": ["*"], "people": False}
        given |= {"sellers": ["*"], "markets": ["*"]} | named
        with sessions.begin() as session:
            webhook, secret = commands.create_webhook(session, address=address, **given)
            return webhook.id, secret

    return made


@pytest.fixture
def hear(sessions):
    """Hear an event that has no place in the feed yet; answers its id."""

    def heard(event_type="order.placed", *, order_id=None, seller="lantern", market="eu", is_of_order=True):
        event_id, now = new_id(), clock.now()
        sample = envelope(event_type) | {"id": str(event_id), "time": now.isoformat()}
        if is_of_order:
            sample |= {"subject": str(order_id or uuid4()), "snapshotversion": time.time_ns()}
            sample["data"]["order"]["seller"]["seller"] = seller
            sample["data"]["order"]["market"]["market"] = market
        else:
            sample["data"]["stock"]["levels"] = [{"seller": seller}]
        row = {"event_id": event_id, "source": "orders", "type": event_type, "subject": sample["subject"]}
        row |= {"envelope": sample, "via": "push", "state": "done", "next_at": now, "done_at": now}
        with sessions.begin() as session:
            session.execute(insert(inbox).values(row))
        return str(event_id)

    return heard


@pytest.fixture
def tell(sessions, hear):
    """Hear events and enter them in the feed; answers their ids."""

    def told(*named, times=1, **which):
        ids = [hear(*named, **which) for _ in range(times)]
        number_events(sessions)
        return ids

    return told


@pytest.fixture
def send(sessions):
    """Send for so many seconds what is due; if they are not given, for as long as it takes."""

    def sent(seconds=None, resolve=None, **named):
        def client(settings):
            return WebhookClient(local=bool(settings.webhooks_local), resolve=resolve, **named)

        while True:
            before = tries()
            asyncio.run(Round(sessions, client=client, seconds=seconds or 0.3).run())
            # What is still due after a round that sent nothing is not to be sent now.
            if seconds or tries() == before or not is_any_due():
                return

    def tries():
        with sessions() as session:
            return session.scalar(select(func.max(DeliveryAttempt.id)))

    def is_any_due():
        due = Delivery.state == DeliveryState.WAITING, Delivery.next_at <= func.now()
        with sessions() as session:
            return session.scalar(select(exists().where(*due)))

    return sent


@pytest.fixture
def sending(sessions, monkeypatch):
    """Send what is due until the end of the test, and then finish what is under way."""
    stopping = bytearray(1)
    monkeypatch.setattr(webhook_jobs, "_stopping", stopping)

    def client(settings):
        return WebhookClient(local=bool(settings.webhooks_local), all_seconds=PATIENCE_SECONDS)

    def start():
        one = Round(sessions, client=client, seconds=PATIENCE_SECONDS)
        started.append(thread.submit(lambda: asyncio.run(one.run())))

    started = []
    with ThreadPoolExecutor(1) as thread:
        yield start
        stopping[0] = 1
        for one in started:
            one.result()


@pytest.fixture
def work_off(sessions):
    """Do the jobs about webhooks, and those that they owe, until none is left; answers how many were done."""

    def work():
        done = 0
        about = jobs.c.kind.in_(("webhook_resend", "webhook_forget", "webhook_bring_forward"))
        waiting = select(jobs.c.id).where(jobs.c.state == "queued", about).order_by(jobs.c.run_at).limit(1)
        while True:
            with sessions() as session:
                job_id = session.scalars(waiting).first()
            if job_id is None:
                return done
            assert runner.run(sessions, messaging.jobs, job_id, Backoff(0.01, 0.02))
            done += 1

    return work


@pytest.fixture
def later(sessions):
    """Have so much time gone by for all that is owed and known of receivers."""

    def passed(**time_gone):
        gone = timedelta(**time_gone)
        with sessions.begin() as session:
            for row in session.scalars(select(Delivery)):
                row.next_at, row.due_at = row.next_at - gone, row.due_at - gone
                row.created_at -= gone
                row.ended_at = row.ended_at and row.ended_at - gone
                row.sending_until = row.sending_until and row.sending_until - gone
            for row in session.scalars(select(Webhook)):
                for name in ("failing_since", "rested_until", "told_at", "previous_until", "enabled_at"):
                    if getattr(row, name):
                        setattr(row, name, getattr(row, name) - gone)

    return passed


@pytest.fixture
def owed(sessions):
    """What there is of deliveries, in order, with their tries."""

    def rows(**which):
        with sessions() as session:
            found = session.scalars(select(Delivery).filter_by(**which).order_by(Delivery.number)).all()
            for row in found:
                assert row.tries is not None
            return found

    return rows


@pytest.fixture
def known(sessions):
    """A webhook as it is now."""

    def row(webhook_id):
        with sessions() as session:
            return session.get_one(Webhook, webhook_id)

    return row


@pytest.fixture
def tries(sessions):
    """The status or error of each try so far."""

    def all_of_them():
        with sessions() as session:
            rows = session.scalars(select(DeliveryAttempt).order_by(DeliveryAttempt.id))
            return [row.status or row.error for row in rows]

    return all_of_them
