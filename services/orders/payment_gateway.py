"""The payment gateway, as far as this service calls it: paying refunds."""

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

import httpx2
import msgspec
from standardwebhooks import Webhook

from shared import clock

TIMEOUT_SECONDS = 20
# Answers that another try may change; every other 4xx is the gateway's last word.
_PASSING = frozenset({408, 409, 425, 429})


class Declined(Exception):  # noqa: N818 - reads as what happened
    """The gateway will not make this refund; the text says why."""


class _Answer(msgspec.Struct):
    reference: str


def pay_back(
    url: str,
    secrets: Sequence[str],
    *,
    refund_id: UUID,
    payment_reference: str,
    amount_minor: int,
    currency: str,
) -> str:
    """Have the gateway refund part of a payment; returns the gateway's reference for it.

    The call is signed as its own calls are (Standard Webhooks), by each of the secrets, and its webhook-id is
    the refund's: the gateway does it once however often it is asked. Raises Declined where it says no, and
    httpx2.HTTPError where it is out of reach or not at its best, so that nobody knows yet.
    """
    body = msgspec.json.encode(
        {
            "type": "refund.requested",
            "timestamp": clock.now(),
            "data": {
                "refund_id": refund_id,
                "payment_reference": payment_reference,
                "amount_minor": amount_minor,
                "currency": currency,
            },
        }
    )
    now = clock.now().astimezone(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": str(refund_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(str(refund_id), now, body.decode()) for secret in secrets
        ),
    }
    answer = httpx2.post(f"{url.rstrip('/')}/refunds", content=body, headers=headers, timeout=TIMEOUT_SECONDS)
    if answer.is_client_error and answer.status_code not in _PASSING:
        raise Declined(f"{answer.status_code} {answer.text[:200]}".strip())
    answer.raise_for_status()
    try:
        return msgspec.json.decode(answer.content, type=_Answer).reference[:200]
    except msgspec.DecodeError as error:
        # Paid back or not: asking again with the same id tells.
        raise httpx2.DecodingError(f"not a valid answer: {error}", request=answer.request) from error
