"""The signed link that opens one order to its customer: order and end of validity, no account needed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
from flask import current_app, g, request
from itsdangerous import BadSignature, URLSafeSerializer

from shared import clock
from shared.access import EVERYTHING, Actor
from shared.web.auth import refuse_access
from shared.web.blueprint import View


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


def customer(view: View) -> View:
    """Let in whoever has the link of an order, and hand the view that order's id as `order_id`."""

    def admit() -> None:
        keys: Sequence[str] = current_app.extensions["settings"].customer_link_keys
        try:
            order_id = read_token(keys, request.args.get("token", ""))
        except LinkError as error:
            refuse_access(401, str(error), 'CustomerLink realm="token"')
        g.customer_order_id = order_id
        everything = frozenset({EVERYTHING})  # of the one order; the view is handed no other's id
        g.actor = Actor(name=f"customer:{order_id}", sellers=everything, markets=everything)

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Any:
        return view(*arguments, order_id=g.customer_order_id, **named)

    marked: Any = run
    marked.admit = admit
    document = getattr(view, "_apidoc", {})
    marked._apidoc = document | {  # noqa: SLF001 - where flask-smorest keeps what it documents
        "manual_doc": document.get("manual_doc", {}) | {"security": [{"customer": []}]}
    }
    return run


def _serializer(keys: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(reversed(keys)),  # the library signs with the last
        salt="waybill.customer-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
