"""What surrounds each view: the transaction, the idempotency key and the response schema."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from zlib import crc32

from flask import Response, current_app, g, request
from flask_smorest.utils import unpack_tuple_response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from shared.access import Actor
from shared.db import all_at_once
from shared.errors import Invalid
from shared.messaging.fault_points import crash_point
from shared.web import idempotency, payloads
from shared.web.blueprint import View, documents_headers

T = TypeVar("T")

ATTEMPTS = 3
# Of a bigint; and no parser has to bear thousands of digits. Behind it may stand what a GET adds.
ETAG = re.compile(r"([0-9]{1,18})(\.[0-9a-f]{8})?")
# What PostgreSQL says of a transaction that another one got in the way of: it may simply be tried again.
PASSING = {"40001", "40P01"}


@dataclass(frozen=True)
class Ready:
    """A response that bypasses its schema, for hot paths; a contract test holds it to one."""

    data: Any
    version: int | None = None


def command(view: View) -> View:
    """Pass the view a session that commits together with the response: all is stored, or nothing.

    Under an Idempotency-Key the first answer is kept for 24 hours and repeated to whoever sends the same
    request again; a twin that comes while the first is still at work waits for it. Refusals are not kept.
    """

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Response:
        key = idempotency.key_of_request()

        def attempt() -> Response:
            with _sessions()(info={"actor": _actor(named)}) as session, session.begin():
                answer = None if key is None else idempotency.first_answer(session, key)
                if answer is None:
                    answer = _answer(session, view, arguments, named)
                    if key is not None:
                        idempotency.keep(session, key, answer)
            crash_point("after_commit")
            return answer

        return attempt() if key is None else repeated(attempt)

    return documents_headers(run, "Idempotency-Key", "If-Match")


def query(view: View) -> View:
    """Pass the view a session that is never committed; 304 if the caller already has this response."""

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Response:
        def attempt() -> Response:
            with _sessions()(info={"actor": _actor(named)}) as session:  # never commits
                if request.method in {
                    "GET",
                    "HEAD",
                }:  # a preview by POST locks and writes, as its command would
                    all_at_once(session)
                return _answer(session, view, arguments, named)

        answer = repeated(attempt)
        version, _ = answer.get_etag()
        if version and version.isdecimal():
            # An answer may change while its version stays: what may be done to a shipment hangs on its order.
            answer.set_etag(f"{version}.{crc32(answer.get_data()):08x}")
        if "If-None-Match" in request.headers:
            answer.make_conditional(request)
        return answer

    return run


def open_session() -> Session:
    """A session for the caller, without an expected version."""
    return _sessions()(info={"actor": g.actor})


def _sessions() -> sessionmaker[Session]:
    sessions: sessionmaker[Session] = current_app.extensions["sessions"]
    return sessions


def _actor(address: Mapping[str, Any]) -> Actor:
    """The caller, with the version from If-Match for the resource in the path."""
    actor: Actor = g.actor
    return actor.expecting(_if_match(), *address.values())


def _if_match() -> int | None:
    given = request.headers.get("If-Match")
    if given is None or given == "*":
        return None
    tag = ETAG.fullmatch(given.strip().strip('"'))
    if tag is None:
        raise Invalid(**{"If-Match": 'must be a single ETag from this API, such as "3"'})
    return int(tag[1])


def _answer(session: Session, view: View, arguments: tuple[Any, ...], named: dict[str, Any]) -> Response:
    """The view's response, serialised while its rows can still be read."""
    result, status, headers = unpack_tuple_response(view(session, *arguments, **named))
    session.flush()  # versions and defaults are in the answer as they will be stored
    if isinstance(result, Response):
        answer = result
        answer.status_code = answer.status_code if status is None else int(status)
    else:
        declared, schema = cast(Any, view).answers_with
        answer = Response(_body(result, schema), declared if status is None else int(status))
        answer.mimetype = "application/json"
        version = result.get("version") if isinstance(result, Mapping) else getattr(result, "version", None)
        if version is not None:
            answer.set_etag(str(version))
    if headers:
        answer.headers.extend(headers)
    return answer


def _body(result: Any, schema: Any) -> bytes:
    if result is None:
        return b""
    if isinstance(result, Ready):
        return payloads.encode(result.data)
    return payloads.encode(result if schema is None else schema.dump(result))


def repeated(attempt: Callable[[], T]) -> T:
    """Retry after deadlocks, conflicts and lost connections; only for what is safe to repeat."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return attempt()
        except DBAPIError as error:
            passing = error.connection_invalidated or getattr(error.orig, "sqlstate", None) in PASSING
            if not (passing and left):
                raise
        time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - two deadlocked twins should not meet again
    raise AssertionError("unreachable")
