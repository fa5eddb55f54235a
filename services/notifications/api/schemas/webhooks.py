"""Schemas for webhooks and their deliveries."""

from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing, validate, validates

from services.notifications.domain.receivers import LONGEST_ADDRESS
from services.notifications.domain.webhooks import ALL, DeliveryState, WebhookState
from shared import clock
from shared.events.codec import EVENTS
from shared.web.fields import Text, email_address, text
from shared.web.paging import PageArguments

LONGEST_CODE = 64
MOST_NAMED = 100
LONGEST_DESCRIPTION = 200
LONGEST_BOTH_HOURS = 7 * 24
OLDEST_SINCE = timedelta(days=90)

EVENT_TYPES = sorted(EVENTS)


def _address(**options: Any) -> Text:
    return text(
        LONGEST_ADDRESS,
        shortest=1,
        metadata={
            "description": "Where events are posted: https, of the public network, without user or password.",
            "example": "https://shop.example/hooks/waybill",
        },
        **options,
    )


def _types(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=validate.OneOf([ALL, *EVENT_TYPES])),
        validate=validate.Length(max=MOST_NAMED),
        metadata={"description": "Of events; `*`, and naming none, is all.", "example": ["order.placed"]},
        **options,
    )


def _codes(what: str, **options: Any) -> Any:
    return fields.List(
        text(LONGEST_CODE, shortest=1),
        validate=validate.Length(1, MOST_NAMED),
        metadata={"description": f"Of whose orders it hears: {what} of the token's. `*` is all."},
        **options,
    )


class WebhookChangeArguments(Schema):
    """Changes to a webhook; omitted fields stay as they are."""

    address = _address()
    email = email_address(metadata={"description": "Of whoever minds the program: told when it fails."})
    description = text(LONGEST_DESCRIPTION, load_default=missing)
    types = _types()
    sellers = _codes("sellers")
    markets = _codes("markets")
    people = fields.Boolean(
        metadata={
            "description": "Whether people's data is sent along. Wants `events:read_people`; so does all "
            "that is done to a webhook that has it."
        }
    )


class WebhookArguments(WebhookChangeArguments):
    """A new webhook; it gets events for everything the token may see, unless restricted further."""

    address = _address(required=True)
    email = email_address(
        required=True, metadata={"description": "Of whoever minds the program: told when it fails."}
    )
    description = text(LONGEST_DESCRIPTION, load_default="")
    types = _types(load_default=lambda: [ALL])
    people = fields.Boolean(load_default=False)


class RotateArguments(Schema):
    """How to rotate a secret."""

    previous_hours = fields.Float(
        load_default=24.0,
        validate=validate.Range(0, LONGEST_BOTH_HOURS),
        metadata={"description": "For how long the secret so far signs too."},
    )


class WebhookSchema(Schema):
    """A webhook endpoint."""

    webhook_id = fields.UUID(attribute="id", required=True)
    address = fields.String(required=True)
    email = fields.String(required=True)
    description = fields.String(required=True)
    types = fields.List(fields.String(), required=True)
    sellers = fields.List(fields.String(), required=True)
    markets = fields.List(fields.String(), required=True)
    people = fields.Boolean(required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf([*WebhookState]),
        metadata={
            "description": "active, or sent nothing: disabled by its owner, failed for five days, gone as it "
            "answered 410."
        },
    )
    failures = fields.Integer(required=True, metadata={"description": "In a row."})
    failing_since = fields.AwareDateTime(required=True, allow_none=True)
    rested_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Nothing is sent before."}
    )
    last_taken_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "To the minute."}
    )
    previous_secret_until = fields.AwareDateTime(
        attribute="previous_until",
        required=True,
        allow_none=True,
        metadata={"description": "Until when the secret before the newest signs too."},
    )
    resending_since = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "From when on what failed or was missed is being sent again; null once all of it "
            "is owed."
        },
    )
    resent = fields.Integer(
        required=True,
        metadata={"description": "How many were owed again by the last `resend` of a time so far."},
    )
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class WebhookWithSecretSchema(WebhookSchema):
    """A webhook with its new secret, shown only this once."""

    secret = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "As Standard Webhooks writes it; null where the answer is repeated.",
            "example": "whsec_…",
        },
    )


class DeliveriesArguments(PageArguments):
    """Which deliveries to return."""

    state = fields.String(validate=validate.OneOf([*DeliveryState]))
    order = fields.UUID(metadata={"description": "The order's id."})
    since = fields.AwareDateTime(metadata={"description": "Owed then or later."})


class WebhookAttemptSchema(Schema):
    """One delivery attempt and its result."""

    at = fields.AwareDateTime(required=True)
    milliseconds = fields.Integer(required=True)
    status = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of HTTP; null where there was no answer."}
    )
    answer = fields.String(
        required=True,
        metadata={
            "description": "Its first 500 characters; empty once the person is erased, and, as it may quote "
            "people's data that was sent, for a token without `events:read_people`."
        },
    )
    error = fields.String(required=True, metadata={"description": "Why there was no answer."})


class WebhookDeliverySchema(Schema):
    """An event to be delivered to a webhook, with its status."""

    delivery_id = fields.UUID(
        attribute="id", required=True, metadata={"description": "Sent as `webhook-delivery-id`."}
    )
    event_id = fields.UUID(required=True, metadata={"description": "Sent as `webhook-id`."})
    type = fields.String(required=True)
    position = fields.Integer(
        required=True, allow_none=True, metadata={"description": "In the feed; null of a test."}
    )
    order_id = fields.UUID(required=True, allow_none=True)
    number = fields.String(attribute="order_number", required=True, metadata={"description": "The order's."})
    state = fields.String(
        required=True,
        validate=validate.OneOf([*DeliveryState]),
        metadata={"description": "failed: given up; it can be sent again."},
    )
    test = fields.Boolean(attribute="is_test", required=True)
    next_try = fields.AwareDateTime(required=True, allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    attempts = fields.List(fields.Nested(WebhookAttemptSchema), attribute="tries", required=True)


class WebhookDeliveryWithContentSchema(WebhookDeliverySchema):
    """A delivery with its request body."""

    content = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The body byte for byte. Null before the first try, once it is forgotten, and "
            "where it names people to a token without `events:read_people`."
        },
    )


class ResendArguments(Schema):
    """The time from which failed and missed events are sent again."""

    since = fields.AwareDateTime(required=True)

    @validates("since")
    def _check_since(self, value: Any, **_named: Any) -> None:
        now = clock.now()
        if not now - OLDEST_SINCE <= value <= now:
            raise ValidationError("must be within the last 90 days, as older events are not kept")


class ResentSchema(Schema):
    """What is being sent again."""

    failed = fields.Integer(
        required=True,
        metadata={
            "description": "How many deliveries of that time failed and are owed again; 10,000 stands for so "
            "many and more. What was missed comes to it: see the webhook's `resent`."
        },
    )


class TestArguments(Schema):
    """Which type of event to send as a test."""

    __test__ = False

    type = fields.String(required=True, validate=validate.OneOf(EVENT_TYPES))
