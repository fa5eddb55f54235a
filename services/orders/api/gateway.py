"""Calls of the payment gateway: signed in the way of Standard Webhooks, which is their only authorisation."""

from typing import Any

from flask import current_app, g, request
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from services.orders.api.schemas.payments import GatewayCallArguments, PaymentSchema
from services.orders.commands import payments as commands
from services.orders.models import Payment
from shared.access import system
from shared.web.auth import refuse_access
from shared.web.blueprint import Blueprint, View
from shared.web.commands import command

blueprint = Blueprint(
    "gateway", __name__, url_prefix="/v1/gateway", description="What the payment gateway tells."
)

_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
_LONGEST_ID = 300


def signed(view: View) -> View:
    """Let in calls whose signature, made over id, timestamp and body, is the gateway's and not old."""

    def admit() -> None:
        webhook = Webhook(current_app.extensions["settings"].gateway_secret)
        headers = {name: request.headers.get(name, "") for name in _HEADERS}
        try:
            if len(headers["webhook-id"]) > _LONGEST_ID:
                raise WebhookVerificationError("webhook-id is too long")  # noqa: TRY301 - one way to refuse
            webhook.verify(request.get_data(cache=True), headers, json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            refuse_access(401, f"the signature is not accepted: {error}", "Webhook-Signature")
        g.actor = system("gateway")

    marked: Any = view
    marked.admit = admit
    return view


@blueprint.route("/payments", methods=["POST"])
@blueprint.arguments(GatewayCallArguments)
@blueprint.response(200, PaymentSchema)
@blueprint.doc(
    parameters=[
        {
            "in": "header",
            "name": name,
            "required": True,
            "schema": {"type": "string", "maxLength": _LONGEST_ID},
        }
        for name in _HEADERS
    ]
)
@signed
@command
def record_gateway_payment(session: Session, call: dict[str, Any]) -> Payment:
    """Record what the gateway received. A repeated call (by its webhook-id) is answered like the first.

    Money is recorded whatever the order's state; what comes for one that is over is requested back.
    """
    return commands.record_gateway_payment(session, webhook_id=request.headers["webhook-id"], **call["data"])
