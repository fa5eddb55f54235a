"""The SQL statements of one order's life, command by command and event by event, as PostgreSQL logs them.

The four services run in this process, on real databases, and hear each other; only the broker is missing, for
which a queue stands in. What is idle is not counted: each relay, dispatch and acknowledgement here had
something to do. `python -m tests.benchmarks.statements` writes the ledger anew.
"""

import asyncio
import re
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import WSGIRequestHandler, make_server

from deploy.local.databases import SERVICES
from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import temporary_postgres
from services.notifications.agent import number_events
from services.notifications.sending import hang_up
from shared import db
from shared.messaging import deliveries, job_dispatch, jobs, relay
from shared.messaging.backoff import Backoff
from shared.messaging.deliveries import Source
from shared.messaging.inbox import Inbox, receive_and_process
from shared.messaging.relay import Publisher
from shared.migrations import upgrade
from tests.in_process import Made, make
from tests.shop import ADDRESS, MARKET, SELLER

LEDGER = Path(__file__).parent / "plans" / "life.txt"
WAIT = Backoff(0.01, 0.02)
Task = tuple[str, str, str, dict[str, Any]]

# What starts an entry of the server's log, by the prefix that our servers write.
_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[\d+\] (\w*)@\w* (.*)")
_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
_WRITTEN_TO = re.compile(r"\b(insert\s+into|update|delete\s+from)\s+(\w+)", re.IGNORECASE)
_CALLED = re.compile(r"(\w+)\(")
_READ_FROM = re.compile(r"\b(?:from|join)\s+(?!as\b)(\w+)", re.IGNORECASE)
_INNERMOST = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Step:
    """Something that a service did, and the statements it took, by what they do to which table."""

    service: str
    name: str
    statements: Counter[str]

    @property
    def total(self) -> int:
        """All statements."""
        return self.statements.total()

    @property
    def control(self) -> int:
        """Those that only begin or end a transaction."""
        return sum(self.statements[word] for word in ("BEGIN", "COMMIT", "ROLLBACK"))


