"""The four services over one transaction each, hearing each other; nothing of it is ever committed."""

import json
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import sessionmaker
from standardwebhooks import Webhook

from deploy.local.databases import SERVICES
from services.notifications.commands import feed
from shared import clock
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox, receive_and_process
from shared.messaging.outbox import envelope
from shared.messaging.tables import event_log, inbox, jobs, outbox
from tests.in_process import make

WAIT = Backoff(0.01, 0.02)
LINK_KEY = "a key that customers' links are signed with"
SECRET = "whsec_" + b64encode(b"known to these tests alone").decode()
SETTINGS = {
    "CUSTOMER_LINK_KEYS": LINK_KEY,
    "GATEWAY_SECRET": SECRET,
    "CARRIER_SECRETS": f"waybill={SECRET},dhl/quay={SECRET}",
}


@dataclass
class Door:
    """One service's API, over a connection whose transaction is rolled back at the end."""

    service: str
    app: object
    connection: object
    sessions: object
    messaging: object
    told: int = 0  # up to which event the others have heard

    @cached_property
    def document(self):
        """What the service says of itself."""
        return self.app.test_client().get("/openapi.json").get_json()

    def ask(self, method, path, *, token=None, **request):
        """Send a request; what it changes stays."""
        headers = dict(request.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.app.test_client().open(path, method=method, headers=headers, **request)
        answer.get_data()  # a streamed one is read while its transaction is open
        answer.close()
        return answer

    def try_out(self, method, path, **request):
        """Send a request, undo what it changed, and answer it with how many events it told."""
        with self.undone():
            return self.ask_and_count(method, path, **request)

    def ask_and_count(self, method, path, **request):
        """Send a request, and answer it with how many events it told."""
        before = self.events
        answer = self.ask(method, path, **request)
        return answer, self.events - before

    @contextmanager
    def undone(self):
        """Whatever is changed inside is not, afterwards."""
        savepoint = self.connection.begin_nested()
        yield
        savepoint.rollback()

    def give_up_something(self):
        """Have one of the events that were heard be a dead letter."""
        one = select(inbox.c.event_id).limit(1).scalar_subquery()
        self.connection.execute(update(inbox).where(inbox.c.event_id == one).values(state="dead"))

    @property
    def own(self):
        """What only this service has: an event, a dead letter; and of orders the view that mallory saved."""
        own_view = text("select id from saved_views where owner = 'mallory'")
        return {
            **({"own_view_id": str(self.connection.scalar(own_view))} if self.service == "orders" else {}),
            "correlation_id": self.connection.scalar(select(event_log.c.correlation_id).limit(1)),
            "event_id": str(self.connection.scalar(select(event_log.c.event_id).limit(1))),
            "letter_id": str(self.connection.scalar(select(inbox.c.event_id).where(inbox.c.state == "dead"))),
        }

    @property
    def events(self):
        """How many events have been told."""
        return self.connection.scalar(select(func.count()).select_from(event_log))


@dataclass
class World:
    """All doors, the keys that open them, and what lies behind."""

    doors: dict
    keys: object
    known: dict = field(default_factory=dict)

    def do(self, service, method, path, *, subject="operator", **request):
        """Ask as an operator of everything; fails loudly, and answers the JSON."""
        token = self.keys.token(subject, scopes=self.scopes)
        answer = self.doors[service].ask(method, path, token=token, **request)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.get_json(silent=True)

    @cached_property
    def scopes(self):
        """Every scope that any operation of any service asks for."""
        return sorted(scopes_of(*(door.document for door in self.doors.values())))

    def settle(self):
        """Have everyone hear what was told and do what is due, until nothing is left; e-mails stay unsent."""
        while self._tell() or self._work():
            pass
        with self.doors["notifications"].sessions.begin() as session:
            while feed.number_waiting(session).is_more:
                pass

    def _tell(self):
        heard = 0
        for door in self.doors.values():
            owed = (
                select(event_log, outbox.c.subscriber)
                .join(outbox, outbox.c.event_id == event_log.c.event_id)
                .where(event_log.c.seq > door.told)
                .order_by(event_log.c.seq)
            )
            for row in door.connection.execute(owed).mappings().all():
                listener = self.doors[row["subscriber"]]
                hearing = Inbox(
                    sessions=listener.sessions, consumers=listener.messaging.consumers, backoff=WAIT
                )
                receive_and_process(hearing, [envelope(row, door.service)])
                door.told = row["seq"]
                heard += 1
        return heard

    def _work(self):
        done = 0
        due = (jobs.c.state == "queued") & (jobs.c.run_at <= clock.now())
        for door in self.doors.values():
            for job_id in door.connection.scalars(select(jobs.c.id).where(due)).all():
                done += runner.run(door.sessions, door.messaging.jobs, job_id, WAIT)
        return done


def call_of(kind, **data):
    """What somebody outside tells, as Standard Webhooks writes it."""
    return {"type": kind, "timestamp": "2026-01-02T09:00:00Z", "data": data}


def signed(request):
    """A request as somebody outside sends it who has the secret."""
    body = request.get("data") or json.dumps(request.pop("json", None)).encode()
    body = body.decode(errors="replace").encode()
    at = clock.now()
    headers = {
        "webhook-id": "call",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("call", at, body.decode()),
    }
    return request | {"data": body, "headers": headers, "content_type": "application/json"}


def scopes_of(*documents):
    """The scopes that the operations of some APIs ask for."""
    return {
        scope
        for document in documents
        for _, _, operation in operations_of(document)
        for option in operation.get("security", ())
        for scope in option.get("bearer", ())
    }


def operations_of(document):
    """Each operation of an API: method, path, and what is said of it."""
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


@contextmanager
def opened(engines, urls, keys, folder):
    """The world, empty; rolled back when it is left."""
    environment = SETTINGS | {"DOCUMENTS_STORE": folder.as_uri()}
    with ExitStack() as stack:
        doors = {}
        for service in SERVICES:
            made = make(service, urls(service), keys, environment)
            connection = stack.enter_context(engines[service].connect())
            stack.callback(connection.begin().rollback)
            sessions = sessionmaker(
                connection,
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
                info=made.session_info,
            )
            made.app.extensions["sessions"] = sessions
            doors[service] = Door(service, made.app, connection, sessions, made.messaging)
        yield World(doors, keys)
