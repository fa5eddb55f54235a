"""Concurrency limits for heavy requests: one per caller at a time, and few in total.

Counted in the process: each API is one, whose threads nobody is to have alone.
"""

import threading
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, cast

from flask import Response, current_app, g

from shared.web.blueprint import View
from shared.web.problems import Problem

AT_ONCE = 3  # of an API's eight threads
LONGEST_SECONDS = 900.0  # then a turn is over, whatever became of its end
RETRY_AFTER_SECONDS = 5


class Turns:
    """Who is running a heavy request, and since when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}

    def take(self, who: str) -> Callable[[], None]:
        """Start a heavy request; returns the function that ends it. Raises a Problem when at the limit."""
        now = time.monotonic()
        with self._lock:
            self._began = {one: at for one, at in self._began.items() if now - at < LONGEST_SECONDS}
            if who in self._began:
                raise _busy("your previous large request is still running")
            if len(self._began) >= AT_ONCE:
                raise _busy("too many large requests are running")
            self._began[who] = now

        def end() -> None:
            with self._lock:
                if self._began.get(who) == now:
                    del self._began[who]

        return end


def in_turn(view: View) -> View:
    """Limit concurrent requests to a view, until the response is built or its file sent; others get 429."""

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Response:
        turns: Turns = current_app.extensions["turns"]
        end = turns.take(f"{g.actor.issuer} {g.actor.name}")
        try:
            answer: Response = view(*arguments, **named)
        except BaseException:
            end()
            raise
        if answer.direct_passthrough:  # a file, which a slow reader takes long for
            answer.response = _Body(cast(Any, answer.response), end)
        else:
            end()
        return answer

    return run


class _Body:
    """A response body that ends its slot once it is sent or the client is gone."""

    def __init__(self, body: Any, end: Callable[[], None]) -> None:
        self._body, self._end = body, end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """Close the body."""
        try:
            self._body.close()
        finally:
            self._end()


def _busy(detail: str) -> Problem:
    return Problem(429, detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}, reason="too_many_requests")
