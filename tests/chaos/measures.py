"""Figures of a run: how long, how much, by which way."""

import time
from collections import Counter
from datetime import datetime

from deploy.local.databases import SERVICES
from tests.chaos.databases import Databases

WAITING = """
select (select count(*) from outbox where acked_at is null)
     + (select count(*) from inbox where acked_at is null)
     + (select count(*) from inbox where state = 'pending') as events,
       (select count(*) from jobs where state in ('queued', 'running')) as jobs,
       (select coalesce(max(extract(epoch from lease_until - clock_timestamp())), 0) from jobs
        where state = 'running') as lease_seconds,
       greatest(
         (select extract(epoch from clock_timestamp() - min(recorded_at)) from outbox where sent_at is null),
         (select extract(epoch from clock_timestamp() - min(received_at)) from inbox where state = 'pending'),
         (select extract(epoch from clock_timestamp() - min(run_at)) from jobs where state = 'queued')
       ) as oldest_seconds
"""


def waiting(databases: Databases) -> Counter:
    """How many events and jobs have not come to rest, and how long the longest wait and lease are."""
    rows = [row for [row] in databases.everywhere(WAITING).values()]
    return Counter(
        events=sum(row["events"] for row in rows),
        jobs=sum(row["jobs"] for row in rows),
        lease_seconds=float(max(row["lease_seconds"] for row in rows)),
        oldest_seconds=float(max(row["oldest_seconds"] or 0 for row in rows)),
    )


def seconds_until_rest(databases: Databases, what: str, deadline_seconds: float) -> float | None:
    """How long it takes until no event, or no job, waits any more; None when that is not in time."""
    began = time.monotonic()
    while time.monotonic() - began < deadline_seconds:
        if not waiting(databases)[what]:
            return time.monotonic() - began
        time.sleep(0.25)
    return None


def effects(databases: Databases, since: datetime, until: datetime) -> list[tuple[float, str, str]]:
    """Seconds from commit to effect of all deliveries told in a time, each with its subscriber and way."""
    heard = {
        (service, row["event_id"]): row
        for service, rows in databases.everywhere(
            "select event_id, via, done_at from inbox where state = 'done'"
        ).items()
        for row in rows
    }
    told = databases.everywhere(
        """select event_id, subscriber, recorded_at from outbox
           where recorded_at between %(since)s and %(until)s""",
        since=since,
        until=until,
    )
    found = []
    for row in (row for rows in told.values() for row in rows):
        effect = heard.get((row["subscriber"], row["event_id"]))
        if effect:
            seconds = (effect["done_at"] - row["recorded_at"]).total_seconds()
            found.append((seconds, row["subscriber"], effect["via"]))
    return found


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def events_handled(databases: Databases) -> Counter:
    """How many deliveries were handled, by the way they came."""
    ways: Counter = Counter()
    for service in SERVICES:
        ways.update(
            databases.pairs(service, "select via, count(*) from inbox where state = 'done' group by 1")
        )
    return ways
