"""Waiting for what other threads and processes do: as long as it takes, but not for ever."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Only a fault takes longer, also on a machine that has much else to do.
PATIENCE_SECONDS = 300


def until(holds: Callable[[], T], pause_seconds: float = 0.01) -> T:
    """Ask until it holds, and answer what was said then; raises AssertionError where it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (said := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(pause_seconds)
    return said
