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


class Link(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What a token says: it opens an order until it expires, or until the order's links are revoked."""

    order_id: UUID
    expires: int  # seconds since 1970, UTC
    serial: int = 0  # tokens of before links could be revoked name none


def make_token(keys: Sequence[str], order_id: UUID, expires_at: datetime, serial: int = 0) -> str:
    """What `?token=` of the customer's link says, signed with the newest key; the first is the newest."""
    token = _serializer(keys).dumps([order_id.hex, int(expires_at.timestamp()), serial])
    return token if isinstance(token, str) else token.decode()


def read_token(keys: Sequence[str], token: str) -> Link:
    """What a token says, revoked or not; raises LinkError saying why it opens nothing."""
    try:
        link = msgspec.convert(_serializer(keys).loads(token), Link)
    except (BadSignature, ValueError, msgspec.ValidationError) as error:
        raise LinkError("this link is not one of ours") from error
    if datetime.fromtimestamp(link.expires, UTC) <= clock.now():
        raise LinkError("this link has expired")
    return link


def _serializer(keys: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(reversed(keys)),  # the library signs with the last
        salt="waybill.customer-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
