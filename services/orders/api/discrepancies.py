"""Gateway reports that a person has to decide on, over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.api.schemas.payments import (
    DiscrepancyListArguments,
    DiscrepancySchema,
    IgnoreDiscrepancyArguments,
    RecordDiscrepancyArguments,
)
from services.orders.commands import payment_gateway as commands
from services.orders.models import PaymentDiscrepancy
from services.orders.queries import discrepancies as queries
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "discrepancies",
    __name__,
    url_prefix="/v1/payment-discrepancies",
    description="Reports of the payment gateway that could not be booked automatically.",
)


@blueprint.route("", methods=["GET"])
@blueprint.arguments(DiscrepancyListArguments, location="query")
@blueprint.response(200, page_schema(DiscrepancySchema))
@requires("statements:read")
@query
def list_discrepancies(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Gateway reports that could not be booked automatically, oldest first; open ones are the queue."""
    [after] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    rows = queries.discrepancies(session, page["state"], page["limit"] + 1, after)
    return page_of(rows, page["limit"], "id")


@blueprint.route("/<uuid:discrepancy_id>/record", methods=["POST"])
@blueprint.arguments(RecordDiscrepancyArguments)
@blueprint.response(200, DiscrepancySchema)
@requires("payments:record")
@command
def record_discrepancy(
    session: Session, received: dict[str, Any], discrepancy_id: UUID
) -> PaymentDiscrepancy:
    """Record it after all, as money received or paid back, in addition to what is already recorded.

    Refused (409) with its reason: `already_decided`; `more_than_received` of money that went back.
    """
    return commands.record_discrepancy(session, discrepancy_id, **received)


@blueprint.route("/<uuid:discrepancy_id>/ignore", methods=["POST"])
@blueprint.arguments(IgnoreDiscrepancyArguments)
@blueprint.response(200, DiscrepancySchema)
@requires("payments:record")
@command
def ignore_discrepancy(session: Session, ignored: dict[str, Any], discrepancy_id: UUID) -> PaymentDiscrepancy:
    """Set it aside: no further money was received or paid back.

    Refused (409) with its reason: `already_decided`.
    """
    return commands.ignore_discrepancy(session, discrepancy_id, **ignored)
