"""Limits on request size, and security headers on responses."""

from collections.abc import Sequence
from typing import Any

import flask_cors
from flask import Flask, Request, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from shared.web.problems import Problem

LARGEST_HEADERS = 16 << 10
LONGEST_ADDRESS = 8 << 10

# What frontends of another origin may send, and may read of an answer.
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Correlation-Id")
READ = (
    *("Content-Disposition", "ETag", "Idempotency-Replayed", "Location", "Retry-After"),
    *("WWW-Authenticate", "X-Correlation-Id"),
)


class BoundedRequest(Request):
    """A request whose body is rejected if it is too long, never truncated."""

    def get_data(self, *arguments: Any, **named: Any) -> Any:
        """The body; werkzeug itself rejects chunked bodies that are too long."""
        body = super().get_data(*arguments, **named)
        largest = self.max_content_length
        if self.content_length is None and largest is not None and len(body) >= largest:
            raise RequestEntityTooLarge
        return body


def bound_requests(app: Flask, largest_body: int) -> None:
    """Reject oversized requests (413, 414, 431), and never redirect.

    Call it before there are routes: those for addresses with slashes doubled would lead to the Host that the
    request names.
    """
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.config["MAX_CONTENT_LENGTH"] = largest_body
    app.request_class = BoundedRequest

    @app.before_request
    def weigh() -> None:
        environment = request.environ
        if len(environment["PATH_INFO"]) + len(environment.get("QUERY_STRING", "")) > LONGEST_ADDRESS:
            raise Problem(414, f"the URL is longer than {LONGEST_ADDRESS} bytes")
        if sum(len(text) for name, text in environment.items() if name.startswith("HTTP_")) > LARGEST_HEADERS:
            raise Problem(431, f"the headers are larger than {LARGEST_HEADERS} bytes")


def shield(app: Flask, origins: Sequence[str], hsts_seconds: int) -> None:
    """Add headers that restrict what browsers and caches do with a response.

    Pages of other origins can use the API only if they are named; no cookie is ever asked for or set.
    """
    if origins:
        flask_cors.CORS(app, origins=list(origins), allow_headers=SENT, expose_headers=READ, max_age=600)

    @app.after_request
    def close(answer: Response) -> Response:
        headers = answer.headers
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers["X-Content-Type-Options"] = "nosniff"
        if hsts_seconds:
            headers["Strict-Transport-Security"] = f"max-age={hsts_seconds}"
        return answer
