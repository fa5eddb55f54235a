"""TCP ports of this machine: which are taken, and which are free."""

import random
import socket
from contextlib import closing

HOST = "127.0.0.1"

# Below the range from which Linux takes the local ends of outgoing connections, so that nobody is
# handed one of these by chance between our look and the bind of the process that gets it.
FREE_RANGE = range(20_000, 32_000)

_given_out: set[int] = set()


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
    """A port that nobody listens on; never returns the same one twice to this process."""
    for port in random.SystemRandom().sample(FREE_RANGE, k=1_000):
        if port not in _given_out and not is_taken(port):
            _given_out.add(port)
            return port
    raise OSError(f"no free port between {FREE_RANGE.start} and {FREE_RANGE.stop} on {HOST}")
