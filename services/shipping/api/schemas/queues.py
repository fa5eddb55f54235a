"""The queries of the queues."""

from marshmallow import fields, validate

from shared.web.paging import PageArguments


class QueuePageArguments(PageArguments):
    """The query of a queue."""

    location = fields.String(validate=validate.Length(1, 40))