class Log:
    """What the server logs of the services' statements; nothing that a superuser asks counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    def new(self) -> Counter[str]:
        """The statements since this was asked before."""
        with self._file.open(errors="replace") as file:
            file.seek(self._read)
            text = file.read()
            self._read = file.tell()
        entries: list[str] = []
        for line in text.splitlines():
            if found := _ENTRY.match(line):
                entries.append(found[2] if found[1] in SERVICES else "")
            elif entries:
                entries[-1] += f"\n{line}"
        return Counter(_kind(found[1]) for entry in entries if (found := _STATEMENT.match(entry)))


def _kind(statement: str) -> str:
    """What a statement does to which table: the writing of it where it does several things."""
    written = _WRITTEN_TO.search(re.sub(r"for\s+update|do\s+update", "", statement, flags=re.IGNORECASE))
    if written:
        return f"{written[1].split()[0].lower()} {written[2]}"
    first = statement.split(maxsplit=1)[0].rstrip(";")
    if first.lower() == "select":
        outer = _READ_FROM.search(_without_parentheses(statement))
        read = outer or _READ_FROM.search(statement) or _CALLED.search(statement)
        lock = " for update" if re.search(r"for\s+update", statement, re.IGNORECASE) else ""
        return f"select {read[1] if read else statement}{lock}"
    return first.upper()


def _without_parentheses(statement: str) -> str:
    """Only its outermost words: what it reads itself, and not what it asks of other tables on the way."""
    while (outer := _INNERMOST.sub("", statement)) != statement:
        statement = outer
    return statement


@dataclass
class Life:
    """Four services that hear each other, and what each thing that they did took."""

    log: Log
    databases: dict[str, psycopg.Connection[Any]]  # a superuser's, to look and not be counted
    made: dict[str, Made]
    sessions: dict[str, sessionmaker[Session]]
    keys: Keys
    urls: dict[str, str]
    queue: deque[Task] = field(default_factory=deque)
    steps: list[Step] = field(default_factory=list)

    def log_position(self) -> int:
        """How many bytes of write-ahead log there are of all four databases, which share a server."""
        [database, *_] = self.databases.values()
        row = database.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
        assert row
        return int(row[0])

    def send(self, tasks: Iterable[Task]) -> None:
        """Take what a relay or a dispatcher sends, as the broker would; always in the same order."""

        def rank(task: Task) -> tuple[str, str]:
            queue, _, _, arguments = task
            return arguments.get("job_id") or arguments["event"][0]["id"], queue

        self.queue.extend(sorted(tasks, key=rank))

    def waiting(self, _queue: str) -> int:
        """Nobody is behind."""
        return 0

    @contextmanager
    def counted(self, service: str, name: str) -> Iterator[None]:
        """Note what is done inside as one step."""
        self.log.new()
        yield
        self.steps.append(Step(service, name, self.log.new()))

    def ask(self, service: str, method: str, path: str, **request: Any) -> Any:
        """Send a command, and have all that follows from it happen, but for what is due later."""
        token = self.keys.token("operator", scopes=ALL_SCOPES)
        headers = {"Authorization": f"Bearer {token}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(db.new_id())
        pattern = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", path)
        with self.counted(service, f"{method} {pattern}"):
            answer = (
                self.made[service].app.test_client().open(path, method=method, headers=headers, **request)
            )
            answer.get_data()
            answer.close()
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        self._drive(service)
        self._settle()
        return answer.get_json(silent=True)

    def wait(self) -> None:
        """Have e-mails wait no longer for what they could tell as well."""
        due = "update jobs set run_at = now() where state = 'queued' and kind = 'email'"
        self.databases["notifications"].execute(due)
        self._drive("notifications")
        self._settle()

    def _settle(self) -> None:
        """Have everybody hear and do what is sent, then acknowledge it."""
        while self.queue:
            self._take(*self.queue.popleft())
        self._acknowledge()

    def _take(self, queue: str, _task_id: str, name: str, arguments: dict[str, Any]) -> None:
        service, _, what = name.partition(".")
        made, sessions = self.made[service], self.sessions[service]
        if queue.endswith(".events"):
            hearing = Inbox(sessions=sessions, consumers=made.messaging.consumers, backoff=WAIT)
            with self.counted(service, f"hears {what}"):
                receive_and_process(hearing, arguments["event"])
        else:
            with self.counted(service, f"does {what}"):
                done = jobs.run(sessions, made.messaging.jobs, UUID(arguments["job_id"]), WAIT)
            assert done
        self._drive(service)

    def _drive(self, service: str) -> None:
        """What the service's agent does when a commit has told it that there is something to send."""
        publisher = cast("Publisher", self)
        if self._any(service, "pushes where sent_at is null"):
            with self.counted(service, "relays"):
                together = self.made[service].messaging.told_together
                relay.relay_batch(self.sessions[service], publisher, service, together)
        if self._any(service, "jobs where state = 'queued' and sent_at is null and run_at <= now()"):
            with self.counted(service, "dispatches"):
                job_dispatch.send_due(self.sessions[service], self.made[service].messaging, publisher, 10)
        if service == "notifications" and self._any(service, "feed_waiting where held_for is null"):
            with self.counted(service, "numbers events"):
                number_events(self.sessions[service])

    def _acknowledge(self) -> None:
        """What each agent does once a second with what came meanwhile."""
        for service in SERVICES:
            for name in sorted(self.made[service].messaging.consumers.sources):
                if self._any(service, f"pending_acks where source = '{name}'"):
                    source = Source(name, self.urls[name], self.keys.service_token(service))
                    with (
                        self.counted(service, f"acknowledges {name}"),
                        closing(source),
                        self.sessions[service]() as session,
                    ):
                        deliveries.acknowledge_received(session, source)

    def _any(self, service: str, of: str) -> bool:
        return self.databases[service].execute(f"select from {of} limit 1".encode()).fetchone() is not None


