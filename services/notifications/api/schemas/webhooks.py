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
            "description": "Where events are posted: an https address in the public network, without user or"
            " password.",
            "example": "https://shop.example/hooks/waybill",
        },
        **options,
    )


def _types(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=validate.OneOf([ALL, *EVENT_TYPES])),
        validate=validate.Length(max=MOST_NAMED),
        metadata={
            "description": "Types of events that it gets; `*`, or none, for all.",
            "example": ["order.placed"],
        },
        **options,
    )


def _codes(what: str, **options: Any) -> Any:
    return fields.List(
        text(LONGEST_CODE, shortest=1),
        validate=validate.Length(1, MOST_NAMED),
        metadata={
            "description": f"Codes of {what}, among those of the token, whose events it gets; `*` for all."
        },
        **options,
    )


class WebhookChangeArguments(Schema):
    """Changes to a webhook; omitted fields stay as they are."""

    address = _address()
    email = email_address(
        metadata={"description": "E-mail address of whoever minds the receiving program; told when it fails."}
    )
    description = text(
        LONGEST_DESCRIPTION,
        load_default=missing,
        metadata={"description": "What it is for, in your own words."},
    )
    types = _types()
    sellers = _codes("sellers")
    markets = _codes("markets")
    people = fields.Boolean(
        metadata={
            "description": (
                "Whether events are sent with personal data. It takes the scope `events:read_people`, as "
                "does any later change of such a webhook."
            )
        }
    )


class WebhookArguments(WebhookChangeArguments):
    """A new webhook; it gets events for everything the token may see, unless restricted further."""

    address = _address(required=True)
    email = email_address(
        required=True,
        metadata={
            "description": "E-mail address of whoever minds the receiving program; told when it fails."
        },
    )
    description = text(
        LONGEST_DESCRIPTION, load_default="", metadata={"description": "What it is for, in your own words."}
    )
    types = _types(load_default=lambda: [ALL])
    people = fields.Boolean(
        load_default=False,
        metadata={
            "description": (
                "Whether events are sent with personal data. It takes the scope `events:read_people`, as "
                "does any later change of such a webhook."
            )
        },
    )


class RotateArguments(Schema):
    """How to rotate a secret."""

    previous_hours = fields.Float(
        load_default=24.0,
        validate=validate.Range(0, LONGEST_BOTH_HOURS),
        metadata={"description": "For how many hours requests are also signed with the secret of before."},
    )


class WebhookSchema(Schema):
    """A webhook endpoint."""

    webhook_id = fields.UUID(attribute="id", required=True)
    address = fields.String(required=True, metadata={"description": "Where events are posted."})
    email = fields.String(
        required=True,
        metadata={
            "description": "E-mail address of whoever minds the receiving program; told when it fails."
        },
    )
    description = fields.String(required=True)
    types = fields.List(
        fields.String(), required=True, metadata={"description": "Types of events that it gets; `*` for all."}
    )
    sellers = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Codes of the sellers whose events it gets; `*` for all."},
    )
    markets = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Codes of the markets whose events it gets; `*` for all."},
    )
    people = fields.Boolean(
        required=True, metadata={"description": "Whether events are sent with personal data."}
    )
    state = fields.String(
        required=True,
        validate=validate.OneOf([*WebhookState]),
        metadata={"description": "Whether events are sent to it."},
    )
    failures = fields.Integer(required=True, metadata={"description": "How many attempts failed in a row."})
    failing_since = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "Since when they fail, in UTC; null if the latest attempt did not."},
    )
    rested_until = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Nothing is sent to it before then, in UTC, as it failed too often; null if it is not "
                "resting."
            )
        },
    )
    last_taken_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When it last took an event, in UTC, to the minute; null if it never did."},
    )
    previous_secret_until = fields.AwareDateTime(
        attribute="previous_until",
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Until when requests are also signed with the secret of before, in UTC; null if there is "
                "none."
            )
        },
    )
    resending_since = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "The time from which on failed and missed events are being sent again, in UTC; null if all "
                "of them are owed."
            )
        },
    )
    resent = fields.Integer(
        required=True,
        metadata={"description": "How many events the latest `resend` of a time has made owed again so far."},
    )
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class WebhookWithSecretSchema(WebhookSchema):
    """A webhook with its new secret, shown only this once."""

    secret = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "Secret that requests are signed with, as Standard Webhooks writes it. Shown only once: "
                "null if the answer is repeated under its `Idempotency-Key`."
            ),
            "example": "whsec_…",
        },
    )


