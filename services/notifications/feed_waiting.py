"""Long polling of the feed: a few waiting requests, all woken by one listening connection."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from shared.db import listening
from shared.logging import logger

log = logger(__name__)

CHANNEL = "feed_numbered"
AT_ONCE = 2  # a quarter of an API's eight threads
# As long as nobody waits, nobody listens: the connection outlives the last waiter only by this.
IDLE_SECONDS = 60.0
LOOK_SECONDS = 1.0
CONNECT_SECONDS = 3.0


class Waiters:
    """The waiting requests of this process, at most one per caller."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._changed = threading.Condition()
        self._times = 0  # how often the feed may have gone on
        self._waiting: set[str] = set()
        self._listener: threading.Thread | None = None
        self._is_listening = False
        self._idle_since = 0.0

    @contextmanager
    def place(self, who: str) -> Iterator[bool]:
        """Take a slot for waiting, and yield whether there was one. From then on no change is missed."""
        with self._changed:
            is_free = who not in self._waiting and len(self._waiting) < AT_ONCE
            if is_free:
                self._waiting.add(who)
        try:
            if is_free:
                with self._changed:
                    self._listen()
            yield is_free
        finally:
            if is_free:
                with self._changed:
                    self._waiting.discard(who)
                    self._idle_since = time.monotonic()

    @property
    def number(self) -> int:
        """The number of waiting requests."""
        with self._changed:
            return len(self._waiting)

    def times(self) -> int:
        """A counter of possible changes to the feed: read it before looking at the feed."""
        with self._changed:
            return self._times

    def wait(self, times: int, deadline: float) -> bool:
        """Wait until the counter exceeds `times`; returns False at the deadline (monotonic clock)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._times > times, max(0, deadline - time.monotonic()))

    def _listen(self) -> None:
        """Start the listener, waiting briefly for its connection: without it, requests poll each second."""
        if self._listener is None:
            listener = threading.Thread(target=self._run, name="feed-listener", daemon=True)
            listener.start()
            self._listener = listener
        self._changed.wait_for(lambda: self._is_listening, CONNECT_SECONDS)

    def _run(self) -> None:
        engine = self._sessions.kw["bind"]
        assert isinstance(engine, Engine)
        while not self._is_over():
            try:
                with listening(engine, CHANNEL) as connection:
                    self._go_on(is_listening=True)
                    while not self._is_over():
                        for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                            self._go_on(is_listening=True)
            except psycopg.Error as error:
                log.warning("feed_not_listening", error=type(error).__name__)
                self._go_on(is_listening=False)
                time.sleep(LOOK_SECONDS)

    def _go_on(self, *, is_listening: bool) -> None:
        with self._changed:
            self._is_listening = is_listening
            self._times += 1
            self._changed.notify_all()

    def _is_over(self) -> bool:
        with self._changed:
            is_over = not self._waiting and time.monotonic() - self._idle_since > IDLE_SECONDS
            if is_over:
                self._listener, self._is_listening = None, False
            return is_over
