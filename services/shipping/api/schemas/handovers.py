"""Handovers to customers, as the API writes and reads them."""

from marshmallow import Schema, fields, post_load, validate

from services.shipping.api.schemas.addresses import AddressArguments
from services.shipping.domain.inspection import Condition, Found
from services.shipping.domain.shipment_status import FailureReason
from shared.web.fields import text

NAME = {"description": "Name of whoever took it, as they signed."}


class ProofArguments(Schema):
    """Who signed for a shipment, and any other proof."""

    name = text(200, shortest=1, required=True, metadata=NAME)
    note = text(500, prose=True, metadata={"description": "What is to be known of it."})
    document_id = fields.UUID(
        load_default=None,
        metadata={
            "description": (
                "Id of a stored document of the order that proves it; null for none. An upload is known"
                " here within seconds."
            )
        },
    )


class DeliverArguments(ProofArguments):
    """Who signed for a delivery, if anybody did."""

    name = text(200, metadata=NAME)


class CollectArguments(ProofArguments):
    """The code that the customer shows, and who collected."""

    code = text(20, shortest=1, required=True, metadata={"description": "The code that the customer shows."})


class ProvideArguments(Schema):
    """Where a download can be had."""

    download_url = fields.Url(
        required=True,
        schemes={"https"},
        validate=validate.Length(max=1000),
        metadata={"description": "Where the customer downloads it."},
    )


class FailArguments(Schema):
    """Why a shipment could not be delivered."""

    reason = fields.Enum(FailureReason, by_value=True, required=True, metadata={"description": "Why."})


class ResendArguments(Schema):
    """Where to send a shipment this time; nothing for the same address."""

    address = fields.Nested(
        AddressArguments,
        load_default=None,
        metadata={"description": "The corrected address; the same as before, if left out."},
    )


class FoundArguments(Schema):
    """A number of sales units of a line in the same condition."""

    line_id = fields.UUID(required=True)
    condition = fields.Enum(
        Condition,
        by_value=True,
        required=True,
        metadata={"description": "In which condition these units are."},
    )
    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "How many, in sales units."},
    )

    @post_load
    def made(self, found: dict[str, object], **_: object) -> Found:
        """The finding in the form that commands take."""
        return Found(**found)  # type: ignore[arg-type]


class TakeBackArguments(Schema):
    """What came back of an undeliverable shipment, unit by unit; units not named are lost."""

    location = text(
        40, shortest=1, required=True, metadata={"description": "Code of the location that takes them in."}
    )
    found = fields.List(
        fields.Nested(FoundArguments),
        required=True,
        validate=validate.Length(max=200),
        metadata={"description": "What came back."},
    )


class SignOffSchema(Schema):
    """The proof that a shipment reached its customer."""

    name = fields.String(
        metadata={
            "description": "Name of whoever took it; empty if nobody signed, and once the person is erased."
        }
    )
    note = fields.String(metadata={"description": "What was noted; empty for nothing."})
    document_id = fields.UUID(
        allow_none=True, metadata={"description": "Id of the document that proves it; null for none."}
    )
    recorded_by = fields.String()
    at = fields.AwareDateTime(metadata={"description": "When it was recorded, in UTC."})


class PickupSchema(Schema):
    """A shipment waiting to be collected; its code is for the customer only."""

    collect_by = fields.AwareDateTime(
        metadata={"description": "Until when it is kept for the customer, in UTC."}
    )
    reminded_at = fields.AwareDateTime(
        allow_none=True,
        metadata={"description": "When the customer was reminded, in UTC; null if they were not."},
    )
    wrong_tries = fields.Integer(
        metadata={"description": "How many wrong codes were tried; after 5 a new code is needed."}
    )
