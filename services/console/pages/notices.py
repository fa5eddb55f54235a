"""The bell: what happened on the orders of the person's sellers."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, render_template, request, url_for

from services.console.acting import act, key
from services.console.apis import Away, Refused
from services.console.markets import masters
from services.console.screens import Screen

blueprint = Blueprint("notices", __name__, url_prefix="/notices")


@blueprint.get("")
def show() -> str:
    """The newest notices, unread ones marked."""
    query = {"cursor": request.args.get("cursor"), "limit": 50}
    notices = g.apis.read("notifications.notices_list_notices", query)
    return render_template("notices/notices.html", notices=notices, masters=masters())


@blueprint.get("/unread")
def count() -> Response | str:
    """The bell's number, asked for by every page that stays open."""
    try:
        unread = g.apis.read("notifications.notices_count_unread")
    except (Refused, Away):
        return Response(status=204)  # the bell is not worth a fault
    return render_template("parts/bell.html", unread=unread)


@blueprint.post("/read")
def read_all() -> Any:
    """Note that this notice and all older ones were read."""
    return act(
        "read",
        lambda: g.apis.write(
            "notifications.notices_mark_all_read", {"up_to": request.form.get("up_to")}, key=key()
        ),
        show,
        lambda _: url_for("notices.show"),
    )


@blueprint.post("/<uuid:notice_id>/read")
def read_one(notice_id: UUID) -> Any:
    """Note that one notice was read."""
    return act(
        f"read-{notice_id}",
        lambda: g.apis.write("notifications.notices_mark_read", key=key(), notice_id=notice_id),
        show,
        lambda _: url_for("notices.show", cursor=request.form.get("cursor") or None),
    )


SCREEN = Screen(blueprint, "notices.show", "notifications.notices_list_notices")
