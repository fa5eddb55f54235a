"""Goals 1 and 2: orders placed per second beside the database's own floor, and no unit promised twice."""

import http.client
import json
import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

from deploy.local.stack import Stack
from tests.benchmarks.results import Result, interleaved
from tests.benchmarks.stacks import running_stack
from tests.shop import Shop

SECONDS = 5.0
WARM_SECONDS = 1.0
HOT_SKUS = [f"HOT-{number}" for number in range(8)]
HOT_STOCK = 20
HOT_ORDERS = 400

Worker = Callable[[Any, float], int]

FLOOR_TABLES = """
drop schema if exists floor cascade;
create schema floor;
create table floor.orders (id uuid primary key, seller text, placed_at timestamptz, total bigint,
                           address jsonb);
create index on floor.orders (seller, placed_at, id);
create table floor.lines (id uuid primary key, order_id uuid references floor.orders, sku text, quantity int,
                          price bigint);
create index on floor.lines (order_id);
create table floor.event_log (seq bigint generated always as identity primary key,
                              event_id uuid unique, payload jsonb);
create table floor.outbox (event_id uuid, subscriber text, seq bigint, primary key (event_id, subscriber));
"""
FLOOR = """
with placed as (
    insert into floor.orders values (%(id)s, 'acme', now(), 1745, %(address)s) returning id
), line as (
    insert into floor.lines
    select gen_random_uuid(), id, sku, 2, 450 from placed, unnest(array['A', 'B', 'C']) as sku
), event as (
    insert into floor.event_log (event_id, payload) select id, %(payload)s from placed returning event_id, seq
)
insert into floor.outbox
select event_id, subscriber, seq
from event, unnest(array['shipping', 'documents', 'notifications']) as subscriber
"""


def place_over_http(target: tuple[str, str, bytes], until: float) -> int:
    """Place orders with everything on (token, key, tax, history, events) until a time; answers how many."""
    address, token, body = target
    host = urlsplit(address).netloc
    connection = http.client.HTTPConnection(host, timeout=30)
    count = 0
    while time.monotonic() < until:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid4()),
        }
        connection.request("POST", "/v1/orders", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.CREATED:
            raise RuntimeError(f"an order was answered with {answer.status}")
        count += 1
    connection.close()
    return count


def place_in_one_statement(url: str, until: float) -> int:
    """What the database can do at most: one statement an order, on a connection of its own."""
    payload = json.dumps({"order": {"lines": [{"sku": "A", "quantity": 2}] * 3, "note": "x" * 1500}})
    count = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            connection.execute(FLOOR, {"id": uuid4(), "address": '{"city": "Bristol"}', "payload": payload})
            count += 1
    return count


def rate(worker: Worker, target: Any, clients: int) -> float:
    """How many a second so many clients do at once, each in its own process."""
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        pool.starmap(worker, [(target, time.monotonic() + WARM_SECONDS)] * clients)
        begun = time.monotonic()
        counts = pool.starmap(worker, [(target, begun + SECONDS)] * clients)
        return sum(counts) / (time.monotonic() - begun)


def throughput(stack: Stack, shop: Shop) -> list[Result]:
    """Goal 1, with 1 and with 8 clients; the orders API and its database alone, as the floor is alone.

    What an order costs once it is placed, in all services, is goals 3 and 14.
    """
    shop.open({"A": 10**9, "B": 10**9, "C": 10**9})
    others = (".worker", ".agent", ".rendering", "flower")
    stack.stop_process(*(name for name in stack.processes if name.endswith(others)))
    body = json.dumps(shop.order_body(("A", 2), ("B", 2), ("C", 2))).encode()
    ours = (stack.url("orders"), stack.token(), body)
    floor = make_url(stack.servers.database_url("orders")).set(drivername="postgresql")
    url = floor.render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FLOOR_TABLES)
    results = []
    for clients, must, stretch in ((1, 0.12, 0.18), (8, 0.08, 0.12)):
        placed, possible = interleaved(
            [
                lambda clients=clients: rate(place_over_http, ours, clients),
                lambda clients=clients: rate(place_in_one_statement, url, clients),
            ]
        )
        results.append(
            Result(
                goal=1,
                name=f"orders placed per second : one statement each, {clients} client{'s' * (clients > 1)}",
                value=placed / possible,
                must=must,
                stretch=stretch,
                detail=f"ours {placed:.0f}/s, floor {possible:.0f}/s",
            )
        )
    return results


def last_units(shop: Shop) -> Result:
    """Goal 2: 8 clients, 8 hot SKUs, more demand than stock, every request sent twice."""
    shop.open(dict.fromkeys(HOT_SKUS, HOT_STOCK))
    orders: dict[str, str] = {}

    def client(number: int) -> None:
        for attempt in range(HOT_ORDERS // 8):
            place = number * HOT_ORDERS + attempt
            first, second = HOT_SKUS[place % 8], HOT_SKUS[(place + 3) % 8]
            body = shop.order_body((first, 1), (second, 1), external_reference=f"hot-{place}")
            headers = {"Idempotency-Key": f"hot-{place}"}
            answers = [
                shop.clients["orders"].post("/v1/orders", json=body, headers=headers) for _ in range(2)
            ]
            assert [answer.status_code for answer in answers] == [201, 201], answers[-1].text
            assert answers[0].content == answers[1].content
            orders[f"hot-{place}"] = answers[0].json()["order_id"]

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Result(
        goal=2,
        name="deadlocks, oversold units and double orders on 8 hot SKUs",
        value=_faults(shop, orders),
        unit="faults",
        must=0,
        stretch=0,
        lower_is_better=True,
        detail=f"{len(orders)} orders of two units for {8 * HOT_STOCK} units",
    )


def _faults(shop: Shop, orders: dict[str, str]) -> int:
    assigned = 0
    for order_id in orders.values():
        found = shop.eventually(lambda order_id=order_id: _shipments(shop, order_id), bool)
        assigned += found[0]["status"] == "inventory_assigned"
    levels = [shop.call("shipping", "GET", f"/v1/stock/main/{sku}") for sku in HOT_SKUS]
    oversold = sum(max(0, level["reserved"] - level["on_hand"]) for level in levels)
    promised = sum(level["reserved"] for level in levels)
    doubles = HOT_ORDERS - len(set(orders.values()))
    miscounted = abs(promised - 2 * assigned)
    with psycopg.connect(shop.stack.servers.admin_url) as connection:
        row = connection.execute("select sum(deadlocks) from pg_stat_database").fetchone()
    deadlocks = int(row[0]) if row else 0
    return oversold + doubles + miscounted + deadlocks


def _shipments(shop: Shop, order_id: str) -> list[dict[str, Any]]:
    answer = shop.clients["shipping"].get(f"/v1/orders/{order_id}/shipments")
    return answer.json()["items"] if answer.is_success else []


def run() -> list[Result]:
    """Measure both goals on one running system."""
    with running_stack() as stack:
        shop = Shop(stack)
        try:
            return [last_units(shop), *throughput(stack, shop)]
        finally:
            shop.close()


if __name__ == "__main__":
    for result in run():
        print(result.line())
