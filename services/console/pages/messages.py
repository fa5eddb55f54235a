"""Messages: customers who wait for an answer, and the conversation that is answered."""

from itertools import takewhile
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, render_template, request, url_for

from services.console.acting import act, key
from services.console.apis import read
from services.console.forms.many import done_to_each, kept_result
from services.console.markets import masters
from services.console.screens import Screen

blueprint = Blueprint("messages", __name__, url_prefix="/messages")

WAITING_A_PAGE = 50
SHOWN = 100  # messages of a conversation, the newest
ONE = "/<uuid:order_id>"


@blueprint.get("")
def show() -> str:
    """Who waits, the one to be answered first at the head; and one conversation, if it was opened."""
    return _page(request.args.get("order", ""))


@blueprint.post(f"{ONE}/write")
def write(order_id: UUID) -> Any:
    """Answer the customer, and go on to whoever waits next; or leave a note for colleagues."""
    internal = "internal" in request.form
    body: dict[str, Any] = {"text": request.form.get("text", ""), "internal": internal}
    return act(
        "write",
        lambda: g.apis.write("notifications.messages_post_message", body, key=key(), order_id=order_id),
        lambda: _page(str(order_id)),
        lambda _: _addressed(str(order_id) if internal else _following()),
        said="done.note" if internal else "done.write",
    )


@blueprint.post(f"{ONE}/read")
def mark_read(order_id: UUID) -> Any:
    """Note that what the customer wrote was read; they wait all the same."""
    return act(
        "mark_read",
        lambda: g.apis.write("notifications.messages_mark_read", key=key(), order_id=order_id),
        lambda: _page(str(order_id)),
        lambda _: _addressed(str(order_id)),
        said="done.mark_read",
    )


@blueprint.post(f"{ONE}/no-answer-needed")
def need_no_answer(order_id: UUID) -> Any:
    """Take a conversation out of the queue without writing, and go on to the next."""
    return act(
        "no_answer",
        lambda: _end(str(order_id), key()),
        lambda: _page(str(order_id)),
        lambda _: _addressed(_following()),
        said="done.no_answer",
    )


@blueprint.post("/no-answer-needed")
def need_no_answers() -> Any:
    """Take all ticked conversations out of the queue."""
    return done_to_each("no_answer", request.form.getlist("order_id"), _end, lambda: _page(""), _addressed)


def _page(opened: str) -> str:
    g.shown_at = _addressed(opened) if request.method == "POST" else None
    query = {"limit": WAITING_A_PAGE, "cursor": request.args.get("cursor")}
    reads = {"waiting": read("notifications.messages_list_unanswered", query)}
    if opened and (order_id := _uuid(opened)):
        reads |= {
            "messages": read("notifications.messages_list_messages", {"limit": SHOWN}, order_id=order_id),
            "conversation": read("notifications.messages_get_conversation", order_id=order_id),
            "order": read("orders.orders_show_order", order_id=order_id),
        }
    parts = g.apis.together(**reads)
    if parts["waiting"].hidden:
        abort(403)
    items = parts["waiting"].value["items"] if parts["waiting"] else []
    known = masters()
    said = parts["messages"].value["items"] if parts.get("messages") else []
    # What is to be answered stands above the form, what was said before that below it.
    fresh = list(takewhile(lambda one: one["internal"] or one["author"] == "customer", said))
    talk = parts["conversation"].value if parts.get("conversation") else None
    return render_template(
        "messages/messages.html",
        parts=parts,
        waiting=items,
        opened=opened if "messages" in reads else "",
        talk=talk,
        said=said,
        fresh=len(fresh),
        order=parts["order"].value if parts.get("order") else None,
        zone=known.zone(talk["market"]) if talk else "UTC",
        following=_behind([one["order_id"] for one in items], opened),
        result=kept_result(),
        masters=known,
        addressed=_addressed,
    )


def _behind(queue: list[str], opened: str) -> str:
    """Who waits behind the opened one, or at the head of the queue; nobody else: none."""
    others = [one for one in queue if one != opened]
    if not others:
        return ""
    at = queue.index(opened) if opened in queue else 0
    return others[at] if at < len(others) else others[0]


def _end(order_id: str, own_key: str | None) -> Any:
    return g.apis.write("notifications.messages_need_no_answer", key=own_key, order_id=order_id)


def _following() -> str:
    return request.form.get("following", "")


def _addressed(order: str = "") -> str:
    """The page with one conversation opened, at the same place of the queue."""
    query = {"order": order, "cursor": request.args.get("cursor")}
    named: dict[str, Any] = {name: value for name, value in query.items() if value}
    return url_for("messages.show", **named)


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


SCREEN = Screen(
    blueprint,
    "messages.show",
    "notifications.messages_list_unanswered",
    "nav.messages",
    "messages-square",
)
