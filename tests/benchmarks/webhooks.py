"""Goals 24 and 25: how soon a webhook is on its way, and how many a second, while others are dead or slow.

`python -m tests.benchmarks.webhooks` measures this alone.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import ISSUER
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres, temporary_postgres
from services.notifications import webhook_jobs
from services.notifications.commands import feed, webhooks
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared import clock
from shared.db import make_engine, new_id
from shared.events.samples import envelope
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.tables import inbox, jobs
from shared.migrations import upgrade
from tests.benchmarks.results import Result
from tests.benchmarks.stacks import MANY, running_stack
from tests.shop import Shop

REFUSING, SILENT = 25, 25  # endpoints whose port is closed, and where nothing ever answers a connection
SLOW_SECONDS = 9
FAST = 10  # endpoints that answer at once
PROCESSES = 2
WARM_UP_SECONDS = 20.0  # by then the dead ones are known as such

PACED = 20  # events a second, each for all fast endpoints: 200 deliveries
PLACED = 1.0  # orders a second where the whole way is measured: each is a request, and work for every service


def settings_of(url: str) -> Settings:
    """Of a notifications that has a database and nobody else."""
    nowhere = "http://127.0.0.1:1"
    return Settings(
        database_url=url,
        broker_url="redis://127.0.0.1:1/0",
        **{f"{name}_url": nowhere for name in ("orders", "shipping", "documents", "notifications")},  # type: ignore[arg-type]
        jwks="",
        token_issuer=ISSUER,
        mail_from="Waybill <orders@waybill.example>",
        webhook_keys=(b64encode(bytes(32)).decode(),),
        webhooks_local=1,
        webhooks_per_seller=1000,
    )


def sessions_to(url: str) -> sessionmaker[Any]:
    """Sessions of notifications at that database."""
    info = {**messaging.session_info(), "settings": settings_of(url)}
    return sessionmaker(make_engine(url), expire_on_commit=False, info=info)


def send(url: str, seconds: float) -> None:
    """Be a process that sends: does the rounds that are owed, one after the other."""
    sessions = sessions_to(url)
    owed = select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.run_at <= func.now())
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with sessions() as session:
            round_id = session.scalars(owed.order_by(jobs.c.run_at).limit(1)).first()
        if round_id is None or not runner.run(sessions, webhook_jobs.jobs, round_id, Backoff(1, 2)):
            time.sleep(0.02)


def receive(pipe: Connection, seconds: float) -> None:
    """Be all receivers that answer: the fast ones behind one port, the slow one behind another."""
    came: list[tuple[str, float, bytes]] = []

    def serve(wait: float) -> Any:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                    came_at = time.time()
                    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                    body = await reader.readexactly(int(fields["content-length"]))
                    if not wait:
                        came.append((fields["webhook-id"], came_at, body))
                    await asyncio.sleep(wait)
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                writer.close()

        return answer

    async def main() -> None:
        servers = [await asyncio.start_server(serve(wait), "127.0.0.1", 0) for wait in (0, SLOW_SECONDS)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.sleep(seconds)

    asyncio.run(main())
    pipe.send(came)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port at which connections are neither taken nor refused: its queue is full."""
    with ExitStack() as held:
        server = held.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def tell(sessions: sessionmaker[Any]) -> UUID:
    """Commit an event with its place in the feed, as its writer does."""
    event_id, order_id, now = new_id(), uuid4(), clock.now()
    heard = {"event_id": event_id, "source": "orders", "type": "order.placed", "subject": str(order_id)}
    sample = envelope("order.placed") | {"id": str(event_id), "time": now.isoformat()}
    with sessions.begin() as session:
        session.execute(
            insert(inbox).values(**heard, envelope=sample, via="push", state="done", next_at=now, done_at=now)
        )
        if feed.number_waiting(session).is_owed:
            webhooks.owe_round(session)
    return event_id


