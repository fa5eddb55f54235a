"""Calls of the payment gateway: signed in the way of Standard Webhooks, which is their only authorisation."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from services.orders.api.schemas.payments import GatewayCallArguments, PaymentSchema
from services.orders.commands import payments as commands
from services.orders.models import Payment
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.webhooks import signed

blueprint = Blueprint(
    "gateway", __name__, url_prefix="/v1/gateway", description="What the payment gateway tells."
)


@blueprint.route("/payments", methods=["POST"])
@blueprint.arguments(GatewayCallArguments)
@blueprint.response(200, PaymentSchema)
@signed("gateway", lambda settings: settings.gateway_secret)
@command
def record_gateway_payment(session: Session, call: dict[str, Any]) -> Payment:
    """Record what the gateway received. A repeated call (by its webhook-id) is answered like the first.

    Money is recorded whatever the order's state; what comes for one that is over is requested back.
    """
    return commands.record_gateway_payment(session, webhook_id=request.headers["webhook-id"], **call["data"])
