"""Goals 13 and 14: what the guarantees cost beside bare Celery, in waiting and in throughput."""

import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
from celery import Celery
from sqlalchemy.orm import Session, sessionmaker

from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.postgres import Postgres
from deploy.local.valkey import Valkey, temporary_valkey
from shared.db import make_engine
from shared.messaging import outbox
from shared.migrations import upgrade
from tests import samples
from tests.benchmarks.echo import STARTED, publisher, sessions_of
from tests.benchmarks.results import Result

PACED = 300  # events of the latency run, at this many a second
PACE = 40
BULK = 3000  # events of the throughput run
ROUNDS = 3
DEADLINE_SECONDS = 600

Figures = dict[str, float]


class Rig:
    """Both ways to a handler, on one worker of two processes."""

    def __init__(self, sessions: sessionmaker[Session], broker: Valkey) -> None:
        self.sessions = sessions
        self.client = redis.Redis.from_url(broker.url)
        self.celery = Celery("driver", broker=broker.url)
        self.order = samples.event("order.placed")
        self.envelope = samples.envelope("order.placed")

    def tell(self, *names: str) -> float:
        """Commit events whose handlers will report by these names; answers when they were committed."""
        with self.sessions() as session:
            for name in names:
                snapshot = dataclasses.replace(self.order.order, order_id=uuid4(), external_reference=name)
                outbox.publish(session, dataclasses.replace(self.order, order=snapshot))
            session.commit()
        return time.time()

    def delay(self, *names: str) -> float:
        """Send bare tasks with as much to carry; answers when they were asked for."""
        asked = time.time()
        for name in names:
            arguments = {"order": name, "event": self.envelope}
            self.celery.send_task("shipping.bare", kwargs=arguments, queue="shipping.events")
        return asked

    def starts(self, count: int) -> dict[str, float]:
        """When each of so many handlers began; raises TimeoutError."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.client.llen(STARTED) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.client.llen(STARTED)} of {count} handlers began")
            time.sleep(0.02)
        lines = [line.decode().split(",") for line in self.client.lrange(STARTED, 0, -1)]
        self.client.delete(STARTED)
        return {name: float(at) for name, at in lines}


def _latencies(rig: Rig, send: Any) -> list[float]:
    asked = {}
    for number in range(PACED):
        name = str(number)
        asked[name] = send(name)
        time.sleep(1 / PACE)
    began = rig.starts(PACED)
    return sorted((began[name] - at) * 1000 for name, at in asked.items())


def _rate(rig: Rig, send: Any) -> float:
    send(*map(str, range(BULK)))
    began = rig.starts(BULK).values()
    return (BULK - 1) / (max(began) - min(began))


@contextmanager
def running_rig() -> Iterator[Rig]:
    """A durable PostgreSQL, a broker, the publisher's agent and the listener's worker."""
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        Path(folder).chmod(0o711)
        postgres = Postgres(Path(folder) / "postgres", databases=("orders", "shipping"))
        try:
            with postgres, temporary_valkey() as broker:
                yield from _with_processes(postgres, broker)
        finally:
            postgres.remove()


def _with_processes(postgres: Postgres, broker: Valkey) -> Iterator[Rig]:
    for service in ("orders", "shipping"):
        engine = make_engine(postgres.url(service))
        upgrade(engine, service)
        engine.dispose()
    keys = Keys(postgres.folder.parent / "keys")
    common = {
        **os.environ,
        "BROKER_URL": broker.url,
        "JWKS": "none",
        "TOKEN_ISSUER": "waybill-local",
        "SERVICE_TOKEN": "none",
        "CUSTOMER_LINK_KEYS": "none",
        "MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES),
        "LOG_LEVEL": "WARNING",
        **{f"{s}_URL": "http://127.0.0.1:9" for s in ("ORDERS", "SHIPPING", "DOCUMENTS", "NOTIFICATIONS")},
    }
    worker = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.benchmarks.echo",
        "worker",
        "-P",
        "prefork",
        "-c",
        "2",
    ]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING", "-Q", "shipping.events"]
    commands = [
        ([sys.executable, "-m", "tests.benchmarks.echo"], "orders"),
        ([*worker, *quiet, "-n", "echo@localhost"], "shipping"),
    ]
    processes = [
        subprocess.Popen(
            command,
            env={**common, "DATABASE_URL": postgres.url(service), "MESSAGE_KEYS": keys.message_keys(service)},
        )
        for command, service in commands
    ]
    sessions = sessions_of(publisher, postgres.url("orders"))
    rig = Rig(sessions, broker)
    try:
        rig.delay("warm")
        rig.tell("warm")
        rig.starts(2)
        yield rig
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
        rig.client.close()
        sessions.kw["bind"].dispose()


def run() -> list[Result]:
    """Measure both goals, the sides in turn."""
    p50: list[Figures] = []
    rates: list[Figures] = []
    with running_rig() as rig:
        for _ in range(ROUNDS):
            ours, bare = _latencies(rig, rig.tell), _latencies(rig, rig.delay)
            p50.append(
                {
                    "ours50": _at(ours, 0.5),
                    "bare50": _at(bare, 0.5),
                    "ours99": _at(ours, 0.99),
                    "bare99": _at(bare, 0.99),
                }
            )
            rates.append({"ours": _rate(rig, rig.tell), "bare": _rate(rig, rig.delay)})
    latency = {key: statistics.median(figures[key] for figures in p50) for key in p50[0]}
    rate = {key: statistics.median(figures[key] for figures in rates) for key in rates[0]}
    detail = "ours {ours50:.1f} / {ours99:.1f} ms, bare {bare50:.1f} / {bare99:.1f} ms (p50 / p99)".format(
        **latency
    )
    return [
        Result(
            goal=13,
            name="commit to handler start : bare Celery delay, p50",
            value=latency["ours50"] / latency["bare50"],
            must=3,
            stretch=1.5,
            lower_is_better=True,
            detail=detail,
        ),
        Result(
            goal=13,
            name="commit to handler start : bare Celery delay, p99",
            value=latency["ours99"] / latency["bare99"],
            must=5,
            stretch=2,
            lower_is_better=True,
            detail=detail,
        ),
        Result(
            goal=14,
            name="events handled per second : bare Celery tasks",
            value=rate["ours"] / rate["bare"],
            must=0.4,
            stretch=0.8,
            detail="ours {ours:.0f}/s, bare {bare:.0f}/s".format(**rate),
        ),
    ]


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    for result in run():
        print(result.line())
