"""Webhooks over HTTP: parse, call one command or query, answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from services.notifications.api.schemas.webhooks import (
    DeliveriesArguments,
    ResendArguments,
    ResentSchema,
    RotateArguments,
    TestArguments,
    WebhookArguments,
    WebhookChangeArguments,
    WebhookDeliverySchema,
    WebhookDeliveryWithContentSchema,
    WebhookSchema,
    WebhookWithSecretSchema,
)
from services.notifications.commands import webhooks as commands
from services.notifications.models import Delivery, Webhook
from services.notifications.queries import webhooks as queries
from shared.web.auth import refuse_without, requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, command, query
from shared.web.paging import PageArguments, decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "webhooks",
    __name__,
    url_prefix="/v1/webhooks",
    description="Webhooks: events posted to your program as they happen, signed by Standard Webhooks.",
)

PEOPLE = "events:read_people"


@blueprint.route("", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(WebhookSchema))
@requires("webhooks:read")
@query
def list_webhooks(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Webhooks restricted to sellers and markets the token may see, oldest first."""
    after = decode_cursor(arguments["cursor"], UUID)[0] if "cursor" in arguments else None
    return page_of(queries.webhooks(session, arguments["limit"] + 1, after), arguments["limit"], "id")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(WebhookArguments)
@blueprint.response(201, WebhookWithSecretSchema)
@requires("webhooks:write")
@command
def create_webhook(session: Session, webhook: dict[str, Any]) -> tuple[Ready, dict[str, str]]:
    """Create a webhook, which gets events from now on. The response has its secret, never shown again.

    Refused (409) with its reason: `too_many_webhooks` of a seller.
    """
    if webhook["people"]:
        refuse_without(PEOPLE)
    made, secret = commands.create_webhook(session, **webhook)
    return _with_secret(session, made, secret), {"Location": f"/v1/webhooks/{made.id}"}


@blueprint.route("/<uuid:webhook_id>", methods=["GET"])
@blueprint.response(200, WebhookSchema)
@requires("webhooks:read")
@query
def get_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """One webhook: which events it gets, and how its endpoint is doing."""
    return queries.webhook(session, webhook_id)


@blueprint.route("/<uuid:webhook_id>", methods=["PATCH"])
@blueprint.arguments(WebhookChangeArguments)
@blueprint.response(200, WebhookSchema)
@requires("webhooks:write")
@command
def change_webhook(session: Session, changes: dict[str, Any], webhook_id: UUID) -> Webhook:
    """Update a webhook; pending deliveries go to its new address.

    What it hears no more of by seller or market is forgotten. Where that is much, nothing is sent to it, and
    what it was sent so far is not shown, until it was looked at. Refused (409) with its reason:
    `too_many_webhooks` of a seller.
    """
    _refuse_people(session, webhook_id, wanted=changes.get("people", False))
    return commands.change_webhook(session, webhook_id, **changes)


@blueprint.route("/<uuid:webhook_id>", methods=["DELETE"])
@blueprint.response(204)
@requires("webhooks:write")
@command
def delete_webhook(session: Session, webhook_id: UUID) -> None:
    """Delete a webhook with its delivery log; pending deliveries are dropped."""
    commands.delete_webhook(session, webhook_id)


@blueprint.route("/<uuid:webhook_id>/rotate-secret", methods=["POST"])
@blueprint.arguments(RotateArguments)
@blueprint.response(200, WebhookWithSecretSchema)
@requires("webhooks:write")
@command
def rotate_secret(session: Session, how: dict[str, float], webhook_id: UUID) -> Ready:
    """Create a new secret, shown only this once; for a while, requests are signed with both."""
    _refuse_people(session, webhook_id)
    return _with_secret(session, *commands.rotate_secret(session, webhook_id, **how))


@blueprint.route("/<uuid:webhook_id>/enable", methods=["POST"])
@blueprint.response(200, WebhookSchema)
@requires("webhooks:write")
@command
def enable_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Enable a webhook: pending deliveries are sent first; `resend` sends events missed while it was off."""
    _refuse_people(session, webhook_id)
    return commands.enable_webhook(session, webhook_id)


@blueprint.route("/<uuid:webhook_id>/disable", methods=["POST"])
@blueprint.response(200, WebhookSchema)
@requires("webhooks:write")
@command
def disable_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Disable a webhook: deliveries wait until it is enabled again."""
    return commands.disable_webhook(session, webhook_id)


