"""Outlives its parent process just long enough to stop what it left running.

It is told of process groups on its standard input (`+ GROUP SIGNAL`, `- GROUP`). The other end of
that pipe is held by the supervisor alone: however the supervisor dies, the pipe closes, and the
groups still known are stopped. Standard library only, one file: it must start fast and stay small.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE_SECONDS = 4.0


def groups_left(lines: Iterable[str]) -> dict[int, int]:
    """Process groups added and not removed, each with its stop signal."""
    groups: dict[int, int] = {}
    for line in lines:
        verb, group, *stop_signal = line.split()
        if verb == "+":
            groups[int(group)] = int(stop_signal[0])
        else:
            groups.pop(int(group), None)
    return groups


def is_alive(group: int) -> bool:
    """Whether any process of the group is alive."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS' answer for a group of zombies
        return False
    return True


def stop(groups: dict[int, int], grace_seconds: float = GRACE_SECONDS) -> None:
    """Stop all groups, youngest first; kill what is left after the grace period."""
    for group, stop_signal in reversed(groups.items()):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, stop_signal)
            os.killpg(group, signal.SIGCONT)  # a frozen one would not hear the first
    deadline = time.monotonic() + grace_seconds
    while any(map(is_alive, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    stop(groups_left(sys.stdin))
