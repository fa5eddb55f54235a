"""The four APIs under the console's own origin, on one machine, where no gateway stands before both."""

from typing import Any

from werkzeug.middleware.http_proxy import ProxyMiddleware

from services.console.apis import SERVICES
from services.console.settings import Settings

# Of each API no more than what is meant for outside, as deploy/gateway has it.
FOLDERS = ("v1", "docs", "health")
FILES = ("docs", "openapi.json")
PATIENCE_SECONDS = 120


def with_apis(console: Any, settings: Settings) -> Any:
    """The console's WSGI application, with each API under its name."""
    known = {
        service: {
            "remove_prefix": True,
            "headers": {"X-Forwarded-Prefix": f"/{service}"},
            "ssl_context": None,
        }
        for service in SERVICES
    }
    proxy = ProxyMiddleware(
        console,
        {
            f"/{service}/{folder}/": options | {"target": f"{settings.service_url(service)}/{folder}"}
            for service, options in known.items()
            for folder in FOLDERS
        },
        timeout=PATIENCE_SECONDS,
    )

    def serve(environ: Any, start_response: Any) -> Any:
        _, service, name = [*environ["PATH_INFO"].split("/", 2), "", ""][:3]
        if service in SERVICES:
            environ["HTTP_X_FORWARDED_FOR"] = environ["REMOTE_ADDR"]  # whatever a caller made up
            if name in FILES:
                target = {"target": settings.service_url(service), "host": "<auto>"}
                one = proxy.proxy_to(known[service] | target, environ["PATH_INFO"], f"/{service}")
                return one(environ, start_response)
        return proxy(environ, start_response)

    return serve
