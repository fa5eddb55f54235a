"""What must be true before a stack may start; each refusal is one sentence for the person who waits."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from deploy.local.ports import HOST, is_taken
from deploy.local.settings import variable

# What some hours of play write, and a reserve: PostgreSQL stops dead on a full disk.
NEEDED_BYTES = 500_000_000


class StackError(Exception):
    """The stack can't start; the text is a sentence for the person at the terminal."""


class RunningAlreadyError(StackError):
    """Another process owns the folder."""


def own_folder(folder: Path) -> IO[str]:
    """Make the folder ours until the answer is closed, or we die: a second stack in it is refused."""
    if not folder.exists():
        folder.mkdir(parents=True)
        # As root, PostgreSQL's user must pass through to its own files; it need not see any other.
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise RunningAlreadyError(
            f"Waybill runs already in {folder} (process {owner}): "
            "stop it there with Ctrl-C, or name another folder in WAYBILL_FOLDER."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def check_space(folder: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Refuse a disk that would soon be full."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StackError(
            f"The disk that holds {folder} is full: {free / 1e6:,.0f} MB are free, "
            f"and Waybill needs {needed_bytes / 1e6:,.0f} MB."
        )


def check_ports(ports: Mapping[str, int], needed: Iterable[str]) -> None:
    """Refuse ports that another program listens on."""
    for name in needed:
        if is_taken(ports[name]):
            raise StackError(
                f"Port {ports[name]} on {HOST}, meant for {name}, is taken by another program: "
                f"set {variable(name)} to a free one, for example in the file .env."
            )
