"""The whole system on one machine: to be started, observed, broken and stopped."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import leftovers
from deploy.local.addresses import Addresses
from deploy.local.databases import SERVICES
from deploy.local.health import wait_until_healthy
from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.postgres import remembered_place
from deploy.local.preconditions import RunningAlreadyError, StackError, check_ports, check_space, own_folder
from deploy.local.processes import Process, stop_all
from deploy.local.servers import Servers
from deploy.local.service_processes import (
    FLOWER_NAME,
    TEMPORARY,
    WORKERS,
    migrations,
    service_environments,
    service_processes,
    service_url,
)
from deploy.local.settings import ROOT, Settings
from deploy.local.supervisor import Supervisor

MIGRATE_SECONDS = 120.0
HEALTHY_SECONDS = 120.0
STOP_SERVICES_SECONDS = 25.0
STOP_SERVERS_SECONDS = 20.0
RENEW_TOKENS_SECONDS = 3600.0


class Stack:
    """One system in a folder, which it owns until `stop`; as a context manager it runs for the block."""

    def __init__(
        self,
        settings: Settings,
        *,
        supervised: bool = True,
        refused_mails: float = 0.0,
        seed: int = 0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.folder = settings.folder
        self._supervised = supervised
        self._tell = tell  # hears what is being done, for people who wait
        self._ownership = own_folder(self.folder)
        self.keys = Keys(self.folder / "keys")
        self.servers = Servers(settings, self.keys, refused_mails=refused_mails, seed=seed)
        self.supervisor = Supervisor(self.folder / "processes.json")
        self._stopped = threading.Event()
        self._renewer = threading.Thread(target=self._renew_tokens, name="tokens", daemon=True)
        self._services = service_processes(settings, self.keys, self.servers)

    @property
    def processes(self) -> Mapping[str, Process]:
        """All processes by name: `orders.agent`, `documents.rendering`, `postgres`, …."""
        return {process.name: process for process in self.servers.processes()} | self._services

    @property
    def addresses(self) -> Addresses:
        """The addresses for driving the system from outside."""
        mail = self.servers.mail
        return Addresses(
            services={service: self.url(service) for service in SERVICES},
            token=self.keys.token("operator", scopes=ALL_SCOPES),
            gateway_secret=self._services["orders.api"].environment["GATEWAY_SECRET"],
            mail_page=mail.page if mail else None,
            mail_folder=mail.mailbox.folder if mail else None,
        )

    @property
    def flower_url(self) -> str:
        """Flower's address, with the login in it."""
        return (
            f"http://{FLOWER_NAME}:{self.keys.page_key}@{self.settings.host}:{self.settings.ports['flower']}"
        )

    @property
    def console_url(self) -> str:
        """The console's address; the APIs are also there, under their names."""
        return f"http://{self.settings.host}:{self.settings.ports['console']}"

    @property
    def console_page(self) -> str:
        """The console's start page, with the key for logging in."""
        return f"{self.console_url}/login?key={self.keys.page_key}"

    def url(self, service: str) -> str:
        """The base address of a service's API."""
        return service_url(self.settings, service)

    def token(
        self,
        *scopes: str,
        sellers: Sequence[str] = ("*",),
        markets: Sequence[str] = ("*",),
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """A bearer token; without scopes, one for everything."""
        return self.keys.token(
            "operator", scopes=scopes or ALL_SCOPES, sellers=sellers, markets=markets, lifetime=lifetime
        )

    def start(self) -> None:
        """Start everything and return once all is healthy; stop it all again if that fails."""
        try:
            check_space(self.folder)
            leftovers.sweep(self.supervisor.record)
            _empty(self.folder / TEMPORARY)
            check_ports(self.settings.ports, sorted(self._ports()), self.settings.host)
            self._tell("Starting the servers")
            self.servers.start()
            if self._supervised:
                for process in self.servers.processes():
                    self.supervisor.keep(process)
            self._tell("Bringing the databases up to date")
            _migrate(self.settings, self.keys, self.servers)
            self._renewer.start()
            self._tell("Starting the services")
            for process in self._services.values():
                if self._supervised:
                    self.supervisor.keep(process)
                else:
                    process.start()
            self.wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def _renew_tokens(self) -> None:
        """Renew the services' tokens long before they expire."""
        while not self._stopped.wait(RENEW_TOKENS_SECONDS):
            for service in SERVICES:
                self.keys.service_token_file(service)

    def _ports(self) -> set[str]:
        """The names of all ports this stack will listen on."""
        return self.servers.ports() | (set(self.settings.ports) & {*SERVICES, *self._services})

    def wait_until_healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        """Wait until every API is ready, every worker listening and every process alive.

        Raises StackError, naming who is not, at the deadline.
        """
        addresses = {f"{service}.api": f"{self.url(service)}/health/ready" for service in SERVICES}
        addresses["console.api"] = f"{self.console_url}/health/ready"
        addresses["flower"] = f"{self.flower_url}/healthcheck"
        missing = wait_until_healthy(
            addresses,
            {name: (self._services[name], queues.split(",")) for name, (_, _, queues) in WORKERS.items()},
            self.servers.broker_url,
            deadline=time.monotonic() + seconds,
            tell=lambda awaited: self._tell(f"Waiting for {awaited} processes"),
        )
        missing |= {name for name, process in self._services.items() if not process.is_running()}
        if missing:
            name = min(missing)
            raise StackError(
                f"{', '.join(sorted(missing))} did not become healthy within {seconds:.0f} seconds; "
                f"the end of {self._services[name].log}:\n{self._services[name].last_words()}"
            )

    def stop(self) -> None:
        """Stop everything in order, services before the servers they use."""
        self.supervisor.release(self.processes)
        stop_all(self._services.values(), STOP_SERVICES_SECONDS)
        stop_all(self.servers.processes(), STOP_SERVERS_SECONDS)
        self.supervisor.close()
        self._stopped.set()
        self._ownership.close()

    def stop_process(self, *names: str) -> None:
        """Stop processes, all at once, and keep them stopped."""
        self.supervisor.release(names)
        stop_all([self.processes[name] for name in names], STOP_SERVICES_SECONDS)

    def start_process(self, *names: str) -> None:
        """Restart processes stopped by `stop_process`."""
        for name in names:
            self.supervisor.keep(self.processes[name])

    def kill(self, name: str) -> None:
        """Kill a process without warning; PostgreSQL with all its sessions. The supervisor restarts it."""
        if name == "postgres" and self.servers.postgres:
            self.servers.postgres.kill()
            return
        with suppress(ProcessLookupError):  # it may just have died by itself
            os.kill(self.processes[name].pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)


def migrate_databases(settings: Settings) -> None:
    """Migrate a stack's databases, whether or not it is running."""
    with _servers(settings) as servers:
        _migrate(settings, Keys(settings.folder / "keys"), servers)


def operate(settings: Settings, service: str, words: Sequence[str]) -> int:
    """Run a service's operator command with its settings, at the terminal; returns the exit status."""
    return _operator(settings)(service, *words)


def _operator(settings: Settings) -> Callable[..., int]:
    """A function that runs a service's operator commands; it can be shared by several threads."""
    _refuse_before_the_first_start(settings)
    keys = Keys(settings.folder / "keys")
    environments = service_environments(settings, keys, Servers(settings, keys))

    def operate(service: str, *words: str) -> int:
        command = [sys.executable, "-m", f"services.{service}.cli", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environments[service], check=False, umask=0o077
        ).returncode

    return operate


def back_up(settings: Settings, folder: Path) -> int:
    """Back up all services into a folder, whether or not the stack is running; returns how many failed."""
    _refuse_before_the_first_start(settings)
    with _servers(settings):
        return sum(operate(settings, service, ["backup", str(folder)]) != 0 for service in SERVICES)


def examine(settings: Settings) -> int:
    """Run the doctor for each service of a running stack; returns how many have problems."""
    _refuse_before_the_first_start(settings)
    with suppress(RunningAlreadyError), own_folder(settings.folder):
        raise StackError("Waybill is not running here: start it with make up.")
    with ThreadPoolExecutor() as pool:
        operate = _operator(settings)
        return sum(pool.map(lambda service: operate(service, "doctor") != 0, SERVICES))


def restore(settings: Settings, service: str, backup: Path, *options: str) -> int:
    """Restore a service of a stopped stack from a backup; returns the command's exit status.

    Raises RunningAlreadyError while the stack runs.
    """
    _refuse_before_the_first_start(settings)
    with own_folder(settings.folder):
        pass  # it is stopped
    with _servers(settings):
        return operate(settings, service, ["restore", str(backup), *options])


def _refuse_before_the_first_start(settings: Settings) -> None:
    if not settings.folder.exists():
        raise StackError("Nothing has been started here yet: run make up first.")


@contextmanager
def _servers(settings: Settings) -> Iterator[Servers]:
    """The stack's servers, started just for this block if it is not running."""
    with ExitStack() as cleanup:
        try:
            cleanup.enter_context(own_folder(settings.folder))
            is_ours = True
        except RunningAlreadyError:
            is_ours = False
        servers = Servers(settings, Keys(settings.folder / "keys"))
        if is_ours:
            cleanup.callback(stop_all, servers.processes(), STOP_SERVERS_SECONDS)
            servers.start()
        yield servers


def remove(folder: Path) -> list[Path]:
    """Delete everything that the stack in a folder stores, wherever it is; returns what was deleted.

    Raises RunningAlreadyError while it runs.
    """
    if not folder.exists():
        return []
    with own_folder(folder):
        leftovers.sweep(folder / "processes.json")
        deleted = [place for place in (remembered_place(folder / "postgres"), folder) if place]
        for place in deleted:
            shutil.rmtree(place)
    return deleted


def _migrate(settings: Settings, keys: Keys, servers: Servers) -> None:
    runs = migrations(settings, keys, servers)
    for run in runs:
        run.start()
    try:
        for run in runs:
            run.wait(MIGRATE_SECONDS)
            if run.exit_status != 0:
                raise StackError(f"{run.name} failed; the end of {run.log}:\n{run.last_words()}")
    finally:
        for run in runs:
            run.kill()
