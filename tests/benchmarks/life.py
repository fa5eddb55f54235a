"""Goal 3: whole lives a minute, placed to completed with papers and e-mails; no backlog at 80 % of it.

And what one life costs: statements, write-ahead log, processor.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice

import httpx2
import psutil
import psycopg

from deploy.local.databases import SERVICES
from deploy.local.stack import Stack
from deploy.main_job import sales
from deploy.main_job.calls import THREADS, Calls
from deploy.main_job.catalogue import load_catalogue
from deploy.main_job.life import live
from deploy.main_job.sales import Sale
from tests.benchmarks.results import Result
from tests.benchmarks.stacks import running_stack
from tests.benchmarks.statements import measured

WARM = 8
FLAT_OUT = 80
PACED_SECONDS = 60.0
SHARE = 0.8


def flat_out(live_one: Callable[[Sale], object], calls: Calls, chosen: list[Sale]) -> float:
    """Lives a minute with as many on their way as the main job has."""
    begun = time.monotonic()
    with calls.threads() as pool:
        for life in [pool.submit(live_one, sale) for sale in chosen]:
            life.result()
    return len(chosen) / (time.monotonic() - begun) * 60


def waiting(stack: Stack) -> float:
    """The age of the oldest work that is due anywhere, in seconds."""
    ages = []
    for service in SERVICES:
        behind = httpx2.get(f"{stack.url(service)}/health/ready").json()["messaging"]
        ages += [behind["oldest_unsent_seconds"], behind["oldest_pending_event_seconds"]]
        ages.append(behind["oldest_due_job_seconds"])
    return float(max(ages))


def paced(
    stack: Stack, live_one: Callable[[Sale], object], coming: Iterator[Sale], per_minute: float
) -> tuple[float, float]:
    """Begin lives at a steady pace; the median age of the oldest due work in the first and the last third."""
    ages: list[float] = []
    lives: list[threading.Thread] = []
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < PACED_SECONDS:
        if len(lives) < passed * per_minute / 60:
            life = threading.Thread(target=live_one, args=(next(coming),))
            life.start()
            lives.append(life)
        ages.append(waiting(stack))
        time.sleep(0.1)
    for life in lives:
        life.join()
    third = len(ages) // 3
    return statistics.median(ages[:third]), statistics.median(ages[-third:])


def processor_seconds(stack: Stack) -> float:
    """What all processes of the system have taken so far; those that drive it are not among them."""
    family = [
        member
        for process in stack.processes.values()
        for member in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True))
    ]
    return sum(sum(member.cpu_times()[:4]) for member in family)


def log_position(stack: Stack) -> int:
    """How many bytes PostgreSQL has written to its write-ahead log so far."""
    assert stack.servers.postgres
    with psycopg.connect(stack.servers.postgres.superuser_url(), autocommit=True) as connection:
        row = connection.execute("select pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row
    return int(row[0])


def run() -> list[Result]:
    """Measure on one running system, with the real sales; count the statements in one process."""
    statements = sum(step.total for step in measured().steps)
    data = sales.read()
    coming = iter(data.sales)
    with running_stack() as stack, closing(Calls(stack.addresses)) as calls:
        chosen = list(islice(coming, WARM + FLAT_OUT + 400))
        load_catalogue(calls, chosen, data.products, lambda *_: None)
        live_one = partial(live, calls, products=data.products, tell=lambda _: None)
        flat_out(live_one, calls, chosen[:WARM])
        processor, log = processor_seconds(stack), log_position(stack)
        rate = flat_out(live_one, calls, chosen[WARM : WARM + FLAT_OUT])
        processor = (processor_seconds(stack) - processor) / FLAT_OUT
        log = (log_position(stack) - log) // FLAT_OUT
        first, last = paced(stack, live_one, iter(chosen[WARM + FLAT_OUT :]), rate * SHARE)
    shown = f"{THREADS} at once; at {SHARE:.0%} of it the oldest due work is {first:.2f} s old at first"
    shown += f", {last:.2f} s at last"
    return [
        Result(goal=3, name="whole lives of orders", value=rate, unit="a minute", detail=shown),
        Result(
            goal=3,
            name=f"backlog at {SHARE:.0%}: age of the oldest due work, last third less first",
            value=max(0.0, last - first),
            unit="seconds",
            must=1,
            stretch=0.2,
            lower_is_better=True,
        ),
        Result(
            goal=3,
            name="SQL statements of one life",
            value=statements,
            unit="statements",
            must=900,
            stretch=500,
            lower_is_better=True,
            detail="step by step in tests/benchmarks/plans/life.txt; nobody asks how far it is",
        ),
        Result(
            goal=3,
            name="write-ahead log of one life",
            value=log / 1000,
            unit="kB",
            must=400,
            stretch=200,
            lower_is_better=True,
            detail=f"of {FLAT_OUT}, full page writes on",
        ),
        Result(
            goal=3,
            name="processor of the whole system for one life",
            value=processor,
            unit="seconds",
            must=2.0,
            stretch=1.2,
            lower_is_better=True,
            detail="answers to whoever waits for it included, its driver not",
        ),
    ]


if __name__ == "__main__":
    for result in run():
        print(result.line())
