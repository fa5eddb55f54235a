"""The token in a customer's link: opens one order until it expires; every service has the signing keys."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer

from shared import clock


class LinkError(Exception):
    """The token is invalid or has expired."""


class Link(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What a token contains: it opens one order until it expires or the order's links are revoked."""

    order_id: UUID
    expires: int  # seconds since 1970, UTC
    serial: int = 0  # tokens of before links could be revoked name none


def make_token(keys: Sequence[str], order_id: UUID, expires_at: datetime, serial: int = 0) -> str:
    """Make the `?token=` of a customer link, signed with the first key, which is the newest."""
    token = _serializer(keys).dumps([order_id.hex, int(expires_at.timestamp()), serial])
    return token if isinstance(token, str) else token.decode()


def read_token(keys: Sequence[str], token: str) -> Link:
    """Read a token, which may since have been revoked; raises LinkError saying why it is invalid."""
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
