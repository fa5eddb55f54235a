"""Webhooks: which addresses of programs are told of events, what each was sent, and what it answered."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, abort, current_app, g, render_template, request, url_for

from services.console.acting import act, key
from services.console.apis import read
from services.console.forms.reviews import carried
from services.console.markets import masters
from services.console.screens import Screen
from services.console.showing import is_past
from shared.db import new_id

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

ONE = "/<uuid:webhook_id>"
ALL = "*"
PEOPLE = "events:read_people"
# As the API lists them; programs know them by these names.
EVENT_TYPES = (
    "appointment.scheduled",
    "credit_note.issued",
    "document.failed",
    "document.removed",
    "document.stored",
    "email.failed",
    "email.sent",
    "invoice.issued",
    "message.posted",
    "order.accepted",
    "order.anonymised",
    "order.cancel_requested",
    "order.cancelled",
    "order.completed",
    "order.failed",
    "order.held",
    "order.hold_released",
    "order.placed",
    "order.refused",
    "order.updated",
    "payment.recorded",
    "payment.voided",
    "pickup.reminded",
    "refund.requested",
    "refund.settled",
    "return.approved",
    "return.closed",
    "return.received",
    "return.rejected",
    "return.requested",
    "shipment.awaiting_inventory",
    "shipment.cancel_refused",
    "shipment.cancelled",
    "shipment.created",
    "shipment.delivered",
    "shipment.inventory_assigned",
    "shipment.packing",
    "shipment.ready",
    "shipment.released",
    "shipment.returned",
    "shipment.shipped",
    "shipment.undeliverable",
    "shipment.updated",
    "stock.changed",
    "tracking.updated",
)
STATES = ("waiting", "taken", "failed")  # of a delivery
DELIVERIES_A_PAGE = 20
SWITCH = {
    "enable": "notifications.webhooks_enable_webhook",
    "disable": "notifications.webhooks_disable_webhook",
}
TEXTS = ("address", "email", "description")
NEW: Mapping[str, Any] = {
    **dict.fromkeys(TEXTS, ""),
    **dict.fromkeys(("types", "sellers", "markets"), ()),
    "people": False,
}


@blueprint.get("")
def show_list() -> str:
    """All that the person may see, oldest first."""
    query = {"cursor": request.args.get("cursor"), "limit": 50}
    webhooks = g.apis.read("notifications.webhooks_list_webhooks", query)
    return render_template(
        "webhooks/list.html", webhooks=webhooks, masters=masters(), state_of=state_of, all=ALL
    )


@blueprint.get("/new")
def ask_new() -> str:
    """The form of a new one."""
    g.apis.require("notifications.webhooks_create_webhook")
    return render_template("webhooks/form.html", form="new", webhook=None, **_filled(NEW))


@blueprint.post("/new")
def create() -> Any:
    """Have an address told of events; its secret is on the page that follows, this once."""
    body = _body()
    for name in ("sellers", "markets"):
        if not body[name]:  # all that the person may see
            del body[name]
    return act(
        "new",
        lambda: _with_secret("notifications.webhooks_create_webhook", body),
        ask_new,
        _where_secret_is,
        said="done.webhook_made",
        place=_field,
    )


@blueprint.get(ONE)
def show(webhook_id: UUID) -> str:
    """One webhook: how it is, what it was sent and is owed, newest first."""
    state = request.args.get("state", "")
    if state and state not in STATES:
        abort(404)
    query = {"state": state, "cursor": request.args.get("cursor"), "limit": DELIVERIES_A_PAGE}
    parts = g.apis.together(
        deliveries=read("notifications.webhooks_list_deliveries", query, webhook_id=webhook_id)
    )
    place = request.args.get("secret")
    return render_template(
        "webhooks/webhook.html",
        webhook=_read(webhook_id),
        deliveries=parts["deliveries"],
        masters=masters(),
        state_of=state_of,
        all=ALL,
        state=state,
        states=STATES,
        event_choices=[(name, name) for name in EVENT_TYPES],
        was_made=place is not None,
        secret=_sessions().take_once(g.person.subject, place) if place and request.method == "GET" else None,
    )


@blueprint.get(f"{ONE}/change")
def ask_change(webhook_id: UUID) -> str:
    """The form of what may be otherwise."""
    g.apis.require("notifications.webhooks_change_webhook")
    webhook = _read(webhook_id)
    return render_template("webhooks/form.html", form="change", webhook=webhook, **_filled(webhook))


@blueprint.post(f"{ONE}/change")
def change(webhook_id: UUID) -> Any:
    """Change what was changed on the form, and leave the rest to whoever changed it meanwhile."""
    body, before = _body(), carried("was")
    changes = {name: value for name, value in body.items() if before.get(name) != value}
    return act(
        "change",
        lambda: g.apis.write(
            "notifications.webhooks_change_webhook", changes, key=key(), webhook_id=webhook_id
        ),
        lambda: ask_change(webhook_id),
        lambda _: url_for("webhooks.show", webhook_id=webhook_id),
        said="done.webhook_changed",
        place=_field,
    )


@blueprint.get(f"{ONE}/secret")
def ask_secret(webhook_id: UUID) -> str:
    """Whether there shall be a new secret, and for how long the one so far is good beside it."""
    g.apis.require("notifications.webhooks_rotate_secret")
    return render_template("webhooks/secret.html", webhook=_read(webhook_id))


@blueprint.post(f"{ONE}/secret")
def change_secret(webhook_id: UUID) -> Any:
    """Make a new secret; it is on the page that follows, this once."""
    body = {"previous_hours": _number(request.form.get("previous_hours", ""))}
    return act(
        "secret",
        lambda: _with_secret("notifications.webhooks_rotate_secret", body, webhook_id=webhook_id),
        lambda: ask_secret(webhook_id),
        _where_secret_is,
        said="done.webhook_secret",
    )


@blueprint.get(f"{ONE}/delete")
def ask_delete(webhook_id: UUID) -> str:
    """Whether it shall really go, and what goes with it."""
    g.apis.require("notifications.webhooks_delete_webhook")
    return render_template("webhooks/delete.html", webhook=_read(webhook_id))


@blueprint.post(f"{ONE}/delete")
def delete(webhook_id: UUID) -> Any:
    """Forget it, with all that it was sent and is owed."""
    return act(
        "delete",
        lambda: g.apis.write("notifications.webhooks_delete_webhook", key=key(), webhook_id=webhook_id),
        lambda: ask_delete(webhook_id),
        lambda _: url_for("webhooks.show_list"),
        said="done.webhook_deleted",
    )


@blueprint.post(f"{ONE}/<any(enable, disable):way>")
def switch(webhook_id: UUID, way: str) -> Any:
    """Send to it again, or nothing more."""
    return act(
        "switch",
        lambda: g.apis.write(SWITCH[way], key=key(), webhook_id=webhook_id),
        lambda: show(webhook_id),
        lambda _: url_for("webhooks.show", webhook_id=webhook_id),
        said=f"done.webhook_{way}",
    )


@blueprint.post(f"{ONE}/test")
def test(webhook_id: UUID) -> Any:
    """Send an event that never happened, of a chosen type."""
    body = {"type": request.form.get("type", "")}
    return act(
        "test",
        lambda: g.apis.write("notifications.webhooks_send_test", body, key=key(), webhook_id=webhook_id),
        lambda: show(webhook_id),
        lambda _: url_for("webhooks.show", webhook_id=webhook_id),
        said="done.webhook_test",
    )


@blueprint.post(f"{ONE}/resend")
def resend_since(webhook_id: UUID) -> Any:
    """Send all that failed, or was missed while it was off, since an instant (UTC)."""
    since = request.form.get("since", "").strip()
    return act(
        "since",
        lambda: g.apis.write(
            "notifications.webhooks_resend_since",
            {"since": f"{since}Z" if since else ""},
            key=key(),
            webhook_id=webhook_id,
        ),
        lambda: show(webhook_id),
        lambda _: url_for("webhooks.show", webhook_id=webhook_id),
        said="done.webhook_since",
    )


@blueprint.post(f"{ONE}/deliveries/<uuid:delivery_id>/resend")
def resend(webhook_id: UUID, delivery_id: UUID) -> Any:
    """Send one once more, whatever came of it."""
    return act(
        f"resend-{delivery_id}",
        lambda: g.apis.write(
            "notifications.webhooks_resend_delivery",
            key=key(),
            webhook_id=webhook_id,
            delivery_id=delivery_id,
        ),
        lambda: show(webhook_id),
        lambda _: url_for(
            "webhooks.show",
            webhook_id=webhook_id,
            state=request.args.get("state") or None,
            cursor=request.args.get("cursor") or None,
        ),
        said="done.webhook_resend",
    )


def state_of(webhook: Mapping[str, Any]) -> str:
    """How a webhook is, as the key of its words: one that is on may rest, or fail."""
    state: str = webhook["state"]
    if state != "active" or not webhook["failures"]:
        return state
    rests = webhook["rested_until"] and not is_past(webhook["rested_until"])
    return "resting" if rests else "failing"


def _read(webhook_id: UUID) -> Any:
    return g.apis.read("notifications.webhooks_get_webhook", webhook_id=webhook_id)


def _body() -> dict[str, Any]:
    """What a form says of a webhook."""
    form = request.form
    body: dict[str, Any] = {name: form.get(name, "").strip() for name in TEXTS}
    body["types"] = form.getlist("types") or [ALL]
    for name in ("sellers", "markets"):
        body[name] = [code for one in form.get(name, "").split(",") if (code := one.strip())]
    if PEOPLE in g.person.scopes:
        body["people"] = "people" in form
    return body


def _field(named: str) -> str:
    """The form's field of one of the service's: a place in a list is of the list's (`sellers.0`)."""
    return named.partition(".")[0]


