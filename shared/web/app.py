"""A service's API: routes, OpenAPI document, and what all services do around each request."""

from collections.abc import Callable, Sequence
from typing import Any

import flask_smorest
from flask import Flask
from flask_smorest.utils import prepare_response
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import logging
from shared.messaging import fault_points
from shared.messaging.service import Messaging
from shared.settings import ServiceSettings
from shared.stores import Store
from shared.web import auth, deliveries, health, metrics, operations, payloads
from shared.web.blueprint import Blueprint
from shared.web.bounds import bound_requests, shield
from shared.web.concurrency_limits import Turns
from shared.web.customer_link import LinkSerial, link_serial_heard
from shared.web.descriptions import NOTHING_OWN, Glossary, plugin
from shared.web.documentation import serve_documentation
from shared.web.glossary import GLOSSARY
from shared.web.idempotency import LONGEST_KEY
from shared.web.paths import accept_paths
from shared.web.problems import MEDIA_TYPE, ProblemSchema, tell_problems
from shared.web.rate_limits import limit_requests
from shared.web.request_log import log_requests

LARGEST_BODY = 1 << 20

ABOUT = """\
Send a bearer token; each operation names the scopes that it must carry. Errors are problems (RFC 9457) that
name the `reason`, and each wrong field; 429 and 503 say with `Retry-After` how long to wait. Lists come in
pages: ask for the next with `cursor`.

- **Money** (`…_minor`) is a whole number of minor units of its currency, as ISO 4217 counts decimals: 1250 is
  12.50 EUR, and 1250 JPY. The currency is the order's or the market's, unless `currency` stands beside it.
- **Rates** (`…_basis_points`) are hundredths of a per cent: 2000 is 20 %.
- **Times** (`…_at`) are RFC 3339. Answers give them in UTC; requests may use any offset. **Days** (`…_on`)
  are ISO 8601, in the time zone of the order's market unless said otherwise.
- **Quantities** count sales units, as the customer buys them; **units** count stock-keeping units, as the
  warehouse does. A line's `sales_coefficient` is how many of these one sales unit has.
- **People** (`…_by`, `actor`) are named by the subject of the token they acted with; where a service acted by
  itself, it is named.
- **Versions**: `version` grows with each change of a resource, and the ETag begins with it. Send either as
  `If-Match`, and nothing is changed (412) if there is a newer one.
- **Repeats**: send a request again under its `Idempotency-Key` whenever you did not hear the answer; it is
  not done twice.
- **Empty** texts are `""`; a property is null only where its description says what that means.
- **Enums** may gain values: treat one that you do not know as "other".
"""
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the issuer that this Waybill trusts. Its scopes say what it may do; its"
        " `sellers` and `markets`, for whom.",
    },
    "customer": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "From the link that the customer was sent; it opens one order.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": (
            "Made over id, timestamp and body with the secret that sender and Waybill share (Standard"
            " Webhooks)."
        ),
    },
}
HEADERS = {
    "Idempotency-Key": {
        "schema": {"type": "string", "maxLength": LONGEST_KEY},
        "description": (
            "A key of your choice. The same request sent again under it within 24 hours is not done twice:"
            " the first answer is repeated, with `Idempotency-Replayed: true`. Refused (409) with its reason:"
            " `first_still_under_way`; `idempotency_key_reused`, for a different request."
        ),
    },
    "If-Match": {
        "schema": {"type": "string"},
        "description": (
            "The ETag or version that you decided on. If there is a newer one, nothing is changed (412), and"
            " the answer has the newest state, where the token may read it."
        ),
    },
}


class App(Flask):
    """Flask without the check, several times a request, for asynchronous views: there are none."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function unchanged."""
        return func


class Api(flask_smorest.Api):
    """The OpenAPI document; every operation may respond with a problem."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        problem = {"description": "Any error, as a problem (RFC 9457).", "schema": self.ERROR_SCHEMA}
        prepare_response(problem, self.spec, MEDIA_TYPE)
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, problem, lazy=True)

    def _register_pagination_header(self) -> None:
        """Document none: lists come in pages by cursor."""

    def _register_error_handlers(self) -> None:
        tell_problems(self._app)


def make_app(
    *,
    service: str,
    title: str,
    settings: ServiceSettings,
    sessions: sessionmaker[Session],
    messaging: Messaging,
    blueprints: Sequence[Blueprint],
    glossary: Glossary = NOTHING_OWN,
    link_serial: LinkSerial = link_serial_heard,
    largest_body: int = LARGEST_BODY,
    store: Store | None = None,
) -> Flask:
    """The WSGI application of a service; refuses to start with a route whose access isn't declared."""
    logging.configure(service, settings.log_level)
    fault_points.configure(settings.crash_points)
    app = App(service, static_folder=None)
    app.json = payloads.Provider(app)
    app.config.update(API_TITLE=title, API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    if proxies := settings.trusted_proxies:
        # The nearest one says under which prefix it has the service; each adds whom it was called by.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0, x_prefix=1)  # type: ignore[method-assign]
    app.extensions["sessions"] = sessions
    app.extensions["messaging"] = messaging
    app.extensions["settings"] = settings
    app.extensions["link_serial"] = link_serial
    app.extensions["store"] = store

    log_requests(app)
    bound_requests(app, largest_body)
    auth.guard(app, settings.jwks, settings.token_issuer)
    limit_requests(app, service, settings)
    app.extensions["turns"] = Turns()
    accept_paths(app)
    glossary = GLOSSARY | glossary
    about = {"description": ABOUT}
    api = Api(app, spec_kwargs={"info": about, "marshmallow_plugin": plugin(glossary)})
    components = api.spec.components
    for name, scheme in SECURITY_SCHEMES.items():
        components.security_scheme(name, scheme)
    for name, header in HEADERS.items():
        components.parameter(name, "header", {"name": name} | header)
    for blueprint in (*blueprints, operations.blueprint):
        if not isinstance(blueprint, Blueprint):
            raise TypeError(f"{blueprint.name} is no shared.web.blueprint.Blueprint, which commands need")
        api.register_blueprint(blueprint)
    serve_documentation(app, api.spec, glossary)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(deliveries.blueprint)
    auth.refuse_unguarded(app)
    shield(app, settings.cors_origins, settings.hsts_seconds)
    return app
