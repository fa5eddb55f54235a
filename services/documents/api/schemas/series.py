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
    kind = fields.String(required=True, validate=validate.OneOf(sorted(NUMBERED_KINDS)))
    period = fields.String(required=True, metadata={"example": "2026", "description": "a year, or a month"})
    last_number = fields.Integer(required=True)
    last_issued_on = fields.Date(required=True)
    papers = fields.Integer(required=True, metadata={"description": "how many papers bear a number"})
    missing = fields.List(
        fields.Integer(),
        required=True,
        metadata={"description": "the first hundred numbers that no paper bears; empty in a whole series"},
    )


class SeriesListSchema(Schema):
    """All number series."""

    items = fields.List(fields.Nested(SeriesSchema), required=True)


class NumbersArguments(PageArguments):
    """Which series to list."""

    market = text(100, shortest=1, required=True)
    seller = text(100, shortest=1, required=True)
    kind = fields.String(required=True, validate=validate.OneOf(sorted(NUMBERED_KINDS)))
    period = fields.String(required=True, validate=validate.Regexp(r"^\d{4}(-\d{2})?\Z"))


class NumberSchema(Schema):
    """A number and the document that has it."""

    sequence = fields.Integer(required=True)
    number = fields.String(required=True)
    issued_on = fields.Date(required=True)
    document_id = fields.UUID(attribute="id", required=True)
    order_id = fields.UUID(required=True)
    order_number = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([*PaperStatus]))
    cause = fields.String(required=True)
    currency = fields.String(required=True)
    total_minor = fields.Integer(required=True)
    sha256 = fields.String(required=True, allow_none=True)
    refers_to = fields.UUID(required=True, allow_none=True)


NumberPageSchema = page_schema(NumberSchema)
