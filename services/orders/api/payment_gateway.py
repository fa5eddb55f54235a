"""Payment gateway webhooks, authorised by their Standard Webhooks signature alone."""

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from services.orders.api.schemas.payments import (
    ChargebackCallArguments,
    DiscrepancySchema,
    GatewayCallArguments,
    PaymentSchema,
    RefundCallArguments,
)
from services.orders.api.schemas.refunds import RefundSchema
from services.orders.commands import payment_gateway as commands
from services.orders.domain.payments import ChargebackStep, GatewayReport, ReportKind
from services.orders.models import Payment, PaymentDiscrepancy, Refund
from shared.web import payloads
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.signed_calls import signed

blueprint = Blueprint(
    "gateway",
    __name__,
    url_prefix="/v1/gateway",
    description="Signed calls from the payment gateway: payments, refunds, chargebacks.",
)


@blueprint.route("/payments", methods=["POST"])
@blueprint.arguments(GatewayCallArguments)
@blueprint.response(200, PaymentSchema)
@blueprint.alt_response(202, schema=DiscrepancySchema)
@signed("gateway", lambda settings: settings.gateway_secrets)
@command
def record_gateway_payment(session: Session, call: dict[str, Any]) -> Payment | Response:
    """Record what the gateway received. A payment reported again, by its reference, gets the same answer.

    Money is recorded whatever the order's state; what comes for one that is over is requested back. What was
    counted with another amount or for another order, or is in another currency, is kept (202) for a person to
    decide. Publishes `payment.recorded`.
    """
    told = commands.record_gateway_payment(session, **call["data"])
    return told if isinstance(told, Payment) else _kept(told)


@blueprint.route("/refunds", methods=["POST"])
@blueprint.arguments(RefundCallArguments)
@blueprint.response(200, RefundSchema)
@blueprint.alt_response(202, schema=DiscrepancySchema)
@signed("gateway", lambda settings: settings.gateway_secrets)
@command
def record_gateway_refund(session: Session, call: dict[str, Any]) -> Refund | Response:
    """Record what the gateway paid back, before or after its payment; reported again it gets the same answer.

    It is known by its reference. What was asked for here is settled by it; what was not takes off the bill
    what is not an overpayment, and holds an order whose goods are here. What can't be counted, yet or at
    all, is kept (202).
    """
    return _money_back(session, call, ReportKind.REFUND)


@blueprint.route("/chargebacks", methods=["POST"])
@blueprint.arguments(ChargebackCallArguments)
@blueprint.response(200, RefundSchema)
@blueprint.alt_response(202, schema=DiscrepancySchema)
@signed("gateway", lambda settings: settings.gateway_secrets)
@command
def record_chargeback(session: Session, call: dict[str, Any]) -> Refund | Response:
    """Record that a customer's bank took money back, and the outcome, in whatever order they are reported.

    While it is open, and when it is lost, the money is owed again; the bill stays as it is. Of won and lost
    the later counts, by `timestamp`. What can't be counted, yet or at all, is kept (202).
    """
    step = ChargebackStep(call["type"].removeprefix("chargeback."))
    return _money_back(session, call, ReportKind.CHARGEBACK, step)


def _money_back(
    session: Session, call: dict[str, Any], kind: ReportKind, step: ChargebackStep | None = None
) -> Refund | Response:
    order_id = call["data"].pop("order_id")
    report = GatewayReport(kind=kind, step=step, at=call["timestamp"], **call["data"])
    told = commands.record_money_back(session, order_id, report)
    return told if isinstance(told, Refund) else _kept(told)


def _kept(told: PaymentDiscrepancy) -> Response:
    return Response(payloads.encode(DiscrepancySchema().dump(told)), 202, mimetype="application/json")