class DeliveriesArguments(PageArguments):
    """Which deliveries to return."""

    state = fields.String(
        validate=validate.OneOf([*DeliveryState]), metadata={"description": "Only deliveries in this state."}
    )
    order = fields.UUID(metadata={"description": "Only deliveries about the order with this id."})
    since = fields.AwareDateTime(
        metadata={"description": "Only deliveries that were made then or later, in UTC."}
    )


class WebhookAttemptSchema(Schema):
    """One delivery attempt and its result."""

    at = fields.AwareDateTime(required=True, metadata={"description": "When it was made, in UTC."})
    milliseconds = fields.Integer(
        required=True, metadata={"description": "How long it took, in milliseconds."}
    )
    status = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "HTTP status of the answer; null if there was none."},
    )
    answer = fields.String(
        required=True,
        metadata={
            "description": (
                "The first 500 characters of the answer; empty once the person is erased, and, as it may "
                "quote personal data that was sent, for a token without `events:read_people`."
            )
        },
    )
    error = fields.String(
        required=True, metadata={"description": "Why there was no answer; empty if there was."}
    )


class WebhookDeliverySchema(Schema):
    """An event to be delivered to a webhook, with its status."""

    delivery_id = fields.UUID(
        attribute="id",
        required=True,
        metadata={"description": "Id of the delivery; sent as `webhook-delivery-id`."},
    )
    event_id = fields.UUID(required=True, metadata={"description": "Id of the event; sent as `webhook-id`."})
    type = fields.String(required=True)
    position = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Position of the event in the feed; null for a test."},
    )
    order_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the order; null if the event is about none."},
    )
    number = fields.String(
        attribute="order_number",
        required=True,
        metadata={"description": "Number of the order, as people call it; empty if the event is about none."},
    )
    state = fields.String(
        required=True,
        validate=validate.OneOf([*DeliveryState]),
        metadata={"description": "Where the delivery stands."},
    )
    test = fields.Boolean(
        attribute="is_test", required=True, metadata={"description": "Whether it is a test."}
    )
    next_try = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When it is sent next, in UTC; null once it is taken or failed."},
    )
    created_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "When it was taken or given up, in UTC; null until then."},
    )
    attempts = fields.List(
        fields.Nested(WebhookAttemptSchema),
        attribute="tries",
        required=True,
        metadata={"description": "The attempts, oldest first."},
    )


class WebhookDeliveryWithContentSchema(WebhookDeliverySchema):
    """A delivery with its request body."""

    content = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "The request body, byte for byte; null before the first attempt, once it is forgotten, and "
                "if it has personal data and the token lacks `events:read_people`."
            )
        },
    )


class ResendArguments(Schema):
    """The time from which failed and missed events are sent again."""

    since = fields.AwareDateTime(
        required=True, metadata={"description": "The time from which on, in UTC, at most 90 days ago."}
    )

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
            "description": (
                "How many deliveries failed since then and are owed again; 10000 stands for so many or "
                "more. Events that were missed come on top: see `resent` of the webhook."
            )
        },
    )


class TestArguments(Schema):
    """Which type of event to send as a test."""

    __test__ = False

    type = fields.String(
        required=True,
        validate=validate.OneOf(EVENT_TYPES),
        metadata={"description": "Type of the event to send a sample of."},
    )
