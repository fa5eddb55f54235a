"""The proof: orders live their lives over two hosts while those are cut off, rolled and killed."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.settings import ROOT
from deploy.main_job import sales
from deploy.main_job.calls import CallRefused, Calls, Overdue
from deploy.main_job.catalogue import load_catalogue
from deploy.main_job.checks import SENT_ONCE, check
from deploy.main_job.life import Life, WentWrong, live
from tests.chaos import measures
from tests.chaos.clients import Ledger
from tests.chaos.databases import Databases
from tests.chaos.faults import Fault
from tests.chaos.invariants import Breach, Scene, breaches
from tests.chaos.timeline import timeline
from tests.hosts.gate import Gate
from tests.hosts.planted import FAULTS, overlooked
from tests.hosts.system import System, three_hosts

MOST_LINES = 3  # of an order: what many lines cost is measured elsewhere
MOST_ORDERS = 400
AT_ONCE = 4
REST_SECONDS = 60.0
LET_GO_SECONDS = 35.0  # PostgreSQL itself is told 25
MOST_SHOWN = 3
CONNECTED = "select count(*) from pg_stat_activity where host(client_addr) = %(address)s"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done to the hosts, and for how long they are left alone before and after; 0: it is not done."""

    quiet_seconds: float = 20
    rolls_from: Path | None = None  # the code of the release before, to this one
    cut_seconds: float = 0  # for which one is cut off
    alone_seconds: float = 0  # on one host, for the other is dead
    orders: int = MOST_ORDERS


@dataclass(frozen=True)
class Phase:
    """A part of the run."""

    name: str
    began: datetime
    ended: datetime


