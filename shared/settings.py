"""Settings from the environment; nothing else reads it."""

import logging
import math
import os
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints


class SettingsError(SystemExit):
    """Settings are missing or invalid, one per line; the process exits with this text."""


def only(*processes: str, default: Any = "", is_optional: bool = False) -> Any:
    """A secret given only to these kinds of process.

    The kinds are api (whatever answers HTTP), worker, agent, rendering and webhooks.
    """
    return field(default=default, metadata={"only": frozenset(processes), "is_optional": is_optional})


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """Settings of every process that answers HTTP; a field's environment variable is its name in capitals."""

    broker_url: str = only("api", "worker", "agent", "rendering", "webhooks")
    orders_url: str
    shipping_url: str
    documents_url: str
    notifications_url: str
    public_url: str = ""  # of the gateway, which has each service under its name; empty: there is none
    trusted_proxies: int = 0  # how many of ours stand before it: what they say of the caller is believed
    log_level: str = "INFO"
    hsts_seconds: int = 0  # for how long browsers are to use https alone; 0: as they like

    def faults(self) -> Iterator[str]:
        """Invalid values, by variable."""
        if self.broker_url and not self.broker_url.startswith(("redis", "sentinel")):
            yield "BROKER_URL should begin with redis://"
        for name in ("orders_url", "shipping_url", "documents_url", "notifications_url", "public_url"):
            address: str = getattr(self, name)
            if address and not address.startswith(("http://", "https://")):
                yield f"{name.upper()} should begin with http:// or https://"
        if self.log_level not in logging.getLevelNamesMapping():
            yield "LOG_LEVEL should be DEBUG, INFO, WARNING, ERROR or CRITICAL"

    def service_url(self, service: str) -> str:
        """The base URL of a service's API."""
        address: str = getattr(self, f"{service}_url")
        return address


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(ProcessSettings):
    """Settings of every service with a database."""

    database_url: str
    jwks: str  # the key set that tokens are checked against, its file, or its address
    token_issuer: str  # whose tokens are accepted: their claim `iss`, to the letter
    # This service's own, or its file, for calls to the others' /internal and documents.
    service_token: str = only("api", "agent")
    customer_link_keys: tuple[str, ...] = only("api", default=())  # newest first; the older still open links
    # This service's own, newest first, with which it seals what it tells; and everybody's, as service=key.
    message_keys: tuple[str, ...] = only("worker", "agent", default=())
    message_public_keys: tuple[str, ...] = only("worker", "agent", default=())
    pool_size: int = 5
    pull_grace_seconds: float = 3  # how long a pushed delivery may stay unacknowledged before it is pulled
    retry_base_seconds: float = 1  # the first wait after a failed handler or job; doubles each time
    retry_cap_seconds: float = 300
    canary_seconds: float = 30
    canary_deadline_seconds: float = 90
    job_resend_seconds: float = 10  # a job sent to a worker and not begun by then is sent again
    metrics_host: str = "127.0.0.1"  # where workers and agents answer Prometheus; APIs do where they listen
    metrics_port: int = 0  # 0: nowhere
    requests_per_minute: int = 12000  # of one bearer, at one service; 0: as many as they like; likewise
    link_requests_per_minute: int = 120  # of one customer's link
    uploads_per_minute: int = 60  # files of one sender
    refusals_per_minute: int = 120  # tries without a good token, link or signature, of one address
    cors_origins: tuple[
        str, ...
    ] = ()  # whose pages may use the API from a browser, as in https://shop.example
    crash_points: str = ""  # chaos only: "after_commit=0.01,…", the share of passes that end the process

    def faults(self) -> Iterator[str]:
        """Invalid values, by variable."""
        yield from super().faults()
        if not self.database_url.startswith("postgresql"):
            yield "DATABASE_URL should begin with postgresql+psycopg://"
        if self.canary_deadline_seconds <= self.canary_seconds:
            yield "CANARY_DEADLINE_SECONDS should be above CANARY_SECONDS, or every worker keeps restarting"
        if self.retry_cap_seconds < self.retry_base_seconds:
            yield "RETRY_CAP_SECONDS should not be below RETRY_BASE_SECONDS"

    def customer_page(self, service: str, page: str) -> str:
        """The URL of a service's page for customers; the link token has yet to be added."""
        address = f"{self.public_url}/{service}" if self.public_url else self.service_url(service)
        return f"{address}/v1/customer/{page}"


S = TypeVar("S", bound=ProcessSettings)


def read(kind: type[S], environment: Mapping[str, str] | None = None, *, process: str = "") -> S:
    """Read a process's settings; raises SettingsError naming missing or invalid variables.

    Of the secrets those of its kind must be there. A command line is of no kind, and does what it can with
    what it is told.
    """
    environment = os.environ if environment is None else environment
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for known in fields(kind):
        name = known.name.upper()
        text = environment.get(name)
        if not text:  # what hands variables on may hand on empty ones where there is none
            if known.default is MISSING or is_needed(known, process):
                faults.append(f"{name} is not set")
            continue
        try:
            values[known.name] = _parsed(text, types[known.name])
            if not values[known.name] and is_needed(known, process):
                faults.append(f"{name} is not set")  # commas alone
        except ValueError:
            faults.append(f"{name} should be a number of 0 or more, but is {text!r}")
    if not faults:
        settings = kind(**values)
        faults = list(settings.faults())
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def is_told(field: Field[Any], process: str) -> bool:
    """Whether a kind of process is given a setting."""
    return process in field.metadata.get("only", {process})


def is_needed(field: Field[Any], process: str) -> bool:
    """Whether a kind of process requires a secret."""
    return process in field.metadata.get("only", ()) and not field.metadata["is_optional"]


def bearer(told: str) -> str:
    """A token given directly, or the current content of the file it is a path to."""
    return Path(told).read_text().strip() if "/" in told else told  # which no token has


def is_webhook_secret(text: str) -> bool:
    """Whether a text is a secret in the Standard Webhooks format."""
    prefix, _, encoded = text.partition("_")
    try:
        return prefix == "whsec" and bool(b64decode(encoded, validate=True))
    except ValueError:
        return False


def metrics_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """The folder where the processes of one API or worker combine their metrics; None for a single process.

    Apart from the other settings, for metrics are made when modules are imported. The name is the library's.
    """
    folder = (os.environ if environment is None else environment).get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def _parsed(text: str, kind: object) -> object:
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind in {int, float}:
        number = kind(text)
        if not 0 <= number < math.inf:
            raise ValueError(number)
        return number
    return text
