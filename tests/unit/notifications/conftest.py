"""Notifications on a real database, with a real mail server and a documents' API at its edges."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, text, update
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ISSUER, Keys
from deploy.local.ports import free_port
from services.notifications import consumers, jobs, sending  # noqa: F401 - jobs register themselves
from services.notifications.app import create_app
from services.notifications.messaging import messaging
from services.notifications.models import Email
from services.notifications.settings import Settings
from shared import clock
from shared.messaging import copies
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import jobs as jobs_table
from tests.emptying import MESSAGING, empty
from tests.serving import serving


class MailServer:
    """Takes e-mails and keeps them, unless it was told to answer otherwise."""

    def __init__(self):
        self.at_greeting = []
        self.at_recipient = []  # answers to give to the next recipients, first to first
        self.at_content = []  # and to the next contents
        self.raw = []
        self.greeted = 0
        self.port = free_port()
        self.start()

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def stop(self):
        sending.hang_up()
        self.controller.stop()

    def received(self):  # no property: aiosmtpd looks at each of those for every connection
        return [message_from_bytes(content, policy=default) for content in self.raw]

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        session.host_name = hostname
        self.greeted += 1
        return [self.at_greeting.pop(0)] if self.at_greeting else responses

    async def handle_HELO(self, server, session, envelope, hostname):  # noqa: N802
        session.host_name = hostname
        return self.at_greeting.pop(0) if self.at_greeting else f"250 {server.hostname}"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.at_recipient:
            return self.at_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 recipient taken"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.at_content:
            return self.at_content.pop(0)
        self.raw.append(envelope.original_content)
        return "250 taken as 1234"


TABLES = (
    *("emails", "email_attempts", "email_contents", "notices", "notice_reads", "open_matters"),
    *("feed", "feed_orders", "feed_waiting", *MESSAGING),
)


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server.stop()


class Documents(ThreadingHTTPServer):
    """Documents' API as far as notifications asks it: bytes by id, for whoever has the token."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), DocumentsHandler)
        self.contents = {}
        self.removed = False
        self.broken = False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class DocumentsHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        content = self.server.contents.get(self.path)
        if self.server.broken:
            self.send_error(503)
        elif self.headers["Authorization"] != "Bearer our-token":
            self.send_error(401)
        elif self.server.removed:
            self.answer(409, b'{"status": 409, "reason": "removed"}')
        elif content is None:
            self.send_error(404)
        else:
            self.answer(200, content)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def documents():
    with serving(Documents()) as server:
        yield server


@pytest.fixture
def store(documents):
    """Have documents answer with these bytes for each paper of a snapshot."""

    def stored(snapshot, content):
        for paper in snapshot.papers:
            documents.contents[f"/v1/documents/{paper.document_id}/content"] = content

    return stored


@pytest.fixture
def settings(postgres_server, mail_server, documents):
    return Settings(
        database_url=postgres_server.url("notifications"),
        broker_url="redis://127.0.0.1:1/0",
        orders_url="http://127.0.0.1:1",
        shipping_url="http://127.0.0.1:1",
        documents_url=documents.url,
        notifications_url="http://127.0.0.1:1",
        jwks="",
        token_issuer=ISSUER,
        service_token="our-token",
        customer_link_keys=("key",),
        smtp_url=f"smtp://127.0.0.1:{mail_server.port}",
        mail_from="Waybill <orders@waybill.example>",
        retry_base_seconds=60,  # no test is so slow that what was delayed comes again by itself
        merge_seconds=0,
    )


@pytest.fixture
def session(service_session, settings):
    with service_session(messaging) as opened:
        opened.info["settings"] = settings
        yield opened


@pytest.fixture(autouse=True)
def _quiet_line():
    yield
    sending.hang_up()


@pytest.fixture
def ask(session, settings, tmp_path):
    """Call the API; without scopes as nobody."""
    keys = Keys(tmp_path)
    app = create_app(replace(settings, jwks=str(keys.jwks_file)))
    app.extensions["sessions"] = sessionmaker(
        session.get_bind(),
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info={**messaging.session_info(), "settings": settings},
    )

    def asked(method, address, *, scopes=(), user="tess", headers=(), **options):
        claims = {name: options.pop(name) for name in ("sellers", "markets") if name in options}
        given = dict(headers)
        if scopes:
            given["Authorization"] = f"Bearer {keys.token(user, scopes=scopes, **claims)}"
        return app.test_client().open(address, method=method, headers=given, **options)

    return asked


READER = ("orders:read", "notes:read", "notifications:read")


@pytest.fixture
def get(ask):
    return lambda address, *, scopes=READER, **options: ask("GET", address, scopes=scopes, **options)


@pytest.fixture
def post(ask):
    def posted(address, body=None, *, scopes=(*READER, "notifications:write"), **options):
        return ask("POST", address, scopes=scopes, json=body, **options)

    return posted


@pytest.fixture
def hear(session):
    """Have the consumers follow a snapshot, as when one of its source's events is heard."""

    def heard(snapshot, follow=consumers.follow_order):
        lock_order(session, snapshot.order_id)
        follow(session, copies.keep_newest(session, snapshot))
        session.commit()

    return heard


@pytest.fixture
def emails(session):
    """The e-mails there are, in the order they were owed."""

    def rows(recipient="customer"):
        session.expire_all()
        return session.scalars(
            select(Email).where(Email.recipient == recipient).order_by(Email.order_id, Email.position)
        ).all()

    return rows


@pytest.fixture
def work(session, settings):
    """Do the jobs that are due until none is, as workers would; answers how many were done."""
    sessions = sessionmaker(
        session.get_bind(),
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info={**messaging.session_info(), "settings": settings},
    )

    def worked(*, after_waiting=False):
        if after_waiting:
            session.execute(
                update(jobs_table).where(jobs_table.c.state == "queued").values(run_at=clock.now())
            )
            session.commit()
        done = 0
        while due := due_job(session):
            runner.run(sessions, messaging.jobs, due, Backoff(0.01, 0.02))
            done += 1
        session.expire_all()
        return done

    return worked


def due_job(session) -> UUID | None:
    due = select(jobs_table.c.id).where(jobs_table.c.state == "queued", jobs_table.c.run_at <= clock.now())
    return session.scalars(due.order_by(jobs_table.c.run_at).limit(1)).first()


@pytest.fixture
def sessions(engines, settings):
    """Sessions that commit, as those of several processes do; what they leave is emptied at the end."""
    info = messaging.session_info() | {"settings": settings}
    yield sessionmaker(engines["notifications"], expire_on_commit=False, info=info)
    with engines["notifications"].begin() as connection:
        empty(connection, TABLES)
        connection.execute(text("update feed_head set position = 0"))
