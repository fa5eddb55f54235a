"""The servers below the services: our own, or external ones from the settings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from deploy.local.databases import SERVICES, database_url, passwords, provision
from deploy.local.keys import Keys
from deploy.local.mail_sink import MailSink
from deploy.local.postgres import Postgres
from deploy.local.processes import Process
from deploy.local.settings import Settings
from deploy.local.valkey import Valkey


class Servers:
    """PostgreSQL, Valkey and the mail sink; None where an external server is used instead."""

    def __init__(self, settings: Settings, keys: Keys, *, refused_mails: float = 0.0, seed: int = 0) -> None:
        folder, ports, logs = settings.folder, settings.ports, settings.folder / "logs"
        host = settings.host
        self.postgres = self.valkey = self.mail = None
        if settings.postgres_url:
            self.admin_url = settings.postgres_url
            self._passwords = passwords(folder / "keys", SERVICES)
        else:
            self.postgres = Postgres(
                folder / "postgres", ports["postgres"], host=host, log=logs / "postgres.log"
            )
            self.admin_url = self.postgres.superuser_url()
            self._passwords = self.postgres.passwords
        if settings.broker_url:
            # Whose users are its owner's matter: here everybody goes by what was named.
            self.broker_url = settings.broker_url
        else:
            self.valkey = Valkey(folder / "valkey", ports["valkey"], host=host, log=logs / "valkey.log")
            self.broker_url = self.valkey.url
        if settings.smtp_url:
            self.smtp_url = settings.smtp_url
        else:
            self.mail = MailSink(
                folder / "mail",
                ports["smtp"],
                ports["mail"],
                host=host,
                page_key=keys.page_key,
                environment=settings.inherited,
                log=logs / "mail.log",
                refused_share=refused_mails,
                seed=seed,
            )
            self.smtp_url = self.mail.smtp_url

    def database_url(self, service: str) -> str:
        """A service's own database URL."""
        return database_url(self.admin_url, service, role=service, password=self._passwords[service])

    def broker_url_of(self, user: str) -> str:
        """The broker URL for a service or Flower."""
        return self.valkey.url_of(user) if self.valkey else self.broker_url

    def ports(self) -> set[str]:
        """The names of the ports used by our own servers."""
        return (
            ({"postgres"} if self.postgres else set())
            | ({"valkey"} if self.valkey else set())
            | ({"smtp", "mail"} if self.mail else set())
        )

    def processes(self) -> list[Process]:
        """Our own servers' processes."""
        return [server.process for server in (self.postgres, self.valkey, self.mail) if server]

    def start(self) -> None:
        """Start our own servers in parallel; return once all answer and every service has its database."""
        own = [server for server in (self.postgres, self.valkey, self.mail) if server]
        starts: list[Callable[[], None]] = [server.start for server in own]
        if self.postgres is None:
            starts.append(self._provision)
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(start) for start in starts]:
                started.result()

    def _provision(self) -> None:
        provision(self.admin_url, {service: self._passwords[service] for service in SERVICES})
