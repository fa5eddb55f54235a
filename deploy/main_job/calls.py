"""Calls to the public APIs: retried while a service is unavailable, and polled with a deadline."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import uuid4

import httpx2

from deploy.local.addresses import Addresses

THREADS = 12  # orders on their way at a time: enough to keep two cores busy
CALL_SECONDS = 10.0
REPEAT_SECONDS = 60.0  # for how long a call is repeated while its service is away
WAIT_SECONDS = 180.0  # for how long anything in the background is waited for: longer than the longest lease
SHORTEST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0
# Not an answer yet, though it looks like one: the first request under the key is still at work.
UNDER_WAY = "first_still_under_way"

# What the calls of a thread are about: the services log it, and pass it on to the last e-mail.
correlation: ContextVar[str] = ContextVar("correlation", default="")

T = TypeVar("T")


class CallRefused(Exception):  # noqa: N818 - reads as what happened
    """The API refused a call, and why."""

    def __init__(self, place: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.reason: str = problem.get("reason", "")
        super().__init__(f"{place} answered {status}: {problem.get('detail') or problem.get('title') or ''}")


class Overdue(Exception):  # noqa: N818
    """Something expected from background work did not happen in time."""


class Stopped(Exception):  # noqa: N818
    """The run was stopped while waiting."""


class Calls:
    """Access to a running system's APIs, for many threads at once."""

    def __init__(
        self,
        addresses: Addresses,
        *,
        repeat_seconds: float = REPEAT_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.addresses = addresses
        self._repeat_seconds = repeat_seconds
        self._wait_seconds = wait_seconds
        self._stopping = threading.Event()
        limits = httpx2.Limits(max_connections=4 * THREADS, max_keepalive_connections=4 * THREADS)
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {addresses.token}"},
            timeout=CALL_SECONDS,
            limits=limits,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, service: str, path: str, **query: Any) -> Any:
        """A service's JSON response to a GET."""
        return self._call("GET", service, path, params=query).json()

    def content(self, service: str, path: str) -> bytes:
        """A service's raw response to a GET."""
        return self._call("GET", service, path).content

    def put(self, service: str, path: str, body: dict[str, Any]) -> Any:
        """PUT a resource."""
        return self._call("PUT", service, path, json=body).json()

    def post(
        self, service: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> Any:
        """POST a command, executed once: retries use the same Idempotency-Key."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._call("POST", service, path, json=body, headers=headers).json()

    def post_bytes(self, service: str, path: str, body: bytes, content_type: str) -> Any:
        """Upload a file, once."""
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": content_type}
        return self._call("POST", service, path, content=body, headers=headers).json()

    def post_signed(self, service: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """POST a call with its own signature instead of a token."""
        own = {"Authorization": "", "Content-Type": "application/json"}
        return self._call("POST", service, path, content=body, headers=own | headers).json()

    def wait(self, awaited: str, read: Callable[[], T], until: Callable[[T], bool]) -> T:
        """Poll until a condition holds; raises Overdue naming what was awaited."""
        deadline = time.monotonic() + self._wait_seconds
        pause = SHORTEST_PAUSE_SECONDS
        while not until(state := read()):
            if time.monotonic() > deadline:
                raise Overdue(f"{awaited}: not within {self._wait_seconds:.0f} s")
            self._pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        return state

    @contextmanager
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for making calls; if the block ends with an error, they stop waiting."""
        with ThreadPoolExecutor(THREADS) as pool:
            try:
                yield pool
            except BaseException:
                self._stopping.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _call(
        self, method: str, service: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx2.Response:
        deadline = time.monotonic() + self._repeat_seconds
        address = self.addresses.services[service] + path
        told = {"X-Correlation-Id": correlation.get()} if correlation.get() else {}
        while True:
            try:
                answer = self._http.request(method, address, headers=told | (headers or {}), **options)
            except httpx2.TransportError as error:
                if time.monotonic() > deadline:
                    raise Overdue(f"{service} can't be reached: {error}") from error
            else:
                if answer.is_success:
                    return answer
                refused = CallRefused(f"{method} {service}{path}", answer.status_code, _problem(answer))
                is_no_answer = answer.is_server_error or refused.reason == UNDER_WAY
                if not is_no_answer or time.monotonic() > deadline:
                    raise refused
            self._pause(LONGEST_PAUSE_SECONDS)

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds * random.uniform(0.75, 1.25)):  # noqa: S311 - so that threads spread
            raise Stopped


def _problem(answer: httpx2.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"detail": answer.text[:200]}
