"""What all tests share: one PostgreSQL a worker, migrated; sessions that are rolled back."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker
from xdist.scheduler import LoadScopeScheduling

from deploy.local.databases import SERVICES
from deploy.local.postgres import Postgres, temporary_postgres
from shared.db import make_engine
from shared.logging import causation_id, correlation_id, trace_parent
from shared.messaging.service import Messaging
from shared.messaging.tables import event_log
from shared.metrics import exposition
from shared.migrations import upgrade
from tests.object_store import ObjectStore, object_store
from tests.releases import MissingReleaseError, previous

# The thousands of tests, once collected, stay to the end, and the garbage collector looks through all of them
# each time: a sixth of what the tests take, and a third of what collecting them does.
gc.set_threshold(50_000, 20, 50)


def pytest_collection_finish() -> None:
    """Leave what has been collected out of what the garbage collector looks through."""
    gc.collect()
    gc.freeze()


# How a failure is printed where no service has set up its logs. By default it comes with all variables of its
# frames, which takes a second or two: more than some tests wait for.
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])


# A machine that has other work makes no example wrong; and what a fixture made once is right for all of them.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("patient")


# So many tests that two workers share them, each with a system of its own.
SHARED_OUT = "tests/browser"


class ByFolder(LoadScopeScheduling):
    """Keeps the tests of a folder in one worker: those that start the real processes share one system."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return file if folder == SHARED_OUT else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder | None:
    """Have `--dist loadscope` mean a folder; groups of tests are lost on pytest 9 (xdist 3.8)."""
    return ByFolder(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def no_context_of_another_test() -> None:
    """What handled an event, a job or a request in this process before is over, as it is in a worker."""
    for variable in (correlation_id, causation_id, trace_parent):
        variable.set("")
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def counted() -> Callable[..., float]:
    """How much a sample has grown in this test, as Prometheus reads it; 0 for one that is not there."""

    def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        families = text_string_to_metric_families(exposition().decode())
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    before = samples()

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return samples().get(key, 0) - before.get(key, 0)

    return grown


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A server of this test process' own, every service's database migrated."""
    with temporary_postgres() as server:
        for service in SERVICES:
            engine = make_engine(server.url(service))
            upgrade(engine, service)
            engine.dispose()
        yield server


@pytest.fixture(scope="session")
def engines(postgres_server) -> Iterator[dict[str, Engine]]:
    made = {service: make_engine(postgres_server.url(service)) for service in SERVICES}
    for engine in made.values():
        event.listen(engine, "connect", _wait_longer)
    yield made
    for engine in made.values():
        engine.dispose()


def _wait_longer(connection: Any, _record: object) -> None:
    """Let transactions wait and be idle longer than in production: a deadlock is still found in a second."""
    connection.execute("set lock_timeout = '120s'")
    connection.execute("set idle_in_transaction_session_timeout = 0")
    connection.commit()


@pytest.fixture(scope="session")
def s3() -> Iterator[ObjectStore]:
    """A server of the S3 protocol, of this test process' own."""
    with object_store() as server:
        yield server


@pytest.fixture(scope="session")
def previous_release(tmp_path_factory) -> Path:
    """The tree of the release before this one."""
    try:
        return previous(tmp_path_factory.mktemp("previous") / "release")
    except MissingReleaseError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def service_session(engines) -> Callable[..., Any]:
    """A session of a service; whatever it or the code under test commits is rolled back at the end."""

    @contextmanager
    def open_session(messaging: Messaging, engine: Engine | None = None) -> Iterator[Session]:
        with (engine or engines[messaging.name]).connect() as connection:
            transaction = connection.begin()
            factory = sessionmaker(
                connection,
                expire_on_commit=False,
                join_transaction_mode="create_savepoint",
                info=messaging.session_info(),
            )
            with factory() as session:
                yield session
            transaction.rollback()

    return open_session


@pytest.fixture
def published(session) -> Callable[[str], list[dict[str, Any]]]:
    """The payloads of the events of a type that this test's transaction has told, oldest first."""

    def told(event_type: str) -> list[dict[str, Any]]:
        rows = select(event_log.c.payload).where(event_log.c.type == event_type).order_by(event_log.c.seq)
        return list(session.execute(rows).scalars())

    return told
