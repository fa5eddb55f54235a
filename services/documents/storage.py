"""The bytes of papers: a folder of files named by the SHA-256 of their content, written once."""

import os
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

# A file is renamed into place or never was; what is this old was left by a process that died writing.
LEFTOVER_SECONDS = 3600
_INCOMING = "incoming"


class Damaged(Exception):  # noqa: N818 - reads as what happened
    """A stored file is gone, or is not what was stored."""


def store(folder: Path, content: bytes) -> str:
    """Keep bytes for good and answer their SHA-256; storing the same again changes nothing.

    When it returns they have reached the disk: temporary file, fsync, rename, fsync of the folder.
    """
    digest = sha256(content).hexdigest()
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
    return digest


def read(folder: Path, digest: str) -> bytes:
    """The bytes that were stored; raises Damaged where they are gone or a single one has changed."""
    try:
        content = _place(folder, digest).read_bytes()
    except OSError as error:
        raise Damaged(f"{digest} can't be read: {error.strerror}") from error
    if sha256(content).hexdigest() != digest:
        raise Damaged(f"{digest} is not what was stored")
    return content


def remove(folder: Path, digest: str) -> None:
    """Erase stored bytes, if they are there."""
    _place(folder, digest).unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove what processes that died in the middle of writing left behind; answers how much."""
    old = time.time() - LEFTOVER_SECONDS
    leftovers = [file for file in (folder / _INCOMING).glob("*") if file.stat().st_mtime < old]
    for file in leftovers:
        file.unlink(missing_ok=True)
    return len(leftovers)


def stored(folder: Path) -> Iterator[tuple[str, float]]:
    """The hash of every file that is kept, and when it was written, in seconds since 1970."""
    for file in folder.glob("[0-9a-f][0-9a-f]/*"):
        yield file.name, file.stat().st_mtime


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
