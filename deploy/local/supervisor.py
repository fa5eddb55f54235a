"""Keeps processes running: restarts any that exit unexpectedly."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import leftovers
from deploy.local.processes import Process, keep_guarded

LOOK_SECONDS = 0.1
# One that lived shorter failed to start; each such failure in a row lengthens the pause before the next.
STARTED_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass
class _Kept:
    process: Process
    started_at: float
    failures: int = 0
    start_again_at: float | None = None  # None while it lives


class Supervisor:
    """Watches processes from a thread; a file records their ids, for the next run after a crash."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self.restarts: Counter[str] = Counter()
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def keep(self, process: Process) -> None:
        """Start a process, if it isn't running, and restart it whenever it exits by itself."""
        with self._lock:
            if not process.is_running():
                process.start()
            self._kept[process.name] = _Kept(process, started_at=time.monotonic())
            self._remember()
            if self._thread.ident is None:
                self._thread.start()

    def release(self, names: Iterable[str]) -> None:
        """Stop watching processes: they keep running, and are not restarted."""
        with self._lock:
            for name in names:
                self._kept.pop(name, None)

    def close(self) -> None:
        """Stop watching; the processes stay as they are."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            try:
                keep_guarded()
                with self._lock:
                    for kept in self._kept.values():
                        self._look_after(kept)
            except OSError:  # no memory, no disk: a supervisor that gives up is worth nothing
                log.exception("the supervisor could not do its work and tries again")

    def _look_after(self, kept: _Kept) -> None:
        if kept.process.is_running():
            return
        now = time.monotonic()
        if kept.start_again_at is None:
            kept.failures = 0 if now - kept.started_at > STARTED_SECONDS else kept.failures + 1
            kept.start_again_at = now + min(2.0**kept.failures - 1, LONGEST_PAUSE_SECONDS)
        if now >= kept.start_again_at:
            log.warning("%s ended (%s) and is started again", kept.process.name, kept.process.exit_status)
            kept.process.start()
            kept.started_at, kept.start_again_at = now, None
            self.restarts[kept.process.name] += 1
            self._remember()

    def _remember(self) -> None:
        leftovers.remember(self.record, [kept.process for kept in self._kept.values()])
