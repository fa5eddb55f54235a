"""Authentication and authorisation: bearer tokens checked against a key set, and scopes per view."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import httpx2
import jwt
import msgspec
from flask import Flask, current_app, g, request

from shared import clock
from shared.access import EVERYTHING, NOBODY, Actor
from shared.logging import logger
from shared.web.problems import Problem
from shared.web.rate_limits import count_refusal

log = logger(__name__)

AUDIENCE = "waybill"
ALGORITHMS = ("EdDSA", "ES256", "RS256")
LEEWAY_SECONDS = 10  # by which the issuer's clock may differ from ours
KEYS_LIFETIME_SECONDS = 300  # a key taken out of the set is out of use after this
RELOAD_PAUSE_SECONDS = 1  # between two looks for an unknown key, so that nobody can make us look all day
REMEMBERED_TOKENS = 4096

# A name is kept with all that its bearer does. As OpenID Connect has it: 255 ASCII characters.
SUBJECT = r"^[!-~](?:[ -~]{0,253}[!-~])?\Z"
# What stands in histories for those who bring no token, and for the services.
OUR_NAMES = re.compile(r"anonymous|carrier|gateway|customer:.*|orders|shipping|documents|notifications")

View = TypeVar("View", bound=Callable[..., Any])


class KeySet:
    """The public keys for verifying tokens: the set itself, a file, or an http(s) URL."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = float("-inf")

    def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key with this id; reloads the set if it is unknown, because issuers rotate keys."""
        if self._is_due(key_id):
            with self._lock:
                if self._is_due(key_id):  # nobody has read it while we waited
                    self._read()
        return self._keys.get(key_id)

    def _is_due(self, key_id: str | None) -> bool:
        age = _seconds() - self._read_at
        return age > KEYS_LIFETIME_SECONDS or (key_id not in self._keys and age > RELOAD_PAUSE_SECONDS)

    def _read(self) -> None:
        try:
            keys = jwt.PyJWKSet.from_json(self._text()).keys
        except (OSError, ValueError, httpx2.HTTPError, jwt.PyJWTError) as error:
            # What was read before still holds.
            log.error("key set can't be read", place=self._place, error=str(error))  # noqa: TRY400
        else:
            found: dict[str | None, jwt.PyJWK] = {key.key_id: key for key in keys}
            if len(keys) == 1:
                found[None] = keys[0]  # a token that names no key can mean only this one
            self._keys = found
        self._read_at = _seconds()

    def _text(self) -> str:
        if self._place.startswith(("http://", "https://")):
            return httpx2.get(self._place, timeout=3).raise_for_status().text
        return self._place if self._place.startswith("{") else Path(self._place).read_text()


class Tokens:
    """Turns one issuer's bearer tokens into actors, caching verified ones because signatures are slow."""

    def __init__(self, keys: KeySet, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._remembered: dict[bytes, tuple[float, Actor]] = {}

    def actor(self, token: str) -> Actor:
        """The actor a token identifies; raises jwt.InvalidTokenError saying what is wrong with it."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered[0] > _seconds():
            return remembered[1]
        claims = self._claims(token)
        actor = _actor(claims)
        if len(self._remembered) >= REMEMBERED_TOKENS:
            self._remembered = {}  # all at once: no order to keep, nothing for threads to trip over
        until = min(float(claims["exp"]), _seconds() + KEYS_LIFETIME_SECONDS)
        self._remembered[digest] = (until, actor)
        return actor

    def _claims(self, token: str) -> dict[str, Any]:
        key = self._keys.key(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("signed with an unknown key")
        if key.algorithm_name not in ALGORITHMS:
            raise jwt.InvalidTokenError("signed with an algorithm that is not accepted")
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=AUDIENCE,
            issuer=self._issuer,  # several may sign with the keys of one set
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "sub", "aud", "iss"]},
        )


class _Claims(msgspec.Struct):
    iss: str
    sub: Annotated[str, msgspec.Meta(pattern=SUBJECT)]
    scope: str = ""
    sellers: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    subscriber: str | None = None


def _actor(claims: dict[str, Any]) -> Actor:
    try:
        known = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:
        raise jwt.InvalidTokenError(f"has a claim of the wrong type: {error}") from error
    if OUR_NAMES.fullmatch(known.sub) and known.subscriber != known.sub:
        raise jwt.InvalidTokenError("uses a name reserved for our own services")
    return Actor(
        name=known.sub,
        issuer=known.iss,
        scopes=frozenset(known.scope.split()),
        sellers=known.sellers,
        markets=known.markets,
        subscriber=known.subscriber,
    )


def requires(*scopes: str, instead: str | None = None) -> Callable[[View], View]:
    """Require all these scopes; other callers get 401 or 403, and are logged.

    One scope may do `instead`, where the view itself shows less, or more, to who comes by it.
    """
    needed = frozenset(scopes)

    def opens_to(actor: Actor) -> bool:
        return needed <= actor.scopes or instead in actor.scopes

    def admit() -> None:
        g.actor = actor = _bearer()
        if not opens_to(actor):
            _refuse_scopes(needed - actor.scopes, " ".join(scopes))

    def mark(view: View) -> View:
        marked: Any = view
        marked.admit = admit
        marked.opens_to = opens_to
        options = [{"bearer": list(scopes)}] + ([{"bearer": [instead]}] if instead else [])
        document = getattr(view, "_apidoc", {})
        marked._apidoc = document | {  # noqa: SLF001 - where flask-smorest keeps what it documents
            "manual_doc": document.get("manual_doc", {}) | {"security": options}
        }
        return view

    return mark


def refuse_without(scope: str) -> None:
    """Respond 403 if the token lacks a scope that only some requests to a view need."""
    if scope not in g.actor.scopes:
        _refuse_scopes({scope}, scope)


def public(view: View) -> View:
    """Allow anyone."""

    def admit() -> None:
        g.actor = NOBODY

    marked: Any = view
    marked.admit = admit
    return view


def _bearer() -> Actor:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        refuse_access(401, "a bearer token is needed", "Bearer")
    tokens: Tokens = current_app.extensions["tokens"]
    try:
        return tokens.actor(token.strip())
    except jwt.InvalidTokenError as error:
        refuse_access(401, f"the token is not accepted: {error}", 'Bearer error="invalid_token"')


def _refuse_scopes(missing: Iterable[str], wanted: str) -> NoReturn:
    refuse_access(
        403,
        f"the token lacks the scope {' '.join(sorted(missing))}",
        f'Bearer error="insufficient_scope", scope="{wanted}"',
    )


def refuse_access(status: int, detail: str, challenge: str, problem: type[Problem] = Problem) -> NoReturn:
    """Log a refused attempt and respond to it; or with 429 after too many."""
    log.warning(
        "access refused",
        status=status,
        reason=detail,
        actor=g.get("actor", NOBODY).name,
        method=request.method,
        route=str(request.url_rule),
    )
    count_refusal()
    raise problem(status, detail, headers={"WWW-Authenticate": challenge})


def refuse_bounded(*claims: str) -> None:
    """Respond 403 to a token restricted by one of these claims, for requests that concern everybody."""
    for claim in claims:
        if EVERYTHING not in getattr(g.actor, claim):
            refuse_access(403, f"this needs access to all {claim}; the token is limited to some", "Bearer")


def guard(app: Flask, jwks: str, issuer: str) -> None:
    """Check access to the view before any of the request is read."""
    app.extensions["tokens"] = Tokens(KeySet(jwks), issuer)

    @app.before_request
    def admit() -> None:
        # Browsers ask for OPTIONS without a token; Flask answers which methods there are, no view does.
        if request.endpoint is not None and request.method != "OPTIONS":
            view: Any = current_app.view_functions[request.endpoint]
            view.admit()


def refuse_unguarded(app: Flask) -> None:
    """Refuse to start with a view whose access isn't declared."""
    rules = [
        rule for rule in app.url_map.iter_rules() if not getattr(rule, "provide_automatic_options", False)
    ]
    if rules:
        raise RuntimeError(f"OPTIONS is let in without a token, so no view may answer it: {rules}")
    open_views = [name for name, view in app.view_functions.items() if not hasattr(view, "admit")]
    if open_views:
        raise RuntimeError(f"without @requires, @customer or @public: {', '.join(sorted(open_views))}")


def _seconds() -> float:
    return clock.now().timestamp()
