"""TCP ports of this machine: which are taken, and which are free."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

HOST = "127.0.0.1"

# Below the range from which Linux takes the local ends of outgoing connections, so that nobody is
# handed one of these by chance between our look and the bind of the process that gets it.
FREE_RANGE = range(20_000, 32_000)

_ours: set[int] = set()


def is_taken(port: int, host: str = HOST) -> bool:
    """Whether a port is already in use at an address of this machine."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do: connections of an earlier run in TIME_WAIT do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port() -> int:
    """Choose a port that nobody listens on, and that no process of ours was given before."""
    for port in random.SystemRandom().sample(FREE_RANGE, k=min(1_000, len(FREE_RANGE))):
        if _reserve(port) and not is_taken(port):
            return port
    raise OSError(f"no free port between {FREE_RANGE.start} and {FREE_RANGE.stop} on {HOST}")


def _reserve(port: int) -> bool:
    """Take a port for as long as this process lives; false if it is ours or another process's already."""
    if port in _ours:
        return False
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    return True


@cache
def _reservations() -> int:
    """Open the file in which a process locks the byte at each port that it was given.

    The kernel lets the locks go when the process ends. It would also when any other descriptor of the file
    was closed, so it is opened once.
    """
    file = Path(tempfile.gettempdir()) / f"waybill-ports-{os.getuid()}"
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
