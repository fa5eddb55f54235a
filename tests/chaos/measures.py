"""Figures of a run: how long, how much, by which way."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.local.databases import SERVICES
from shared.messaging.fault_points import is_poisoned
from tests.chaos.databases import Databases
from tests.chaos.faults import CRASH_POINTS

EVER = datetime.max.replace(tzinfo=UTC)
WAITING = """
select (select count(*) from outbox where acked_at is null and recorded_at <= %(until)s)
     + (select count(*) from inbox left join pending_acks using (event_id)
        where (pending_acks.event_id is not null or state = 'pending')
        and (envelope ->> 'time')::timestamptz <= %(until)s) as events,
       (select count(*) from jobs where state in ('queued', 'running') and created_at <= %(until)s
        and due_at <= clock_timestamp() + interval '1 minute') as jobs, -- tomorrow's work does not wait
       (select coalesce(max(extract(epoch from lease_until - clock_timestamp())), 0) from jobs
        where state = 'running') as lease_seconds,
       greatest(
         (select extract(epoch from clock_timestamp() - min(occurred_at))
          from pushes join event_log using (seq) where sent_at is null),
         (select extract(epoch from clock_timestamp() - min(received_at)) from inbox where state = 'pending'),
         (select extract(epoch from clock_timestamp() - min(run_at)) from jobs where state = 'queued')
       ) as oldest_seconds
"""


def waiting(databases: Databases, until: datetime = EVER) -> Counter:
    """How much of what was told until then is not at rest; and now, the longest lease and wait."""
    rows = [row for [row] in databases.everywhere(WAITING, until=until).values()]
    return Counter(
        events=sum(row["events"] for row in rows),
        jobs=sum(row["jobs"] for row in rows),
        lease_seconds=float(max(row["lease_seconds"] for row in rows)),
        oldest_seconds=float(max(row["oldest_seconds"] or 0 for row in rows)),
    )


def seconds_until_rest(
    databases: Databases,
    deadline_seconds: float,
    *what: str,
    until: datetime = EVER,
) -> float | None:
    """How long it takes until none of these events or jobs waits any more; None when that is not in time."""
    began = time.monotonic()
    while time.monotonic() - began < deadline_seconds:
        now = waiting(databases, until)
        if not any(now[each] for each in what):
            return time.monotonic() - began
        time.sleep(0.25)
    return None


@dataclass(frozen=True, order=True)
class Effect:
    """How long a delivery took from the commit that told it to the commit of what came of it."""

    seconds: float
    subscriber: str
    type: str
    via: str
    told_at: datetime


def effects(databases: Databases, since: datetime, until: datetime) -> list[Effect]:
    """All deliveries told in a time and done by now; but for the poisoned, which wait for an operator."""
    heard = {
        (service, row["event_id"]): row
        for service, rows in databases.everywhere(
            "select event_id, type, via, done_at from inbox where state = 'done'"
        ).items()
        for row in rows
    }
    told = databases.everywhere(
        """select event_id, subscriber, occurred_at from event_log cross join unnest(told_to) as subscriber
           where occurred_at between %(since)s and %(until)s""",
        since=since,
        until=until,
    )
    return [
        Effect(
            (effect["done_at"] - row["occurred_at"]).total_seconds(),
            row["subscriber"],
            effect["type"],
            effect["via"],
            row["occurred_at"],
        )
        for rows in told.values()
        for row in rows
        if (effect := heard.get((row["subscriber"], row["event_id"])))
        and not is_poisoned(str(row["event_id"]), CRASH_POINTS["poison"])
    ]


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
