"""Rate limits: counted in Redis across a service's processes; requests pass if Redis is unavailable.

Without Redis nothing is limited; that is found out by one request in some seconds, the others don't wait.
"""

import hashlib
import ipaddress
import time
from enum import StrEnum
from typing import Any

import redis
from flask import Flask, current_app, g, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.access import NOBODY, Actor
from shared.logging import logger
from shared.settings import ServiceSettings
from shared.web.problems import Problem

log = logger(__name__)

PATIENCE_SECONDS = 0.1  # with Redis, of one request; then nothing is limited for
AWAY_SECONDS = 5.0


class Kind(StrEnum):
    """What is being counted."""

    REQUESTS = "requests"  # of one bearer
    LINK = "link"  # of one order's link
    UPLOADS = "uploads"  # files, of whoever sends them
    REFUSALS = "refusals"  # tries without a good token, link or signature, of one address


class RateLimits:
    """A service's rate limits."""

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        amounts = {
            Kind.REQUESTS: settings.requests_per_minute,
            Kind.LINK: settings.link_requests_per_minute,
            Kind.UPLOADS: settings.uploads_per_minute,
            Kind.REFUSALS: settings.refusals_per_minute,
        }
        self._limits: dict[Kind, RateLimitItem] = {
            kind: RateLimitItemPerMinute(amount) for kind, amount in amounts.items() if amount
        }
        options: dict[str, Any] = {
            "retry": Retry(NoBackoff(), 0),
            "socket_connect_timeout": PATIENCE_SECONDS,
            "socket_timeout": PATIENCE_SECONDS,
        }
        # One round trip a request; at the turn of a minute somebody may ask twice as often.
        self._window = FixedWindowRateLimiter(
            RedisStorage(settings.broker_url, key_prefix=f"{service}.limits", **options)
        )
        self._away_until = 0.0

    def seconds_to_wait(self, kind: Kind, who: str) -> float:
        """Count a request; returns 0 if it is within the limit, else the seconds to wait."""
        limit = self._limits.get(kind)
        now = time.monotonic()
        if limit is None or now < self._away_until:
            return 0
        if self._away_until:
            self._away_until = now + AWAY_SECONDS  # this request looks whether Redis is back, no other
        key = (kind, hashlib.sha256(who.encode()).hexdigest()[:32])
        try:
            within = self._window.hit(limit, *key)
            wait = (
                0 if within else max(1, self._window.get_window_stats(limit, *key).reset_time - time.time())
            )
        except redis.RedisError as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("requests are not limited now", error=type(error).__name__)
            return 0
        self._away_until = 0.0
        return wait


def limit_requests(app: Flask, service: str, settings: ServiceSettings) -> None:
    """Count each authorised request; callers over a limit get 429."""
    if settings.broker_url.startswith("redis"):
        app.extensions["rate_limits"] = RateLimits(service, settings)

    @app.before_request
    def count() -> None:
        actor = g.get("actor")
        # The other services' agents ask as often as they must; probes belong to nobody.
        if request.endpoint is None or actor is None or actor is NOBODY or actor.subscriber:
            return
        view = current_app.view_functions[request.endpoint]
        refuse_excess(getattr(view, "counted_as", Kind.REQUESTS), _bearer(actor))


def counted_as(kind: Kind) -> Any:
    """Count a view's requests against a stricter limit than requests in general."""

    def mark(view: Any) -> Any:
        view.counted_as = kind
        return view

    return mark


def count_refusal() -> None:
    """Count a refused attempt against the token's holder or, if unknown, the address."""
    actor = g.get("actor")
    if actor is None or actor is NOBODY:
        refuse_excess(Kind.REFUSALS, address())
    else:
        refuse_excess(Kind.REQUESTS, _bearer(actor))


def refuse_excess(kind: Kind, who: str) -> None:
    """Count a request; raises a 429 problem if it is over the limit."""
    limits: RateLimits | None = current_app.extensions.get("rate_limits")
    if limits is None or not (wait := limits.seconds_to_wait(kind, who)):
        return
    log.warning("too many requests", kind=kind, actor=g.actor.name if "actor" in g else None)
    seconds = str(int(wait) + 1)
    raise Problem(
        429, f"too many {kind} per minute", headers={"Retry-After": seconds}, reason="too_many_requests"
    )


def _bearer(actor: Actor) -> str:
    return f"{actor.issuer} {actor.name}"


def address() -> str:
    """The caller's address: IPv4, or the /64 network of an IPv6 caller."""
    try:
        found = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or ""
    return str(found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False))  # noqa: PLR2004
