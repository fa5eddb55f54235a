"""The console's application: who asks, what a browser may do with the pages, and what every page has."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import redis
from flask import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from jinja2 import StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from services.console import login, pages, showing
from services.console.acting import fault_of
from services.console.apis import Apis, Away, NoMorePage, Refused, Services, SignedOut
from services.console.origin import with_apis
from services.console.sessions import Sessions
from services.console.settings import Settings
from services.console.words import LANGUAGES, words_in
from shared import logging
from shared.access import Actor
from shared.db import new_id
from shared.logging import correlation_id
from shared.settings import read
from shared.web import metrics
from shared.web.bounds import bound_requests, shield
from shared.web.problems import Problem
from shared.web.request_log import log_requests

LARGEST_BODY = 11 << 20  # a little more than the largest upload of documents, which says so itself
A_YEAR = 365 * 24 * 3600
# What is not named here does not work on a page: no script but ours, no style but ours, no other place.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PACKABLE = ("text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml")
SHORT = 1000  # bytes that are not worth packing
OPERATOR = "admin"  # the scope of who runs it all
SAFE = ("GET", "HEAD", "OPTIONS")
# Views of others that are for strangers too: no gateway routes them.
OPEN_TO_ALL = ("metrics.tell",)


def create_app(
    settings: Settings | None = None, transports: Mapping[str, httpx2.BaseTransport] | None = None
) -> Flask:
    """The WSGI application; its settings come from the environment unless they are given."""
    settings = settings or read(Settings, process="api")
    logging.configure("console", settings.log_level)
    app = Flask(
        "services.console", static_folder=None, template_folder=str(Path(__file__).parent / "templates")
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    sessions = Sessions(settings)
    app.session_interface = sessions
    app.extensions["settings"] = settings
    app.extensions["console.sessions"] = sessions
    app.extensions["console.services"] = Services(settings, transports)
    if not settings.is_local:
        app.extensions["console.provider"] = login.connect(app, settings)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies
        )
    if settings.is_local:
        app.wsgi_app = with_apis(app.wsgi_app, settings)  # type: ignore[method-assign]

    log_requests(app)
    bound_requests(app, LARGEST_BODY)
    shield(app, (), settings.hsts_seconds)
    app.after_request(_close)
    app.after_request(_shrink)
    app.before_request(_begin)
    app.context_processor(_what_pages_have)
    _serve_static(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(metrics.blueprint)
    for screen in pages.SCREENS:
        app.register_blueprint(screen.blueprint)
    app.add_url_rule("/health/live", "health_live", login.open_to_all(lambda: jsonify(status="live")))
    app.add_url_rule("/health/ready", "health_ready", login.open_to_all(_ready))
    app.add_url_rule("/language", "language", login.open_to_all(_set_language), methods=["POST"])
    for kind in (Refused, Away, SignedOut, NoMorePage, Problem, HTTPException, Exception):
        app.register_error_handler(kind, _told)
    return app


def _begin() -> Response | Any:
    """Know who asks and in which language; turn away strangers, and what other sites send."""
    settings: Settings = _settings()
    g.settings = settings
    g.person = None
    g.choose_language = choose_language
    chosen = request.cookies.get("language")
    asked = (one.partition("-")[0].lower() for one in request.accept_languages.values())
    g.language = chosen if chosen in LANGUAGES else next((one for one in asked if one in LANGUAGES), "en")
    g.words = words_in(g.language)
    # Where there is no view, who is signed in still has the navigation to go on by.
    view: Any = current_app.view_functions.get(request.endpoint or "")
    is_open = view is None or getattr(view, "open_to_all", False) or request.endpoint in OPEN_TO_ALL
    if request.method not in SAFE and not _is_from_our_own_page():
        raise Problem(403, g.words("faults.other_site"))
    if is_open and request.path.startswith(("/static/", "/health/", "/metrics")):
        return None
    if getattr(session, "away", False):
        raise Problem(503, g.words("faults.sessions_away"))
    g.person = login.signed_in()
    if g.person is None:
        return None if is_open else _stranger()
    g.actor = Actor(name=g.person.subject)  # for the log; the services know by the token
    if (
        (kept := session.get("kept"))
        and request.method == "POST"
        and urlsplit(kept["path"]).path == request.path
    ):
        del session["kept"]
    g.apis = Apis(
        current_app.extensions["console.services"],
        g.person.token,
        frozenset(g.person.scopes),
        correlation_id.get(),
        # Who is sent back a form, or a part of the page that they see, stays where they are.
        request.args.get("cursor")
        if request.method == "GET" and "X-Fragment" not in request.headers
        else None,
    )
    return None


def _stranger() -> Any:
    if request.headers.get("X-Fragment"):
        return Response(g.words("login.ran_out"), HTTPStatus.UNAUTHORIZED)
    return login.ask_to_sign_in()


def _is_from_our_own_page() -> bool:
    """Whether a form was sent from a page of ours, which no token has to prove that could run out.

    Browsers say so, and no page can make them say otherwise; over plain http only the origin is there.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    origin = request.headers.get("Origin", "")
    ours = {request.host, urlsplit(_settings().public_url).netloc}
    return urlsplit(origin).netloc in ours - {""}


