"""Negative controls: a system with one guarantee taken away must be found broken, or the rig is blind."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.chaos import invariants, measures
from tests.chaos.faults import AGENTS, WORKERS, Faults, crash_points
from tests.chaos.rig import FLAG, Plan, rigged

RATE = 15.0
REST_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Control:
    """What is taken away, how it is then disturbed, and which invariant must notice."""

    name: str
    disturb: Callable[[Faults], object]
    noticed_by: Callable[[invariants.Scene], Iterable[tuple[str, object]]]
    sabotage: str = ""  # tests/chaos/broken
    processes: tuple[str, ...] = ()  # that are started with it
    crash_points: Mapping[str, float] = field(default_factory=dict)
    supervised: bool = True
    times: int = 3

    def prepare(self, stack):
        """Put the saboteur before the process it is to sabotage."""
        points = crash_points(stack.folder.parent / FLAG, **self.crash_points)
        for name in self.processes:
            process = stack.processes[name]
            python, module, *arguments = process.command
            process.command = [python, module, "tests.chaos.broken", self.sabotage, *arguments]
            process.environment = {**process.environment, "CRASH_POINTS": points}


def _everywhere(act: Callable[[Faults, str], object]) -> Callable[[Faults], None]:
    def disturb(faults: Faults) -> None:
        for service in ("shipping", "documents", "notifications"):
            act(faults, service)

    return disturb


CONTROLS = {
    control.name: control
    for control in (
        Control(
            name="pull off, and Redis flushed",
            sabotage="no_pull",
            processes=AGENTS,
            disturb=_everywhere(Faults.flush),
            noticed_by=invariants.deliveries,
        ),
        Control(
            name="acknowledged before the inbox commits",
            sabotage="early_acknowledgement",
            processes=AGENTS,
            crash_points={"before_commit": 0.05},
            # What a dying worker was pushed, the broker brings again; what a dying agent pulled is gone.
            disturb=_everywhere(Faults.flush),
            noticed_by=invariants.deliveries,
        ),
        Control(
            name="version check removed, and deliveries shuffled",
            sabotage="no_version_check",
            processes=AGENTS + WORKERS,
            disturb=_everywhere(Faults.double_and_shuffle),
            noticed_by=invariants.copies,
        ),
        Control(
            name="job lease removed, and renderers killed",
            sabotage="no_lease",
            processes=WORKERS,
            crash_points={"after_work": 0.3},
            disturb=lambda faults: time.sleep(3),
            noticed_by=invariants.jobs,
        ),
        Control(
            name="supervisor off, and an agent killed",
            disturb=lambda faults: (time.sleep(1), faults.kill("shipping.agent")),
            noticed_by=invariants.deliveries,
            supervised=False,
            times=1,
        ),
    )
}


def is_noticed(control: Control, seed: int) -> bool:
    """Run a system without this guarantee; whether the rig finds what comes of it."""
    plan = Plan(seconds=0, seed=seed, first_rate=RATE)
    with rigged(plan, prepare=control.prepare, supervised=control.supervised) as rig:
        rig.load.open_shop()
        rig.load.pace.per_second = RATE
        rig.load.start()
        rig.flag.touch()
        for _ in range(control.times):
            control.disturb(rig.faults)
        time.sleep(1)
        rig.load.stop()
        rig.flag.unlink()
        measures.seconds_until_rest(rig.databases, REST_SECONDS, "events", "jobs")
        scene = invariants.Scene(rig.stack, rig.databases, rig.ledger)
        found = [what for what, _ in control.noticed_by(scene)]
        rig.say(f"{control.name}: {len(found)} breaches, the first: {found[0] if found else 'none'}")
    return bool(found)
