"""The release before and this one, side by side on databases that this one has migrated.

First all processes are of the release before. Then those that hear change to this one, and those that tell
stay; then all change, so that each service hears by either release what the other release tells.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from deploy.local.databases import SERVICES
from deploy.local.health import wait_until_healthy
from deploy.local.processes import Process, stop_all
from deploy.local.service_processes import WORKERS
from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack, remove
from deploy.main_job.calls import Calls
from deploy.main_job.catalogue import load_catalogue, payment_method_of
from deploy.main_job.checks import check
from deploy.main_job.life import live
from deploy.main_job.sales import Line, Product, Sale, Sales
from tests.chaos import invariants
from tests.chaos.databases import Databases
from tests.chaos.invariants import Scene
from tests.chaos.measures import seconds_until_rest
from tests.end_to_end.test_webhooks import Program
from tests.serving import serving
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

SETTINGS = {
    "LOG_LEVEL": "WARNING",
    "RETRY_BASE_SECONDS": "0.2",
    "PULL_GRACE_SECONDS": "2",
    "MERGE_SECONDS": "1",
}
TEA = Product(sku="TEA-250", name="Assam, 250 g", price_minor=450)
GOODS = (TEA, Product(sku="CUP-1", name="Cup", price_minor=900))  # whose stock is told of together
# By these methods an order is completed by what its service hears, and not by who notes the money.
PREPAID = ("transfer", "online")

# APIs tell what people do, workers what follows from it, and notifications' worker alone tells of e-mails.
TELLERS = (
    "orders.api",
    "shipping.api",
    "documents.api",
    "notifications.api",
    "notifications.worker",
)
# So these are of two releases, whichever of the two the tellers are of: who tells, who hears, and of what.
TOLD = {
    ("orders.api", "shipping.worker"): "order.placed",
    ("orders.api", "documents.worker"): "order.accepted",
    ("orders.worker", "notifications.worker"): "order.completed",
    ("shipping.api", "orders.worker"): "shipment.shipped",
    ("shipping.api", "documents.worker"): "shipment.packing",
    ("shipping.worker", "notifications.worker"): "shipment.created",
    ("documents.api", "orders.worker"): "document.stored",  # what was sent in
    ("documents.api", "shipping.worker"): "document.removed",
    ("documents.rendering", "notifications.worker"): "invoice.issued",
    ("notifications.api", "orders.worker"): "message.posted",
    ("notifications.worker", "documents.worker"): "email.sent",
}
HEARD = """
    select type from inbox
    where state = 'done' and via = 'push' and received_at > %(since)s and source = %(source)s
      and (type <> 'document.stored' or event_id = any(%(sent_in)s))
