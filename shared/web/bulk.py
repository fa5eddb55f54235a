"""Bulk requests: many commands, each in its own transaction with its own result."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.errors import Invalid, NotFound, Refused
from shared.messaging.fault_points import crash_point
from shared.web import idempotency, payloads
from shared.web.blueprint import View, documents_headers
from shared.web.commands import open_session, repeated
from shared.web.problems import CONTENDED

Row = dict[str, Any]
Act = Callable[[Session, UUID], Row]
Each = Callable[[Sequence[UUID], Act], list[Row]]


def bulk(view: View) -> View:
    """Pass the view a function that runs one command for each item; the response has each result.

    What one refuses does not stop the others. Under an Idempotency-Key the answer is kept, and so is each
    row's as it commits: a request that broke off half-way is sent again, and goes on where it stopped.
    """

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Response:
        key = idempotency.key_of_request()
        if key is not None:
            with open_session() as session:  # rolled back: the key is taken with the answer, at the end
                if (first := idempotency.first_answer(session, key)) is not None:
                    return first

        def each(ids: Sequence[UUID], act: Act) -> list[Row]:
            return [_result(one, act, key) for one in ids]

        answer = Response(payloads.encode(view(each, *arguments, **named)), mimetype="application/json")
        if key is not None:
            with open_session() as session, session.begin():
                if (first := idempotency.first_answer(session, key)) is not None:
                    return first
                idempotency.keep(session, key, answer)
        return answer

    return documents_headers(run, "Idempotency-Key")


def _result(one: UUID, act: Act, key: idempotency.Key | None) -> Row:
    try:
        if key is None:
            return _done(one, act, None)
        own = idempotency.Key(key.actor, f"{key.key} {one}", key.fingerprint)
        return repeated(lambda: _done(one, act, own))
    except NotFound as error:
        return _not_done(one, "not_found", str(error))
    except Refused as error:
        return _not_done(one, error.reason, error.detail, error.facts)
    except Invalid as error:
        return _not_done(one, "invalid", str(error))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in CONTENDED:
            raise
        return _not_done(one, "busy", "another request is changing the same data")


def _done(one: UUID, act: Act, key: idempotency.Key | None) -> Row:
    with open_session() as session, session.begin():
        if key is not None and (first := idempotency.first_answer(session, key)) is not None:
            row: Row = payloads.decode(first.get_data())
            return row
        row = {"id": one, "done": True, "reason": None, "detail": None, "facts": {}} | act(session, one)
        if key is not None:
            idempotency.keep(session, key, Response(payloads.encode(row), mimetype="application/json"))
    crash_point("after_commit")
    return row


def _not_done(one: UUID, reason: str, detail: str, facts: Mapping[str, Any] | None = None) -> Row:
    return {"id": one, "done": False, "reason": reason, "detail": detail, "facts": facts or {}}