def measured(server: Postgres, seconds: float, warm_up: float = WARM_UP_SECONDS) -> dict[str, float]:
    """Milliseconds from commit to arrival (p50, p99), and arrivals a second, of the fast endpoints."""
    url = server.url("notifications")
    sessions = sessions_to(url)
    upgrade(sessions.kw["bind"], "notifications")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    whole = warm_up + seconds + 15
    receivers = context.Process(target=receive, args=(theirs, whole + 10))
    receivers.start()
    fast, slow = ours.recv()
    with silent_port() as silent:
        ports = [fast] * FAST + [slow] + [silent] * SILENT + [free_port() for _ in range(REFUSING)]
        with sessions.begin() as session:
            for port in ports:
                webhooks.create_webhook(
                    session,
                    address=f"http://127.0.0.1:{port}/",
                    email="hooks@shop.example",
                    description="",
                    types=["*"],
                    people=False,
                )
        senders = [context.Process(target=send, args=(url, whole - 15)) for _ in range(PROCESSES)]
        for sender in senders:
            sender.start()
        told = _pace(sessions, warm_up, seconds)
        for process in (*senders, receivers):
            if process is receivers:
                came = ours.recv()
            process.join()
    waits = sorted((at - told[event_id]) * 1000 for event_id, at, _ in came if event_id in told)
    arrived = [at for event_id, at, _ in came if event_id in told]
    sessions.kw["bind"].dispose()
    return {
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "share": len(waits) / (len(told) * FAST),
        "rate": len(arrived) / (max(arrived) - min(arrived)),
    }


def _pace(sessions: sessionmaker[Any], warm_up: float, seconds: float) -> dict[str, float]:
    """Tell so many events a second; answers when those after the warm-up were committed."""
    told: dict[str, float] = {}
    began = time.monotonic()
    for position in range(1, int((warm_up + seconds) * PACED) + 1):
        time.sleep(max(0.0, began + position / PACED - time.monotonic()))
        event_id = tell(sessions)
        if position > warm_up * PACED:
            told[str(event_id)] = time.time()
    return told


def measured_from_source(seconds: float, warm_up: float = WARM_UP_SECONDS) -> dict[str, float]:
    """Milliseconds from when orders wrote down that one was placed to arrival (p50, p99), of fast endpoints.

    By the whole way, through broker, handler and feed, on a running system. An event's `time` is given in the
    transaction that places the order, some milliseconds before it commits: these count.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with (
        running_stack(WEBHOOKS_PER_SELLER=MANY) as stack,
        closing(Shop(stack)) as shop,
        silent_port() as silent,
    ):
        receivers = context.Process(target=receive, args=(theirs, warm_up + seconds + 15))
        receivers.start()
        fast, slow = ours.recv()
        shop.open({"TEA-250": 1_000_000})
        refusing = [free_port() for _ in range(REFUSING)]
        for port in [fast] * FAST + [slow] + [silent] * SILENT + refusing:
            place = {"address": f"http://127.0.0.1:{port}/", "email": "hooks@shop.example"}
            shop.call("notifications", "POST", "/v1/webhooks", json=place | {"types": ["order.placed"]})
        counted: set[str] = set()
        began = time.monotonic()
        for number in range(1, int((warm_up + seconds) * PLACED) + 1):
            time.sleep(max(0.0, began + number / PLACED - time.monotonic()))
            order_id = shop.place(("TEA-250", 1))["order_id"]
            if number > warm_up * PLACED:
                counted.add(order_id)
        came = ours.recv()
        receivers.join()
    told = [(at, json.loads(body)) for _, at, body in came]
    waits = sorted(
        (at - datetime.fromisoformat(event["time"]).timestamp()) * 1000
        for at, event in told
        if event["order_id"] in counted
    )
    return {
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "share": len(waits) / (len(counted) * FAST),
        "count": float(len(waits)),
    }


def run() -> Iterator[Result]:
    """The delay and the rate of fast endpoints beside 50 dead ones and a slow one."""
    with temporary_postgres() as server:
        figures = measured(server, 30)
    detail = (
        f"p50 {figures['p50']:.0f} ms, p99 {figures['p99']:.0f} ms, {figures['share']:.1%} arrived; "
        f"{SILENT} silent, {REFUSING} refusing, one answers after {SLOW_SECONDS} s; "
        f"load {os.getloadavg()[0]:.0f}"
    )
    yield Result(
        goal=24,
        name="webhook on its way, p99",
        value=figures["p99"],
        unit="ms",
        must=250,
        lower_is_better=True,
        detail=detail,
    )
    whole = measured_from_source(60)
    yield Result(
        goal=24,
        name="the same, from when its service wrote it down",
        value=whole["p99"],
        unit="ms",
        must=250,
        lower_is_better=True,
        detail=f"p50 {whole['p50']:.0f} ms, p99 {whole['p99']:.0f} ms, {whole['share']:.1%} arrived, "
        f"{PLACED:g} order a second at {FAST} endpoints; load {os.getloadavg()[0]:.0f}",
    )
    yield Result(goal=25, name="webhooks a second", value=figures["rate"], unit="/s", must=190, detail=detail)


if __name__ == "__main__":
    for result in run():
        print(result.line())
