"""Points where the chaos test makes a process fail; inactive unless CRASH_POINTS names them."""

import os
import random
import signal
import time
from hashlib import sha256
from pathlib import Path

_shares: dict[str, float] = {}
_flags: list[Path] = []


class InjectedFault(Exception):  # noqa: N818 - reads as what happened
    """A failure injected by the chaos test."""


def configure(points: str) -> None:
    """Set the failure rate of each point: "after_commit=0.001,handler_error=0.02".

    With "while=FILE" they fail only as long as that file exists.
    """
    named = dict(point.split("=", 1) for point in points.split(",") if point)
    _flags[:] = [Path(named.pop("while"))] if "while" in named else []
    _shares.clear()
    _shares.update({name: float(share) for name, share in named.items()})


def crash_point(name: str) -> None:
    """Crash here as if by kill -9, at the rate set by the chaos test."""
    if _shares and _strikes(name):
        os.kill(os.getpid(), signal.SIGKILL)


def disturb_handler(event_id: str) -> None:
    """Occasionally fail or be slow, and always fail for poisoned events."""
    if not _shares:
        return
    if is_poisoned(event_id, _shares.get("poison", 0)) and _is_on():
        raise InjectedFault("poisoned")
    if _strikes("handler_error"):
        raise InjectedFault("handler_error")
    if _strikes("handler_slow"):
        time.sleep(1)


def _strikes(name: str) -> bool:
    return random.random() < _shares.get(name, 0) and _is_on()  # noqa: S311 - chance, not secrecy


def _is_on() -> bool:
    return all(flag.exists() for flag in _flags)


def is_poisoned(event_id: str, share: float) -> bool:
    """Whether an event is among those that always fail; the same in every process."""
    return int.from_bytes(sha256(event_id.encode()).digest()[:4], "big") < share * 2**32