def _number(typed: str) -> float | str:
    """A number as it was typed; what is none is the service's to refuse."""
    try:
        return float(typed.strip().replace(",", "."))
    except ValueError:
        return typed


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a form of a webhook is filled with: what was typed, if it is shown again."""
    filled = {name: values[name] for name in NEW}
    typed = _body() if request.method == "POST" else {}
    return {
        "was": request.form.get("was") or msgspec.json.encode(filled).decode(),
        "values": filled | typed,
        "event_types": EVENT_TYPES,
        "may_people": PEOPLE in g.person.scopes,
    }


def _with_secret(operation: str, body: Any, **path: Any) -> tuple[str, str]:
    """Have a secret made, and keep it for the page that follows; answers the webhook's id and where it is.

    It is kept under the form's key: sent twice, both answers lead to the one page that shows it.
    """
    place = key() or str(new_id())
    made = g.apis.write(operation, body, key=place, **path)
    if made["secret"]:
        _sessions().keep_once(g.person.subject, place, made["secret"])
    return made["webhook_id"], place


def _where_secret_is(made: tuple[str, str]) -> str:
    webhook_id, place = made
    return url_for("webhooks.show", webhook_id=webhook_id, secret=place)


def _sessions() -> Any:
    return current_app.extensions["console.sessions"]


SCREEN = Screen(
    blueprint, "webhooks.show_list", "notifications.webhooks_list_webhooks", "nav.webhooks", "webhook"
)
