"""All errors in one format: RFC 9457 problems that say what happened and, where possible, name the field."""

from http import HTTPStatus
from itertools import islice
from typing import Any

import marshmallow
from flask import Flask, Response, current_app, g, request
from sqlalchemy import exc as database
from werkzeug.exceptions import HTTPException

from shared.errors import Invalid, NotFound, Refused, Stale, Unavailable
from shared.logging import correlation_id, logger
from shared.web import payloads

log = logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
MOST_ERRORS = 50
LONGEST_TEXT = 200  # of a field's name, and of what is wrong with it
LONGEST_DETAIL = 2000
# A lock that was not to be had in time, a deadlock, a conflict of transactions.
CONTENDED = {"55P03", "40P01", "40001"}


class Problem(Exception):  # noqa: N818 - the RFC's word
    """An error response; the web layer raises this for whatever it finds wrong itself."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = headers or {}
        self.members = members

    def answer(self) -> Response:
        """The problem as an HTTP response."""
        # "about:blank" is the RFC's word for: the status says what kind of problem it is. `reason` and
        # `errors` say which.
        document = self.members | {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "instance": request.path,
            "correlation_id": correlation_id.get(),
        }
        answer = Response(payloads.encode(document), self.status, mimetype=MEDIA_TYPE)
        answer.headers.extend(self.headers)
        return answer


class FieldErrorSchema(marshmallow.Schema):
    """An invalid input field and its error."""

    field = marshmallow.fields.String(
        metadata={
            "description": (
                "Where in the request: names and positions from 0, joined by dots, as in `lines.0.quantity`."
            )
        }
    )
    reason = marshmallow.fields.String(metadata={"description": "What is wrong with it, in words."})


class ProblemSchema(marshmallow.Schema):
    """The format of every error (RFC 9457); a refusal may have further members with the facts."""

    class Meta:
        """Settings for the OpenAPI document."""

        unknown = marshmallow.INCLUDE

    type = marshmallow.fields.String(
        required=True,
        metadata={
            "description": (
                "Always `about:blank`: the status says what kind of problem it is, `reason` and "
                "`errors` say which."
            )
        },
    )
    title = marshmallow.fields.String(
        required=True, metadata={"description": "The status in words, such as Conflict."}
    )
    status = marshmallow.fields.Integer(
        required=True, metadata={"description": "The HTTP status of the answer."}
    )
    detail = marshmallow.fields.String(
        required=True,
        metadata={
            "description": (
                "What happened, in words for people; they may change, so go by `reason` and `errors`."
            )
        },
    )
    instance = marshmallow.fields.String(
        required=True, metadata={"description": "The path that was asked for."}
    )
    correlation_id = marshmallow.fields.String(
        required=True,
        metadata={
            "description": (
                "Id of the request, by which it is found in the logs, with the events that it caused."
            )
        },
    )
    reason = marshmallow.fields.String(
        metadata={
            "description": (
                "Of a 409: the code of why the action is refused, such as `wrong_status`. Each "
                "operation names its own."
            )
        }
    )
    errors = marshmallow.fields.List(
        marshmallow.fields.Nested(FieldErrorSchema), metadata={"description": "Of a 422: each wrong field."}
    )
    more_errors = marshmallow.fields.Integer(
        metadata={"description": f"Of a 422: how many wrong fields there are beside the {MOST_ERRORS} named."}
    )
    current_version = marshmallow.fields.Integer(metadata={"description": "Of a 412: the newest version."})
    current = marshmallow.fields.Dict(
        metadata={"description": "Of a 412: the newest state of the resource, where the token may read it."}
    )


class RefusalSchema(marshmallow.Schema):
    """Why an action is not possible."""

    reason = marshmallow.fields.String(
        metadata={"description": "The code that the action would be refused with (409)."}
    )
    detail = marshmallow.fields.String(metadata={"description": "The same in words for people."})


def refusals_by_action() -> marshmallow.fields.Dict:
    """The field that says for each action whether it is possible now."""
    return marshmallow.fields.Dict(
        keys=marshmallow.fields.String(),
        values=marshmallow.fields.Nested(RefusalSchema, allow_none=True),
        metadata={
            "description": (
                "Each action by its name: null if it is possible now, else the first thing that stands"
                " against it, with which it would be refused (409)."
            )
        },
    )


def tell_problems(app: Flask) -> None:
    """Turn every error of the app into a problem response."""
    app.register_error_handler(Problem, lambda error: error.answer())  # each kind in its own way
    app.register_error_handler(NotFound, lambda error: Problem(404, str(error)).answer())
    app.register_error_handler(Refused, lambda error: _refused(error).answer())
    app.register_error_handler(Invalid, lambda error: invalid(error.fields).answer())
    app.register_error_handler(Stale, lambda error: _stale(error).answer())
    app.register_error_handler(Unavailable, lambda error: _unavailable(error).answer())
    app.register_error_handler(HTTPException, lambda error: _http(error).answer())
    app.register_error_handler(database.SQLAlchemyError, lambda error: _database(error).answer())
    app.register_error_handler(Exception, lambda error: _unexpected(error).answer())


def invalid(fields: dict[str, str]) -> Problem:
    """A problem for invalid input, with a reason per field; capped, so it isn't larger than the input."""
    errors = [
        {"field": _shortened(field), "reason": _shortened(reason)}
        for field, reason in islice(fields.items(), MOST_ERRORS)
    ]
    detail = "; ".join(f"{error['field']}: {error['reason'].rstrip('.')}" for error in errors)
    problem = Problem(422, detail[:LONGEST_DETAIL], errors=errors)
    if more := len(fields) - len(errors):
        problem.members["more_errors"] = more
    return problem


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _refused(error: Refused) -> Problem:
    problem = Problem(409, error.detail or error.reason.replace("_", " "))
    # Not as keywords: a fact may have any name, also one of a problem's own members, which goes before it.
    problem.members = error.facts | {"reason": error.reason}
    return problem


