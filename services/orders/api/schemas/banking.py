"""Bank statements as the API reads and writes them."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant, code, known_currency
from services.orders.domain.bank_statements import LineState
from services.orders.queries.lists import COUNTED_AT_MOST
from shared.web.fields import text
from shared.web.paging import PageArguments


class StatementArguments(Schema):
    """The seller's account: whose it is, and its currency."""

    seller = fields.String(
        required=True, validate=code, metadata={"description": "Code of the seller whose account it is of."}
    )
    currency = fields.String(
        required=True,
        validate=known_currency,
        metadata={"description": "Currency of the account, by its ISO 4217 code."},
    )


class RowErrorSchema(Schema):
    """A row that could not be read."""

    row = fields.String(metadata={"description": "Line of the file, from 1."})
    field = fields.String(metadata={"description": "The column, or `statement` for the row as a whole."})
    reason = fields.String(metadata={"description": "Why it could not be read."})


class StatementSchema(Schema):
    """A statement that was imported."""

    statement_id = fields.UUID(attribute="id")
    seller = fields.String(attribute="seller_code")
    currency = fields.String()
    imported_by = fields.String(metadata={"description": "Who imported it: the subject of their token."})
    imported_at = Instant(metadata={"description": "When it was imported, in UTC."})
    taken = fields.Integer(metadata={"description": "How many incoming payments were new."})
    repeated = fields.Integer(
        metadata={"description": "How many incoming payments had been read before and are not counted twice."}
    )
    outgoing = fields.Integer(
        metadata={"description": "How many rows are of money that went out; they are passed over."}
    )
    errors = fields.List(
        fields.Nested(RowErrorSchema),
        metadata={"description": "Rows that could not be read or are not booked yet."},
    )


class StatementListArguments(PageArguments):
    """Which account."""

    seller = fields.String(required=True, validate=code)


class LineCountArguments(Schema):
    """Which account, or which of its statements."""

    seller = fields.String(required=True, validate=code)
    statement_id = fields.UUID(metadata={"description": "Only of this statement."})


class LineListArguments(PageArguments, LineCountArguments):
    """Which lines."""

    state = fields.Enum(
        LineState,
        by_value=True,
        load_default=LineState.OPEN,
        metadata={"description": "Only lines in this state."},
    )


class BankLineSchema(Schema):
    """Money received in the account."""

    line_id = fields.UUID(attribute="id", metadata={"description": "Id of the statement's line."})
    statement_id = fields.UUID(metadata={"description": "Id of the statement that had it first."})
    seller = fields.String(attribute="seller_code")
    booked_on = fields.Date(
        metadata={"description": "Day on which the bank booked it, as the statement has it."}
    )
    amount_minor = fields.Integer(metadata={"description": "Amount received."})
    currency = fields.String()
    text = fields.String(metadata={"description": "What the payer wrote, as the statement has it."})
    payer = fields.String(
        metadata={"description": "Name of the payer, as the statement has it; empty if it has none."}
    )
    state = fields.Enum(LineState, by_value=True)
    why = fields.String(
        metadata={
            "description": (
                "Of an open line, why it was not recorded automatically: `no_order`, `several_orders`, "
                "`amount_differs`, `currency_differs`, the reason for which the order takes no payment by "
                "hand, or `payment_voided` or `reopened` if it was decided before. Of an ignored line, why "
                "it was set aside, in words."
            )
        }
    )
    order_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the order that it names or was recorded for; null for none."},
    )
    number = fields.String(allow_none=True, metadata={"description": "Number of that order; null for none."})
    payment_id = fields.UUID(
        allow_none=True, metadata={"description": "Id of the payment that it was recorded as; null for none."}
    )
    decided_by = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)


class LineCountSchema(Schema):
    """How many lines are in one state."""

    state = fields.Enum(LineState, by_value=True)
    count = fields.Integer(metadata={"description": f"How many lines, at most {COUNTED_AT_MOST}."})
    count_is_capped = fields.Boolean(metadata={"description": "Whether there are more than were counted."})


class LineCountsSchema(Schema):
    """How many lines are in each state."""

    items = fields.List(fields.Nested(LineCountSchema))


class AssignArguments(Schema):
    """The order that the money is for."""

    order_id = fields.UUID(required=True, metadata={"description": "Id of the order that the money is for."})


class IgnoreArguments(Schema):
    """Why it is not a payment for an order."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why it is no payment for an order."},
    )
