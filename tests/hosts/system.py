"""Waybill over three hosts: two that each have every process of every service, and one with the servers."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local.addresses import Addresses
from deploy.local.databases import SERVICES
from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.preconditions import own_folder
from deploy.local.processes import stop_all
from deploy.local.servers import Servers
from deploy.local.settings import ROOT, SECRETS, Settings
from deploy.local.stack import STOP_SERVERS_SECONDS, STOP_SERVICES_SECONDS, Stack, migrate_databases, remove
from tests.chaos.invariants import in_folder
from tests.hosts.network import GATE, Network
from tests.object_store import ObjectStore, object_store

HOSTS = ("a", "b")
SERVERS = "servers"
PREFIX = "papers"
SETTINGS = {"LOG_LEVEL": "WARNING"}


class System:
    """Three hosts of a network; to who looks at what became of it, a stack like any other."""

    def __init__(self, folder: Path, network: Network, code: Path, store: ObjectStore | None) -> None:
        self.network = network
        self.code = code
        self.alive = list(HOSTS)
        self.folder = folder
        self._store = store
        self._papers = folder / "papers"
        self.settings = Settings(folder=folder / SERVERS, host=network.addresses[SERVERS])
        self.keys = Keys(self.settings.folder / "keys")
        self.keys.message_public_keys(SERVICES)  # made now, for both hosts
        self.servers = Servers(self.settings, self.keys)
        self.hosts: dict[str, Stack] = {}

    @property
    def processes(self):
        """Those of a host that lives."""
        return self.hosts[self.alive[0]].processes

    @property
    def addresses(self) -> Addresses:
        """The way in by the gate, which alone knows a host's address."""
        return Addresses(
            services={service: f"http://{service}" for service in SERVICES},
            token=self.keys.token("operator", scopes=ALL_SCOPES),
            gateway_secret=self.keys.gateway_secret,
            mail_page=None,
            mail_folder=self.servers.mail.mailbox.folder,
        )

    def start_host(self, host: str) -> None:
        """Start an application host, as `make up` does with servers of one's own and the same keys."""
        folder = self.folder / host
        shutil.copytree(self.keys.folder, folder / "keys")
        shutil.copy(self.servers.postgres.folder / "passwords.json", folder / "keys")
        papers = self._place_of_papers()
        settings = Settings(
            folder=folder,
            host=self.network.addresses[host],
            code=self.code,
            postgres_url=self.servers.admin_url,
            broker_url=self.servers.broker_url,
            smtp_url=self.servers.smtp_url,
            services=SETTINGS | {name: value for name, value in papers.items() if name not in SECRETS},
            secrets={name: value for name, value in papers.items() if name in SECRETS},
        )
        with self.network.inside(host):
            self.hosts[host] = Stack(settings)
            give_code(self.hosts[host], self.code)
            self.hosts[host].start()

    def stored(self, digest: str) -> bytes:
        """The bytes of a paper, from where all hosts keep them."""
        if self._store is None:
            return in_folder(self._papers)(digest)
        return self._store.get(f"{PREFIX}/{digest[:2]}/{digest}")

    def spoil(self, digest: str) -> None:
        """Replace the bytes of a paper by others, behind everybody's back."""
        if self._store is None:
            (self._papers / digest[:2] / digest).write_bytes(b"other")
        else:
            self._store.put(f"{PREFIX}/{digest[:2]}/{digest}", b"other")

    def keep_logs(self) -> str:
        """Copy all that processes said to a folder that stays; answers which."""
        kept = tempfile.mkdtemp(prefix="waybill-logs-")
        for host in (*HOSTS, SERVERS):
            shutil.copytree(self.folder / host / "logs", Path(kept) / host)
        return kept

    def migrate(self, code: Path) -> None:
        """Bring the databases to the shape of a release, while the one before runs."""
        settings = self.hosts[self.alive[0]].settings
        with self.network.inside(self.alive[0]):
            migrate_databases(replace(settings, code=code))

    def roll(self, host: str, code: Path) -> None:
        """Stop a host's processes as a deployment does, and start those of a release in their place."""
        stack = self.hosts[host]
        stack.supervisor.release(stack.processes)
        stop_all(stack.processes.values(), STOP_SERVICES_SECONDS)
        with self.network.inside(host):
            give_code(stack, code)
            for process in stack.processes.values():
                stack.supervisor.keep(process)
            stack.wait_until_healthy()

    def kill(self, host: str) -> None:
        """End a host as a power failure does: nobody hears that its connections are gone."""
        stack = self.hosts[host]
        self.network.pull_out(host)
        stack.supervisor.release(stack.processes)
        for process in stack.processes.values():
            process.kill()
        self.alive.remove(host)

    def _place_of_papers(self) -> dict[str, str]:
        """What documents' processes are told of it, under this release's names and the one before's."""
        if self._store is None:
            return {"DOCUMENTS_STORE": self._papers.as_uri(), "DOCUMENTS_FOLDER": str(self._papers)}
        return {name.upper(): value for name, value in self._store.settings(prefix=PREFIX).items()}


# What a release calls the modules of its Celery workers, of which alone the names may change.
SAY_WORKERS = """
import json
from deploy.local.service_processes import WORKERS
print(json.dumps({name: words[0] for name, words in WORKERS.items()}))
"""


def give_code(stack: Stack, code: Path) -> None:
    """Have a host's processes run a release's code when they are started next."""
    said = subprocess.run([sys.executable, "-c", SAY_WORKERS], cwd=code, check=True, capture_output=True)
    for name, process in stack.processes.items():
        process.folder = code
        if module := json.loads(said.stdout).get(name):
            process.command[process.command.index("-A") + 1] = module


@contextmanager
def three_hosts(code: Path = ROOT, *, shares_a_disk: bool = False) -> Iterator[System]:
    """A system that runs the code of a release; this thread is at its gate meanwhile. All is gone afterwards.

    Papers are in an object store, or on a disk that all hosts have, as releases need it that know no other.
    """
    folder = Path(tempfile.mkdtemp(prefix="waybill-"))
    folder.chmod(0o711)  # so that as root PostgreSQL's user may reach its own folder in it
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder)
        network = cleanup.enter_context(Network(*HOSTS, SERVERS))
        cleanup.enter_context(network.inside(GATE))
        cleanup.callback(remove, folder / SERVERS)
        cleanup.enter_context(own_folder(folder / SERVERS))
        with network.inside(SERVERS):
            store = None if shares_a_disk else cleanup.enter_context(object_store(network.addresses[SERVERS]))
            system = System(folder, network, code, store)
            cleanup.callback(stop_all, system.servers.processes(), STOP_SERVERS_SECONDS)
            system.servers.start()
        for host in HOSTS:
            system.start_host(host)
            cleanup.callback(system.hosts[host].stop)
        yield system
