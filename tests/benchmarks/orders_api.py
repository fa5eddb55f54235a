"""Orders' API alone with its database: one process as it is deployed, durable, on a free port."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from deploy.local.keys import Keys
from deploy.local.ports import HOST, free_port
from deploy.local.postgres import Postgres
from deploy.local.processes import Process

ROOT = Path(__file__).parents[2]
# What a machine that holds a million orders gives its database at the least.
MEMORY = {"shared_buffers": "1GB", "max_wal_size": "8GB", "jit": "off"}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may pass through; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def durable_postgres(folder: Path, databases: Sequence[str]) -> Iterator[Postgres]:
    """A server that keeps its promises, as in production."""
    server = Postgres(folder / "postgres", databases=databases, settings=MEMORY)
    try:
        with server:
            yield server
    finally:
        server.remove()


def granian(port: int, factory: str, threads: int = 8) -> list[str]:
    """The command that serves a WSGI application, as the stack does."""
    words = ["--interface", "wsgi", "--host", HOST, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "granian", *words, "--blocking-threads", str(threads), "--factory", factory]


@contextmanager
def serving(folder: Path, factory: str, environment: dict[str, str]) -> Iterator[tuple[Process, str]]:
    """A process that serves, once it answers, and its address."""
    port = free_port()
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    process = Process(
        factory,
        granian(port, factory),
        log=folder / f"{port}.log",
        folder=ROOT,
        environment=os.environ | environment | {"TMPDIR": str(temporary), "MALLOC_ARENA_MAX": "2"},
    )
    process.start()
    try:
        address = f"http://{HOST}:{port}"
        _wait(address, process)
        yield process, address
    finally:
        process.stop()


def orders_environment(database_url: str, keys: Keys) -> dict[str, str]:
    """The settings of the orders service; nobody else is there to be reached."""
    nowhere = dict.fromkeys(("ORDERS_URL", "SHIPPING_URL", "DOCUMENTS_URL", "NOTIFICATIONS_URL"), "http://x")
    return nowhere | {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "JWKS": str(keys.jwks_file),
        "TOKEN_ISSUER": "waybill-local",
        "SERVICE_TOKEN": "none",
        "CUSTOMER_LINK_KEYS": keys.customer_link_keys,
        "GATEWAY_SECRET": keys.gateway_secret,
        "LOG_LEVEL": "WARNING",
    }


def _wait(address: str, process: Process) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx2.get(address, timeout=5)
        except httpx2.HTTPError:
            if time.monotonic() > deadline or not process.is_running():
                raise
            time.sleep(0.05)
        else:
            return
