"""The four APIs, called by the names of their operations with the signed-in person's own token."""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from werkzeug.exceptions import Forbidden

from services.console.settings import Settings
from shared.logging import logger

log = logger(__name__)

SERVICES = ("orders", "shipping", "documents", "notifications")
METHODS = ("get", "put", "post", "delete", "patch")
READ_SECONDS = 4.0  # a part of a page that takes longer is shown as missing
HURRIED_SECONDS = 0.7  # the same, of a service that has just not answered
HURRY_SECONDS = 10.0  # how long it is hurried for
WRITE_SECONDS = 30.0
BULK_SECONDS = 120.0
DESCRIBED_SECONDS = 600.0  # how long what a service says of its operations is taken for true
ERRORS = 400

Query = Mapping[str, Any]
decode = msgspec.json.Decoder().decode


class Refused(Exception):  # noqa: N818 - reads as what happened
    """A service said no, and why (RFC 9457)."""

    def __init__(self, service: str, status: int, problem: Mapping[str, Any], correlation_id: str) -> None:
        super().__init__(f"{service}: {status} {problem.get('detail', '')}")
        self.service = service
        self.status = status
        self.problem = problem
        self.reason: str | None = problem.get("reason")
        self.detail: str = problem.get("detail") or ""
        # By the input's field, as the service names it: `address.postcode`, `lines.2.quantity`.
        self.errors: dict[str, str] = {
            error["field"]: error["reason"] for error in problem.get("errors") or () if "field" in error
        }
        self.correlation_id = correlation_id


class Away(Exception):  # noqa: N818
    """A service did not answer in time, or not sensibly."""

    def __init__(self, service: str, correlation_id: str, *, unsure: bool = False) -> None:
        super().__init__(f"{service} is away")
        self.service = service
        self.correlation_id = correlation_id
        self.unsure = unsure  # what was asked for may have been done all the same


class NoMorePage(Exception):  # noqa: N818
    """The page of a list that an address names is none, or nothing is left on it."""


class SignedOut(Exception):  # noqa: N818
    """The token is not taken any more."""


@dataclass(frozen=True)
class Operation:
    """One operation as its service describes it."""

    method: str
    path: str
    ways: tuple[frozenset[str], ...]  # the scopes of each way in; one is enough

    def is_open_to(self, scopes: frozenset[str]) -> bool:
        """Whether a token with these scopes is let in."""
        return any(way <= scopes for way in self.ways)


