"""What is done to the system: one fault every few seconds, drawn from a seed."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import redis

from deploy.local.databases import SERVICES

PAUSE_SECONDS = (3, 6)
DOUBLED_SHARE = 0.1
FILL_SECONDS = 1.5
APIS = tuple(f"{service}.api" for service in SERVICES)
AGENTS = tuple(f"{service}.agent" for service in SERVICES)
WORKERS = (*(f"{service}.worker" for service in SERVICES), "documents.rendering")

# Inside the processes, in a share of all passes (shared/messaging/fault_points.py).
CRASH_POINTS = {
    "handler_error": 0.02,
    "poison": 0.002,
    "handler_slow": 0.01,
    "after_commit": 0.0005,
    "after_publish": 0.001,
    "after_mark": 0.001,
    "after_work": 0.001,
    "after_effect": 0.002,
    "before_ack": 0.0005,
}


def crash_points(flag: Path, **shares: float) -> str:
    """The setting that asks for these crashes as long as a file exists."""
    return ",".join((f"while={flag}", *(f"{name}={share}" for name, share in shares.items())))


@dataclass(frozen=True)
class Fault:
    """Something that was done."""

    at: datetime
    kind: str
    detail: str


class Faults:
    """The hand that breaks things."""

    def __init__(self, stack, seed: int, longest_freeze_seconds: float = 20):
        self.done: list[Fault] = []
        self._stack = stack
        self._chance = random.Random(seed)
        self._longest_freeze_seconds = longest_freeze_seconds
        self._thaws: list[threading.Timer] = []
        self._kinds = {
            "kill api": (2, lambda: self.kill(self._chance.choice(APIS))),
            "kill agent": (3, lambda: self.kill(self._chance.choice(AGENTS))),
            "kill worker": (3, lambda: self.kill(self._chance.choice(WORKERS))),
            "kill worker child": (3, lambda: self.kill_child(self._chance.choice(WORKERS))),
            "kill redis": (2, lambda: self.kill("valkey")),
            "kill postgresql": (1, lambda: self.kill("postgres")),
            "freeze worker": (2, lambda: self.freeze(self._chance.choice(WORKERS))),
            "freeze agent": (2, lambda: self.freeze(self._chance.choice(AGENTS))),
            "freeze redis": (1, lambda: self.freeze("valkey")),
            "flushall": (2, lambda: self.flush(self._chance.choice(SERVICES))),
            "delete a queue": (2, lambda: self.delete_queue(self._chance.choice(SERVICES))),
            "double and shuffle": (3, lambda: self.double_and_shuffle(self._chance.choice(SERVICES))),
        }

    def run(self, seconds: float):
        """Break one thing after the other; each kind at least once, where there is time."""
        deadline = time.monotonic() + seconds
        names, weights = list(self._kinds), [weight for weight, _ in self._kinds.values()]
        due = self._chance.sample(names, len(names))
        while time.monotonic() < deadline:
            kind = due.pop() if due else self._chance.choices(names, weights)[0]
            started = datetime.now(UTC)
            self.done.append(Fault(started, kind, self._kinds[kind][1]()))
            time.sleep(self._chance.uniform(*PAUSE_SECONDS))
        for thaw in self._thaws:
            thaw.join()

    def kill(self, name):
        """SIGKILL; for PostgreSQL with all its sessions, as the power would fail."""
        self._stack.kill(name)
        return name

    def kill_child(self, name):
        """SIGKILL one of a worker's pool."""
        with suppress(psutil.NoSuchProcess, IndexError):
            child = self._chance.choice(psutil.Process(self._stack.processes[name].pid).children())
            child.kill()
            return f"{name} {child.pid}"
        return f"{name}, which has none"

    def freeze(self, name, seconds=None):
        """SIGSTOP a process and its children; later it goes on, or never does."""
        pid = self._stack.processes[name].pid
        self._signal(pid, signal.SIGSTOP)
        seconds = seconds or self._chance.uniform(1, self._longest_freeze_seconds)
        ends_by = self._chance.choice((signal.SIGCONT, signal.SIGKILL))
        thaw = threading.Timer(seconds, self._signal, (pid, ends_by))
        thaw.start()
        self._thaws.append(thaw)
        return f"{name} for {seconds:.1f} s, then {ends_by.name}"

    def flush(self, service):
        """Empty Redis, while something waits for a service."""
        return self._on_waiting(service, lambda client, queue: f"{client.llen(queue)} {client.flushall()}")

    def delete_queue(self, service):
        """Delete a queue with all that waits in it."""
        return self._on_waiting(service, lambda client, queue: f"{client.llen(queue)} {client.delete(queue)}")

    def double_and_shuffle(self, service):
        """Put a tenth of what waits for a service into its queue once more, and all in another order."""
        return self._on_waiting(service, self._mix)

    def _mix(self, client, queue):
        waiting = client.lrange(queue, 0, -1)
        if not waiting:
            return "0"
        doubled = self._chance.sample(waiting, max(1, int(len(waiting) * DOUBLED_SHARE)))
        mixed = self._chance.sample([*waiting, *doubled], len(waiting) + len(doubled))
        client.pipeline().delete(queue).rpush(queue, *mixed).execute()
        return str(len(mixed))

    def _on_waiting(self, service, act):
        """Do something to a service's queue of events, with its worker held up so that some wait in it."""
        queue = f"{service}.events"
        pid = self._stack.processes[f"{service}.worker"].pid
        self._signal(pid, signal.SIGSTOP)
        try:
            time.sleep(FILL_SECONDS)
            with redis.Redis.from_url(self._stack.servers.broker_url, socket_timeout=2) as client:
                return f"{queue}: {act(client, queue)}"
        except redis.RedisError as error:
            return f"Redis is away: {type(error).__name__}"
        finally:
            self._signal(pid, signal.SIGCONT)

    @staticmethod
    def _signal(pid, number):
        """To a process and its children: each process of the stack leads its own group."""
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
