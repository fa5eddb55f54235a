"""Stored bytes: a folder of files named by the SHA-256 of their content, written once.

A file is written by the transaction whose row needs it, after all that could refuse it, and erased only while
no transaction that wrote the same bytes is open: both lock the content's hash. What a transaction leaves that
wrote and then did not commit is needed by no row, and is swept.
"""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from prometheus_client import Counter
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from services.documents import queries
from services.documents.db import folder_of
from shared import clock

# A file is renamed into place or never was; what is this old was left by a process that died writing.
LEFTOVER_SECONDS = 3600
# Not for the sake of commits, which lock: what is brought back from a backup may come before its rows.
UNNEEDED_SECONDS = 24 * 3600
HOURS = 24
ALL_PARTS = tuple(f"{number:02x}" for number in range(256))
_INCOMING = "incoming"

SWEPT = Counter(
    "waybill_swept_files_total", "Files that no row needed or that were half written, left by a broken write."
)


class Damaged(Exception):  # noqa: N818 - reads as what happened
    """A stored file is gone, or is not what was stored."""


def store(session: Session, content: bytes) -> str:
    """Keep bytes that the transaction has decided on and answer their SHA-256; a second time changes nothing.

    The last step before the row that needs them: nothing may refuse them afterwards. When it returns they
    have reached the disk: temporary file, fsync, rename, fsync of the folder.
    """
    digest = sha256(content).hexdigest()
    session.execute(select(func.pg_advisory_xact_lock_shared(_lock_of(digest))))
    _write(folder_of(session), digest, content)
    return digest


def _write(folder: Path, digest: str, content: bytes) -> None:
    place = _place(folder, digest)
    incoming = folder / _INCOMING
    incoming.mkdir(parents=True, exist_ok=True)
    if not place.parent.exists():
        place.parent.mkdir(exist_ok=True)
        _sync_folder(folder)
    handle, name = tempfile.mkstemp(dir=incoming)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def read(folder: Path, digest: str) -> bytes:
    """The bytes that were stored; raises Damaged where they are gone or a single one has changed."""
    try:
        content = _place(folder, digest).read_bytes()
    except OSError as error:
        raise Damaged(f"{digest} can't be read: {error.strerror}") from error
    if sha256(content).hexdigest() != digest:
        raise Damaged(f"{digest} is not what was stored")
    return content


def erase_unneeded(session: Session, digest: str) -> bool:
    """Erase bytes that no row needs; answers whether there were any. The caller commits at once.

    Waits for every transaction that has written the same bytes; whoever comes after the erasing writes anew.
    """
    session.execute(select(func.pg_advisory_xact_lock(_lock_of(digest))))
    if queries.needed_hashes(session, [digest]):
        return False
    return _unlink(_place(folder_of(session), digest))


def sweep(sessions: sessionmaker[Session], parts: Iterable[str] = ALL_PARTS) -> int:
    """Erase what broken writes left in these parts of the folder; answers how many files.

    They were half written, or are older than a day and no row needs them.
    """
    with sessions() as session:
        folder = folder_of(session)
    swept = _sweep_half_written(folder)
    old = time.time() - UNNEEDED_SECONDS
    for part in parts:
        lying = {digest for digest, written_at in _stored_in(folder / part) if written_at < old}
        with sessions() as session:
            unneeded = lying - queries.needed_hashes(session, lying) if lying else set()
        for digest in unneeded:
            with sessions.begin() as session:
                swept += erase_unneeded(session, digest)
    SWEPT.inc(swept)
    return swept


def sweep_by_the_hour(sessions: sessionmaker[Session]) -> int:
    """Sweep the twenty-fourth of the folder whose hour it is: a million files are looked at once a day."""
    hour = clock.now().hour
    return sweep(sessions, (part for part in ALL_PARTS if int(part, 16) % HOURS == hour))


def stored(folder: Path) -> Iterator[tuple[str, float]]:
    """The hash of every file that is kept, and when it was written, in seconds since 1970."""
    for part in ALL_PARTS:
        yield from _stored_in(folder / part)


def _stored_in(part: Path) -> Iterator[tuple[str, float]]:
    with suppress(FileNotFoundError), os.scandir(part) as files:
        for file in files:
            with suppress(FileNotFoundError):  # another process has just erased it
                yield file.name, file.stat().st_mtime


def _sweep_half_written(folder: Path) -> int:
    old = time.time() - LEFTOVER_SECONDS
    incoming = folder / _INCOMING
    leftovers = [name for name, written_at in _stored_in(incoming) if written_at < old]
    return sum(_unlink(incoming / name) for name in leftovers)


def _unlink(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _lock_of(digest: str) -> int:
    # 63 bits of the hash: two contents that share them only wait for each other.
    return int(digest[:16], 16) >> 1


def _place(folder: Path, digest: str) -> Path:
    # Two letters of the hash keep folders small: a million papers make 256 of four thousand.
    return folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    # A rename is on disk only when its folder is.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