def _shrink(answer: Response) -> Response:
    """Send texts of some length packed, to whoever can unpack them: a list is a tenth of itself."""
    packable = answer.mimetype in PACKABLE and not answer.is_streamed and not answer.direct_passthrough
    if not packable or "Content-Encoding" in answer.headers:
        return answer
    answer.vary.add("Accept-Encoding")
    long = answer.content_length and answer.content_length >= SHORT
    if long and request.accept_encodings.best_match(["gzip"]):
        answer.set_data(gzip.compress(answer.get_data(), compresslevel=5, mtime=0))
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _close(answer: Response) -> Response:
    answer.headers.setdefault("Content-Security-Policy", POLICY)
    answer.headers.setdefault("Referrer-Policy", "same-origin")
    answer.headers.setdefault("Permissions-Policy", "camera=(self)")
    return answer


def _what_pages_have() -> dict[str, Any]:
    """What templates may use anywhere."""
    language = g.get("language", "en")
    may = g.apis.may if "apis" in g else lambda _: False
    named = [
        one
        for one in pages.SCREENS
        if one.label and "apis" in g and (not one.operation or may(one.operation))
        if not one.changes or any(may(operation) for operation in one.changes)
    ]
    section = next(
        (one.within for one in pages.SCREENS if one.within and one.blueprint.name == request.blueprint),
        request.blueprint,
    )
    shown_at = _shown_at()
    return {
        "t": g.words,
        "words_of": g.words.group,
        "language": language,
        "languages": LANGUAGES,
        "person": g.person,
        "settings": g.settings,
        "may": may,
        "screens": [one for one in named if not one.within],
        "here": request.blueprint,
        "traced": _traced,
        "section": section,
        "shown_at": shown_at.partition("?")[0],
        "asked_for": shown_at,
        "within": [one for one in named if section in {one.within, one.blueprint.name}],
        "icon": _icon,
        "asset": _asset,
        "correlation_id": correlation_id.get(),
        "new_key": lambda: str(new_id()),
        "fault_of": lambda form: fault if (fault := g.get("fault")) and fault.form == form else None,
        "typed": lambda name: fault.typed.get(name, "") if (fault := g.get("fault")) else "",
        "is_typed": lambda name, value: (
            (fault := g.get("fault")) is not None and value in fault.typed.getlist(name)
        ),
        "others": lambda all_of_them, one: [
            (other["shipment_id"], other["number"]) for other in all_of_them if other is not one
        ],
        "told": lambda entry, currency: showing.told(entry, currency, g.words),
        "why": lambda refusal: showing.why(refusal, g.words),
        "amount": showing.amount,
        "fault_key": lambda: fault.key if (fault := g.get("fault")) else None,
        "money": lambda minor, currency: showing.money(minor, currency, language),
        "day": lambda value: showing.day(value, language),
        "instant": lambda value, zone="UTC": showing.instant(value, zone, language),
        "age": lambda value: showing.age(value, language),
        "is_past": showing.is_past,
        "is_soon": showing.is_soon,
        "country": lambda code: showing.country(code, language),
        "address": lambda parts: showing.address(parts, language),
    }


