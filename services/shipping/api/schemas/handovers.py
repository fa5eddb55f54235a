"""Handovers to customers, as the API writes and reads them."""

from marshmallow import Schema, fields, post_load, validate

from services.shipping.api.schemas.addresses import AddressArguments
from services.shipping.domain.inspection import Condition, Found
from services.shipping.domain.shipment_status import FailureReason
from shared.web.fields import text

NAME = {"description": "Whoever took it, as they signed."}


class ProofArguments(Schema):
    """Who signed for a shipment, and any other proof."""

    name = text(200, shortest=1, required=True, metadata=NAME)
    note = text(500, prose=True)
    document_id = fields.UUID(
        load_default=None,
        metadata={"description": "A proof: a stored document of the order, known seconds after its upload."},
    )


class DeliverArguments(ProofArguments):
    """Who signed for a delivery, if anybody did."""

    name = text(200, metadata=NAME)


class CollectArguments(ProofArguments):
    """The code that the customer shows, and who collected."""

    code = text(20, shortest=1, required=True)


class ProvideArguments(Schema):
    """Where a download can be had."""

    download_url = fields.Url(required=True, schemes={"https"}, validate=validate.Length(max=1000))


class FailArguments(Schema):
    """Why a shipment could not be delivered."""

    reason = fields.Enum(FailureReason, by_value=True, required=True)


class ResendArguments(Schema):
    """Where to send a shipment this time; nothing for the same address."""

    address = fields.Nested(AddressArguments, load_default=None)


class FoundArguments(Schema):
    """A number of sales units of a line in the same condition."""

    line_id = fields.UUID(required=True)
    condition = fields.Enum(
        Condition, by_value=True, required=True, metadata={"description": "Only sellable goes back to stock."}
    )
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))

    @post_load
    def made(self, found: dict[str, object], **_: object) -> Found:
        """The finding in the form that commands take."""
        return Found(**found)  # type: ignore[arg-type]


class TakeBackArguments(Schema):
    """What came back of an undeliverable shipment, unit by unit; units not named are lost."""

    location = text(40, shortest=1, required=True)
    found = fields.List(fields.Nested(FoundArguments), required=True, validate=validate.Length(max=200))


class SignOffSchema(Schema):
    """The proof that a shipment reached its customer."""

    name = fields.String(metadata={"description": "Empty where nobody signed, or the person was erased."})
    note = fields.String()
    document_id = fields.UUID(allow_none=True)
    recorded_by = fields.String()
    at = fields.AwareDateTime()


class PickupSchema(Schema):
    """A shipment waiting to be collected; its code is for the customer only."""

    collect_by = fields.AwareDateTime()
    reminded_at = fields.AwareDateTime(allow_none=True)
    wrong_tries = fields.Integer()
