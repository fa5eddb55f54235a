"""Where parcels are, as people and carriers write it."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from shared.events.snapshots import TrackingStatus
from shared.tracking_numbers import normalise
from shared.web.fields import Text, text


class TrackingNumber(Text):
    """A carrier's number, kept in capitals and without blanks, of what Code 128 can print."""

    def __init__(self, *, shortest: int = 0, **options: Any) -> None:
        printable = validate.Regexp(r"^[!-~]*\Z", error="must be printable ASCII characters")
        super().__init__(validate=[validate.Length(shortest, 100), printable], **options)

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> str:
        return normalise(super()._deserialize(value, *arguments, **named))


class TrackingArguments(Schema):
    """Who carries a parcel, and under which number."""

    carrier = text(100, shortest=1, required=True)
    tracking_number = TrackingNumber(load_default="")
    tracking_url = fields.Url(
        schemes={"http", "https"},
        load_default="",
        validate=validate.Length(max=1000),
        metadata={"description": "Made of the carrier's link where it is known."},
    )


class ScanArguments(Schema):
    """What a carrier says of a parcel."""

    class Meta:
        """A carrier may say more than is asked."""

        unknown = EXCLUDE

    tracking_number = TrackingNumber(shortest=1, required=True)
    status = fields.Enum(TrackingStatus, by_value=True, required=True)
    at = fields.AwareDateTime(required=True, metadata={"description": "When that was so."})
    place = text(200)
    note = text(500, prose=True)


class CarrierCallArguments(Schema):
    """A call of a carrier, in the shape that Standard Webhooks recommends."""

    class Meta:
        """A carrier may say more than is asked."""

        unknown = EXCLUDE

    type = fields.String(required=True, validate=validate.Equal("tracking.updated"))
    timestamp = fields.AwareDateTime(required=True)
    data = fields.Nested(ScanArguments, required=True)


class TrackingEventSchema(Schema):
    """What a carrier said of a parcel."""

    status = fields.Enum(TrackingStatus, by_value=True)
    at = fields.AwareDateTime()
    place = fields.String()
    note = fields.String()


class TrackedParcelSchema(Schema):
    """Where a parcel is now, by all that was said of it."""

    parcel_id = fields.UUID(attribute="id")
    carrier = fields.String()
    tracking_number = fields.String()
    tracking_status = fields.Enum(TrackingStatus, by_value=True, allow_none=True)
    tracked_at = fields.AwareDateTime(allow_none=True)