def _shown_at() -> str:
    """The address of the page that is shown; where a form was refused, of the page that it stands on.

    That is the nearest one above the form's own path, unless the view knows better.
    """
    if known := g.get("shown_at"):
        return str(known)
    path = request.path
    is_form = request.method not in SAFE or isinstance(request.routing_exception, MethodNotAllowed)
    while is_form and path != "/" and not _is_page(path):
        path = path.rpartition("/")[0] or "/"
    query = request.query_string.decode(errors="replace")
    return quote(path) + (f"?{query}" if query else "")


def _is_page(path: str) -> bool:
    return current_app.create_url_adapter(request).test(path, method="GET")  # type: ignore[union-attr]


def _icon(name: str, size: int = 18) -> Markup:
    """A small picture beside words; it says nothing by itself."""
    return Markup(lucide(name, size=size, **{"class": "icon", "aria-hidden": "true", "focusable": "false"}))  # noqa: S704


def _traced(number: str) -> str | Markup:
    """A number for the logs; an operator is led to all that it led to."""
    if not number or not (person := g.get("person")) or OPERATOR not in person.scopes:
        return number
    return Markup('<a href="{}">{}</a>').format(url_for("operations.show_trace", id=number), number)


def _told(error: Exception) -> Any:
    """Any error as a page, with what finds it in the logs."""
    if isinstance(error, SignedOut):
        return _stranger()
    if isinstance(error, NoMorePage):  # a bookmark, or what was on it is done
        flash("list.began_again")
        rest = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        return redirect(quote(request.path) + (f"?{urlencode(rest)}" if rest else ""), 303)
    if isinstance(error, MethodNotAllowed) and request.method in SAFE:  # the address of a form, and no page
        return redirect(_shown_at(), 302)
    status, title, detail = 500, g.words("faults.unexpected"), ""
    number = correlation_id.get()
    if isinstance(error, Refused):
        status, detail, number = error.status, error.detail, error.correlation_id
        title = (
            g.words.of("faults", str(status))
            if g.words.knows("faults", str(status))
            else g.words("faults.refused")
        )
    elif isinstance(error, Away):
        if request.method == "POST":  # nothing that was typed is lost
            g.fault = fault_of("", error)
            return Response(render_template("unsent.html"), g.fault.status)
        status, title = 503, g.words("faults.part_away", service=g.words(f"services.{error.service}"))
    elif isinstance(error, Problem):
        status, title = error.status.value, error.detail
    elif isinstance(error, HTTPException):
        if error.code is not None and error.code < HTTPStatus.BAD_REQUEST:
            return error
        status = error.code or 500
        title = g.words.of("faults", str(status)) if g.words.knows("faults", str(status)) else error.name
    else:
        logging.logger(__name__).error("request failed", exc_info=error)
    page = render_template("fault.html", status=status, title=title, detail=detail, number=number)
    return Response(page, status)


def _ready() -> Response:
    """Whether somebody could sign in now."""
    try:
        current_app.extensions["console.sessions"].redis.ping()
    except redis.RedisError:
        answer = jsonify(status="not ready", reason="sessions can't be reached")
        answer.status_code = 503
        return answer
    return jsonify(status="ready")


def _set_language() -> Any:
    """Read the console in another language from now on."""
    answer = redirect(login.own_page(request.form.get("next")), 303)
    choose_language(answer, request.form.get("language", ""))
    return answer


def choose_language(answer: Any, language: str) -> None:
    """Remember somebody's language in their browser."""
    if language in LANGUAGES:
        secure = not _settings().is_plain
        answer.set_cookie("language", language, max_age=A_YEAR, secure=secure, httponly=True, samesite="Lax")


def _serve_static(app: Flask) -> None:
    """Our sheet and script, under names that change with what is in them."""
    here = Path(__file__).parent / "static"
    files = {path.name: path.read_bytes() for path in here.iterdir()}
    marks = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in files.items()}
    app.extensions["console.static"] = marks

    @app.get("/static/<mark>/<name>")
    @login.open_to_all
    def static(mark: str, name: str) -> Response:
        if name not in files:
            abort(404)
        answer = Response(files[name], mimetype=mimetypes.guess_type(name)[0])
        if mark == marks[name]:
            answer.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
        return answer


def _asset(name: str) -> str:
    return url_for("static", mark=current_app.extensions["console.static"][name], name=name)


def _settings() -> Settings:
    """The settings of the running application."""
    found: Settings = current_app.extensions["settings"]
    return found
