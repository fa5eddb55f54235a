"""Signing in and out: by an OpenID Connect provider, or on one machine by saying who one is."""

import time
from hmac import compare_digest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from joserfc.errors import JoseError
from werkzeug.wrappers import Response as AnyResponse

from services.console.sessions import Session, Sessions
from services.console.settings import Settings
from shared.logging import logger

log = logger(__name__)

EARLY_SECONDS = 30  # before a token's end it is taken for ended: requests take time
LARGEST_KEPT = 200_000  # characters of a form that waits for its writer to sign in again

blueprint = Blueprint("login", __name__)


class LocalPerson(msgspec.Struct):
    """Somebody one may be on a local stack."""

    id: str
    name: str
    role: str
    place: str
    language: str
    scopes: list[str]
    token: str
    expires_at: float


class Person(msgspec.Struct):
    """Who is signed in, and what their token opens."""

    name: str
    subject: str
    token: str
    scopes: list[str]
    expires_at: float
    refresh_token: str | None = None


def open_to_all(view: Any) -> Any:
    """Let in strangers too."""
    view.open_to_all = True
    return view


def connect(app: Flask, settings: Settings) -> Any:
    """The client of the provider; it reads the provider's own description when somebody signs in."""
    oauth = OAuth(app)
    return oauth.register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret or None,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.oidc_scopes,
            "code_challenge_method": "S256",
            "timeout": 5,
            **({} if settings.oidc_client_secret else {"token_endpoint_auth_method": "none"}),
        },
    )


def signed_in() -> Person | None:
    """Who asks, with a token that is good for a while; None for a stranger and for a token that ran out."""
    kept = session.get("person")
    if not kept:
        return None
    person = msgspec.convert(kept, Person)
    if person.expires_at - EARLY_SECONDS > time.time():
        return person
    return _refreshed(person) if person.refresh_token else None


def _refreshed(person: Person) -> Person | None:
    """The person with a new token. One request of theirs gets it, and the others wait for that."""
    sessions: Sessions = current_app.extensions["console.sessions"]
    own: Any = session
    with sessions.lock(own, "refresh"):
        stored = sessions.stored(own).get("person")
        if stored:
            newest = msgspec.convert(stored, Person)
            if newest.expires_at - EARLY_SECONDS > time.time():
                session["person"] = stored
                return newest
        provider = current_app.extensions["console.provider"]
        try:
            token = provider.fetch_access_token(
                grant_type="refresh_token", refresh_token=person.refresh_token
            )
        except (AuthlibBaseError, JoseError, requests.RequestException, ValueError) as error:
            log.warning("a token was not renewed", error=type(error).__name__)
            return None
        renewed = _person(person.name, person.subject, token, person.refresh_token)
        session["person"] = msgspec.to_builtins(renewed)
        # Before the lock is let go, for whoever waits reads it from there.
        sessions.save_session(current_app, own, Response())
        return renewed


@blueprint.get("/login")
@open_to_all
def begin() -> AnyResponse | str:
    """Send whoever comes to the provider; on one machine, ask who they are."""
    where = own_page(request.args.get("next"))
    if g.settings.is_local:
        if _brings_the_key():
            session["knows_key"] = True
            return redirect(url_for("login.begin", next=where), 303)  # without it
        if not _knows_the_key():
            return Response(render_template("login_closed.html"), 403)
        return render_template("login.html", people=_people(g.settings), next=where)
    session["next"] = where
    redirect_uri = g.settings.public_url.rstrip("/") + url_for("login.finish")
    try:
        answer: AnyResponse = current_app.extensions["console.provider"].authorize_redirect(redirect_uri)
    except (requests.RequestException, AuthlibBaseError, ValueError) as error:
        return _failed(error)
    return answer


@blueprint.get("/login/callback")
@open_to_all
def finish() -> AnyResponse:
    """Take what the provider sends back: a code, for which it gives tokens."""
    if g.settings.is_local:
        abort(404)
    try:
        token = current_app.extensions["console.provider"].authorize_access_token()
        claims = token["userinfo"]
        name = claims.get("name") or claims.get("preferred_username") or claims["sub"]
        person = _person(name, claims["sub"], token)
    except (AuthlibBaseError, JoseError, requests.RequestException, KeyError, ValueError) as error:
        return _failed(error)
    return _enter(person, session.pop("next", "/"))


