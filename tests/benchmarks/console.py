"""Goals 18 to 21: the console's list among a million orders, and an order of 20 and of 500 lines.

What is measured is a page as the console answers it: its own work, and all that it asks the services for.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from sqlalchemy import make_url, text
from werkzeug.test import Client

from deploy.local.keys import Keys
from deploy.local.people import write_people
from deploy.local.stack import Stack
from deploy.local.valkey import temporary_valkey
from services.console.app import create_app
from services.console.pages.orders import PAGE, SORTS, TABS
from services.console.settings import Settings
from shared.db import make_engine
from shared.web.paging import encode_cursor
from tests.benchmarks.lists import MANY
from tests.benchmarks.many_orders import fill
from tests.benchmarks.orders_api import durable_postgres, orders_environment, serving, temporary_folder
from tests.benchmarks.results import Result, interleaved
from tests.benchmarks.stacks import running_stack
from tests.shop import Shop

REPEATS = 15
SORTINGS = [way for ways in SORTS.values() for way in ways]
OURS = {"Sec-Fetch-Site": "same-origin"}


def run() -> list[Result]:
    """Fill a database, ask the console for its list, and a whole system for orders' pages."""
    with temporary_folder() as folder, durable_postgres(folder, ("orders",)) as server:
        fill(server.superuser_url("orders"), server.url("orders"), MANY)
        results = lists(folder, server.url("orders"))
    return results + orders()


def lists(folder: Path, database_url: str) -> list[Result]:
    """Goals 18 and 19: each view's first page in each order, and page 1,000."""
    keys = Keys(folder / "keys")
    environment = orders_environment(database_url, keys)
    people = write_people(folder / "people.json", keys)
    with (
        serving(folder, "services.orders.app:create_app", environment) as (_, address),
        _console(people, address) as browser,
    ):
        firsts = {
            f"{tab}, {sort}": _milliseconds(
                browser, f"/orders?{urlencode(TABS[tab] | {'sort': sort}, doseq=True)}"
            )
            for tab in TABS
            for sort in SORTINGS
        }
        for name, taken in firsts.items():
            print(f"   {name}: {taken:.1f} ms", flush=True)
        deep = f"/orders?cursor={_cursor(database_url, 999 * PAGE - 1)}"
        first, thousandth = interleaved(
            [lambda: _milliseconds(browser, "/orders"), lambda: _milliseconds(browser, deep)]
        )
    plain = max(firsts[f"all, {sort}"] for sort in SORTINGS)
    worst = max(firsts, key=firsts.__getitem__)
    return [
        Result(
            goal=18,
            name=f"console: first page of {MANY} orders, the slowest of {len(firsts)} views and sorts",
            value=firsts[worst],
            unit="ms",
            must=500,
            lower_is_better=True,
            detail=f"{worst}; all orders, however sorted, {plain:.0f} ms at most; median of all "
            f"{statistics.median(firsts.values()):.0f} ms",
        ),
        Result(
            goal=19,
            name="console: page 1,000 : page 1",
            value=thousandth / first,
            must=1.3,
            lower_is_better=True,
            detail=f"{thousandth:.1f} : {first:.1f} ms",
        ),
    ]


def orders() -> list[Result]:
    """Goals 20 and 21: the page of an order with all its parts, in a whole running system."""
    with running_stack() as stack:
        shop = Shop(stack, market="gb", seller="harbour")
        shop.open({"TEA-250": 100_000}, payment_methods=["cash_on_delivery"])
        pages = {lines: f"/orders/{shop.place(*[('TEA-250', 1)] * lines)['order_id']}" for lines in (20, 500)}
        time.sleep(10)  # until its e-mails and papers are made
        with _signed_in(stack) as client:
            taken = {lines: sorted(_taken(client, page) for _ in range(100)) for lines, page in pages.items()}
        shop.close()
    goals = {20: (20, 120), 500: (21, 1000)}
    return [
        Result(
            goal=goals[lines][0],
            name=f"console: the page of an order of {lines} lines, p50",
            value=statistics.median(times),
            unit="ms",
            must=goals[lines][1],
            lower_is_better=True,
            detail=f"p99 {times[-1]:.0f} ms, the quickest {times[0]:.0f} ms",
        )
        for lines, times in taken.items()
    ]


@contextmanager
def _console(people: Path, orders_url: str) -> Iterator[Client]:
    """A browser of who sees all orders, at a console in this process."""
    away = "http://127.0.0.1:9"
    with temporary_valkey() as valkey:
        settings = Settings(
            orders_url=orders_url,
            shipping_url=away,
            documents_url=away,
            notifications_url=away,
            broker_url=valkey.url,
            log_level="WARNING",
            local_people=str(people),
        )
        browser = create_app(settings).test_client()
        browser.post("/login", data={"person": "carla"}, headers=OURS)
        yield browser


@contextmanager
def _signed_in(stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stack.console_url, headers=OURS, follow_redirects=True, timeout=60) as client:
        client.get(stack.console_page)
        client.post("/login", data={"person": "carla"}).raise_for_status()
        yield client


def _milliseconds(browser: Any, address: str) -> float:
    """The median time of a page."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        answer = browser.get(address)
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != httpx2.codes.OK:
            raise RuntimeError(f"{address} was answered with {answer.status_code}")
    return statistics.median(taken)


def _taken(client: httpx2.Client, address: str) -> float:
    begun = time.perf_counter()
    client.get(address).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def _cursor(database_url: str, offset: int) -> str:
    """The place of the list behind so many orders and one."""
    engine = make_engine(str(make_url(database_url).render_as_string(hide_password=False)))
    with engine.connect() as connection:
        row = connection.execute(
            text("select placed_at, id from orders order by placed_at desc, id desc offset :n limit 1"),
            {"n": offset},
        ).one()
    engine.dispose()
    return encode_cursor(*row)


if __name__ == "__main__":
    for result in run():
        print(result.line())
