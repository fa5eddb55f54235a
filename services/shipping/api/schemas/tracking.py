"""Where parcels are, as people and carriers write it."""

from marshmallow import EXCLUDE, Schema, fields, validate

from services.shipping.domain.tracking_progress import TrackingStatus


class TrackingArguments(Schema):
    """Who carries a parcel, and under which number."""

    carrier = fields.String(required=True, validate=validate.Length(1, 100))
    tracking_number = fields.String(load_default="", validate=validate.Length(max=100))
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

    tracking_number = fields.String(required=True, validate=validate.Length(1, 100))
    status = fields.Enum(TrackingStatus, by_value=True, required=True)
    at = fields.AwareDateTime(required=True, metadata={"description": "When that was so."})
    place = fields.String(load_default="", validate=validate.Length(max=200))
    note = fields.String(load_default="", validate=validate.Length(max=500))


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
