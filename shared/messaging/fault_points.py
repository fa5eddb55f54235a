"""Places where the chaos test makes a process fail; inert unless CRASH_POINTS names them."""

import os
import random
import signal
import time
from hashlib import sha256
from pathlib import Path

_shares: dict[str, float] = {}
_flags: list[Path] = []


class InjectedFault(Exception):  # noqa: N818 - reads as what happened
    """The chaos test asked for this."""


def configure(points: str) -> None:
    """Set the share of passes that fail at each point: "after_commit=0.001,handler_error=0.02".

    With "while=FILE" they fail only as long as that file exists.
    """
    named = dict(point.split("=", 1) for point in points.split(",") if point)
    _flags[:] = [Path(named.pop("while"))] if "while" in named else []
    _shares.clear()
    _shares.update({name: float(share) for name, share in named.items()})


def crash_point(name: str) -> None:
    """Die here as by kill -9, in the share of passes that the chaos test asked for."""
    if _shares and _strikes(name):
        os.kill(os.getpid(), signal.SIGKILL)


def disturb_handler(event_id: str) -> None:
    """Fail now and then, be slow now and then, and fail always for the events that are poisoned."""
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
    """Whether an event is one of the share that never succeeds: the same answer in every process."""
    return int.from_bytes(sha256(event_id.encode()).digest()[:4], "big") < share * 2**32
