"""Calls of the public APIs: repeated while a service is away, and waited on with a deadline."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from deploy.local.addresses import Addresses

THREADS = 8  # orders on their way at a time: enough to keep two cores busy
CALL_SECONDS = 10.0
REPEAT_SECONDS = 60.0  # for how long a call is repeated while its service is away
WAIT_SECONDS = 120.0  # for how long anything that happens in the background is waited for
SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5

T = TypeVar("T")


class CallRefused(Exception):  # noqa: N818 - reads as what happened
    """The API said no, and why."""

    def __init__(self, place: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.reason: str = problem.get("reason", "")
        super().__init__(f"{place} answered {status}: {problem.get('detail') or problem.get('title') or ''}")


class Overdue(Exception):  # noqa: N818
    """What should have happened in the background did not, in time."""


class Stopped(Exception):  # noqa: N818
    """The run was stopped while this was being waited for."""


class Calls:
    """The way to a running system's APIs, for many threads at once."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.stopping = threading.Event()
        limits = httpx.Limits(max_connections=4 * THREADS, max_keepalive_connections=4 * THREADS)
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {addresses.token}"}, timeout=CALL_SECONDS, limits=limits
        )

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def get(self, service: str, path: str, **query: Any) -> Any:
        """What a service answers."""
        return self._call("GET", service, path, params=query).json()

    def content(self, service: str, path: str) -> bytes:
        """The bytes that a service answers."""
        return self._call("GET", service, path).content

    def put(self, service: str, path: str, body: dict[str, Any]) -> Any:
        """Put a thing as a whole."""
        return self._call("PUT", service, path, json=body).json()

    def post(
        self,
        service: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        correlation: str = "",
    ) -> Any:
        """Have a command done, once: it is repeated under one Idempotency-Key."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        if correlation:
            headers["X-Correlation-Id"] = correlation
        return self._call("POST", service, path, json=body, headers=headers).json()

    def post_signed(self, service: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """Have a call done that carries its own signature in place of a token."""
        headers |= {"Authorization": "", "Content-Type": "application/json"}
        return self._call("POST", service, path, content=body, headers=headers).json()

    def wait(self, awaited: str, read: Callable[[], T], until: Callable[[T], bool]) -> T:
        """Read again and again until what is awaited is so; raises Overdue saying what was awaited."""
        deadline = time.monotonic() + WAIT_SECONDS
        pause = SHORTEST_PAUSE_SECONDS
        while not until(state := read()):
            if time.monotonic() > deadline:
                raise Overdue(f"{awaited}: not within {WAIT_SECONDS:.0f} s")
            self._pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        return state

    def _call(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        deadline = time.monotonic() + REPEAT_SECONDS
        while True:
            try:
                answer = self._http.request(method, self.addresses.services[service] + path, **options)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise Overdue(f"{service} can't be reached: {error}") from error
            else:
                if answer.is_success:
                    return answer
                if not answer.is_server_error or time.monotonic() > deadline:
                    raise CallRefused(f"{method} {service}{path}", answer.status_code, _problem(answer))
            self._pause(LONGEST_PAUSE_SECONDS)

    def _pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds * random.uniform(0.75, 1.25)):  # noqa: S311 - so that threads spread
            raise Stopped


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"detail": answer.text[:200]}
