"""Tests docker-compose.yml: build, start, run the main job through the gateway, inspect, remove.

`python -m deploy.containers.prove --help`. It has volumes, ports and secrets of its own, so what runs here
already is left alone. Images are those of docker-compose.yml, or with --stand-ins made of Debian's packages.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import httpx2

from deploy.containers.env_file import write_env_file
from deploy.containers.stand_ins import StandIns
from deploy.local.addresses import Addresses, behind_gateway
from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.ports import HOST, free_port
from deploy.local.settings import ROOT, parsed, read
from deploy.main_job import run as run_main_job
from deploy.main_job.checks import Check
from shared.customer_tokens import make_token

PROJECT = "waybill-proof"
KEPT = "/tmp/kept"  # noqa: S108 - of a container, where there is nobody else
HEALTHY_SECONDS = 240.0
DOORS = ("GATEWAY_ADDRESS", "FLOWER_ADDRESS", "MAILPIT_ADDRESS", "PROMETHEUS_ADDRESS")
# Ways to write a path that end behind a door that is shut.
SHUT = (
    "internal/deliveries",
    "/internal/deliveries",
    "v1/../internal/deliveries",
    "v1/%2e%2e/internal/deliveries",
    "%69nternal/deliveries",
    "docs/..%2finternal/deliveries",
    "INTERNAL/deliveries",
    "metrics",
)
CONNECT = """
import os, psycopg, sys
psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", "").rpartition("/")[0] + "/" + sys.argv[1])
"""
ASK_INSIDE = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1]).status)
except urllib.error.HTTPError as answer:
    print(answer.code)
"""


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The stack under test, under podman or docker."""

    engine: str
    compose_words: Sequence[str]
    env_file: Path

    def compose(self, *words: str) -> None:
        """Run a compose command with output to the terminal; raises if it fails."""
        # Absolute, because podman-compose takes its project's folder from where the file is.
        files = ["--file", str(ROOT / "docker-compose.yml"), "--env-file", str(self.env_file)]
        subprocess.run([*self.compose_words, "--project-name", PROJECT, *files, *words], check=True, cwd=ROOT)

    @cached_property
    def ids(self) -> dict[str, str]:
        """The container ids by service name."""
        label = f"label=com.docker.compose.project={PROJECT}"
        listed = self._ask("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
        return {
            about["Config"]["Labels"]["com.docker.compose.service"]: about["Id"]
            for about in json.loads(self._ask("inspect", *listed))
        }

    def about(self, service: str) -> dict[str, Any]:
        """What the container engine reports about a container."""
        [about] = json.loads(self._ask("inspect", self.ids[service]))
        known: dict[str, Any] = about
        return known

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container."""
        return subprocess.run(
            [self.engine, "exec", self.ids[service], *command], check=False, capture_output=True, text=True
        )

    def is_healthy(self, service: str) -> bool:
        """Whether the container's health check passes; run here, as not every engine runs it by itself."""
        kind, *command = self.about(service)["Config"]["Healthcheck"]["Test"]
        words = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        return self.execute(service, *words).returncode == 0

    def is_migrated(self, service: str) -> bool:
        """Whether the container has finished successfully."""
        state = self.about(service)["State"]
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)

    def _ask(self, *words: str) -> str:
        return subprocess.run([self.engine, *words], check=True, capture_output=True, text=True).stdout