class Rig:
    """One run; its figures and what was wrong."""

    def __init__(self, system: System, plan: Plan, ledger: Ledger) -> None:
        self.system = system
        self.plan = plan
        self.databases = Databases(system)
        self.ledger = ledger
        self.faults: list[Fault] = []
        self.wrong: list[Breach] = []
        hosts = {
            host: {service: stack.url(service) for service in SERVICES}
            for host, stack in system.hosts.items()
        }
        self.gate = Gate(hosts, ledger)
        self._calls = Calls(system.addresses, transport=self.gate)
        self._data = sales.read()
        self._stopping = threading.Event()
        self._lives: list[Life] = []
        self._failed: dict[str, str] = {}
        self._phases: list[Phase] = []
        self._began = time.monotonic()

    def run(self) -> list[Breach]:
        """Let orders flow, take hosts away and bring them back, come to rest, and look."""
        began = datetime.now(UTC)
        short = [sale for sale in self._data.sales if len(sale.lines) <= MOST_LINES][: self.plan.orders]
        load_catalogue(self._calls, short, self._data.products, lambda *_: None)
        self.say(f"{len(short)} orders to come, {AT_ONCE} at a time")
        coming = iter(short)
        turn = threading.Lock()
        with self._calls.threads() as pool:
            people = [pool.submit(self._live, coming, turn) for _ in range(AT_ONCE)]
            self._disturb()
            self._stopping.set()
            for person in people:
                person.result()
        self.gate.phase = ""
        self.say(f"{len(self._lives)} orders came to their end, {len(self._failed)} did not")
        self._come_to_rest()
        scene = Scene(self.system, self.databases, self.ledger, stored=self.system.stored)
        self.wrong += breaches(scene)
        self.wrong += [Breach("order", f"{reference}: {why}") for reference, why in self._failed.items()]
        checks = check(self._calls, self._data, self._lives, {}, began)
        self.wrong += [
            Breach("main job", f"{one.what}: {one.seen}")
            for one in checks
            if not one.holds and one.what != SENT_ONCE
        ]
        self._tell()
        if not self.wrong:
            self.wrong += [Breach("blind", f"nobody finds {name}") for name in overlooked(scene)]
            self.say(f"of {len(FAULTS)} planted faults {len(FAULTS) - len(self.wrong)} were found")
        return self.wrong

    def say(self, line: str) -> None:
        """Print with the time since the start."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {line}", flush=True)

    def close(self) -> None:
        """End what the rig itself has open."""
        self._calls.close()
        self.ledger.close()

    def _live(self, coming: Iterator[sales.Sale], turn: threading.Lock) -> None:
        while not self._stopping.is_set():
            with turn:
                sale = next(coming, None)
            if sale is None:
                return
            try:
                self._lives.append(live(self._calls, sale, self._data.products, lambda _: None))
            except (CallRefused, Overdue, WentWrong) as problem:
                self._failed[sale.reference] = str(problem)

    def _disturb(self) -> None:
        one, other = self.system.alive
        with self._phase("both hosts"):
            time.sleep(self.plan.quiet_seconds)
        if self.plan.rolls_from:
            with self._phase("migrated"):
                self.system.migrate(ROOT)
            for host in (one, other):
                with self._phase(f"{host} rolled", host):
                    self.system.roll(host, ROOT)
            with self._phase("both again"):
                time.sleep(self.plan.quiet_seconds)
        if self.plan.cut_seconds:
            with self._phase(f"{one} cut off", one):
                self.system.network.pull_out(one)
                time.sleep(self.plan.cut_seconds)
            with self._phase(f"{one} back", one):
                self.system.network.plug_in(one)
                time.sleep(self.plan.quiet_seconds)
        if self.plan.alone_seconds:
            with self._phase(f"{other} dead", other):
                self.system.kill(other)
                time.sleep(self.plan.alone_seconds)

    @contextmanager
    def _phase(self, name: str, host: str = "") -> Iterator[None]:
        self.gate.phase = name
        began, before = datetime.now(UTC), len(self._lives)
        if host:
            self.faults.append(Fault(began, name, host))
        yield
        self._phases.append(Phase(name, began, datetime.now(UTC)))
        self.say(f"{name}: {len(self._lives) - before} orders came to their end")

    def _come_to_rest(self) -> None:
        """What a host that died had in hand is done by the other when its lease has ended."""
        began = time.monotonic()
        patience = REST_SECONDS + measures.waiting(self.databases)["lease_seconds"]
        if measures.seconds_until_rest(self.databases, patience, "events", "jobs") is None:
            left = measures.waiting(self.databases)
            self.wrong.append(Breach("rest", f"{left['events']} events and {left['jobs']} jobs still wait"))
        self.say(f"at rest {time.monotonic() - began:.1f} s after the last order")
        for host in self.system.hosts.keys() - set(self.system.alive):
            self._expect_no_connection_of(host)

    def _expect_no_connection_of(self, host: str) -> None:
        """What PostgreSQL keeps of a host that is gone, its transactions and their locks, ends soon."""
        address, began = self.system.network.addresses[host], time.monotonic()
        while held := self.databases.value("orders", CONNECTED, address=address):
            if time.monotonic() - began > LET_GO_SECONDS:
                self.wrong.append(Breach("connections", f"{held} are still those of {host}, which is gone"))
                return
            time.sleep(1)

    def _tell(self) -> None:
        self.say(f"{'requests':>22} {'p50':>9} {'p99':>9} {'longest':>9}  passed on, unanswered; effect p99")
        for phase in self._phases:
            self.say(self._figures(phase.name, phase.name, phase.began, phase.ended))
        self.say(self._figures("all", "", self._phases[0].began, datetime.now(UTC)))
        for host, stack in self.system.hosts.items():
            self.say(f"restarts by {host}'s supervisor: {dict(stack.supervisor.restarts)}")
        self.say(f"events handled: {dict(measures.events_handled(self.databases))}")
        self.say(f"{len(self.wrong)} breaches")
        for breach in self.wrong:
            self.say(f"BREACH {breach.invariant}: {breach.what} {breach.order_id or ''}")
        for order_id in list(dict.fromkeys(each.order_id for each in self.wrong if each.order_id))[
            :MOST_SHOWN
        ]:
            self.say(f"order {order_id}:")
            for line in timeline(self.databases, self.ledger, self.faults, order_id):
                print("   ", line)

    def _figures(self, name: str, phase: str, began: datetime, ended: datetime) -> str:
        asked = [each for each in self.gate.asked if each.phase and each.phase == (phase or each.phase)]
        seconds = [each.seconds for each in asked]
        effects = [effect.seconds for effect in measures.effects(self.databases, began, ended)]
        p50, p99 = (measures.percentile(seconds, share) * 1000 for share in (0.5, 0.99))
        passed_on = Counter(each.passed_on > 0 for each in asked)[True]
        unanswered = Counter(each.is_answered for each in asked)[False]
        return (
            f"{name:>12} {len(asked):9} {p50:6.0f} ms {p99:6.0f} ms {max(seconds, default=0):7.1f} s  "
            f"{passed_on}, {unanswered}; {measures.percentile(effects, 0.99):.2f} s"
        )


@contextmanager
def rigged(plan: Plan) -> Iterator[Rig]:
    """A rig with three hosts of its own, which are gone afterwards."""
    with (
        three_hosts(plan.rolls_from or ROOT, shares_a_disk=plan.rolls_from is not None) as system,
        closing(Rig(system, plan, Ledger(system.folder / "ledger.jsonl"))) as rig,
    ):
        yield rig
        if rig.wrong:
            rig.say(f"the logs are kept in {system.keep_logs()}")
