"""Conditions for starting a stack; each error is one sentence for the person at the terminal."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from deploy.local.ports import HOST, is_taken
from deploy.local.postgres import let_the_server_pass
from deploy.local.settings import variable

# What some hours of play write, and a reserve: PostgreSQL stops dead on a full disk.
NEEDED_BYTES = 500_000_000


PASSED_BY_ALL = 0o711  # as earlier versions made the folder where they ran as root


class StackError(Exception):
    """The stack can't start; the text is a sentence for the person at the terminal."""


class RunningAlreadyError(StackError):
    """Another process is already using the folder."""


def own_folder(folder: Path) -> IO[str]:
    """Lock the folder until the result is closed, or we die, so that a second stack can't start in it.

    From here on nothing that this process writes can be read by anybody else.
    """
    os.umask(0o077)
    if not folder.exists():
        folder.mkdir(parents=True)
        let_the_server_pass(folder)
    elif folder.stat().st_mode & 0o777 == PASSED_BY_ALL:
        let_the_server_pass(folder)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise RunningAlreadyError(
            f"Waybill is already running in {folder} (process {owner}): "
            "stop it with Ctrl-C, or name another folder in WAYBILL_FOLDER."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def check_space(folder: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Refuse to start on a disk that is almost full."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StackError(
            f"The disk that holds {folder} is full: {free / 1e6:,.0f} MB are free, "
            f"and Waybill needs {needed_bytes / 1e6:,.0f} MB."
        )


def check_ports(ports: Mapping[str, int], needed: Iterable[str], host: str = HOST) -> None:
    """Refuse ports used by other programs."""
    for name in needed:
        if is_taken(ports[name], host):
            raise StackError(
                f"Port {ports[name]} on {host}, meant for {name}, is taken by another program: "
                f"set {variable(name)} to a free one, for example in the file .env."
            )
