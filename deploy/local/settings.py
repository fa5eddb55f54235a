"""Settings of the one-machine stack, from the environment and the project's `.env` file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.ports import HOST, free_port

ROOT = Path(__file__).parents[2]

PORTS = {
    "console": 8100,  # and the four APIs under their names, as behind the gateway of docker-compose.yml
    "orders": 8101,
    "shipping": 8102,
    "documents": 8103,
    "notifications": 8104,
    "flower": 8105,
    "mail": 8106,
    "smtp": 8025,
    "postgres": 8132,
    "valkey": 8179,
    # Where processes that are no APIs tell Prometheus what they count.
    "orders.worker": 8111,
    "shipping.worker": 8112,
    "documents.worker": 8113,
    "notifications.worker": 8114,
    "documents.rendering": 8115,
    "notifications.webhooks": 8116,
    "orders.agent": 8121,
    "shipping.agent": 8122,
    "documents.agent": 8123,
    "notifications.agent": 8124,
}

# Handed to the services as they are; what each means stands in shared/settings.py.
TUNING = (
    "CANARY_DEADLINE_SECONDS",
    "CANARY_SECONDS",
    "CORS_ORIGINS",
    "CUSTOMER_LINK_DAYS",
    "DIGEST_HOUR",
    "DOCUMENTS_STORE",
    "FEED_DAYS",
    "GATEWAY_URL",
    "HSTS_SECONDS",
    "JOB_RESEND_SECONDS",
    "LINK_REQUESTS_PER_MINUTE",
    "LOG_LEVEL",
    "MAIL_FROM",
    "MAIL_RETRY_CAP_SECONDS",
    "MERGE_SECONDS",
    "POOL_SIZE",
    "PUBLIC_URL",
    "PULL_GRACE_SECONDS",
    "REFUSALS_PER_MINUTE",
    "REPLY_HOURS",
    "REQUESTS_PER_MINUTE",
    "RETRY_BASE_SECONDS",
    "RETRY_CAP_SECONDS",
    "STORE_ENDPOINT",
    "STORE_REGION",
    "TRUSTED_PROXIES",
    "UPLOADS_PER_MINUTE",
    "WEBHOOKS_LOCAL",
    "WEBHOOKS_PER_SELLER",
    "WEBHOOK_DAYS",
)

# Each handed only to the service that it concerns.
SECRETS = {
    "GATEWAY_SECRET": "orders",
    "CARRIER_SECRETS": "shipping",
    "STORE_KEY_ID": "documents",
    "STORE_SECRET": "documents",
}

# What a process needs of the terminal's environment; the rest is none of its business.
INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "USER",
)


class SettingsError(Exception):
    """A setting is invalid; names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A stack's folder and ports, and any external servers to use."""

    folder: Path
    host: str = HOST  # the address of this machine that its processes listen at
    code: Path = ROOT  # of the release whose services are started
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))
    postgres_url: str | None = None  # of a role that may create roles and databases
    broker_url: str | None = None
    smtp_url: str | None = None
    services: Mapping[str, str] = field(default_factory=dict)  # more environment for every service
    secrets: Mapping[str, str] = field(default_factory=dict)  # and for the one that SECRETS names
    inherited: Mapping[str, str] = field(default_factory=lambda: inherited(os.environ))


def read(environment: Mapping[str, str] | None = None, file: Path = ROOT / ".env") -> Settings:
    """This machine's settings; the environment takes precedence over the file."""
    given = os.environ if environment is None else environment
    values = (parsed(file.read_text()) if file.exists() else {}) | dict(given)
    return Settings(
        folder=ROOT / (values.get("WAYBILL_FOLDER") or ".data"),
        ports={name: _port(variable(name), values, default) for name, default in PORTS.items()},
        postgres_url=values.get("WAYBILL_POSTGRES_URL") or None,
        broker_url=values.get("WAYBILL_BROKER_URL") or None,
        smtp_url=values.get("WAYBILL_SMTP_URL") or None,
        services={name: values[name] for name in TUNING if name in values},
        secrets={name: values[name] for name in SECRETS if values.get(name)},
        inherited=inherited(given),
    )


def variable(port: str) -> str:
    """The environment variable for a port."""
    return f"WAYBILL_{port.upper().replace('.', '_')}_PORT"


def free_ports() -> dict[str, int]:
    """Free ports for a stack beside others, for tests and benchmarks."""
    return {name: free_port() for name in PORTS}


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that the stack's processes inherit."""
    return {name: environment[name] for name in INHERITED if name in environment}


def parsed(text: str) -> dict[str, str]:
    """Parse `NAME=value` lines; values may be quoted, and # begins a comment line."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            values[name.removeprefix("export ").strip()] = value.strip().strip("\"'")
    return values


def _port(name: str, values: Mapping[str, str], default: int) -> int:
    text = values.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 # what TCP has
        raise SettingsError(f"{name} should be a port from 1 to 65535, and is {text!r}.")
    return int(text)
