"""The event feed over HTTP: all events of the caller's sellers, ordered by position."""

import time
from typing import Any

from flask import Response, current_app, g

from services.notifications.api.schemas.feed import FeedArguments, FeedSchema
from services.notifications.feed_waiting import Waiters
from services.notifications.queries import feed
from shared.db import each_alone
from shared.errors import Invalid
from shared.events.feed import public_form
from shared.web import payloads
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import open_session, repeated
from shared.web.problems import Problem

blueprint = Blueprint(
    "feed",
    __name__,
    url_prefix="/v1/events",
    description="The feed: all events of your sellers, in order, for 90 days.",
)

RETRY_AFTER_SECONDS = 1


@blueprint.route("", methods=["GET"])
@blueprint.arguments(FeedArguments, location="query")
@blueprint.response(200, FeedSchema)
@requires("events:read", instead="events:read_people")
def list_events(arguments: dict[str, Any]) -> Response:
    """Events on the caller's sellers' orders, oldest first, from after a position.

    Ask again for what comes `after` the answer's `next`: whoever keeps that has missed nothing, however late
    it asks, for 90 days. A position from before that is gone (410), and `oldest` says where the feed begins.
    """
    deadline = time.monotonic() + arguments.pop("wait")
    page = _page(arguments)
    if page["items"] or time.monotonic() >= deadline:
        return _answer(page)
    waiters: Waiters = current_app.extensions["feed_waiters"]
    with waiters.place(f"{g.actor.issuer} {g.actor.name}") as has_place:
        if not has_place:
            return _answer(page, {"Retry-After": str(RETRY_AFTER_SECONDS)})
        goes_on = True
        while goes_on and not page["items"]:
            times = waiters.times()
            page = _page(arguments | {"after": page["next"]})
            goes_on = page["items"] or waiters.wait(times, deadline)
    return _answer(page)


def _page(arguments: dict[str, Any]) -> dict[str, Any]:
    return repeated(lambda: _read(**arguments))


def _read(*, limit: int, types: list[str], order: Any, after: int | None = None) -> dict[str, Any]:
    if not (g.actor.sellers and g.actor.markets):
        # Not even how much happens is theirs to know.
        return {"items": [], "next": after or 0, "last": after or 0}
    with open_session() as session:
        each_alone(session)  # the second statement sees at least what the first saw, and asks for no more
        ends = feed.ends(session)
        if after is None:
            after = ends.first - 1
        elif after > ends.last:
            raise Invalid(after=f"is beyond the last position, {ends.last}")
        elif after < ends.first - 1:
            reason = f"is too old: the feed starts at {ends.first}"
            error = {"field": "after", "reason": reason}
            raise Problem(410, f"after: {reason}", errors=[error], oldest=ends.first)
        page = feed.page(session, after=after, last=ends.last, limit=limit, types=types, order_id=order)
    with_people = "events:read_people" in g.actor.scopes
    return {
        "items": [public_form(entry, with_people=with_people) for entry in page.entries],
        "next": page.next,
        "last": ends.last,
    }


def _answer(page: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(payloads.encode(page), mimetype="application/json", headers=headers)