@dataclass(frozen=True)
class Read:
    """Something to be read: an operation by its service and name, what its path names, and its query."""

    operation: str  # service.operationId
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Query = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A part of a page: what was read, or why it is missing."""

    value: Any = None
    etag: str | None = None
    fault: Refused | Away | None = None
    hidden: bool = False  # not for this person, who is not bothered with it

    def __bool__(self) -> bool:
        return self.fault is None and not self.hidden

    @property
    def is_unknown(self) -> bool:
        """Whether the service knows nothing by that name."""
        return isinstance(self.fault, Refused) and self.fault.status == HTTPStatus.NOT_FOUND

    @property
    def if_known(self) -> "Part":
        """The same, where it is no fault that there is nothing by that name."""
        return Part() if self.is_unknown else self

    def needed(self) -> Any:
        """What was read, of what the page is nothing without; raises what went wrong, or Forbidden."""
        if self.hidden:
            raise Forbidden
        if self.fault is not None:
            raise self.fault
        return self.value


def read(operation: str, query: Query | None = None, **path: Any) -> Read:
    """Something to be read together with others."""
    return Read(operation, path, query or {})


class Services:
    """The connections to the four services, and what they say of their operations; one for all requests."""

    def __init__(
        self, settings: Settings, transports: Mapping[str, httpx2.BaseTransport] | None = None
    ) -> None:
        transports = transports or {}
        self.clients = {
            service: httpx2.Client(
                base_url=settings.service_url(service),
                timeout=READ_SECONDS,
                trust_env=False,
                transport=transports.get(service),
                limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16),
                headers={"Accept": "application/json"},
            )
            for service in SERVICES
        }
        self.threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="reads")
        self._described: dict[str, tuple[float, dict[str, Operation]]] = {}
        self._hurried: dict[str, float] = {}
        self._lock = threading.Lock()

    def patience(self, service: str) -> float:
        """Seconds that a page waits for a service: one that hangs costs much once, and not each page."""
        is_hurried = self._hurried.get(service, 0.0) > time.monotonic()
        return HURRIED_SECONDS if is_hurried else READ_SECONDS

    def hangs(self, service: str) -> None:
        """Note that a service did not answer in time."""
        self._hurried[service] = time.monotonic() + HURRY_SECONDS

    def answers(self, service: str) -> None:
        """Note that it answers."""
        self._hurried.pop(service, None)

    def operation(self, name: str, correlation_id: str = "") -> Operation:
        """An operation by `service.operationId`; raises Away where its service does not tell of it."""
        service, _, identity = name.partition(".")
        found = self._operations(service, correlation_id).get(identity)
        if found is None:  # of another release, which is being replaced just now
            raise Away(service, correlation_id)
        return found

    def _operations(self, service: str, correlation_id: str) -> dict[str, Operation]:
        known = self._described.get(service)
        if known is None or known[0] < time.monotonic():
            with self._lock:
                known = self._described.get(service)
                if known is None or known[0] < time.monotonic():
                    known = self._describe(service, correlation_id, known)
        return known[1]

    def _describe(
        self, service: str, correlation_id: str, known: tuple[float, dict[str, Operation]] | None
    ) -> tuple[float, dict[str, Operation]]:
        try:
            answer = self.clients[service].get("/openapi.json", timeout=self.patience(service))
            answer.raise_for_status()
            operations = dict(_operations_of(decode(answer.content)))
        except (httpx2.HTTPError, msgspec.MsgspecError, KeyError) as error:
            if isinstance(error, httpx2.TimeoutException):
                self.hangs(service)
            if known is not None:  # what was described before still holds
                return known
            raise Away(service, correlation_id) from error
        self._described[service] = known = (time.monotonic() + DESCRIBED_SECONDS, operations)
        return known


def _operations_of(document: Mapping[str, Any]) -> Iterable[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method in METHODS and "operationId" in described:
                ways = tuple(
                    frozenset(way["bearer"]) for way in described.get("security", ()) if "bearer" in way
                )
                yield described["operationId"], Operation(method.upper(), path, ways)


class Apis:
    """The APIs for one request of one person.

    `cursor` is the one of the address that the person went to, who is led on where it leads nowhere.
    """

    def __init__(
        self,
        services: Services,
        token: str,
        scopes: frozenset[str],
        correlation_id: str,
        cursor: str | None = None,
    ) -> None:
        self._services = services
        self._token = token
        self._scopes = scopes
        self._cursor = cursor
        self.correlation_id = correlation_id

    def may(self, name: str) -> bool:
        """Whether the person's scopes open an operation; while nobody knows, its service decides."""
        try:
            return self._services.operation(name).is_open_to(self._scopes)
        except Away:
            return True

    def require(self, name: str) -> None:
        """Go on only for whoever may: a form is for whoever may send it. Raises Forbidden."""
        if not self.may(name):
            raise Forbidden

    def together(self, **reads: Read) -> dict[str, Part]:
        """Read from the services side by side; what fails, or is not for them, costs only its own part."""
        pool = self._services.threads
        begun: dict[str, Future[Part]] = {name: pool.submit(self._part, one) for name, one in reads.items()}
        wait_for(begun.values(), timeout=READ_SECONDS + 1)
        late = {name: one.operation.partition(".")[0] for name, one in reads.items()}
        parts = {
            name: part.result() if part.done() else Part(fault=Away(late[name], self.correlation_id))
            for name, part in begun.items()
        }
        for name, one in reads.items():
            self._lead_on(one, parts[name])
        return parts

    def read(self, name: str, query: Query | None = None, /, **path: Any) -> Any:
        """What an operation answers; raises Refused, Away, SignedOut, NoMorePage."""
        one = Read(name, path, query or {})
        try:
            found = decode(self._answer(one).content)
        except Refused as refused:
            self._lead_on(one, Part(fault=refused))
            raise
        self._lead_on(one, Part(found))
        return found

    def write(
        self,
        name: str,
        body: Any = None,
        *,
        key: str | None = None,
        version: str | None = None,
        query: Query | None = None,
        seconds: float = WRITE_SECONDS,
        **path: Any,
    ) -> Any:
        """Have something done, under the key and for the version that its form was shown with."""
        headers = {}
        if key:
            headers["Idempotency-Key"] = key
        if version:
            headers["If-Match"] = f'"{version}"'
        options: dict[str, Any] = {"headers": headers, "timeout": seconds}
        if body is not None:
            options["json"] = body
        answer = self._answer(Read(name, path, query or {}), **options)
        return decode(answer.content) if answer.content else None

    def upload(
        self, name: str, form: Mapping[str, Any], files: Any, *, key: str | None = None, **path: Any
    ) -> Any:
        """Send a file in."""
        headers = {"Idempotency-Key": key} if key else {}
        sent = {"data": form, "files": files, "headers": headers, "timeout": WRITE_SECONDS}
        return decode(self._answer(Read(name, path), **sent).content)

    def send(
        self,
        name: str,
        content: bytes,
        content_type: str,
        *,
        query: Query | None = None,
        key: str | None = None,
        **path: Any,
    ) -> Any:
        """Send a file in that is the whole request."""
        headers = {"Content-Type": content_type} | ({"Idempotency-Key": key} if key else {})
        sent = {"content": content, "headers": headers, "timeout": WRITE_SECONDS}
        return decode(self._answer(Read(name, path, query or {}), **sent).content)

    def stream(self, name: str, query: Query | None = None, **path: Any) -> httpx2.Response:
        """A file, whose bytes are still to be read and which is then to be closed."""
        return self._send(Read(name, path, query or {}), {"timeout": BULK_SECONDS}, stream=True)

    def _lead_on(self, one: Read, part: Part) -> None:
        """Raises NoMorePage where the cursor of the address is none of its list, or nothing is behind it."""
        if self._cursor is None or one.query.get("cursor") != self._cursor:
            return
        is_empty = isinstance(part.value, dict) and part.value.get("items") == [] and not part.value["next"]
        if is_empty or (isinstance(part.fault, Refused) and "cursor" in part.fault.errors):
            raise NoMorePage

    def _part(self, one: Read) -> Part:
        try:
            if not self._services.operation(one.operation, self.correlation_id).is_open_to(self._scopes):
                return Part(hidden=True)
            answer = self._answer(one)
            return Part(decode(answer.content), answer.headers.get("ETag"))
        except (Refused, Away) as fault:
            return Part(fault=fault)

    def _answer(self, one: Read, **options: Any) -> httpx2.Response:
        return self._send(one, options)

    def _send(self, one: Read, options: dict[str, Any], *, stream: bool = False) -> httpx2.Response:
        service = one.operation.partition(".")[0]
        operation = self._services.operation(one.operation, self.correlation_id)
        client = self._services.clients[service]
        headers = options.pop("headers", {}) | {
            "Authorization": f"Bearer {self._token}",
            "X-Correlation-Id": self.correlation_id,
        }
        address = operation.path
        for name, value in one.path.items():
            # Dots too: a client, or a server between, takes `..` for the path above.
            part = quote(str(value), safe="").replace(".", "%2E")
            address = address.replace(f"{{{name}}}", part)
        options = {"timeout": self._services.patience(service)} | options
        request = client.build_request(
            operation.method, address, params=_present(one.query), headers=headers, **options
        )
        try:
            answer = client.send(request, stream=stream)
            self._services.answers(service)
        except httpx2.HTTPError as error:
            if isinstance(error, httpx2.TimeoutException):
                self._services.hangs(service)
            log.warning("a service is away", service=service, error=type(error).__name__)
            # Before a connection is there nothing can have been done.
            unsure = operation.method != "GET" and not isinstance(error, httpx2.ConnectError)
            raise Away(service, self.correlation_id, unsure=unsure) from error
        if answer.status_code >= ERRORS:
            if stream:
                answer.read()
                answer.close()
            raise self._refusal(service, operation, answer)
        return answer

    def _refusal(self, service: str, operation: Operation, answer: httpx2.Response) -> Exception:
        correlation_id = answer.headers.get("X-Correlation-Id", self.correlation_id)
        try:
            problem = decode(answer.content)
        except msgspec.MsgspecError:
            problem = None
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            return SignedOut()
        if not isinstance(problem, dict) or answer.status_code in {502, 503, 504}:
            return Away(service, correlation_id, unsure=operation.method != "GET")
        return Refused(service, answer.status_code, problem, correlation_id)


def _present(query: Query) -> list[tuple[str, Any]]:
    """A query's values: of a list each, of nothing none."""
    found: list[tuple[str, Any]] = []
    for name, value in query.items():
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        found += [(name, _written(one)) for one in values if one is not None and one != ""]
    return found


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
