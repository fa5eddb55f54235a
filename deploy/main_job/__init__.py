"""The main job: real sales become orders, payments, shipments, documents and e-mails, with checks."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from rich.console import Console

from deploy.local.addresses import Addresses
from deploy.main_job import sales, waiting
from deploy.main_job.calls import THREADS, CallRefused, Calls, Overdue, Stopped
from deploy.main_job.catalogue import load_catalogue
from deploy.main_job.checks import Check, check, placed_orders
from deploy.main_job.life import Life, WentWrong, live
from deploy.main_job.sales import Sale, Sales
from deploy.main_job.summary import Board, name_samples, show_summary

MOST_WRONG = 10  # a system that is broken is not tried any longer


def run(addresses: Addresses, orders: int = 50) -> bool:
    """Take the next orders through their life, check the results, show them; returns whether all passed.

    Sales that are orders already, from a run before, are passed over. The first run leaves work behind, for
    people to try the console with.
    """
    console = Console()
    began_at, began = datetime.now(UTC), time.monotonic()
    data = sales.read()
    with closing(Calls(addresses)) as calls:
        placed = {order["external_reference"] for order in placed_orders(calls)}
        coming = [sale for sale in data.sales if sale.reference not in placed]
        chosen = coming[:orders]
        spare = [] if waiting.is_left(calls) else waiting.spare(coming[orders:])
        lives: list[Life] = []
        wrong: dict[str, str] = {}
        with Board(console, len(chosen)) as board:
            load_catalogue(calls, [*chosen, *spare], data.products, board.stocked)
            live_one = partial(live, calls, products=data.products, tell=board.reached)
            for sale, outcome in _lived(chosen, live_one, calls):
                if isinstance(outcome, Life):
                    lives.append(outcome)
                elif outcome:
                    wrong[sale.reference] = outcome
        seconds = time.monotonic() - began
        left = _leave_work(calls, data, spare, lives)
        checks = [*check(calls, data, lives, wrong, began_at), *left]
        show_summary(console, data, lives, checks, seconds)
        if lives:
            name_samples(console, calls, max(lives, key=lambda life: (life.happenings, life.ordered_minor)))
    return all(one.holds for one in checks)


def _leave_work(calls: Calls, data: Sales, spare: list[Sale], lives: list[Life]) -> list[Check]:
    """Leave some open work, once, and check that it is visible."""
    what = "open work is visible at the console"
    if not lives or not spare:
        return []
    try:
        found = waiting.leave(calls, spare, data.products, lives)
    except (CallRefused, Overdue) as error:
        return [Check(what, holds=False, seen=str(error))]
    holds = all(wanted == seen for wanted, seen in found.values())
    return [Check(what, holds, ", ".join(f"{seen} {kind}" for kind, (_, seen) in found.items()))]


def _lived(
    chosen: Iterable[Sale], live_one: Callable[[Sale], Life], calls: Calls
) -> Iterator[tuple[Sale, Life | str | None]]:
    """Each sale with its order's life, or why it did not complete; None if it was an order already.

    Only as many as there are threads are on their way, however many are to come.
    """
    coming = iter(chosen)
    running: dict[Future[Life], Sale] = {}
    broken = 0
    with calls.threads() as pool:
        while True:
            if broken < MOST_WRONG:
                running |= {
                    pool.submit(live_one, sale): sale for sale in islice(coming, THREADS - len(running))
                }
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcome = _outcome(future)
                broken += isinstance(outcome, str)
                yield running.pop(future), outcome
    for sale in coming:
        yield sale, "not attempted"


def _outcome(future: Future[Life]) -> Life | str | None:
    try:
        return future.result()
    except CallRefused as refusal:
        return None if refusal.reason == "already_placed" else str(refusal)
    except (Overdue, Stopped, WentWrong) as error:
        return str(error)
