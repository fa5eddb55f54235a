"""Bank statements over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from services.orders.api.schemas.banking import (
    AssignArguments,
    BankLineSchema,
    IgnoreArguments,
    LineCountArguments,
    LineCountsSchema,
    LineListArguments,
    StatementArguments,
    StatementListArguments,
    StatementSchema,
)
from services.orders.commands import banking as commands
from services.orders.models import BankLine, BankStatement
from services.orders.queries import banking as queries
from services.orders.queries.lists import COUNTED_AT_MOST
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "banking",
    __name__,
    url_prefix="/v1",
    description="Bank statements: incoming payments, matched to orders.",
)

FILE = {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}


@blueprint.route("/bank-statements", methods=["POST"])
@blueprint.arguments(StatementArguments, location="query")
@blueprint.response(201, StatementSchema)
@blueprint.doc(requestBody=FILE)
@requires("payments:record")
@command
def import_statement(session: Session, of: dict[str, Any]) -> BankStatement:
    """Import a bank statement (CSV); a line that names one order and pays exactly what it owes is recorded.

    Its heading names the columns, in the first row or below what a bank tells of the account: `date`,
    `amount` and `text` (or what banks call them in English, Spanish, German and French) are needed, `payer`,
    `currency` and `id` are welcome. Separators, encodings, forms of dates and amounts are found out. At most
    1 MiB and 5,000 rows. Rows that can't be read, or are not booked yet, are named; a file, or a part of it,
    may come again.
    """
    return commands.import_statement(session, **of, content=request.get_data(cache=True))


@blueprint.route("/bank-statements", methods=["GET"])
@blueprint.arguments(StatementListArguments, location="query")
@blueprint.response(200, page_schema(StatementSchema))
@requires("statements:read")
@query
def list_statements(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """The statements imported for a seller's account, newest first."""
    [before] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    return page_of(
        queries.statements(session, page["seller"], page["limit"] + 1, before), page["limit"], "id"
    )


@blueprint.route("/bank-statements/<uuid:statement_id>", methods=["GET"])
@blueprint.response(200, StatementSchema)
@requires("statements:read")
@query
def show_statement(session: Session, statement_id: UUID) -> BankStatement:
    """One statement, with the rows that could not be read."""
    return queries.statement(session, statement_id)


@blueprint.route("/bank-lines", methods=["GET"])
@blueprint.arguments(LineListArguments, location="query")
@blueprint.response(200, page_schema(BankLineSchema))
@requires("statements:read")
@query
def list_lines(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Lines of a seller's account, oldest first; open lines are the queue to be worked by hand."""
    [after] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    rows = queries.lines(
        session,
        page["seller"],
        page["state"],
        page["limit"] + 1,
        after,
        statement_id=page.get("statement_id"),
    )
    return page_of(rows, page["limit"], "id")


@blueprint.route("/bank-lines/counts", methods=["GET"])
@blueprint.arguments(LineCountArguments, location="query")
@blueprint.response(200, LineCountsSchema)
@requires("statements:read")
@query
def count_lines(session: Session, of: dict[str, Any]) -> dict[str, Any]:
    """How many lines of a seller's account, or of one of its statements, are in each state."""
    counts = queries.counts(session, **of)
    return {
        "items": [
            {
                "state": state,
                "count": min(count, COUNTED_AT_MOST),
                "count_is_capped": count > COUNTED_AT_MOST,
            }
            for state, count in counts.items()
        ]
    }


@blueprint.route("/bank-lines/<uuid:line_id>/assign", methods=["POST"])
@blueprint.arguments(AssignArguments)
@blueprint.response(200, BankLineSchema)
@requires("payments:record")
@command
def assign_line(session: Session, assignment: dict[str, Any], line_id: UUID) -> BankLine:
    """Record a line as a payment for an order, whatever its amount.

    Refused (409) with its reason: `already_decided`, `wrong_status`, `recorded_by_gateway`. Publishes
    `payment.recorded`.
    """
    return commands.assign_line(session, line_id, **assignment)


@blueprint.route("/bank-lines/<uuid:line_id>/ignore", methods=["POST"])
@blueprint.arguments(IgnoreArguments)
@blueprint.response(200, BankLineSchema)
@requires("payments:record")
@command
def ignore_line(session: Session, ignored: dict[str, Any], line_id: UUID) -> BankLine:
    """Set aside a line that is not a payment for an order.

    Refused (409) with its reason: `already_decided`.
    """
    return commands.ignore_line(session, line_id, **ignored)


@blueprint.route("/bank-lines/<uuid:line_id>/reopen", methods=["POST"])
@blueprint.response(200, BankLineSchema)
@requires("payments:record")
@command
def reopen_line(session: Session, line_id: UUID) -> BankLine:
    """Put a line that was set aside back into the queue; to undo a recorded one, void its payment.

    Refused (409) with its reason: `not_set_aside`.
    """
    return commands.reopen_line(session, line_id)
