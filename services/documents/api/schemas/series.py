"""Schemas for number series."""

from marshmallow import Schema, fields, validate

from services.documents.domain.papers import NUMBERED_KINDS
from shared.events.snapshots import PaperStatus
from shared.web.fields import text
from shared.web.paging import PageArguments, page_schema


class SeriesSchema(Schema):
    """The series of numbers for one kind of document of a seller in a market and period, with totals."""

    market = fields.String(required=True)
    seller = fields.String(required=True)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(sorted(NUMBERED_KINDS)),
        metadata={"description": "What its documents are."},
    )
    period = fields.String(
        required=True,
        metadata={
            "example": "2026",
            "description": "The year, such as 2026, or the month, such as 2026-03, in which it counts.",
        },
    )
    last_number = fields.Integer(required=True, metadata={"description": "The number that was given last."})
    last_issued_on = fields.Date(
        required=True,
        metadata={
            "description": (
                "Date of the document with that number, in the market's time zone; a later number never has"
                " an earlier date."
            )
        },
    )
    papers = fields.Integer(
        required=True, metadata={"description": "How many documents have a number of it."}
    )
    missing = fields.List(
        fields.Integer(),
        required=True,
        metadata={
            "description": "The first hundred numbers that no document has; empty for a series without gaps."
        },
    )


class SeriesListSchema(Schema):
    """All number series."""

    items = fields.List(fields.Nested(SeriesSchema), required=True)


class NumbersArguments(PageArguments):
    """Which series to list."""

    market = text(100, shortest=1, required=True)
    seller = text(100, shortest=1, required=True)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(sorted(NUMBERED_KINDS)),
        metadata={"description": "Which documents."},
    )
    period = fields.String(
        required=True,
        validate=validate.Regexp(r"^\d{4}(-\d{2})?\Z"),
        metadata={
            "description": (
                "The year, such as 2026, or the month, such as 2026-03, in which the series counts."
            )
        },
    )


class NumberSchema(Schema):
    """A number and the document that has it."""

    sequence = fields.Integer(required=True, metadata={"description": "The running number itself, from 1."})
    number = fields.String(
        required=True, metadata={"description": "Number of the document, as printed on it."}
    )
    issued_on = fields.Date(
        required=True, metadata={"description": "Date on the document, in the market's time zone."}
    )
    document_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(required=True)
    order_number = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([*PaperStatus]))
    cause = fields.String(
        required=True, metadata={"description": "What called for it, as in `cause` of a document."}
    )
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    refers_to = fields.UUID(required=True, allow_none=True)


NumberPageSchema = page_schema(NumberSchema)
