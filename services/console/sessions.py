"""Who is signed in: an opaque id in a cookie, everything else here in Redis or Valkey.

Losing them means signing in again, and nothing else.
"""

import hashlib
import re
import secrets
from typing import Any

import msgspec
import redis
from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.datastructures import CallbackDict

from services.console.settings import Settings
from shared.logging import logger

log = logger(__name__)

PATIENCE_SECONDS = 1.0
PREFIX = "console"  # all that its user of the broker may touch
RESULT_SECONDS = 3600  # how long the outcome of what somebody did can be looked at again
ONCE_SECONDS = 300  # how long what is shown once waits for its page
# Neither asks who somebody is.
WITHOUT_SESSION = ("/static/", "/health/")

_ID = re.compile(r"[\w-]{43}", re.ASCII)


class Session(CallbackDict[str, Any], SessionMixin):
    """What is known of one browser."""

    def __init__(
        self, identity: str | None, values: dict[str, Any] | None = None, *, away: bool = False
    ) -> None:
        def changed(_: object) -> None:
            self.modified = True

        super().__init__(values, changed)
        self.modified = False
        self.identity = identity  # None until there is something to keep
        self.retired: str | None = None  # the id that it had before somebody signed in or out
        self.away = away  # the store can't be reached: nobody is known now

    def renew(self) -> None:
        """Go on under another id, which nobody can have planted or seen."""
        self.retired = self.retired or self.identity
        self.identity = None
        self.modified = True


class Sessions(SessionInterface):
    """Keeps sessions in Redis, under a hash of the id, so that who reads there can't be anybody."""

    def __init__(self, settings: Settings) -> None:
        self.redis: redis.Redis = redis.Redis.from_url(
            settings.broker_url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
        )
        self._lifetime_seconds = int(settings.session_hours * 3600)
        self._is_plain = settings.is_plain
        # Browsers take the prefix only from https, and then no other host or path can set the cookie.
        self._cookie = "console" if settings.is_plain else "__Host-console"

    def open_session(self, app: Flask, request: Request) -> Session:  # noqa: ARG002 - Flask's signature
        """The session of the browser; an empty one for a stranger, and where the store is away."""
        identity = request.cookies.get(self._cookie, "")
        if request.path.startswith(WITHOUT_SESSION) or not _ID.fullmatch(identity):
            return Session(None)
        try:
            found: Any = self.redis.getex(_key(identity), ex=self._lifetime_seconds)
        except redis.RedisError as error:
            log.warning("sessions can't be reached", error=type(error).__name__)
            return Session(identity, away=True)
        return Session(identity, msgspec.json.decode(found)) if found else Session(None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Keep what has changed; of a session with nothing in it, nothing."""
        assert isinstance(session, Session)
        if session.away or not session.modified:
            return
        try:
            if session.retired:
                self.redis.delete(_key(session.retired))
            if session:
                session.identity = session.identity or secrets.token_urlsafe(32)
                body = msgspec.json.encode(dict(session))
                self.redis.set(_key(session.identity), body, ex=self._lifetime_seconds)
            elif session.identity:
                self.redis.delete(_key(session.identity))
        except redis.RedisError as error:
            log.warning("a session was not kept", error=type(error).__name__)
            return
        options: dict[str, Any] = {
            "path": "/",
            "secure": not self._is_plain,
            "httponly": True,
            "samesite": "Lax",
        }
        if session:
            assert session.identity
            response.set_cookie(self._cookie, session.identity, **options)
        elif session.retired or session.identity:
            response.delete_cookie(self._cookie, **options)

    def lock(self, session: Session, what: str) -> Any:
        """A lock on one thing of a session, across all processes."""
        assert session.identity
        return self.redis.lock(
            f"{PREFIX}.lock.{what}.{_digest(session.identity)}", timeout=10, blocking_timeout=8
        )

    def stored(self, session: Session) -> dict[str, Any]:
        """The session as another request may have changed it by now."""
        assert session.identity
        found: Any = self.redis.get(_key(session.identity))
        return msgspec.json.decode(found) if found else {}

    def keep_result(self, owner: str, result: Any) -> str:
        """Keep what came of an action for its page, and for this person only; answers where."""
        place = secrets.token_urlsafe(12)
        body = msgspec.json.encode({"owner": owner, "result": result})
        self.redis.set(f"{PREFIX}.result.{place}", body, ex=RESULT_SECONDS)
        return place

    def result(self, owner: str, place: str) -> Any:
        """What came of an action; None when that is too long ago, or was somebody else's."""
        found: Any = self.redis.get(f"{PREFIX}.result.{place}")
        kept = msgspec.json.decode(found) if found else {}
        return kept["result"] if kept.get("owner") == owner else None

    def keep_once(self, owner: str, place: str, secret: str) -> None:
        """Keep a secret for the one page that shows it, to this person only."""
        self.redis.set(_once(owner, place), secret, ex=ONCE_SECONDS)

    def take_once(self, owner: str, place: str) -> str | None:
        """The secret that was kept there, which is forgotten with this; None when it was shown already."""
        found: Any = self.redis.getdel(_once(owner, place))
        return found.decode() if found else None


def _once(owner: str, place: str) -> str:
    return f"{PREFIX}.once.{_digest(f'{owner} {place}')}"


def _key(identity: str) -> str:
    return f"{PREFIX}.session.{_digest(identity)}"


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()
