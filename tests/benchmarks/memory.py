"""Goal 17: what the whole system holds of the machine's memory at rest."""

import time
from pathlib import Path

import psutil

from deploy.local.stack import Stack
from tests.benchmarks.results import Result
from tests.benchmarks.stacks import running_stack
from tests.shop import Shop

REST_SECONDS = 45  # till the last paper is made, and what checked it has ended
GIB = 2**30


def proportional_bytes(pid: int) -> int:
    """A process' share of memory, in which what several share counts once in all; 0 once it has ended."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in told.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def parts(stack: Stack) -> dict[str, int]:
    """Bytes by part of the system, children included."""
    sizes: dict[str, int] = {}
    for name, process in stack.processes.items():
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        part = name.partition(".")[2] or name
        sizes[part] = sizes.get(part, 0) + sum(proportional_bytes(member.pid) for member in family)
    return sizes


def run() -> list[Result]:
    """Let the system do a little, rest, and be weighed."""
    with running_stack() as stack:
        shop = Shop(stack)
        shop.open({"A": 1000})
        for _ in range(20):
            order = shop.place(("A", 1))
            shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
        shop.close()
        time.sleep(REST_SECONDS)
        sizes = parts(stack)
    shown = ", ".join(f"{part} {size / 2**20:.0f} MiB" for part, size in sorted(sizes.items()))
    return [
        Result(
            goal=17,
            name="memory of the whole system at rest",
            value=sum(sizes.values()) / GIB,
            unit="GiB",
            must=1.5,
            stretch=1.0,
            lower_is_better=True,
            detail=shown,
        )
    ]


if __name__ == "__main__":
    for result in run():
        print(result.line())
