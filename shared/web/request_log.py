"""Logs and counts each request, and sets the ids that link it to its events."""

import re
import time
from http import HTTPStatus

from flask import Flask, Response, g, request

from shared import db
from shared.logging import correlation_id, logger, trace_parent
from shared.web import metrics

log = logger(__name__)

# Probes, Prometheus and the other services' agents ask every second; only their failures are news.
ASKED_ALL_DAY = ("/health/", "/internal/", "/metrics")

# Kept with all that comes of the request, so nothing that could be an address of anybody.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def log_requests(app: Flask) -> None:
    """Take or create each request's correlation id, and log the request once it is answered.

    The line tells route, status, duration and actor; never bodies, queries, tokens or addresses.
    """

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        given = request.headers.get("X-Correlation-Id", "")
        correlation_id.set(given if _ID.fullmatch(given) else str(db.new_id()))
        parent = request.headers.get("Traceparent", "")
        trace_parent.set(parent if _TRACE_PARENT.fullmatch(parent) else "")

    @app.after_request
    def end(answer: Response) -> Response:
        answer.headers["X-Correlation-Id"] = correlation_id.get()
        actor = g.get("actor")
        route = request.url_rule.rule if request.url_rule else ""
        seconds = time.perf_counter() - g.began
        metrics.observe(request, answer.status_code, seconds)
        quiet = route.startswith(ASKED_ALL_DAY) and answer.status_code < HTTPStatus.BAD_REQUEST
        (log.debug if quiet else log.info)(
            "request",
            method=request.method,
            route=route,
            status=answer.status_code,
            milliseconds=round(seconds * 1000, 2),
            actor=actor.name if actor else None,
        )
        return answer

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        correlation_id.set("")
        trace_parent.set("")
