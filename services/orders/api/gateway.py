"""Calls of the payment gateway: signed in the way of Standard Webhooks, which is their only authorisation."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from services.orders.api.schemas.payments import DiscrepancySchema, GatewayCallArguments, PaymentSchema
from services.orders.commands import gateway as commands
from services.orders.models import Payment
from shared.web import payloads
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.webhooks import signed

blueprint = Blueprint(
    "gateway", __name__, url_prefix="/v1/gateway", description="What the payment gateway tells."
)


@blueprint.route("/payments", methods=["POST"])
@blueprint.arguments(GatewayCallArguments)
@blueprint.response(200, PaymentSchema)
@blueprint.alt_response(202, schema=DiscrepancySchema)
@signed("gateway", lambda settings: settings.gateway_secret)
@command
def record_gateway_payment(session: Session, call: dict[str, Any]) -> Payment | Response:
    """Record what the gateway received. A payment told again, by its reference, is answered like the first.

    Money is recorded whatever the order's state; what comes for one that is over is requested back. What was
    counted with another amount or for another order, or is in another currency, is kept (202) for a person
    to decide.
    """
    told = commands.record_gateway_payment(session, **call["data"])
    if isinstance(told, Payment):
        return told
    return Response(payloads.encode(DiscrepancySchema().dump(told)), 202, mimetype="application/json")
