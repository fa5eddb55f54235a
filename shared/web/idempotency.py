"""Stored responses by idempotency key, so that a repeated command runs once."""

import hashlib
from dataclasses import dataclass

import msgspec
from flask import Response, g, request
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.access import Actor
from shared.errors import Invalid, Refused
from shared.web import payloads
from shared.web.tables import idempotency_keys

LONGEST_KEY = 200
REPEATED_HEADERS = ("ETag", "Location", "Content-Type")
LOCK_NOT_AVAILABLE = "55P03"

_BEGIN = (
    insert(idempotency_keys)
    .values({name: bindparam(name) for name in ("issuer", "subject", "key", "fingerprint", "reach")})
    .on_conflict_do_nothing()
    .returning(idempotency_keys.c.key)
)
_THIS_KEY = (
    (idempotency_keys.c.issuer == bindparam("by"))
    & (idempotency_keys.c.subject == bindparam("of"))
    & (idempotency_keys.c.key == bindparam("named"))
)
_FIRST = select(
    idempotency_keys.c.fingerprint,
    idempotency_keys.c.reach,
    idempotency_keys.c.status,
    idempotency_keys.c.body,
    idempotency_keys.c.headers,
).where(_THIS_KEY)
_KEEP = (
    update(idempotency_keys)
    .where(_THIS_KEY)
    .values(status=bindparam("status"), body=bindparam("body"), headers=bindparam("headers"))
)


@dataclass(frozen=True)
class Key:
    """The idempotency key of the current request."""

    actor: Actor
    key: str
    fingerprint: bytes

    @property
    def place(self) -> dict[str, str]:
        """Where the key is stored: each caller has their own keys."""
        return {"by": self.actor.issuer, "of": self.actor.name, "named": self.key}


def key_of_request() -> Key | None:
    """The request's idempotency key, if any; raises Invalid if it is malformed."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid(**{"Idempotency-Key": f"must be 1 to {LONGEST_KEY} printable ASCII characters"})
    fingerprint = hashlib.sha256(f"{request.method} {request.full_path}\n".encode())
    fingerprint.update(request.get_data(cache=True))
    return Key(g.actor, key, fingerprint.digest())


def first_answer(session: Session, key: Key) -> Response | None:
    """The stored response to the first request; None if this is the first, which then claims the key.

    While another transaction holds the key this waits for its end, for it may still be refused. Raises
    Refused: first_still_under_way if the wait is long; idempotency_key_reused for another request's key, and
    where the caller could see or do more then than now, for the answer may tell of it.
    """
    connection = session.connection()
    ours = {
        "issuer": key.actor.issuer,
        "subject": key.actor.name,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "reach": key.actor.reach,
    }
    try:
        begun = connection.execute(_BEGIN, ours).scalar() is not None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise Refused(
                "first_still_under_way", "the first request with this idempotency key is still running"
            ) from error
        raise
    if begun:
        return None
    first = connection.execute(_FIRST, key.place).one()
    if first.fingerprint != key.fingerprint or not key.actor.reaches(first.reach):
        raise Refused("idempotency_key_reused", "this idempotency key was used for a different request")
    return Response(first.body, first.status, {**first.headers, "Idempotency-Replayed": "true"})


def keep(session: Session, key: Key, answer: Response) -> Response:
    """Store the response for repeats; it commits together with the command.

    What is told once (`g.told_once` names it) is not kept, and null when the answer is repeated.
    """
    body = answer.get_data()
    if told_once := g.get("told_once"):
        body = payloads.encode(msgspec.json.decode(body) | dict.fromkeys(told_once))
    headers = {name: answer.headers[name] for name in REPEATED_HEADERS if name in answer.headers}
    session.connection().execute(
        _KEEP,
        key.place
        | {
            "status": answer.status_code,
            "body": body,
            "headers": headers,
        },
    )
    return answer
