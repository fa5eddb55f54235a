"""The test: a whole system under load, broken for a while, then left alone and looked at."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack, remove
from shared.messaging.fault_points import is_poisoned
from tests.chaos import measures
from tests.chaos.clients import Ledger
from tests.chaos.databases import Databases
from tests.chaos.faults import CRASH_POINTS, Faults, crash_points
from tests.chaos.invariants import Breach, Scene, arrivals, breaches
from tests.chaos.load import Load
from tests.chaos.timeline import timeline

SETTINGS = {
    "LOG_LEVEL": "WARNING",
    "RETRY_BASE_SECONDS": "0.05",
    "RETRY_CAP_SECONDS": "2",
    "MAIL_RETRY_CAP_SECONDS": "2",
    "MERGE_SECONDS": "1",
    "PULL_GRACE_SECONDS": "1",
    "CANARY_SECONDS": "5",
    "CANARY_DEADLINE_SECONDS": "15",
}
REFUSED_MAILS = 0.05
FIRST_RATE = 60.0
UNDER_THE_LIMIT = 0.6
NO_BACKLOG_SECONDS = 1.0  # nothing waits longer where there is no backlog
REST_SECONDS = 30.0
EFFECT_SECONDS = 15.0
QUIET_EFFECT_SECONDS = 0.1
QUIET_RATE = 5.0
MOST_SHOWN = 3
FLAG = "faults"  # while this file exists, processes fail on purpose


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long, how hard, and by which seed."""

    seconds: float
    seed: int
    warm_seconds: float = 30  # what an order leads to, papers and e-mails, comes after it
    quiet_seconds: float = 15
    longest_freeze_seconds: float = 20
    first_rate: float = FIRST_RATE
    rest_seconds: float = REST_SECONDS
    # A minute's p99 is the longest fault in it; times are judged over ten, on a machine left alone.
    judges_times: bool = True


