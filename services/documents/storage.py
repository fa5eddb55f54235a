"""Stored files: under the SHA-256 of their content, written once, in the configured store.

They are written by the transaction whose row needs them, after all that could refuse them, and erased only
while no transaction that wrote the same bytes is open: both lock the content's hash, in the database that all
hosts share. What a transaction leaves that wrote and then did not commit is needed by no row, and is swept.
"""

from collections.abc import Iterable
from hashlib import sha256

from prometheus_client import Counter
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from services.documents import queries
from services.documents.db import store_of
from shared import clock
from shared.stores import PARTS

# A file is renamed into place or never was; what is this old was left by a process that died writing.
LEFTOVER_SECONDS = 3600
# Not for the sake of commits, which lock: what is brought back from a backup may come before its rows.
UNNEEDED_SECONDS = 24 * 3600
HOURS = 24

SWEPT = Counter(
    "waybill_swept_files_total", "Files that no row needed or that were half written, left by a broken write."
)


def store(session: Session, content: bytes) -> str:
    """Store bytes that the transaction has decided on; returns their SHA-256. Repeating changes nothing.

    The last step before the row that needs them: nothing may refuse them afterwards. When it returns they
    are durable. Raises Unavailable where they can't be kept now, before PostgreSQL ends the transaction.
    """
    digest = sha256(content).hexdigest()
    session.execute(select(func.pg_advisory_xact_lock_shared(_lock_of(digest))))
    store_of(session).write(digest, content)
    return digest


def erase_unneeded(session: Session, digest: str) -> bool:
    """Delete a file if no row needs it; returns whether none does. The caller commits at once.

    Waits for every transaction that has written the same bytes; whoever comes after the erasing writes anew.
    """
    session.execute(select(func.pg_advisory_xact_lock(_lock_of(digest))))
    if queries.needed_hashes(session, [digest]):
        return False
    store_of(session).erase(digest)
    return True


def sweep(sessions: sessionmaker[Session], parts: Iterable[str] = PARTS) -> int:
    """Delete leftovers of interrupted writes in these parts of the store; returns how many files.

    They were half written, or are older than a day and no row needs them.
    """
    with sessions() as session:
        store = store_of(session)
    now = clock.now().timestamp()
    swept = store.sweep_half_written(now - LEFTOVER_SECONDS)
    for part in parts:
        lying = {digest for digest, written_at in store.listed(part) if written_at < now - UNNEEDED_SECONDS}
        with sessions() as session:
            unneeded = lying - queries.needed_hashes(session, lying) if lying else set()
        for digest in unneeded:
            with sessions.begin() as session:
                swept += erase_unneeded(session, digest)
    SWEPT.inc(swept)
    return swept


def sweep_by_the_hour(sessions: sessionmaker[Session]) -> int:
    """Sweep one twenty-fourth of the store each hour, so that a million files are checked once a day."""
    hour = clock.now().hour
    return sweep(sessions, (part for part in PARTS if int(part, 16) % HOURS == hour))


def _lock_of(digest: str) -> int:
    # 63 bits of the hash: two contents that share them only wait for each other.
    return int(digest[:16], 16) >> 1