def _stale(error: Stale) -> Problem:
    current = _current_state(error.current_version)
    return Problem(
        412,
        str(error),
        headers={"ETag": f'"{error.current_version}"'},
        current_version=error.current_version,
        **({} if current is None else {"current": current}),
    )


def _current_state(version: int) -> Any:
    """The current state, for a 412: the GET of the nearest parent path, if the caller may see it."""
    addresses = current_app.create_url_adapter(request)
    assert addresses is not None
    path = request.path
    while path := path.rpartition("/")[0]:
        try:
            endpoint, arguments = addresses.match(path, method="GET")
            view: Any = current_app.view_functions[endpoint]
            # A view that asks for no scopes is for others than who bears a token.
            if not (hasattr(view, "opens_to") and view.opens_to(g.actor)):
                continue
            answer: Response = view(**arguments)
        except (HTTPException, Problem, NotFound, Refused, Invalid):
            continue
        if (answer.get_etag()[0] or "").partition(".")[0] == str(version):
            return payloads.decode(answer.get_data())
    return None


def _http(error: HTTPException) -> Problem:
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    detail = "nothing was found at this URL" if error.code == HTTPStatus.NOT_FOUND else error.description
    return Problem(error.code or 500, detail or error.name, headers=headers)


def _database(error: database.SQLAlchemyError) -> Problem:
    cause = error.orig if isinstance(error, database.DBAPIError) else error
    if isinstance(error, database.DataError):
        # What no schema caught: a number too large for its column, NUL in a text.
        log.warning("value refused by the database", error=type(cause).__name__)
        return Problem(422, "a value is outside the range that can be stored", errors=[])
    if isinstance(error, database.OperationalError | database.InterfaceError | database.TimeoutError):
        contended = getattr(cause, "sqlstate", None) in CONTENDED
        log.warning("contended" if contended else "database unavailable", error=type(cause).__name__)
        return Problem(
            503,
            "another request is changing the data" if contended else "the database can't be reached now",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    return _unexpected(error)


def _unavailable(error: Unavailable) -> Problem:
    log.warning("unavailable", error=str(error))
    return Problem(503, error.told, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _unexpected(error: Exception) -> Problem:
    log.error("request failed", exc_info=error)
    return Problem(500, "an internal error occurred; look up the correlation id in the logs")
