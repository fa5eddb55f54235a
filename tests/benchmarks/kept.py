"""Goal 3: what the databases keep of an order's life for ever, once all that ages has been forgotten.

Tables and their indexes without the room that deleted rows leave, by the life of the ledger in `statements`.
The bytes of e-mails as they went are left out; those of papers are in no database.
"""

from collections import Counter
from datetime import timedelta

from services.notifications.queries import feed
from services.orders.queries.drafts import OLD_DRAFTS
from shared.messaging import retention
from shared.web.retention import OLD_KEYS
from tests.benchmarks.results import Result
from tests.benchmarks.statements import Life, four_services, live, open_shop

WARM = 3
LIVES = 40
FORGETS = {"orders": [OLD_KEYS, OLD_DRAFTS], "notifications": [OLD_KEYS, *feed.old(timedelta(days=30))]}
AGES = {
    "inbox": "received_at",
    "jobs": "done_at",
    "idempotency_keys": "created_at",
    "feed": "entered_at",
}
_SIZES = """
    select relname, pg_total_relation_size(oid) from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
"""


def run() -> list[Result]:
    """Measure with the four services in one process."""
    with four_services() as life:
        open_shop(life)
        for _ in range(WARM):
            live(life)
        before = kept(life)
        for _ in range(LIVES):
            live(life)
        grown = kept(life) - before
    emails = grown.pop("notifications.email_contents")
    most = ", ".join(f"{table} {size / LIVES / 1000:.1f}" for table, size in grown.most_common(6))
    return [
        Result(
            goal=3,
            name="kept in the databases of one life after retention, e-mails' bytes aside",
            value=grown.total() / LIVES / 1000,
            unit="kB",
            must=100,
            stretch=60,
            lower_is_better=True,
            detail=f"{most}; e-mails as they went {emails / LIVES / 1000:.1f}",
        )
    ]


def kept(life: Life) -> Counter[str]:
    """Bytes by table, indexes included, when two hundred days have passed."""
    sizes: Counter[str] = Counter()
    for service, database in life.databases.items():
        tables = [name for name, _ in database.execute(_SIZES).fetchall()]
        for table in AGES.keys() & tables:
            age = AGES[table]
            database.execute(f"update {table} set {age} = {age} - interval '200 days'".encode())
        retention.forget(life.sessions[service], lambda: False, FORGETS.get(service, [OLD_KEYS]))
        for table in tables:
            database.execute(f"vacuum full {table}".encode())
        for name, size in database.execute(_SIZES).fetchall():
            sizes[f"{service}.{name}"] = size
    return sizes


if __name__ == "__main__":
    for result in run():
        print(result.line())
