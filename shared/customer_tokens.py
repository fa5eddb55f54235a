"""The token in a customer's link: it opens one order until it ends, signed by keys that every service has."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer

from shared import clock


class LinkError(Exception):
    """The token is not one of ours, or its time is over."""


def make_token(keys: Sequence[str], order_id: UUID, expires_at: datetime) -> str:
    """What `?token=` of the customer's link says, signed with the newest key; the first is the newest."""
    token = _serializer(keys).dumps([order_id.hex, int(expires_at.timestamp())])
    return token if isinstance(token, str) else token.decode()


def read_token(keys: Sequence[str], token: str) -> UUID:
    """The order that a token opens; raises LinkError saying why it opens none."""
    try:
        order_id, expires = msgspec.convert(_serializer(keys).loads(token), tuple[UUID, int])
    except (BadSignature, ValueError, msgspec.ValidationError) as error:
        raise LinkError("this link is not one of ours") from error
    if datetime.fromtimestamp(expires, UTC) <= clock.now():
        raise LinkError("this link has expired")
    return order_id


def _serializer(keys: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(reversed(keys)),  # the library signs with the last
        salt="waybill.customer-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
