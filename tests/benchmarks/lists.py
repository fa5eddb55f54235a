"""Goals 4 to 8: lists and exports of a million orders, beside ten thousand and beside their floors."""

import http.client
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import openpyxl
import psutil
import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session, sessionmaker

from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.processes import Process
from services.orders.messaging import messaging
from services.orders.queries import exports, lists
from shared.db import make_engine
from tests.benchmarks.many_orders import fill
from tests.benchmarks.orders_api import durable_postgres, orders_environment, serving, temporary_folder
from tests.benchmarks.results import Result, interleaved

MANY, FEW = 1_000_000, 10_000
REPEATS = 15
SHEET_MARKET = "jp"  # a tenth of all orders
PLANS = Path(__file__).parent / "plans" / "lists.txt"
MIB = 2**20

# Each filter by itself, and a few of those that people put together; with what is common and what is rare.
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "number": {"number": "GB-5000"},
    "name, rare": {"name": "quillf"},
    "name, common": {"name": "%tay"},
    "name, two letters": {"name": "ze"},
    "name, two spellings": {"name": "Zebülon"},
    "name, nobody's": {"name": "xyzzyq"},
    "e-mail": {"email": ["c77@customers.example"]},
    "phone": {"phone": ["07000000077"]},
    "SKU, common": {"sku": ["POPULAR"]},
    "SKU": {"sku": ["SKU-77"]},
    "tracking number": {"tracking_number": ["TRACK-5050"]},
    "invoice number": {"invoice_number": ["INV-5050"]},
    "reference": {"reference": ["SHOP-5050"]},
    "tag": {"tag": ["gift"]},
    "seller": {"seller": ["seller-7"]},
    "market": {"market": ["jp"]},
    "markets": {"market": ["jp", "co"]},
    "status": {"status": ["placed"]},
    "status, rare": {"status": ["failed"]},
    "statuses": {"status": ["placed", "failed"]},
    "fulfilment": {"fulfilment": ["partly_shipped"]},
    "lifecycle": {"lifecycle": ["Partially Shipped"]},
    "agent's status": {"csr_status": ["OnHold"]},
    "timeline": {"timeline": ["ready_for_pickup"]},
    "queue": {"queue": ["To prepare"]},
    "channel": {"channel": ["store"]},
    "payment state": {"payment_state": ["overpaid"]},
    "payment method": {"payment_method": ["transfer"]},
    "amount": {"min_total_minor": 5_000, "max_total_minor": 6_000},
    "days": {"placed_from": date(2024, 6, 1), "placed_after": date(2024, 7, 1)},
    "search, a number": {"search": "TRACK-5050"},
    "search, a name": {"search": "quillf"},
    "seller and status": {"seller": ["seller-7"], "status": ["placed"]},
    "seller and queue": {"seller": ["seller-7"], "queue": ["To prepare"]},
    "market, days and status": {
        "market": ["gb"], "status": ["completed"],
        "placed_from": date(2024, 6, 1), "placed_after": date(2024, 7, 1),
    },
}  # fmt: skip


def run() -> list[Result]:
    """Fill two databases, measure, and keep the plans beside this file."""
    with temporary_folder() as folder, durable_postgres(folder, ("orders", "few")) as server:
        for name, count in (("few", FEW), ("orders", MANY)):
            seconds = fill(server.superuser_url(name), server.url(name), count)
            print(f"   {count} orders made in {seconds:.0f} s", flush=True)
        sessions = {name: _sessions(server.url(name)) for name in ("few", "orders")}
        results = [*filters(sessions), pages(sessions["orders"])]
        PLANS.parent.mkdir(exist_ok=True)
        PLANS.write_text(plans(sessions["orders"]))
        keys = Keys(folder / "keys")
        environment = orders_environment(server.url("orders"), keys)
        with serving(folder, "services.orders.app:create_app", environment) as (process, address):
            api = Api(process, address, keys.token("bench", scopes=ALL_SCOPES))
            results.append(over_http(api, folder))
            results.append(csv(api, server.url("orders")))
            results += xlsx(api, sessions["orders"])
    return results