@blueprint.post("/login")
@open_to_all
def choose() -> AnyResponse:
    """Be somebody, on one machine."""
    if not g.settings.is_local:
        abort(404)
    if not _knows_the_key():
        return Response(render_template("login_closed.html"), 403)
    chosen = next((one for one in _people(g.settings) if one.id == request.form.get("person")), None)
    if chosen is None:
        abort(400)
    person = Person(
        name=chosen.name,
        subject=chosen.id,
        token=chosen.token,
        scopes=chosen.scopes,
        expires_at=chosen.expires_at,
    )
    answer = _enter(person, own_page(request.form.get("next")))
    if "language" not in request.cookies:
        g.choose_language(answer, chosen.language)
    return answer


@blueprint.post("/logout")
@open_to_all
def leave() -> AnyResponse:
    """Sign out; nothing of the person stays."""
    own: Any = session
    own.renew()
    knows_key = session.get("knows_key")
    session.clear()
    if knows_key:  # which is of the browser and of no person
        session["knows_key"] = True
    return redirect(url_for("login.begin"), 303)


@blueprint.get("/again")
def again() -> AnyResponse | str:
    """What somebody was sending when their login ran out, to be sent on with one click."""
    kept = session.get("kept")
    if not kept or kept["subject"] not in {None, g.person.subject}:
        return redirect("/", 303)
    shown = [(name, value) for name, value in kept["fields"] if name not in {"key", "version"} and value]
    return render_template("again.html", kept=kept, shown=shown)


def ask_to_sign_in() -> AnyResponse:
    """Lead a stranger to the login, and from there back; what a form held is kept for then."""
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("login.begin", next=_asked_for()), 303)
    fields = [[name, value] for name, values in request.form.lists() for value in values]
    if sum(len(name) + len(value) for name, value in fields) <= LARGEST_KEPT:
        before = session.get("person")
        session["kept"] = {
            "path": _asked_for(),
            "fields": fields,
            "file_fields": [name for name, file in request.files.items() if file.filename],
            # Nobody else is shown what somebody typed.
            "subject": before["subject"] if before else None,
        }
    return redirect(url_for("login.begin", next=url_for("login.again")), 303)


def _enter(person: Person, where: str) -> AnyResponse:
    own: Any = session
    assert isinstance(own, Session) or own is not None
    own.renew()
    session["person"] = msgspec.to_builtins(person)
    return redirect(own_page(where), 303)


def _failed(error: Exception) -> AnyResponse:
    log.warning("nobody was signed in", error=type(error).__name__, detail=str(error)[:200])
    flash("login.failed")
    page = render_template("login_failed.html")
    return Response(page, 502)


def _person(name: str, subject: str, token: Any, refresh_token: str | None = None) -> Person:
    return Person(
        name=name,
        subject=subject,
        token=token["access_token"],
        scopes=str(token.get("scope") or "").split(),
        expires_at=float(token.get("expires_at") or time.time() + float(token.get("expires_in") or 300)),
        refresh_token=token.get("refresh_token") or refresh_token,
    )


def _brings_the_key() -> bool:
    given = request.args.get("key", "").encode()
    return bool(g.settings.local_key) and compare_digest(given, g.settings.local_key.encode())


def _knows_the_key() -> bool:
    return not g.settings.local_key or bool(session.get("knows_key"))


def _people(settings: Settings) -> list[LocalPerson]:
    place = settings.local_people
    text = place.encode() if place.startswith("[") else Path(place).read_bytes()
    return msgspec.json.decode(text, type=list[LocalPerson])


def _asked_for() -> str:
    return request.full_path.rstrip("?")


def own_page(address: str | None) -> str:
    """An address to go on to, if it is one of ours."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(address)
    return "/" if parts.netloc or parts.scheme else address
