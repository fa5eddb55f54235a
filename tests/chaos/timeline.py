"""All that is known of one order, in the order of time: what was asked, told, heard, done, and broken."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tests.chaos.databases import Databases
from tests.chaos.faults import Fault

TOLD = """
select e.occurred_at as at, 'told ' || e.type || ' v' || e.version || ' ' || e.event_id as what,
       string_agg(told.subscriber || case when o.seq is null then ' acked' else ' owed' end
                  || coalesce(to_char(p.sent_at, ', sent HH24:MI:SS.MS'), ''), ', ') as more
from event_log e cross join unnest(told_to) as told (subscriber)
left join outbox o using (event_id, subscriber)
left join pushes p on p.seq = o.seq and p.subscriber = o.subscriber
where e.subject = %(subject)s
group by e.seq
"""
HEARD = """
select received_at as at,
       'heard ' || type || ' v' || (envelope ->> 'snapshotversion') || ' ' || event_id as what,
       via || ', ' || state || ', attempts ' || attempts || ', done '
       || coalesce(to_char(done_at, 'HH24:MI:SS.MS'), '-') || ' ' || coalesce(last_error, '') as more
from inbox where subject = %(subject)s
"""
OWED = """
select created_at as at, 'owed ' || key as what,
       state || ', attempts ' || attempts || ', done ' || coalesce(to_char(done_at, 'HH24:MI:SS.MS'), '-')
       || ' ' || coalesce(last_error, '') as more
from jobs where subject = %(subject)s
"""


def timeline(databases: Databases, ledger, faults: Iterable[Fault], order_id: str) -> Iterator[str]:
    """A line for everything that happened to an order, with the faults of its time between."""
    steps = [
        (row["at"], service, row["what"], row["more"] or "")
        for query in (TOLD, HEARD, OWED)
        for service, rows in databases.everywhere(query, subject=order_id).items()
        for row in rows
    ]
    steps += [
        (entry["at"], "client", f"{entry['outcome']} {entry['command']}", str(entry["thing"]))
        for entry in ledger.entries
        if entry["order_id"] == order_id
    ]
    if steps:
        first, last = min(steps)[0], max(steps)[0]
        steps += [
            (fault.at, "FAULT", fault.kind, fault.detail) for fault in faults if first <= fault.at <= last
        ]
    for at, who, what, more in sorted(steps):
        instant: datetime = at.astimezone(UTC)
        yield f"{instant:%H:%M:%S.%f} {who:13} {what}  {more}"
