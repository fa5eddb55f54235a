"""A service as its processes have it, made in this one."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from flask import Flask

from deploy.local.databases import SERVICES
from deploy.local.keys import ISSUER, Keys
from shared.messaging.service import Messaging
from shared.settings import ServiceSettings, read

NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True, kw_only=True)
class Made:
    """One service: its application, what it does with events and jobs, what its sessions know."""

    app: Flask
    messaging: Messaging
    settings: ServiceSettings
    session_info: dict[str, Any]


def make(service: str, database_url: str, keys: Keys, more: Mapping[str, str]) -> Made:
    """A service by these settings; whoever uses its own sessions in this process finds them as they were."""
    package = f"services.{service}"
    environment = {
        "BROKER_URL": "redis://127.0.0.1:1/0",
        **{f"{other.upper()}_URL": NOWHERE for other in SERVICES},
        "SERVICE_TOKEN": "unused",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "Waybill <orders@waybill.example>",
        "MERGE_SECONDS": "0",
        "WEBHOOK_KEYS": keys.webhook_keys,
        "JWKS": str(keys.jwks_file),
        "TOKEN_ISSUER": ISSUER,
        "DATABASE_URL": database_url,
        **more,
    }
    settings = read(import_module(f"{package}.settings").Settings, environment)
    messaging: Messaging = import_module(f"{package}.messaging").messaging
    bound = import_module(f"{package}.db").sessions
    before = dict(bound.kw)
    app = import_module(f"{package}.app").create_app(settings)
    info = dict(bound.kw["info"]) | {"settings": settings}
    bound.kw["bind"].dispose()
    bound.kw.clear()
    bound.kw.update(before)
    for module in (
        "consumers",
        "jobs",
        *(["webhook_jobs"] if service == "notifications" else []),
    ):  # which register themselves
        import_module(f"{package}.{module}")
    return Made(app=app, messaging=messaging, settings=settings, session_info=info)