def waited_for(containers: Containers) -> Iterator[Check]:
    """Wait until every container is healthy or done."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    waiting = set(containers.ids)
    while waiting and time.monotonic() < deadline:
        waiting -= {name for name in waiting if _is_well(containers, name)}
        time.sleep(0.5)
    seen = f"{len(containers.ids)} containers" + "".join(f"; not {name}" for name in sorted(waiting))
    yield Check("every container is healthy, every migration done", not waiting, seen)


def _is_well(containers: Containers, service: str) -> bool:
    if service.endswith("-migrate"):
        return containers.is_migrated(service)
    return containers.is_healthy(service)


def looked_into(containers: Containers) -> Iterator[Check]:
    """Check what a process may do in its container."""
    running = [name for name in sorted(containers.ids) if not name.endswith("-migrate")]
    users = {name: containers.execute(name, "id", "-u").stdout.strip() for name in running}
    yield Check("nobody is root", "0" not in users.values() and all(users.values()), str(set(users.values())))
    writable = [name for name in running if _can_write(containers, name)]
    yield Check("root file systems can't be written", not writable, ", ".join(writable) or "tried in each")
    limits = {name: containers.about(name)["HostConfig"] for name in running}
    free = [name for name, limit in limits.items() if not (limit["Memory"] and limit["NanoCpus"])]
    yield Check("memory and processors are limited", not free, ", ".join(free) or "each")
    foreign = [
        f"{service} in {other}"
        for service in SERVICES
        for other in (*SERVICES, "postgres")
        if (containers.execute(f"{service}-worker", "python", "-c", CONNECT, other).returncode == 0)
        != (service == other)
    ]
    yield Check("each service reaches its own database only", not foreign, ", ".join(foreign) or "all pairs")
    kept = [
        containers.execute(f"{service}-agent", "python", "-m", f"services.{service}.cli", "backup", KEPT)
        for service in SERVICES
    ]
    told = ", ".join(one.stderr.strip() for one in kept if one.returncode) or "all four"
    yield Check("each service can be saved", not any(one.returncode for one in kept), told)
    settings = 'REDISCLI_AUTH="$BROKER_PASSWORD" valkey-cli config get "[am]*" | paste - -'
    chosen = set(containers.execute("valkey", "sh", "-c", settings).stdout.splitlines())
    wanted = {"appendonly\tyes", "maxmemory-policy\tnoeviction"}
    yield Check("the broker appends to its file and drops nothing", wanted <= chosen, ", ".join(wanted))


def _can_write(containers: Containers, service: str) -> bool:
    places = "touch /proof 2>/dev/null || touch /usr/proof 2>/dev/null || touch /etc/proof 2>/dev/null"
    read_only = containers.about(service)["HostConfig"]["ReadonlyRootfs"]
    return containers.execute(service, "sh", "-c", places).returncode == 0 or not read_only


def tried_at_the_doors(containers: Containers, addresses: Addresses) -> Iterator[Check]:
    """Check what is reachable from outside and what is not."""
    inside = containers.execute(
        "orders-agent", "python", "-c", ASK_INSIDE, "http://shipping-api:8000/internal/deliveries"
    ).stdout.strip()
    gateway = addresses.services["orders"].removesuffix("/orders")
    tries = [f"/{service}/{path}" for service in SERVICES for path in SHUT]
    answers = {path: _status(gateway, path) for path in tries}
    open_doors = [path for path, status in answers.items() if status != httpx2.codes.NOT_FOUND]
    yield Check(
        "/internal and /metrics are shut at the gateway", not open_doors and inside == "401",
        f"{len(tries)} tries; within, one answers {inside}" + "".join(f"; {path}" for path in open_doors),
    )  # fmt: skip
    for service, address in addresses.services.items():
        page = httpx2.get(f"{address}/docs")
        servers = httpx2.get(f"{address}/openapi.json").json().get("servers")
        held = page.is_success and servers == [{"url": f"/{service}"}]
        yield Check(f"the API of {service} explains itself below its prefix", held, str(servers))
    settings = parsed(containers.env_file.read_text())
    flower = f"http://{settings['FLOWER_ADDRESS']}"
    stranger = [httpx2.get(f"{flower}/workers").status_code]
    stranger += [httpx2.post(f"{flower}/api/worker/shutdown/orders@{HOST}").status_code]
    name, _, password = settings["FLOWER_LOGIN"].partition(":")
    workers = httpx2.get(f"{flower}/workers", params={"json": "1"}, auth=(name, password)).json()["data"]
    nodes = {worker["hostname"].partition("@")[0] for worker in workers}
    held = stranger == [401, 401] and nodes == {*SERVICES, "rendering"}
    yield Check("Flower shows all workers, and nothing without its login", held, ", ".join(sorted(nodes)))
    yield _watched(f"http://{settings['PROMETHEUS_ADDRESS']}/api/v1")
    yield _link_opens(addresses, settings["CUSTOMER_LINK_KEYS"].split(","))


def _status(gateway: str, path: str) -> int:
    """The status for a path sent as written; ordinary clients would normalise it first."""
    written = httpx2.URL(gateway).copy_with(raw_path=path.encode())
    return httpx2.get(written, follow_redirects=False).status_code


def _watched(prometheus: str) -> Check:
    """Check that Prometheus scrapes every process and accepts every rule."""
    asked = httpx2.get(f"{prometheus}/targets").json()["data"]["activeTargets"]
    groups = httpx2.get(f"{prometheus}/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    wrong = [target["scrapeUrl"] for target in asked if target["health"] != "up"]
    wrong += [rule["name"] for rule in rules if rule["health"] == "err"]
    seen = f"{len(asked)} processes, {len(rules)} rules" + "".join(f"; {name}" for name in wrong)
    what = "Prometheus reaches every process and understands every rule"
    return Check(what, bool(asked and rules) and not wrong, seen)


def _link_opens(addresses: Addresses, keys: Sequence[str]) -> Check:
    """Check that the link in an e-mail opens its order through the gateway."""
    headers = {"Authorization": f"Bearer {addresses.token}"}
    with httpx2.Client(headers=headers) as client:
        emails = f"{addresses.services['notifications']}/v1"
        [order] = client.get(f"{addresses.services['orders']}/v1/orders?limit=1").json()["items"]
        sent = client.get(f"{emails}/orders/{order['order_id']}/notifications").json()["items"]
        email_id = next(email["email_id"] for email in sent if email["step"] == "confirmation")
        page = client.get(f"{emails}/emails/{email_id}/page").text
    link = re.search(r'href="([^"]+/orders/v1/customer/order)\?token=', page)  # staff is not shown the token
    token = make_token(keys, UUID(order["order_id"]), datetime.now(UTC) + timedelta(hours=1))
    opened = httpx2.get(f"{link[1]}?token={token}", headers={"Accept": "text/html"}) if link else None
    held = opened is not None and opened.is_success and order["number"] in opened.text
    return Check("the customer's link opens the order", held, link[1] if link else "no link")


def stopped(containers: Containers) -> Iterator[Check]:
    """Check that every process exits when asked to stop."""
    containers.compose("stop")
    statuses = {name: containers.about(name)["State"]["ExitCode"] for name in containers.ids}
    killed = [name for name, status in statuses.items() if status == 137]  # noqa: PLR2004 # SIGKILL
    yield Check("every process stops when asked to", not killed, ", ".join(killed) or "none was killed")


@click.command()
@click.option(
    "--engine",
    type=click.Choice(["docker", "podman"]),
    help="Podman or docker; by default the first one installed.",
)
@click.option("--stand-ins", is_flag=True, help="Build the images from Debian's packages; pull none.")
@click.option("--orders", default=10, show_default=True, help="How many orders to run.")
@click.option("--keep", is_flag=True, help="Leave it running for inspection.")
def prove(engine: str | None, *, stand_ins: bool, orders: int, keep: bool) -> None:
    """Test docker-compose.yml; exit 1 unless every check passed."""
    engine = engine or next(name for name in ("docker", "podman") if shutil.which(name))
    words = ["docker", "compose"] if engine == "docker" else ["podman-compose", "--in-pod", "false"]
    folder = Path(tempfile.mkdtemp(prefix="waybill-proof-"))
    settings = read({"WAYBILL_FOLDER": str(folder)}, folder / ".env")
    containers = Containers(engine=engine, compose_words=words, env_file=folder / ".env")
    doors = {name: f"{HOST}:{free_port()}" for name in DOORS}
    standing = StandIns(engine) if stand_ins else None
    public = f"http://{doors['GATEWAY_ADDRESS']}"
    given = doors | {"PUBLIC_URL": public, "COMPOSE_PROFILES": "development,metrics"}
    if standing:
        given |= standing.variables
    containers.env_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    write_env_file(containers.env_file, Keys(folder / "keys"))

    checks: list[Check] = []

    def note(found: Iterator[Check]) -> None:
        for check in found:
            checks.append(check)
            click.echo(f"{'yes' if check.holds else 'NO '}  {check.what}: {check.seen}")

    try:
        if standing:
            standing.make_base()
        containers.compose("build", "orders-api", "documents-rendering")
        if standing:
            standing.make_servers()
        containers.compose("up", "--detach", "--no-build")
        note(waited_for(containers))
        addresses = behind_gateway(settings, public)
        held = run_main_job(addresses, orders=orders)
        note(iter([Check("the main job runs through the gateway", held, f"{orders} orders")]))
        note(looked_into(containers))
        note(tried_at_the_doors(containers, addresses))
        if keep:
            click.echo(f"It stays up at {public}; its settings are in {containers.env_file}")
            return
        note(stopped(containers))
    finally:
        if not keep:
            containers.compose("down", "--volumes")
            shutil.rmtree(folder)
    sys.exit(0 if all(check.holds for check in checks) else 1)


if __name__ == "__main__":
    prove()