@contextmanager
def four_services() -> Iterator[Life]:
    """Four services on empty databases, with a mail server that takes everything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waybill-")))
        server = stack.enter_context(temporary_postgres())
        with psycopg.connect(server.superuser_url(), autocommit=True) as superuser:
            superuser.execute("alter system set autovacuum = off")  # it writes its statistics to the same log
            superuser.execute("select pg_reload_conf()")
        keys = Keys(folder / "keys")
        urls = {service: f"http://{HOST}:{free_port()}" for service in SERVICES}
        environment = {f"{service.upper()}_URL": url for service, url in urls.items()} | {
            "CUSTOMER_LINK_KEYS": "a key that customers' links are signed with",
            "GATEWAY_SECRET": keys.gateway_secret,
            "DOCUMENTS_STORE": (folder / "papers").as_uri(),
            "SMTP_URL": stack.enter_context(_mail_server()),
            "MERGE_SECONDS": "3600",
            "LOG_LEVEL": "ERROR",
        }
        made, sessions, databases = {}, {}, {}
        for service in SERVICES:
            engine = db.make_engine(server.url(service))
            stack.callback(engine.dispose)
            upgrade(engine, service)
            engine.dispose()
            connection = psycopg.connect(server.superuser_url(service), autocommit=True)
            databases[service] = stack.enter_context(closing(connection))
            connection.execute(f"alter role {service} set log_statement = 'all'".encode())
            # Whether a connection lives that lay idle is asked by the clock, which is not the same each time.
            event.remove(engine, "checkout", db.ping_after_idling)
            told = environment | {"SERVICE_TOKEN": keys.service_token(service)}
            made[service] = make(service, server.url(service), keys, told)
            sessions[service] = sessionmaker(engine, expire_on_commit=False, info=made[service].session_info)
            made[service].app.extensions["sessions"] = sessions[service]
            stack.enter_context(_served(made[service].app, urls[service]))
        yield Life(Log(server.log), databases, made, sessions, keys, urls)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def _served(app: Callable[..., Any], url: str) -> Iterator[None]:
    """An application over HTTP, whose transaction has ended before its answer begins."""

    def whole(environ: Any, start_response: Any) -> list[bytes]:
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    server = make_server(HOST, int(url.rpartition(":")[2]), whole, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def _mail_server() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(Sink(), hostname="mail.example"), HOST, 0)

    async def stop(server: asyncio.Server) -> None:
        server.close()
        await server.wait_closed()
        for task in asyncio.all_tasks(loop) - {asyncio.current_task()}:
            task.cancel()

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield f"smtp://{HOST}:{server.sockets[0].getsockname()[1]}"
    hang_up()
    asyncio.run_coroutine_threadsafe(stop(server), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def open_shop(life: Life) -> None:
    """What there is before anybody orders."""
    life.ask("orders", "PUT", "/v1/markets/gb", json=MARKET)
    life.ask("orders", "PUT", "/v1/sellers/acme", json=SELLER)
    life.ask("shipping", "PUT", "/v1/locations/main", json={"name": "Main", "country": "GB"})
    for sku in ("TEA", "MUG"):
        product = {"name": f"Product {sku}", "prices": {"gb": 450}}
        life.ask("orders", "PUT", f"/v1/sellers/acme/products/{sku}", json=product)
        count = {"on_hand": 1000, "reason": "counted"}
        life.ask("shipping", "PUT", f"/v1/stock/main/{sku}", json=count)


def live(life: Life) -> None:
    """One order from its placing to its end, as the main job drives it."""
    wanted = {
        "seller": "acme",
        "market": "gb",
        "customer": {"name": "Ann Archer", "email": "ann@customers.example", "phone": "+44 117 496 0108"},
        "delivery_groups": [{"method": "delivery", "shipping_minor": 395, "address": ADDRESS}],
        "lines": [{"sku": sku, "quantity": 2} for sku in ("TEA", "MUG")],
        "payment_method": "transfer",
    }
    order = life.ask("orders", "POST", "/v1/orders", json=wanted)
    path = f"/v1/orders/{order['order_id']}"
    life.ask("orders", "POST", f"{path}/payments", json={"reference": "transfer"})
    life.ask("orders", "POST", f"{path}/accept")
    [shipment] = (
        life.made["shipping"]
        .app.test_client()
        .get(
            f"{path}/shipments",
            headers={"Authorization": f"Bearer {life.keys.token('operator', scopes=ALL_SCOPES)}"},
        )
        .get_json()["items"]
    )
    goods = f"/v1/shipments/{shipment['shipment_id']}"
    life.wait()
    for action in ("release", "pick", "pack"):
        life.ask("shipping", "POST", f"{goods}/{action}")
    life.ask("shipping", "POST", f"{goods}/ship", json={})
    life.wait()
    life.ask("shipping", "POST", f"{goods}/deliver")
    life.wait()


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a life took."""

    steps: list[Step]
    log_bytes: int  # that PostgreSQL wrote to its write-ahead log, without images of whole pages


def measured() -> Measured:
    """The second life: what a process makes once is made by then."""
    with four_services() as life:
        open_shop(life)
        live(life)
        life.steps.clear()
        before = life.log_position()
        live(life)
        return Measured(steps=life.steps, log_bytes=life.log_position() - before)


def ledger(steps: list[Step]) -> str:
    """The steps as text, each with its statements, and the totals."""
    lines = [
        "The SQL statements of one order's life: 2 lines, paid by transfer, one parcel, 4 papers, 6 e-mails.",
        "In brackets how many of them are BEGIN, COMMIT and ROLLBACK.",
        "Written by python -m tests.benchmarks.statements; a test holds the code to it.",
        "",
    ]

    def row(name: str, some: Iterable[Step], behind: str = "") -> str:
        some = list(some)
        total, control = sum(step.total for step in some), sum(step.control for step in some)
        return f"{total:>5} ({control:>3})  {name}{behind}"

    lines.append(row("total", steps))
    lines += [row(name, [step for step in steps if step.service == name]) for name in SERVICES]
    lines.append("")
    for step in steps:
        kinds = sorted(step.statements.items())
        what = ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds)
        lines.append(row(f"{step.service} {step.name}", [step], f": {what}"))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    LEDGER.write_text(ledger(measured().steps))
    print(LEDGER.read_text().split("\n\n")[1])
