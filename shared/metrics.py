"""Metrics of a process, for Prometheus to scrape.

The processes of one API or worker count together, each in files of its own in a folder that they share
(PROMETHEUS_MULTIPROC_DIR), and any of them answers for all. The library names those files by process id, so
they would pile up with every child that Celery replaces. Here they are named by a seat, which a process holds
while it lives: its successor takes the seat and counts on from there. Gauges are not for such processes: what
a dead one had set would stay. An agent is one process and needs no folder.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import IO
from wsgiref.simple_server import WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    disable_created_metrics,
    generate_latest,
    start_http_server,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from shared.settings import metrics_folder

_folder = metrics_folder()
# By process: a fork finds its parent's seat here, and needs one of its own.
_seats: dict[int, tuple[int, IO[str]]] = {}


def _seat() -> int:
    """The number this process counts under, unique among the living processes of the folder."""
    own = _seats.get(os.getpid())
    if own is None:
        assert _folder is not None
        own = _seats[os.getpid()] = _take_seat(_folder)
    return own[0]


def _take_seat(folder: Path) -> tuple[int, IO[str]]:
    for number in count():
        seat = (folder / f"{number}.seat").open("w")
        try:
            fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the process ends, however it ends
        except BlockingIOError:
            seat.close()
        else:
            return number, seat
    raise AssertionError


disable_created_metrics()  # when a series began: one more for each, and nobody asks
if _folder is not None:
    _folder.mkdir(parents=True, exist_ok=True)
    values.ValueClass = values.MultiProcessValue(_seat)


def exposition() -> bytes:
    """The metrics of this process, or of the whole API or worker it belongs to, in Prometheus format."""
    return generate_latest(_registry())


def serve(host: str, port: int, hanging: Callable[[], Sequence[str]] = tuple) -> WSGIServer | None:
    """Serve metrics and a liveness check from background threads.

    Not at all if the port is 0. `/health/live` is 503 while something hangs, which `hanging` names.
    """
    if not port:
        return None
    server, _thread = start_http_server(port, host, _registry())
    counts = server.get_app()
    assert counts is not None

    def answer(asked: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if asked["PATH_INFO"] != "/health/live":
            return counts(asked, start)
        found = list(hanging())
        start(
            "503 Service Unavailable" if found else "200 OK",
            [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
        )
        return [json.dumps({"status": "hangs", "hanging": found} if found else {"status": "live"}).encode()]

    server.set_app(answer)
    return server


def _registry() -> CollectorRegistry:
    if _folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(_folder))
    return registry


def when_committed(session: Session, count_it: Callable[[], None]) -> None:
    """Update a metric once the transaction commits; a rolled-back one is not counted."""
    session.info.setdefault("to_be_counted", []).append(count_it)


@event.listens_for(Session, "after_commit")
def _count(session: Session) -> None:
    if not session.in_nested_transaction():
        for count_it in session.info.pop("to_be_counted", ()):
            count_it()


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    if not ended.nested:
        session.info.pop("to_be_counted", None)