"""
SENT_IN = (
    "select event_id from event_log where type = 'document.stored' and payload ->> 'kind' = 'purchase_order'"
)


# What the release before starts, as it deploys itself.
PROCESSES = """
import json, sys
from pathlib import Path
from deploy.local.keys import Keys
from deploy.local.servers import Servers
from deploy.local.service_processes import service_processes
from deploy.local.settings import Settings
told = json.load(sys.stdin)
settings = Settings(folder=Path(told["folder"]), ports=told["ports"], services=told["services"])
keys = Keys(settings.folder / "keys")
processes = service_processes(settings, keys, Servers(settings, keys))
print(json.dumps({name: [one.command, str(one.folder), one.environment] for name, one in processes.items()}))
"""


class Both(Stack):
    """A system whose processes are each of the release before, as all are at first, or of this one."""

    def __init__(self, settings, release):
        settings.folder.mkdir()
        told = {"folder": str(settings.folder), "ports": settings.ports, "services": settings.services}
        made = subprocess.run(
            [sys.executable, "-c", PROCESSES],
            cwd=release,
            input=json.dumps(told).encode(),
            check=True,
            capture_output=True,
        ).stdout
        super().__init__(settings)
        # Neither the console nor Flower takes part in what happens.
        self.now = {name: one for name, one in self._services.items() if name.partition(".")[0] in SERVICES}
        self.before = {
            name: Process(
                name,
                command,
                log=self.now[name].log.with_suffix(".before.log"),
                folder=Path(folder),
                environment=environment,
            )
            for name, (command, folder, environment) in json.loads(made).items()
            if name in self.now
        }
        self._services = dict(self.before)
        self.killed = set()

    def is_before(self, name):
        """Whether a process is of the release before."""
        return self._services[name] is self.before[name]

    def change(self, *names):
        """Stop processes, as a deployment does, and start those of the other release in their place."""
        self.supervisor.release(names)
        stop_all([self._services[name] for name in names], PATIENCE_SECONDS)
        self.killed |= {name for name in names if self._services[name].exit_status != 0}
        for name in names:
            self._services[name] = (self.now if self.is_before(name) else self.before)[name]
            self.supervisor.keep(self._services[name])
        self.wait_until_healthy()

    def wait_until_healthy(self, seconds=PATIENCE_SECONDS):
        """As a stack does; but 0.2.0 does not call itself ready where a newer release has migrated."""
        apis = {f"{service}.api": self.url(service) for service in SERVICES}
        asked = {
            name: f"{url}/health/{'live' if self.is_before(name) else 'ready'}" for name, url in apis.items()
        }
        workers = {
            name: (self._services[name], queues.split(",")) for name, (_, _, queues) in WORKERS.items()
        }
        broker, deadline = self.servers.broker_url, time.monotonic() + seconds
        missing = wait_until_healthy(asked, workers, broker, deadline=deadline, tell=lambda _: None)
        assert missing == set(), {name: self._services[name].last_words() for name in missing}


@dataclass
class Seen:
    """What there is to look at afterwards."""

    both: Both
    databases: Databases
    program: Program
    lives: list = field(default_factory=list)
    heard: dict = field(default_factory=dict)  # by whether the tellers are of the release before
    checks: list = field(default_factory=list)


def sales():
    """Sales of one product, each paid before its goods leave."""
    numbered = (
        Sale(
            reference=f"R{number}",
            customer=None,
            country="United Kingdom",
            lines=tuple(Line(product.sku, 2, product.price_minor) for product in GOODS),
            shipping_minor=395,
        )
        for number in range(1000)
    )
    return [sale for sale in numbered if payment_method_of(sale) in PREPAID][:5]


def people_write(stack, order_id):
    """Send in a purchase order and take it back, and answer the customer."""

    def post(service, path, **what):
        headers = {"Authorization": f"Bearer {stack.token()}", "Idempotency-Key": f"{path} {order_id}"}
        answer = httpx2.post(f"{stack.url(service)}/v1/{path}", headers=headers, timeout=30, **what)
        assert answer.is_success, answer.text
        return answer.json()

    file = ("po.pdf", b"%PDF-1.7\n20 of them")
    kind = {"kind": "purchase_order"}
    sent_in = post("documents", f"orders/{order_id}/uploads", data=kind, files={"file": file})
    post("documents", f"documents/{sent_in['document_id']}/remove", json={"reason": "the wrong one"})
    post("notifications", f"orders/{order_id}/messages", json={"text": "It is on its way."})


def heard_since(databases, since):
    """Which of what should be told was told since then, and handled by the worker that it was pushed to."""
    sent_in = [row["event_id"] for row in databases.rows("documents", SENT_IN)]
    return {
        (teller, listener)
        for (teller, listener), event in TOLD.items()
        if event
        in {
            row["type"]
            for row in databases.rows(
                listener.partition(".")[0],
                HEARD,
                since=since,
                source=teller.partition(".")[0],
                sent_in=sent_in,
            )
        }
    }


@contextmanager
def told_by_webhook(stack):
    """A program that is told of every order, by an address that the release before has taken down."""
    headers = {"Authorization": f"Bearer {stack.token(sellers=['harbour', 'fern'], markets=['gb'])}"}
    with serving(Program()) as program:
        body = {"address": f"http://127.0.0.1:{program.server_port}/", "email": "hooks@shop.example"}
        made = httpx2.post(f"{stack.url('notifications')}/v1/webhooks", headers=headers, json=body)
        program.secret = made.raise_for_status().json()["secret"]
        yield program


@pytest.fixture(scope="module")
def seen(tmp_path_factory, previous_release):
    folder = tmp_path_factory.mktemp("two-releases") / "data"
    both = Both(Settings(folder=folder, ports=free_ports(), services=SETTINGS), previous_release)
    with both, closing(Calls(both.addresses)) as calls, told_by_webhook(both) as program:
        databases = Databases(both)
        seen = Seen(both, databases, program)
        began_at, coming = datetime.now(UTC), sales()
        data = Sales(
            sales=tuple(coming),
            products={product.sku: product for product in GOODS},
            rows=Counter(),
            rows_read=0,
        )
        load_catalogue(calls, coming, data.products, lambda *_: None)

        def one_life():
            return live(calls, coming.pop(), data.products, lambda _: None)

        seen.lives.append(one_life())
        for changing in (both.before.keys() - set(TELLERS), both.before):
            with calls.threads() as pool:
                across = pool.submit(one_life)
                both.change(*changing)
                since = datetime.now(UTC)
                seen.lives += [one_life(), across.result()]
            people_write(both, seen.lives[-2].id)
            assert seconds_until_rest(databases, PATIENCE_SECONDS, "events", "jobs") is not None
            seen.heard[both.is_before(TELLERS[0])] = heard_since(databases, since)
        seen.checks = check(calls, data, seen.lives, {}, began_at)
        yield seen
    remove(folder)


@pytest.mark.requirement("K-08")
def test_whole_lives_go_through_by_the_release_before_by_both_and_across_a_change(seen):
    assert len(seen.lives) == 5
    assert [one for one in seen.checks if not one.holds] == []


@pytest.mark.requirement("K-08")
@pytest.mark.parametrize("is_before", [False, True])
def test_each_service_hears_what_the_other_release_tells(seen, is_before):
    assert TOLD.keys() - seen.heard[is_before] == set()
    assert {teller in TELLERS for teller, _ in TOLD} == {True, False}
    assert all((teller in TELLERS) != (listener in TELLERS) for teller, listener in TOLD)


@pytest.mark.requirement("K-08")
def test_a_program_is_told_of_every_order_whichever_release_sends(seen):
    owed = {
        (life.id, event) for life in seen.lives for event in ("order.placed", "order.completed", "email.sent")
    }

    until(lambda: owed <= {(event["order_id"], event["type"]) for event in seen.program.came})


@pytest.mark.requirement("K-08")
@pytest.mark.parametrize(
    "invariant",
    ["deliveries", "jobs", "copies", "invoices", "mail_sink", "stock", "cancelled_or_shipped", "reconciled"],
)
def test_nothing_is_lost_doubled_or_left_behind(seen, invariant):
    scene = Scene(seen.both, seen.databases, ledger=None)

    assert list(getattr(invariants, invariant)(scene)) == []


@pytest.mark.requirement("K-08")
def test_processes_of_either_release_end_when_they_are_asked_to_and_never_else(seen):
    assert seen.both.killed == set()
    assert seen.both.supervisor.restarts == {}
