"""Request metrics, and the endpoint that Prometheus scrapes; no gateway exposes /metrics."""

from flask import Blueprint, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram

from shared import metrics
from shared.web.auth import public

REQUESTS = Counter("waybill_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "waybill_request_seconds",
    "From a request's arrival to its answer, without the time that a stream takes to be read.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@public
def tell() -> Response:
    """The metrics of all processes of this API."""
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def observe(request: Request, status: int, seconds: float) -> None:
    """Count a request under its route; unknown paths share one series."""
    rule = request.url_rule
    method, route = (request.method, rule.rule) if rule else ("", "none")
    REQUESTS.labels(method, route, status).inc()
    REQUEST_SECONDS.labels(method, route).observe(seconds)
