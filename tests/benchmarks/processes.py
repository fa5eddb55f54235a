"""What each process takes of memory and processor: the figures behind the requests in deploy/kubernetes.

`python -m tests.benchmarks.processes` prints them; they are no goal, so `make bench` leaves them out.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from itertools import islice

import psutil

from deploy.local.processes import Process
from deploy.local.stack import Stack
from deploy.main_job import sales
from deploy.main_job.calls import Calls
from deploy.main_job.catalogue import load_catalogue
from deploy.main_job.life import live
from tests.benchmarks.memory import REST_SECONDS, proportional_bytes
from tests.benchmarks.stacks import running_stack

LIVES = 40
LOOK_SECONDS = 1.0
MIB = 2**20


def family(process: Process) -> Iterator[psutil.Process]:
    """A process with all its children that live now."""
    try:
        yield psutil.Process(process.pid)
        yield from psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return


def weighed(stack: Stack) -> dict[str, int]:
    """Bytes of memory by process, children included (PSS)."""
    return {
        name: sum(proportional_bytes(member.pid) for member in family(process))
        for name, process in stack.processes.items()
    }


def spent(stack: Stack) -> dict[str, float]:
    """Seconds of a processor by process so far, ended children that it waited for included."""
    return {
        name: sum(sum(member.cpu_times()[:2]) for member in family(process))
        + sum(psutil.Process(process.pid).cpu_times()[2:4])
        for name, process in stack.processes.items()
    }


def run() -> None:
    """Print for each process MiB at rest and at most while orders live, and what it takes of a processor."""
    data = sales.read()
    with running_stack() as stack, closing(Calls(stack.addresses)) as calls:
        chosen = list(islice(data.sales, LIVES))
        load_catalogue(calls, chosen, data.products, lambda *_: None)
        live_one = partial(live, calls, products=data.products, tell=lambda _: None)
        live_one(chosen[0])
        before, most = spent(stack), weighed(stack)
        with calls.threads() as pool:
            lives: list[Future[object]] = [pool.submit(live_one, sale) for sale in chosen[1:]]
            while not all(life.done() for life in lives):
                most = {name: max(size, most[name]) for name, size in weighed(stack).items()}
                time.sleep(LOOK_SECONDS)
            for life in lives:
                life.result()
        a_life = {name: (taken - before[name]) / len(lives) for name, taken in spent(stack).items()}
        time.sleep(REST_SECONDS)
        begun, idle = time.monotonic(), spent(stack)
        rest = weighed(stack)
        time.sleep(REST_SECONDS)
        passed = time.monotonic() - begun
        idle = {name: (taken - idle[name]) / passed for name, taken in spent(stack).items()}
    print(f"{'process':<24} {'MiB at rest':>11} {'at most':>8} {'ms a life':>10} {'of a core at rest':>18}")
    for name in sorted(rest):
        sizes = f"{rest[name] / MIB:>11.0f} {most[name] / MIB:>8.0f}"
        print(f"{name:<24} {sizes} {a_life[name] * 1000:>10.0f} {idle[name]:>18.2%}")


if __name__ == "__main__":
    run()
