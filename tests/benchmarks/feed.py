"""Goal 20: a page of the feed among ten million entries, for who sees much, little and next to nothing.

`python -m tests.benchmarks.feed` measures this alone.
"""

import statistics
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session, sessionmaker

from services.notifications.messaging import messaging
from services.notifications.models import FeedEntry
from services.notifications.queries import feed
from shared.access import Actor
from shared.db import make_engine
from shared.events.codec import EVENTS
from shared.events.samples import FOLDER
from shared.migrations import upgrade
from tests.benchmarks.orders_api import durable_postgres, temporary_folder
from tests.benchmarks.results import Result

MANY = 10_000_000
PAGE = 100
REPEATS = 15
PLANS = Path(__file__).parent / "plans" / "feed.txt"

RARE = "return.rejected"  # thirty of all
COMMON = sorted(EVENTS.keys() - {RARE})
ORDER = UUID(int=1000)
EVERYTHING = ("*",)

# An order has 33 entries, one after the other; there are a hundred sellers, one of them with thirty entries.
_ENTRIES = """
    insert into feed
    select n, gen_random_uuid(), 'orders',
           case when n %% (%(many)s / 30) = 1 then %(rare)s
                else (%(common)s::text[])[1 + n %% %(kinds)s] end,
           lpad(to_hex(n / 33), 32, '0')::uuid, 'GB-' || n / 33,
           case when n %% (%(many)s / 30) = 2 then 'seller-0' else 'seller-' || 1 + n / 33 %% 99 end,
           (array['gb', 'eu', 'us'])[1 + n / 33 %% 3],
           1 + n %% 33, now(), now()
    from generate_series(1, %(many)s) as n
"""
_BODIES = """
    insert into inbox (event_id, source, type, subject, envelope, via, next_at, state)
    select event_id, source, type, order_id::text, %s, 'push', now(), 'done' from feed
    where position = any(%s) on conflict do nothing
"""

READERS: dict[str, dict[str, Any]] = {
    "all sellers, from the beginning": {},
    "all sellers, from the middle": {"after": 0.5},
    "all sellers, who has read all": {"after": 1},
    "one seller": {"sellers": ("seller-7",)},
    "one seller, few entries": {"sellers": ("seller-0",)},
    "one seller, none": {"sellers": ("seller-x",)},
    "three sellers": {"sellers": ("seller-7", "seller-8", "seller-0")},
    "thirty sellers": {"sellers": tuple(f"seller-{number}" for number in range(30))},
    "one seller, one market": {"sellers": ("seller-7",), "markets": ("gb",)},
    "one seller, who has read nearly all": {"sellers": ("seller-7",), "after": 0.9999},
    "one order": {"order_id": ORDER},
    "one type": {"types": (COMMON[0],)},
    "one type, rare": {"types": (RARE,)},
    "one type, rare, from the middle": {"types": (RARE,), "after": 0.5},
    "two types, one rare": {"types": (RARE, COMMON[0])},
    "one seller, one type": {"sellers": ("seller-7",), "types": (COMMON[0],)},
    "one seller, one type, rare": {"sellers": ("seller-7",), "types": (RARE,)},
    "one seller of few, one type": {"sellers": ("seller-0",), "types": (COMMON[0],)},
}


def run(many: int = MANY) -> list[Result]:
    """Fill a database, put in the bodies of the pages that are read, measure, keep the plans."""
    with temporary_folder() as folder, durable_postgres(folder, ("notifications",)) as server:
        engine = make_engine(server.url("notifications"))
        upgrade(engine, "notifications")
        fill(server.superuser_url("notifications"), many)
        sessions = sessionmaker(engine, info=messaging.session_info())
        taken, parts = {}, []
        for name, reader in READERS.items():
            with_bodies(server.superuser_url("notifications"), sessions, reader)
            taken[name], found = _milliseconds(sessions, reader)
            parts.append(f"## {name}: {found} entries\n{plan(sessions, reader)}\n")
            print(f"   {name}: {found} entries, {taken[name]:.2f} ms", flush=True)
        engine.dispose()
    head = f"How a page of {PAGE} is found among {many} entries of the feed; written by the benchmark.\n"
    PLANS.write_text("\n".join((head, *parts)))
    slowest = max(taken, key=taken.__getitem__)
    return [
        Result(
            goal=20,
            name=f"page of {PAGE} of the feed at {many} entries, the slowest of {len(READERS)}",
            value=taken[slowest],
            unit="ms",
            must=10,
            lower_is_better=True,
            detail=f"{slowest}; median {statistics.median(taken.values()):.2f} ms",
        )
    ]


def fill(superuser_url: str, many: int) -> None:
    """Entries without bodies, numbered from 1."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # without the trigger
        parameters = {"many": many, "rare": RARE, "common": COMMON, "kinds": len(COMMON)}
        connection.execute(_ENTRIES, parameters)
        connection.execute("update feed_head set position = %s", [many])
        connection.execute("vacuum (analyze) feed")
        [size] = connection.execute("select pg_total_relation_size('feed')").fetchone() or (0,)
    print(f"   {many} entries, {size / many:.0f} bytes each with their indexes", flush=True)


def with_bodies(superuser_url: str, sessions: sessionmaker[Session], reader: dict[str, Any]) -> None:
    """Put in what the page of a reader shows."""
    with sessions(info={"actor": _actor(reader)}) as session:
        positions = list(session.scalars(feed.positions(session, **_asked(session, reader))))
    sample = (FOLDER / "shipment.shipped.1.json").read_text()
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(_BODIES, [sample, positions])
        connection.execute("analyze inbox")


def plan(sessions: sessionmaker[Session], reader: dict[str, Any]) -> str:
    """How PostgreSQL finds the page of a reader, with the data of each entry."""
    with sessions(info={"actor": _actor(reader)}) as session:
        page = feed.rows_of(FeedEntry.position.in_(feed.positions(session, **_asked(session, reader))))
        compiled = page.compile(session.connection(), compile_kwargs={"render_postcompile": True})
        cursor: Any = session.connection().connection.cursor()
        cursor.execute(f"explain (analyze, buffers, timing off, summary on) {compiled}", compiled.params)
        return "\n".join(line for (line,) in cursor.fetchall() if "Planning:" not in line)


def _milliseconds(sessions: sessionmaker[Session], reader: dict[str, Any]) -> tuple[float, int]:
    """The median time of a page, from the question to its entries; and how many these are."""
    taken = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        with sessions(info={"actor": _actor(reader)}) as session:
            page = feed.page(session, **_asked(session, reader))
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken), len(page.entries)


def _asked(session: Session, reader: dict[str, Any]) -> dict[str, Any]:
    last = feed.ends(session).last
    asked = {name: value for name, value in reader.items() if name not in {"sellers", "markets"}}
    return asked | {"after": int(last * reader.get("after", 0)), "last": last, "limit": PAGE}


def _actor(reader: dict[str, Any]) -> Actor:
    claims = {name: frozenset(reader.get(name, EVERYTHING)) for name in ("sellers", "markets")}
    return Actor(name="bench", **claims)


if __name__ == "__main__":
    for result in run():
        print(result.line())
