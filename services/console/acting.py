"""What every form does: have a service act, and lead on; or show the page again with what was said."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx2
from flask import Response, abort, flash, g, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict

from services.console.apis import Away, Refused

STALE = 412
INVALID = 422
WRITTEN = frozenset({"answer", "note", "reason", "reference", "text"})  # fields of what people write
CARRIED = frozenset({"do", "key", "version", "before", "reviewed", "tab", "currency", "back", "following"})
WAS = "was."  # before a field's name: what it was shown with
KEY = re.compile(r"[\w.:-]{1,255}", re.ASCII)
VERSION = re.compile(r"[0-9]{1,18}")
CSP = "Content-Security-Policy"
PASSED_ON = ("Content-Disposition", "Content-Length", CSP)


@dataclass(kw_only=True)
class Fault:
    """Why a form was not done, for the form that it was."""

    form: str
    title: str  # in the reader's words
    detail: str = ""  # in the service's own
    errors: Mapping[str, str] = field(default_factory=dict)  # by the form's field
    # how the service calls such a field, where the form calls it otherwise
    names: Mapping[str, str] = field(default_factory=dict)
    typed: MultiDict[str, str]
    correlation_id: str
    status: int
    reason: str | None = None
    changes: list[Any] = field(default_factory=list)  # 412: what happened since the form was shown
    told: bool = False  # where the form stands; otherwise it is not on the page any more

    def tell(self) -> None:
        """Note that the page says it where the form stands."""
        self.told = True

    @property
    def is_unsent(self) -> bool:
        """Whether the same can be sent again as it is: its service was away."""
        return self.status == HTTPStatus.SERVICE_UNAVAILABLE and request.method == "POST"

    def fields(self) -> list[tuple[str, str]]:
        """All of the form, to be sent again."""
        return list(self.typed.items(multi=True))

    def said(self) -> list[tuple[str, str]]:
        """What was written into the form, in whole sentences or not."""
        mine = [(name, text) for name, text in self.typed.items(multi=True) if text.strip()]
        if self.is_unsent:
            return [one for one in mine if one[0] not in CARRIED and not one[0].startswith(WAS)]
        return [(name, text) for name, text in mine if name in WRITTEN]

    def kept(self, name: str, now: Any) -> Any:
        """What a field of the form has when it is shown again: what was typed.

        Where nothing was, and somebody else changed it, it is as it is `now`: that is not undone.
        """
        typed = self.typed.get(name)
        if typed is None or (self.status == STALE and typed == self.typed.get(WAS + name)):
            return now
        return typed

    def meanwhile(self, name: str, now: Any) -> str | None:
        """What somebody else made of a field that was typed into too."""
        typed, was, current = (
            _lines(text) for text in (self.typed.get(name, ""), self.typed.get(WAS + name), now)
        )
        is_decided = self.status != STALE or self.typed.get(WAS + name) is None
        return None if is_decided or current == was or typed in {was, current} else current

    def as_shown(self, name: str, now: Any) -> Any:
        """What a field was shown with, for the form to carry: of a stale form that is what it is `now`."""
        return now if self.status == STALE else self.typed.get(WAS + name, now)

    @property
    def key(self) -> str | None:
        """The key to send the form again under; a new one where it was used for something else."""
        return None if self.reason == "idempotency_key_reused" else self.typed.get("key")

    def version(self, now: Any) -> Any:
        """The version to send the form with: while a field is to be corrected, the one it was shown at."""
        return self.typed.get("version", now) if self.status == INVALID else now


def _lines(text: Any) -> str:
    return "" if text is None else str(text).replace("\r\n", "\n")


def act(
    form: str,
    do: Callable[[], Any],
    show: Callable[[], Any],
    done: Callable[[Any], str],
    *,
    said: str = "",
    changes: Callable[[Refused], list[Any]] = lambda _: [],
    place: Callable[[str], str] = str,
) -> Any:
    """Do what a form asks; then lead to `done`, or, where a service refuses, `show` the page with the fault.

    `said` is the key of what is said when it is done; `place` says which of the form's fields is meant by one
    of the service's.
    """
    try:
        answer = do()
    except (Refused, Away) as error:
        return shown_again(fault_of(form, error, changes, place), show)
    if said:
        flash(said)
    return redirect(done(answer), 303)


def shown_again(fault: Fault, show: Callable[[], Any]) -> Response:
    """The page with the fault; where what it is made of is away too, the form alone, to be sent again."""
    g.fault = fault
    try:
        page = make_response(show())
    except Away:
        page = make_response(render_template("unsent.html"))
    page.status_code = fault.status
    return page


def fault_of(
    form: str,
    error: Refused | Away,
    changes: Callable[[Refused], list[Any]] = lambda _: [],
    place: Callable[[str], str] = str,
) -> Fault:
    """What a page says of a refusal."""
    words = g.words
    fault = partial(Fault, form=form, typed=request.form, correlation_id=error.correlation_id)
    if isinstance(error, Away):
        key = "faults.unsure" if error.unsure else "faults.away"
        title = words(key, service=words(f"services.{error.service}"))
        return fault(title=title, status=HTTPStatus.SERVICE_UNAVAILABLE)
    if error.status == STALE:
        return fault(title=words("faults.stale"), status=STALE, changes=changes(error))
    if error.reason and words.knows("reasons", error.reason):
        title = words.of("reasons", error.reason)
    elif error.errors:
        title = words("faults.check_fields")
    else:
        title = (
            words.of("faults", str(error.status))
            if words.knows("faults", str(error.status))
            else error.detail
        )
    return fault(
        title=title,
        detail="" if error.errors else error.detail,
        errors={
            place(name): words.of("coupon_refusal", why) if words.knows("coupon_refusal", why) else why
            for name, why in error.errors.items()
        },
        names={place(name): name for name in error.errors},
        status=error.status,
        reason=error.reason,
    )


def passed_on(answer: httpx2.Response) -> Response:
    """A file of a service, passed on as it comes."""

    def pieces() -> Iterator[bytes]:
        try:
            yield from answer.iter_raw()
        finally:
            answer.close()

    passed = Response(pieces(), content_type=answer.headers["Content-Type"])
    for header in PASSED_ON:
        if header in answer.headers:
            passed.headers[header] = answer.headers[header]
    # Shown in a frame of our own pages, and of nobody else's. What draws a PDF is the browser's own.
    is_pdf = answer.headers["Content-Type"].startswith("application/pdf")
    policy = "" if is_pdf else passed.headers.get(CSP, "").replace("frame-ancestors 'none'", "").strip("; ")
    passed.headers[CSP] = f"{policy}; frame-ancestors 'self'".lstrip("; ")
    return passed


def key() -> str | None:
    """The idempotency key that the form was shown with."""
    return _as_shown("key", KEY)


def version() -> str | None:
    """The version that the form was shown at."""
    return _as_shown("version", VERSION)


def _as_shown(name: str, pattern: re.Pattern[str]) -> str | None:
    """What the form was shown with; what no form of ours has is no request of ours."""
    given = request.form.get(name)
    if given and not pattern.fullmatch(given):
        abort(HTTPStatus.BAD_REQUEST)
    return given


def must_be_filled(**typed: str) -> None:
    """Raises Refused with each field of these that nothing was typed into: they are part of an address."""
    errors = [
        {"field": name, "reason": g.words("settings.needed")} for name, text in typed.items() if not text
    ]
    if errors:
        raise Refused("", HTTPStatus.UNPROCESSABLE_ENTITY, {"errors": errors}, g.apis.correlation_id)


def given(*names: str) -> dict[str, str]:
    """What was filled in of a form's fields."""
    return {name: text for name in names if (text := request.form.get(name, "").strip())}
