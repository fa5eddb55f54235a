"""The services' processes and their environments."""

import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.keys import ISSUER, Keys
from deploy.local.people import write_people
from deploy.local.processes import Process
from deploy.local.servers import Servers
from deploy.local.settings import SECRETS, Settings
from shared.settings import is_told

# The Celery worker processes: the module, the first half of the node's name, the queues.
WORKERS = {
    **{
        f"{service}.worker": (f"services.{service}.worker", service, f"{service}.events,{service}.jobs")
        for service in SERVICES
    },
    "documents.rendering": ("services.documents.rendering_worker", "rendering", "documents.rendering"),
    "notifications.webhooks": ("services.notifications.webhook_worker", "webhooks", "notifications.webhooks"),
}

# Tasks with the order's number (as `kwargs`); so many tasks, and dead workers for so long, as one looks back.
FLOWER = (
    "--tasks_columns=name,kwargs,state,received,runtime,worker",
    "--max_tasks=20000",
    "--purge_offline_workers=3600",
)

FLOWER_NAME = "operator"

# The folder of what the processes need for a moment; what a killed one left there goes with the next start.
TEMPORARY = "temporary"


def service_url(settings: Settings, service: str) -> str:
    """The base address of a service's API."""
    return f"http://{settings.host}:{settings.ports[service]}"


def service_processes(settings: Settings, keys: Keys, servers: Servers) -> dict[str, Process]:
    """The processes by name, in start order; each gets only the secrets it needs."""
    environments = service_environments(settings, keys, servers)
    commands = {
        **{
            f"{service}.api": _api(service, settings.host, settings.ports[service])
            for service in (*SERVICES, "console")
        },
        **{name: _worker(*words) for name, words in WORKERS.items()},
        **{f"{service}.agent": ["-m", f"services.{service}.agent"] for service in SERVICES},
    }
    processes = {
        name: _process(settings, name, command, _told(environments, name) | _metrics(settings, name))
        for name, command in commands.items()
    }
    processes["flower"] = _process(
        settings,
        "flower",
        [
            "-m",
            "celery",
            "flower",
            f"--address={settings.host}",
            f"--port={settings.ports['flower']}",
            *FLOWER,
        ],
        # Not as an argument: those of a process are there for everybody to read.
        _machine(settings, servers)
        | {
            "CELERY_BROKER_URL": servers.broker_url_of("flower"),
            "CELERY_CONFIG_MODULE": "deploy.flower",
            "FLOWER_BASIC_AUTH": f"{FLOWER_NAME}:{keys.page_key}",
        },
    )
    return processes


def migrations(settings: Settings, keys: Keys, servers: Servers) -> list[Process]:
    """The short-lived processes that migrate the services' databases."""
    environments = service_environments(settings, keys, servers)
    return [
        _process(
            settings,
            f"{service}.migrate",
            ["-m", f"services.{service}.cli", "migrate"],
            _told(environments, f"{service}.migrate"),
        )
        for service in SERVICES
    ]


def service_environments(settings: Settings, keys: Keys, servers: Servers) -> dict[str, dict[str, str]]:
    """The full environment of each service, for its operator; its processes get less."""
    addresses = {f"{service.upper()}_URL": service_url(settings, service) for service in SERVICES}
    console = {
        "BROKER_URL": servers.broker_url_of("console"),
        # Without its login: pages hold no key, and the printed address has it.
        "FLOWER_URL": f"http://{settings.host}:{settings.ports['flower']}",
        # Whoever comes to the console of one machine may be any of these people.
        "LOCAL_KEY": keys.page_key,
        "LOCAL_PEOPLE": str(write_people(settings.folder / "keys" / "people.json", keys)),
        **settings.services,
    }
    shared = (
        _machine(settings, servers)
        | addresses
        | {
            "JWKS": str(keys.jwks_file),
            "TOKEN_ISSUER": ISSUER,
            "CUSTOMER_LINK_KEYS": keys.customer_link_keys,
            "MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES),
            "TRUSTED_PROXIES": "1",  # the console, which has the APIs under its own address too
            **settings.services,
        }
    )
    environments = {
        service: shared
        | {
            "DATABASE_URL": servers.database_url(service),
            "BROKER_URL": servers.broker_url_of(service),
            "SERVICE_TOKEN": str(keys.service_token_file(service)),
            "MESSAGE_KEYS": keys.message_keys(service),
        }
        for service in SERVICES
    }
    environments["orders"]["GATEWAY_SECRET"] = keys.gateway_secret
    for name, secret in settings.secrets.items():
        environments[SECRETS[name]][name] = secret
    environments["documents"]["DOCUMENTS_STORE"] = (
        settings.services.get("DOCUMENTS_STORE") or _folder(settings, "documents").as_uri()
    )
    environments["notifications"] |= {
        "WEBHOOK_KEYS": keys.webhook_keys,
        "WEBHOOKS_LOCAL": settings.services.get(
            "WEBHOOKS_LOCAL", "1"
        ),  # programs that are tried on this machine
        "SMTP_URL": servers.smtp_url,
        "MAIL_FROM": settings.services.get("MAIL_FROM", "Waybill <orders@waybill.example>"),
    }
    return environments | {"console": _machine(settings, servers) | addresses | console}