class Api:
    """The process that serves, and how it is asked."""

    def __init__(self, process: Process, address: str, token: str) -> None:
        self.process = psutil.Process(process.pid)
        self.address = address
        self.headers = {"Authorization": f"Bearer {token}"}

    def download(self, path: str, dawdle_seconds: float = 0, **query: str) -> int:
        """Read an answer to its end, slowly if wished; how many bytes."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=300)
        connection.request("GET", f"{path}?{urlencode(query)}", headers=self.headers)
        answer = connection.getresponse()
        if answer.status == http.client.TOO_MANY_REQUESTS:  # the file before has only just been sent
            time.sleep(float(answer.headers["Retry-After"]))
            connection.close()
            return self.download(path, dawdle_seconds, **query)
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} was answered with {answer.status}")
        size = len(answer.read(1 << 18))
        time.sleep(dawdle_seconds)
        while block := answer.read(1 << 18):
            size += len(block)
        connection.close()
        return size

    def memory(self) -> int:
        """Bytes that the server and its workers hold."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)


def filters(sessions: dict[str, sessionmaker[Session]]) -> list[Result]:
    """Goal 4: the first page of 50 by each filter, at a million orders and at ten thousand."""
    ratios, many_ms = {}, {}
    for name, wanted in FILTERS.items():
        few, many = interleaved(
            [
                lambda wanted=wanted: _page_seconds(sessions["few"], wanted),
                lambda wanted=wanted: _page_seconds(sessions["orders"], wanted),
            ]
        )
        ratios[name], many_ms[name] = many / few, many * 1000
        print(f"   {name}: {few * 1000:.2f} ms, at a million {many * 1000:.2f} ms", flush=True)
    worst = max(ratios, key=ratios.__getitem__)
    slowest = max(many_ms, key=many_ms.__getitem__)
    return [
        Result(
            goal=4,
            name=f"list of 50 by one filter, at {MANY} orders : at {FEW}, the worst of {len(FILTERS)}",
            value=ratios[worst],
            must=1.5,
            stretch=1.1,
            lower_is_better=True,
            detail=f"{worst}; median ratio {statistics.median(ratios.values()):.2f}; slowest at a million "
            f"{many_ms[slowest]:.1f} ms ({slowest}), median {statistics.median(many_ms.values()):.2f} ms",
        )
    ]


def pages(sessions: sessionmaker[Session]) -> Result:
    """Goal 5: the thousandth page against the first."""
    with sessions() as session:
        deep = session.execute(
            text("select placed_at, id from orders order by placed_at desc, id desc offset 49950 limit 1")
        ).one()
    first, thousandth = interleaved(
        [lambda: _page_seconds(sessions, {}), lambda: _page_seconds(sessions, {}, tuple(deep))]
    )
    return Result(
        goal=5,
        name="list: page 1,000 : page 1",
        value=thousandth / first,
        must=1.3,
        stretch=1.1,
        lower_is_better=True,
        detail=f"{thousandth * 1000:.2f} : {first * 1000:.2f} ms",
    )


def over_http(api: Api, folder: Path) -> Result:
    """Goal 6: a page of 50 as it is answered, beside a bare route that answers the same bytes."""
    constant = folder / "page.json"
    connection = http.client.HTTPConnection(urlsplit(api.address).netloc)
    connection.request("GET", "/v1/orders?limit=50", headers=api.headers)
    constant.write_bytes(connection.getresponse().read())
    settings = {"CONSTANT_FILE": str(constant)}
    with serving(folder, "tests.benchmarks.constant:create_app", settings) as (_, bare):
        page, floor = interleaved(
            [
                lambda: _rate(api.address, "/v1/orders?limit=50", api.headers),
                lambda: _rate(bare, "/", {}),
            ]
        )
    return Result(
        goal=6,
        name="page of 50 over HTTP : a bare route with the same bytes",
        value=page / floor,
        must=0.08,
        stretch=0.11,
        detail=f"{page:.0f}/s : {floor:.0f}/s, one client",
    )


