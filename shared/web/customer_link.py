"""The signed link that opens one order to its customer: order and end of validity, no account needed."""

from collections.abc import Sequence
from copy import deepcopy
from functools import wraps
from typing import Any

from flask import Response, current_app, g, render_template_string, request
from flask_smorest.utils import deepupdate

from shared.access import EVERYTHING, Actor
from shared.customer_tokens import LinkError, read_token
from shared.web.auth import refuse_access
from shared.web.blueprint import View
from shared.web.pages import also_as_pages, page_answer, style_of
from shared.web.problems import Problem
from shared.web.rate_limits import Kind

_WORDS = {
    "en": (
        "This link does not work",
        "It may be too old, or incomplete. The newest e-mail about your order has one that works.",
    ),
    "es": (
        "Este enlace no funciona",
        "Quizá haya caducado o le falte una parte. El correo más reciente sobre su pedido trae otro.",
    ),
}
_PAGE = """<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p>{{ words }}</p>
</main>
</body>
</html>
"""


class ClosedLink(Problem):
    """A link that opens nothing: for people a page in a language they read, for programs a problem."""

    def answer(self) -> Response:
        """The answer in the kind that is asked for."""
        if request.accept_mimetypes.best_match(["application/json", "text/html"]) != "text/html":
            return super().answer()
        language = request.accept_languages.best_match(_WORDS, "en")
        title, words = _WORDS[language]
        style = style_of()
        page = render_template_string(_PAGE, language=language, title=title, words=words, style=style)
        answer = page_answer(page, style, self.status)
        answer.headers.extend(self.headers)
        return answer


def customer(view: View) -> View:
    """Let in whoever has the link of an order, and hand the view that order's id as `order_id`."""

    def admit() -> None:
        keys: Sequence[str] = current_app.extensions["settings"].customer_link_keys
        try:
            order_id = read_token(keys, request.args.get("token", ""))
        except LinkError as error:
            refuse_access(401, str(error), 'CustomerLink realm="token"', ClosedLink)
        g.customer_order_id = order_id
        everything = frozenset({EVERYTHING})  # of the one order; the view is handed no other's id
        g.actor = Actor(name=f"customer:{order_id}", issuer="link", sellers=everything, markets=everything)

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
