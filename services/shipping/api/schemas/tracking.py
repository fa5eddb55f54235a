"""Parcel tracking, as staff enter it and carriers report it."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from shared.events.snapshots import TrackingStatus
from shared.tracking_numbers import normalise
from shared.web.fields import Text, text


class TrackingNumber(Text):
    """A tracking number, normalised to capitals without spaces; only characters that Code 128 can print."""

    def __init__(self, *, shortest: int = 0, **options: Any) -> None:
        printable = validate.Regexp(r"^[!-~]*\Z", error="must be printable ASCII characters")
        super().__init__(validate=[validate.Length(shortest, 100), printable], **options)

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> str:
        return normalise(super()._deserialize(value, *arguments, **named))


class TrackingArguments(Schema):
    """The carrier and tracking number of a parcel."""

    carrier = text(
        100,
        shortest=1,
        required=True,
        metadata={"description": "Code of a listed carrier, or another carrier's name."},
    )
    tracking_number = TrackingNumber(
        load_default="",
        metadata={
            "description": "The carrier's number of the parcel; needed for any carrier but Waybill's own."
        },
    )
    tracking_url = fields.Url(
        schemes={"http", "https"},
        load_default="",
        validate=validate.Length(max=1000),
        metadata={
            "description": "Where the customer tracks it; made of the carrier's link if that is listed."
        },
    )


class ScanArguments(Schema):
    """A carrier's report about a parcel."""

    class Meta:
        """A carrier may send more than we need."""

        unknown = EXCLUDE

    tracking_number = TrackingNumber(
        shortest=1,
        required=True,
        metadata={
            "description": "The carrier's number of the parcel, in capitals or not, with spaces or without."
        },
    )
    status = fields.Enum(
        TrackingStatus,
        by_value=True,
        required=True,
        metadata={"description": "Where the parcel was; carriers' own codes are to be mapped to these."},
    )
    at = fields.AwareDateTime(
        required=True,
        metadata={
            "description": (
                "When that was true, in UTC. An older report than the latest changes nothing of where the "
                "parcel is now."
            )
        },
    )
    place = text(200, metadata={"description": "Where it was, in the carrier's words."})
    note = text(500, prose=True, metadata={"description": "What else the carrier says, such as who signed."})


class CarrierCallArguments(Schema):
    """A webhook from a carrier, in the form that Standard Webhooks recommends."""

    class Meta:
        """A carrier may send more than we need."""

        unknown = EXCLUDE

    type = fields.String(
        required=True,
        validate=validate.Equal("tracking.updated"),
        metadata={"description": "`tracking.updated`."},
    )
    timestamp = fields.AwareDateTime(
        required=True, metadata={"description": "When the carrier sent it, in UTC."}
    )
    data = fields.Nested(ScanArguments, required=True)


class TrackingEventSchema(Schema):
    """A carrier's report about a parcel."""

    status = fields.Enum(TrackingStatus, by_value=True, metadata={"description": "Where the parcel was."})
    at = fields.AwareDateTime(metadata={"description": "When that was, in UTC."})
    place = fields.String()
    note = fields.String(metadata={"description": "What else the carrier said; empty for nothing."})


class TrackedParcelSchema(Schema):
    """Where a parcel is now, by its latest report."""

    parcel_id = fields.UUID(attribute="id")
    carrier = fields.String()
    tracking_number = fields.String()
    tracking_status = fields.Enum(TrackingStatus, by_value=True, allow_none=True)
    tracked_at = fields.AwareDateTime(allow_none=True)