def csv(api: Api, url: str) -> Result:
    """Goal 7: all orders as CSV over HTTP, beside a bare COPY of the same columns to a client."""
    groups = (exports._CODES, exports._AMOUNTS, exports._INSTANTS)
    columns = [
        *(column.key for group in groups for column in group.values()),
        *("external_reference", "customer_name", "customer_email", "customer_phone", "customer_company"),
        *("customer_vat_number", "billing_address", "tags"),
    ]
    statement = (
        f"copy (select {', '.join(columns)} from orders order by placed_at desc) to stdout (format csv)"
    )
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def bare() -> float:
        begun = time.monotonic()
        with psycopg.connect(conninfo) as connection, connection.cursor().copy(statement) as rows:
            for _ in rows:
                pass
        return time.monotonic() - begun

    def ours() -> float:
        begun = time.monotonic()
        api.download("/v1/orders/export.csv")
        return time.monotonic() - begun

    with _watched(api) as growth:
        floor, taken = interleaved([bare, ours])
        api.download("/v1/orders/export.csv", dawdle_seconds=3)  # what is not read yet must wait in the file
    return Result(
        goal=7,
        name=f"CSV of {MANY} orders: a bare COPY : ours",
        value=floor / taken,
        must=0.5,
        stretch=0.85,
        detail=f"{floor:.1f} s : {taken:.1f} s; the server's memory grew by {max(growth) / MIB:.0f} MiB",
    )


def xlsx(api: Api, sessions: sessionmaker[Session]) -> list[Result]:
    """Goal 8: rows a second as XLSX over HTTP, beside openpyxl writing the same; and its memory."""
    with sessions() as session:
        rows = list(exports._rows(session, exports.sheet(session, {"market": [SHEET_MARKET]}).limit(10_000)))
        count = session.execute(
            text("select count(*) from orders where market_code = :market"), {"market": SHEET_MARKET}
        ).scalar_one()

    def naive() -> float:
        begun = time.monotonic()
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Orders")
        for row in rows:
            sheet.append(list(row.values()))
        with tempfile.TemporaryFile() as file:
            book.save(file)
        return len(rows) / (time.monotonic() - begun)

    def ours() -> float:
        begun = time.monotonic()
        api.download("/v1/orders/export.xlsx", market=SHEET_MARKET)
        return count / (time.monotonic() - begun)

    floor, rate = interleaved([naive, ours])
    with _watched(api) as growth:
        begun = time.monotonic()
        api.download("/v1/orders/export.xlsx")
        taken = time.monotonic() - begun
    return [
        Result(
            goal=8,
            name="XLSX, rows a second: ours : openpyxl write-only",
            value=rate / floor,
            must=5,
            stretch=10,
            detail=f"{rate:.0f}/s, database and HTTP included : {floor:.0f}/s",
        ),
        Result(
            goal=8,
            name=f"XLSX of {MANY} orders: growth of the server's memory",
            value=max(growth) / MIB,
            unit="MiB",
            must=50,
            lower_is_better=True,
            detail=f"in {taken:.0f} s",
        ),
    ]


def plans(sessions: sessionmaker[Session]) -> str:
    """How PostgreSQL finds a page by each filter."""
    parts = []
    with sessions() as session:
        for name, wanted in FILTERS.items():
            page = lists.page_of_orders(session, wanted, "-placed_at", 51)
            compiled = page.compile(session.connection(), compile_kwargs={"render_postcompile": True})
            cursor: Any = session.connection().connection.cursor()
            cursor.execute(f"explain (analyze, buffers, timing off, summary on) {compiled}", compiled.params)
            lines = [line for (line,) in cursor.fetchall() if "Planning:" not in line]
            parts.append(f"## {name}: {wanted}\n" + "\n".join(lines))
    head = f"How a page of 50 is found among {MANY} orders, by each filter; written by the benchmark.\n"
    return head + "".join(f"\n{part}\n" for part in parts)


def _sessions(url: str) -> sessionmaker[Session]:
    return sessionmaker(make_engine(url), info=messaging.session_info())


def _page_seconds(
    sessions: sessionmaker[Session], wanted: dict[str, Any], after: tuple[Any, ...] | None = None
) -> float:
    """The median time of a page, from the question to its rows."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        with sessions() as session:
            lists.orders(session, wanted, "-placed_at", 51, after)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _rate(address: str, path: str, headers: dict[str, str], seconds: float = 3.0) -> float:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} was answered with {answer.status}")
        count += 1
    connection.close()
    return count / (time.monotonic() - begun)


@contextmanager
def _watched(api: Api) -> Iterator[list[float]]:
    """By how much the server's memory is above what it was, again and again while the block lasts."""
    growth, over = [0.0], threading.Event()
    before = api.memory()

    def watch() -> None:
        while not over.wait(0.02):
            growth.append(api.memory() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    for result in run():
        print(result.line())