def _told(environments: Mapping[str, Mapping[str, str]], process: str) -> dict[str, str]:
    """The environment of one process; the service's settings say who needs which secret."""
    service, _, kind = process.partition(".")
    known = fields(import_module(f"services.{service}.settings").Settings)
    kept_from_it = {field.name.upper() for field in known if not is_told(field, kind)}
    return {name: value for name, value in environments[service].items() if name not in kept_from_it}


def _machine(settings: Settings, servers: Servers) -> dict[str, str]:
    """Environment variables about this machine, for all our programs."""
    postgres = [str(servers.postgres.binaries)] if servers.postgres else []  # pg_dump and its like
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), *postgres, settings.inherited.get("PATH", os.defpath)]
    )
    return {
        # Where macOS is to look for Homebrew's Pango; other systems know where their libraries are.
        "DYLD_FALLBACK_LIBRARY_PATH": "/opt/homebrew/lib:/usr/local/lib:/usr/lib",
        **settings.inherited,
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        # glibc gives each thread a heap of its own, and keeps what the thread once used.
        "MALLOC_ARENA_MAX": "2",
        # Nothing of ours belongs into the user's home or among other programs' files.
        "XDG_CACHE_HOME": str(_folder(settings, "cache")),
        "TMPDIR": str(_folder(settings, TEMPORARY)),
    }


def metrics_url(settings: Settings, process: str) -> str:
    """Where a process of a service serves its metrics."""
    service, _, kind = process.partition(".")
    return f"http://{settings.host}:{settings.ports[service if kind == 'api' else process]}/metrics"


def _metrics(settings: Settings, process: str) -> dict[str, str]:
    """Where a process serves metrics, and the folder it shares for them with its children."""
    kind = process.partition(".")[2]
    port = (
        {} if kind == "api" else {"METRICS_HOST": settings.host, "METRICS_PORT": str(settings.ports[process])}
    )
    # Emptied at each start of the stack: what is started again within it counts on.
    folder = settings.folder / TEMPORARY / "metrics" / process
    return port | ({} if kind == "agent" else {"PROMETHEUS_MULTIPROC_DIR": str(folder)})


def _api(service: str, host: str, port: int) -> list[str]:
    interface = ["--interface", "wsgi", "--host", host, "--port", str(port), "--workers", "1"]
    # As many requests at once as there are connections to the database. No `--backpressure`: it counts
    # connections, so a few clients that keep theirs open would lock everybody else out.
    threads = ["--blocking-threads", "8"]
    # Headers beyond this are not even read; what the services refuse themselves is in shared/web/bounds.py.
    bounds = ["--http1-buffer-size", str(64 << 10)]
    return ["-m", "granian", *interface, *threads, *bounds, "--factory", f"services.{service}.app:create_app"]


def _worker(module: str, node: str, queues: str) -> list[str]:
    pool = ["-P", "prefork", "-c", "2", "--without-gossip", "--without-mingle"]
    return ["-m", "celery", "-A", module, "worker", *pool, "-n", f"{node}@%h", "-Q", queues]


def _process(settings: Settings, name: str, arguments: list[str], environment: Mapping[str, str]) -> Process:
    return Process(
        name,
        [sys.executable, *arguments],
        log=settings.folder / "logs" / f"{name}.log",
        folder=settings.code,
        environment=environment,
    )


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.folder / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