@blueprint.route("/<uuid:webhook_id>/deliveries", methods=["GET"])
@blueprint.arguments(DeliveriesArguments, location="query")
@blueprint.response(200, page_schema(WebhookDeliverySchema))
@requires("webhooks:read")
@query
def list_deliveries(session: Session, arguments: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
    """A webhook's deliveries, newest first: each attempt with its response, and when the next is due."""
    found = queries.deliveries(
        session,
        webhook_id,
        arguments["limit"] + 1,
        before=decode_cursor(arguments["cursor"], int)[0] if "cursor" in arguments else None,
        state=arguments.get("state"),
        order_id=arguments.get("order"),
        since=arguments.get("since"),
    )
    _keep_people_from_others(*found)
    return page_of(found, arguments["limit"], "number")


@blueprint.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>", methods=["GET"])
@blueprint.response(200, WebhookDeliveryWithContentSchema)
@requires("webhooks:read")
@query
def get_delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> Ready:
    """One delivery with its attempts and its request body."""
    webhook = queries.webhook(session, webhook_id)
    delivery = queries.delivery(session, webhook_id, delivery_id)
    # As it was sent last, whatever is wanted now.
    people = delivery.tries[-1].people if delivery.tries else webhook.people
    _keep_people_from_others(delivery)
    content = None
    if PEOPLE in g.actor.scopes or not people:
        content = queries.content(session, delivery.event_id, people=people)
    return Ready(WebhookDeliverySchema().dump(delivery) | {"content": content})


@blueprint.route("/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend", methods=["POST"])
@blueprint.response(200, WebhookDeliverySchema)
@requires("webhooks:write")
@command
def resend_delivery(session: Session, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Send a delivery again, whatever its result was, under the same ids.

    Refused (409) with its reason: `webhook_off`, `event_forgotten`.
    """
    delivery = commands.resend(session, webhook_id, delivery_id)
    _keep_people_from_others(delivery)
    return delivery


@blueprint.route("/<uuid:webhook_id>/resend", methods=["POST"])
@blueprint.arguments(ResendArguments)
@blueprint.response(202, ResentSchema)
@requires("webhooks:write")
@command
def resend_since(session: Session, wanted: dict[str, datetime], webhook_id: UUID) -> dict[str, int]:
    """Send again all failed deliveries and all events missed while the webhook was off, since a time.

    The answer counts what failed. That and what was missed is owed in parts meanwhile: the webhook's `resent`
    counts both, and `resending_since` is null once it is over. Refused (409) with its reason: `webhook_off`,
    `resend_under_way`.
    """
    return {"failed": commands.resend_since(session, webhook_id, **wanted)}


@blueprint.route("/<uuid:webhook_id>/test", methods=["POST"])
@blueprint.arguments(TestArguments)
@blueprint.response(202, WebhookDeliverySchema)
@requires("webhooks:write")
@command
def send_test(session: Session, wanted: dict[str, str], webhook_id: UUID) -> Delivery:
    """Send a sample event of a type: it has `test` set to true, and a header marks it as a test.

    Refused (409) with its reason: `webhook_off`.
    """
    return commands.send_test(session, webhook_id, wanted["type"])


def _refuse_people(session: Session, webhook_id: UUID, *, wanted: bool = False) -> None:
    """Refuse sending personal data for anyone who may not read it themselves; raises NotFound."""
    if queries.webhook(session, webhook_id).people or wanted:
        refuse_without(PEOPLE)


def _keep_people_from_others(*deliveries: Delivery) -> None:
    """Hide responses to requests with personal data from those who may not read it: they may quote it.

    Also where the webhook is sent none any more.
    """
    if PEOPLE in g.actor.scopes:
        return
    for attempt in (attempt for delivery in deliveries for attempt in delivery.tries if attempt.people):
        set_committed_value(attempt, "answer", "")
        set_committed_value(attempt, "error", "")


def _with_secret(session: Session, webhook: Webhook, secret: str) -> Ready:
    session.flush()
    g.told_once = ("secret",)
    return Ready(WebhookSchema().dump(webhook) | {"secret": secret})