class Rig:
    """One run; its figures and what was wrong."""

    def __init__(self, stack: Stack, plan: Plan):
        self.stack = stack
        self.plan = plan
        self.databases = Databases(stack)
        self.ledger = Ledger(stack.folder.parent / "ledger.jsonl")
        self.flag = stack.folder.parent / FLAG
        self.load = Load(stack, self.ledger, plan.seed)
        self.faults = Faults(stack, plan.seed, plan.longest_freeze_seconds)
        self.wrong: list[Breach] = []
        self._began = time.monotonic()

    def run(self) -> list[Breach]:
        """Warm up, break, come to rest, and look."""
        self.say(f"seed {self.plan.seed}")
        self.load.open_shop()
        self._find_rate()
        began, asked = datetime.now(UTC), len(self.ledger.entries)
        self.load.start()
        self.flag.touch()
        self.faults.run(self.plan.seconds)
        self.flag.unlink()
        self.load.stop()
        ended = datetime.now(UTC)
        rate = (len(self.ledger.entries) - asked) / (ended - began).total_seconds()
        self.say(f"{rate:.1f} commands/s answered under fault; {dict(self.load.commands())}")
        self._come_to_rest(ended)
        self._effects("under fault", began, ended, EFFECT_SECONDS)
        self._quiet_tail()
        self.wrong += breaches(Scene(self.stack, self.databases, self.ledger))
        self._tell()
        return self.wrong

    def say(self, line: str) -> None:
        """Print with the time since the start."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {line}", flush=True)

    def close(self) -> None:
        """End what the rig itself has open."""
        self.load.close()
        self.ledger.close()

    def _find_rate(self) -> None:
        """Lower the rate until what is asked is done at once, without any fault."""
        rate = self.plan.first_rate
        while True:
            self.load.pace.per_second = rate
            before = len(self.ledger.entries)
            self.load.start()
            time.sleep(self.plan.warm_seconds)
            behind = measures.waiting(self.databases)["oldest_seconds"]
            answered = (len(self.ledger.entries) - before) / self.plan.warm_seconds
            self.load.stop()
            measures.seconds_until_rest(self.databases, 120, "events", "jobs")
            self.say(
                f"asked {rate:.0f} commands/s, answered {answered:.1f}; the oldest waited {behind:.1f} s"
            )
            # Clients wait for their answers, so a system that can't keep up answers fewer of them.
            rate = min(rate, answered)
            if behind < NO_BACKLOG_SECONDS:
                # A system at its limit has nothing left to make up for a fault, nor to start processes anew.
                self.load.pace.per_second = rate * UNDER_THE_LIMIT
                return
            rate = max(1.0, rate * 0.7)

    def _come_to_rest(self, ended: datetime) -> None:
        """Within 30 s all is done; a job whose worker was killed waits for its lease besides."""
        began = time.monotonic()
        lease = measures.waiting(self.databases)["lease_seconds"]
        rest = self.plan.rest_seconds
        events = measures.seconds_until_rest(self.databases, rest, "events", until=ended)
        if events is None:
            self.wrong.append(Breach("rest", f"events still wait {rest:.0f} s after the last fault"))
        dead = self._look_after_dead_letters()
        left = lease + rest - (time.monotonic() - began)
        if measures.seconds_until_rest(self.databases, left, "events", "jobs") is None:
            self.wrong.append(Breach("rest", f"something waits {rest:.0f} s after the last lease"))
        self.say(
            f"after the last fault, events at rest in {_shown(events)}, everything in "
            f"{time.monotonic() - began:.1f} s (a killed worker's job had a lease for {lease:.0f} s more); "
            f"{dead} poisoned deliveries were dead"
        )

    def _look_after_dead_letters(self) -> int:
        """Only what was poisoned may be dead; now that it no longer is, an operator has it tried again."""
        dead = self.databases.everywhere(
            "select event_id, subject, last_error from inbox where state = 'dead'"
        )
        for service, rows in dead.items():
            for row in rows:
                if not is_poisoned(str(row["event_id"]), CRASH_POINTS["poison"]):
                    what = f"{service} gave {row['event_id']} up: {row['last_error']}"
                    self.wrong.append(Breach("dead", what, row["subject"]))
                path = f"/v1/operations/dead-letters/{row['event_id']}/retry"
                self.load.shop.call(service, "POST", path)
        return sum(len(rows) for rows in dead.values())

    def _quiet_tail(self) -> None:
        """A light load without faults: effects come at once, and all of them by push."""
        self.load.pace.per_second = QUIET_RATE
        self.load.fulfilled_per_second = 0.2
        self.load.start()
        time.sleep(self.plan.quiet_seconds / 3)  # processes that just started answer their first calls slowly
        began = datetime.now(UTC)
        time.sleep(self.plan.quiet_seconds)
        until = datetime.now(UTC)
        self.load.stop()
        if measures.seconds_until_rest(self.databases, self.plan.rest_seconds, "events", "jobs") is None:
            self.wrong.append(Breach("rest", "something still waits after the quiet tail"))
        ways = self._effects("in the quiet tail", began, until, QUIET_EFFECT_SECONDS)
        for subscriber in SERVICES:
            pushed, pulled = ways[subscriber, "push"], ways[subscriber, "pull"]
            if not pushed or (pulled and self.plan.judges_times):
                self.wrong.append(Breach("deaf", f"to {subscriber} {pushed} came by push, {pulled} by pull"))

    def _effects(self, when: str, began: datetime, until: datetime, limit_seconds: float) -> Counter:
        """Tell how long effects took and by which way they came; answers the ways by subscriber."""
        found = measures.effects(self.databases, began, until)
        seconds = [effect.seconds for effect in found]
        p50, p99 = measures.percentile(seconds, 0.5), measures.percentile(seconds, 0.99)
        pulled = sum(effect.via == "pull" for effect in found) / max(1, len(found))
        self.say(
            f"{len(found)} deliveries {when}: effect after p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms; "
            f"{pulled:.1%} by pull"
        )
        if p99 > limit_seconds and self.plan.judges_times:
            self.wrong.append(Breach("effect", f"p99 {when} is {p99:.3f} s, not {limit_seconds} s"))
            for effect in sorted(found)[-MOST_SHOWN:]:
                self.say(f"among the slowest: {effect}")
        return Counter((effect.subscriber, effect.via) for effect in found)

    def _tell(self) -> None:
        kinds = Counter(fault.kind for fault in self.faults.done)
        mails = arrivals(Scene(self.stack, self.databases, self.ledger))
        repeats = sum(len(bodies) - 1 for bodies in mails.values())
        self.say(f"{kinds.total()} faults: " + ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())))
        for fault in self.faults.done:
            print(f"    {fault.at:%H:%M:%S.%f} {fault.kind}: {fault.detail}")
        self.say(f"restarts by the supervisor: {dict(self.stack.supervisor.restarts)}")
        self.say(f"events handled: {dict(measures.events_handled(self.databases))}")
        self.say(f"e-mails arrived: {len(mails)}, {repeats} of them again with the same Message-ID")
        self.say(f"{len(self.wrong)} breaches (seed {self.plan.seed})")
        for breach in self.wrong:
            self.say(f"BREACH {breach.invariant}: {breach.what} {breach.order_id or ''}")
        orders = list(dict.fromkeys(breach.order_id for breach in self.wrong if breach.order_id))
        for order_id in orders[:MOST_SHOWN]:
            self.say(f"order {order_id}:")
            for line in timeline(self.databases, self.ledger, self.faults.done, order_id):
                print("   ", line)


@contextmanager
def rigged(
    plan: Plan, *, prepare: Callable[[Stack], None] = lambda stack: None, supervised: bool = True
) -> Iterator[Rig]:
    """A rig with a system of its own, on free ports and durable; both are gone afterwards.

    `prepare` is given the system before it starts.
    """
    folder = Path(tempfile.mkdtemp(prefix="waybill-"))
    folder.chmod(0o711)  # so that as root PostgreSQL's user may reach its own folder in it
    crashes = {"CRASH_POINTS": crash_points(folder / FLAG, **CRASH_POINTS)}
    settings = Settings(folder=folder / "data", ports=free_ports(), services=SETTINGS | crashes)
    stack = Stack(settings, supervised=supervised, refused_mails=REFUSED_MAILS, seed=plan.seed)
    prepare(stack)
    try:
        with stack:
            rig = Rig(stack, plan)
            try:
                yield rig
            finally:
                rig.close()
            if rig.wrong:
                kept = shutil.copytree(settings.folder / "logs", tempfile.mkdtemp(), dirs_exist_ok=True)
                rig.say(f"the logs are kept in {kept}")
    finally:
        remove(settings.folder)
        shutil.rmtree(folder)


def _shown(seconds: float | None) -> str:
    return "not" if seconds is None else f"{seconds:.1f} s"
