"""Bank statements as the API reads and writes them."""

from marshmallow import Schema, fields

from services.orders.api.schemas.values import Instant, code, known_currency
from services.orders.domain.bank_statements import LineState
from services.orders.queries.lists import COUNTED_AT_MOST
from shared.web.fields import text
from shared.web.paging import PageArguments


class StatementArguments(Schema):
    """The seller's account: whose it is, and its currency."""

    seller = fields.String(required=True, validate=code)
    currency = fields.String(required=True, validate=known_currency)


class RowErrorSchema(Schema):
    """A row that could not be read."""

    row = fields.String(metadata={"description": "The line of the file, from 1."})
    field = fields.String()
    reason = fields.String()


class StatementSchema(Schema):
    """A statement that was imported."""

    statement_id = fields.UUID(attribute="id")
    seller = fields.String(attribute="seller_code")
    currency = fields.String()
    imported_by = fields.String()
    imported_at = Instant()
    taken = fields.Integer(metadata={"description": "Rows that were new."})
    repeated = fields.Integer(metadata={"description": "Rows that were read before."})
    outgoing = fields.Integer(metadata={"description": "Rows of money that went out; they are passed over."})
    errors = fields.List(fields.Nested(RowErrorSchema))


class StatementListArguments(PageArguments):
    """Which account."""

    seller = fields.String(required=True, validate=code)


class LineCountArguments(Schema):
    """Which account, or which of its statements."""

    seller = fields.String(required=True, validate=code)
    statement_id = fields.UUID()


class LineListArguments(PageArguments, LineCountArguments):
    """Which lines."""

    state = fields.Enum(
        LineState, by_value=True, load_default=LineState.OPEN, metadata={"description": "open: the queue."}
    )


class BankLineSchema(Schema):
    """Money received in the account."""

    line_id = fields.UUID(attribute="id")
    statement_id = fields.UUID()
    seller = fields.String(attribute="seller_code")
    booked_on = fields.Date()
    amount_minor = fields.Integer()
    currency = fields.String()
    text = fields.String()
    payer = fields.String()
    state = fields.Enum(LineState, by_value=True)
    why = fields.String(
        metadata={
            "description": "It waits: no_order, several_orders, amount_differs, currency_differs, or why the"
            " order takes no payment by hand; payment_voided or reopened, once it was decided before; or in"
            " words why it was set aside."
        }
    )
    order_id = fields.UUID(allow_none=True, metadata={"description": "Which it names, or was recorded for."})
    number = fields.String(allow_none=True, metadata={"description": "Of that order."})
    payment_id = fields.UUID(allow_none=True)
    decided_by = fields.String(allow_none=True)
    decided_at = Instant(allow_none=True)


class LineCountSchema(Schema):
    """How many lines are in one state."""

    state = fields.Enum(LineState, by_value=True)
    count = fields.Integer(metadata={"description": f"Up to {COUNTED_AT_MOST}."})
    count_is_capped = fields.Boolean(metadata={"description": "There are more than were counted."})


class LineCountsSchema(Schema):
    """How many lines are in each state."""

    items = fields.List(fields.Nested(LineCountSchema))


class AssignArguments(Schema):
    """The order that the money is for."""

    order_id = fields.UUID(required=True)


class IgnoreArguments(Schema):
    """Why it is not a payment for an order."""

    reason = text(500, shortest=1, prose=True, required=True)
