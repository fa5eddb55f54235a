"""Incoming calls authenticated by a signature instead of a token, following Standard Webhooks."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from flask import current_app, g, request
from standardwebhooks import Webhook, WebhookVerificationError

from shared.access import system
from shared.web.auth import refuse_access
from shared.web.blueprint import View

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
# No dot: it parts the id from what else is signed.
ID = re.compile(r"[A-Za-z0-9_:-]{1,300}")


def _verify(body: bytes, headers: dict[str, str], secrets: tuple[str, ...]) -> None:
    if not secrets:
        raise WebhookVerificationError("no sender of this name is configured")
    for secret in secrets[:-1]:
        with suppress(WebhookVerificationError):
            Webhook(secret).verify(body, headers, json_parse=False)
            return
    Webhook(secrets[-1]).verify(body, headers, json_parse=False)


def signed(caller: str, secrets_of: Callable[[Any], tuple[str, ...]]) -> Callable[[View], View]:
    """Allow calls with a recent, valid signature of id, timestamp and body.

    `secrets_of` is handed the settings and answers the caller's `whsec_…`, of which any will do: while one is
    changed there are two. None where there is no such caller.
    """

    def admit() -> None:
        headers = {name: request.headers.get(name, "") for name in HEADERS}
        try:
            if not ID.fullmatch(headers["webhook-id"]):
                raise WebhookVerificationError("webhook-id is not a valid id")  # noqa: TRY301 - one way to refuse
            _verify(request.get_data(cache=True), headers, secrets_of(current_app.extensions["settings"]))
        except (WebhookVerificationError, ValueError) as error:
            refuse_access(401, f"the signature is not accepted: {error}", "Webhook-Signature")
        # Each has an address of its own, and nothing in common with others of its kind.
        g.actor = replace(system(caller), issuer=request.path)

    def mark(view: View) -> View:
        marked: Any = view
        marked.admit = admit
        document = getattr(view, "_apidoc", {})
        manual = document.get("manual_doc", {})
        parameters = [
            {
                "in": "header",
                "name": name,
                "required": True,
                "schema": {"type": "string"}
                | ({"pattern": f"^{ID.pattern}$"} if name == HEADERS[0] else {"maxLength": 300}),
            }
            for name in HEADERS
        ]
        marked._apidoc = document | {  # noqa: SLF001 - where flask-smorest keeps what it documents
            "manual_doc": manual
            | {
                "parameters": [*manual.get("parameters", []), *parameters],
                "security": [{"signature": []}],
            }
        }
        return view

    return mark
