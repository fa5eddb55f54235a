"""Terminal output: the orders' progress, and at the end what happened and the checks."""

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.main_job.calls import Calls
from deploy.main_job.checks import Check
from deploy.main_job.life import Life, Stage
from deploy.main_job.sales import Sales

LINES_OF_PROGRESS = 10  # where there is no terminal to move a bar on

STEPS = {
    "new_order": "new order, to the seller",
    "confirmation": "confirmation",
    "payment_received": "payment received",
    "accepted": "acceptance",
    "shipped": "shipping",
    "delivered": "delivery",
    "invoice": "invoice, attached",
    "delivery_note": "delivery note, attached",
}


class Board:
    """A progress bar per stage; without a terminal, a line now and then."""

    def __init__(self, console: Console, orders: int) -> None:
        self._console = console
        self._orders = orders
        self._reached: Counter[Stage] = Counter()
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._catalogue = self._progress.add_task("products and stock", total=None)
        self._tasks = {stage: self._progress.add_task(f"orders {stage}", total=orders) for stage in Stage}

    def stocked(self, done: int, of: int) -> None:
        """Show how many products are listed."""
        self._progress.update(self._catalogue, completed=done, total=of)
        if not self._console.is_terminal and done == of:
            self._console.print(f"{of} products are on offer and in stock")

    def reached(self, stage: Stage) -> None:
        """Show that another order has reached this stage."""
        self._progress.advance(self._tasks[stage])
        with self._lock:
            self._reached[stage] += 1
            count = self._reached[stage]
        every = max(1, self._orders // LINES_OF_PROGRESS)
        if (
            stage is Stage.TOLD
            and not self._console.is_terminal
            and (count % every == 0 or count == self._orders)
        ):
            self._console.print(f"{count} of {self._orders} orders are completed, documents and e-mails sent")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def show_summary(
    console: Console, data: Sales, lives: Sequence[Life], checks: Sequence[Check], seconds: float
) -> None:
    """Show what became of the data, what happened, and the checks."""
    console.print(_rows(data))
    console.print(_happened(lives, seconds))
    console.print(_proofs(checks))


def name_samples(console: Console, calls: Calls, life: Life) -> None:
    """Put one PDF where it can be opened, and name it and one e-mail."""
    addresses = calls.addresses
    [invoice, *_] = life.invoices
    path = f"/v1/documents/{invoice.id}/content"
    if addresses.mail_folder is None:
        console.print(f"A PDF to open: {addresses.services['documents']}{path} (with a token)")
        return
    file = addresses.mail_folder.parent / f"{invoice.number}.pdf"
    file.write_bytes(calls.content("documents", path))
    console.print(f"A PDF to open:     {file}", soft_wrap=True)
    message_id = next(email.message_id for email in life.emails if email.step == "invoice")
    if (mail := _file_of(addresses.mail_folder, message_id)) and addresses.mail_page:
        console.print(f"An e-mail to open: {mail}", soft_wrap=True)
        console.print(f"                   {addresses.mail_page(f'/messages/{mail.stem}')}", soft_wrap=True)


def _happened(lives: Sequence[Life], seconds: float) -> Table:
    table = Table(title="The main job", title_justify="left", show_header=False)
    markets = Counter(life.market for life in lives)
    methods = Counter(life.method for life in lives)
    papers = Counter(paper.kind for life in lives for paper in life.papers)
    steps = Counter(email.step for life in lives for email in life.emails if not email.is_merged)
    rate = 60 * len(lives) / seconds if seconds else 0
    table.add_row("orders", f"{len(lives):,}", _listed(markets) + "; " + _listed(methods))
    table.add_row("events", f"{sum(life.happenings for life in lives):,}", "in the orders' histories")
    table.add_row("PDFs", f"{papers.total():,}", _listed(papers))
    named = Counter({STEPS.get(step, step): count for step, count in steps.items()})
    table.add_row("e-mails", f"{steps.total():,}", _listed(named))
    table.add_row("seconds", f"{seconds:.1f}", f"{rate:.0f} orders a minute")
    return table


def _rows(data: Sales) -> Table:
    table = Table(title="What became of the data's rows", title_justify="left", show_header=False)
    for row_class, count in data.rows.most_common():
        table.add_row(row_class, f"{count:,}")
    table.add_section()
    table.add_row("rows", f"{data.rows.total():,}")
    return table


def _proofs(checks: Sequence[Check]) -> Table:
    table = Table(title="What was proven", title_justify="left", show_header=False)
    for check in checks:
        table.add_row("[green]yes[/]" if check.holds else "[bold red]NO[/]", check.what, check.seen)
    return table


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))


def _file_of(folder: Path, message_id: str) -> Path | None:
    for file in sorted(folder.glob("*.eml"), reverse=True):
        with file.open("rb") as mail:
            if message_id.encode() in mail.read(4096):
                return file
    return None
