"""The signed link that opens one order for its customer until it expires or is revoked; no account needed."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any, NoReturn
from uuid import UUID

from flask import Response, current_app, g, render_template_string, request
from flask_smorest.utils import deepupdate
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.access import EVERYTHING, Actor
from shared.customer_tokens import LinkError, read_token
from shared.db import each_alone
from shared.events.snapshots import OrderSnapshot
from shared.messaging.tables import copies
from shared.web.auth import refuse_access
from shared.web.blueprint import View
from shared.web.commands import open_session
from shared.web.customer_pages import also_as_pages, page_answer, style_of
from shared.web.problems import Problem
from shared.web.rate_limits import Kind
from shared.wording import languages, words_in

LinkSerial = Callable[[Session, UUID], int | None]  # of an order's links as of now; None of an unknown one

_PAGE = """<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ words.title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<h1>{{ words.title }}</h1>
<p>{{ words.remedy }}</p>
</main>
</body>
</html>
"""


class ClosedLink(Problem):
    """An invalid link: people get a page in a language they read, programs a problem."""

    def answer(self) -> Response:
        """The response in the format requested."""
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
            return super().answer()
        language = request.accept_languages.best_match(languages(), "en")
        words = words_in(language, "dead_link")
        style = style_of()
        page = render_template_string(_PAGE, language=language, words=words, style=style)
        answer = page_answer(page, style, self.status)
        answer.headers.extend(self.headers)
        return answer


def link_serial_heard(session: Session, order_id: UUID) -> int | None:
    """The link serial last published by orders; 0 for snapshots without one."""
    serial = func.coalesce(copies.c.snapshot["link_serial"].as_integer(), 0)
    rows = select(serial).where(copies.c.subject == str(order_id), copies.c.source == OrderSnapshot.SOURCE)
    return session.execute(rows).scalar_one_or_none()


def customer(view: View) -> View:
    """Allow whoever has a valid link to an order, and pass its id to the view as `order_id`."""

    def admit() -> None:
        keys: Sequence[str] = current_app.extensions["settings"].customer_link_keys
        try:
            link = read_token(keys, request.args.get("token", ""))
        except LinkError as error:
            _refuse(str(error))
        g.customer_order_id = order_id = link.order_id
        everything = frozenset({EVERYTHING})  # of the one order; the view is handed no other's id
        g.actor = Actor(name=f"customer:{order_id}", issuer="link", sellers=everything, markets=everything)
        link_serial: LinkSerial = current_app.extensions["link_serial"]
        with open_session() as session:
            each_alone(session)
            serial = link_serial(session, order_id)
        if serial not in {None, link.serial}:  # of an unknown order there is nothing to be shown
            _refuse("this link has been revoked")

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Any:
        return view(*arguments, order_id=g.customer_order_id, **named)

    marked: Any = run
    marked.admit = admit
    marked.counted_as = getattr(view, "counted_as", Kind.LINK)
    document = getattr(view, "_apidoc", {})
    marked._apidoc = document | {  # noqa: SLF001 - where flask-smorest keeps what it documents
        "manual_doc": deepupdate(
            deepcopy(document.get("manual_doc", {})),
            {"security": [{"customer": []}], "responses": also_as_pages(401)},
        )
    }
    return run


def _refuse(why: str) -> NoReturn:
    refuse_access(401, why, 'CustomerLink realm="token"', ClosedLink)
