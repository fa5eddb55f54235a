"""What the user sees: the system starting, the main job, and a table of addresses."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.logging import RichHandler
from rich.table import Column, Table

from deploy.local.databases import SERVICES
from deploy.local.settings import Settings
from deploy.local.stack import Stack


def stay_up(settings: Settings, *, orders: int) -> None:
    """Run the system until Ctrl-C; the first time, run the main job before showing the addresses."""
    console = Console()
    with _running(settings, console) as stack:
        if not _done(settings).exists():
            _run_main_job(stack, orders)
        console.print(_table(stack))
        console.print("It stays up until Ctrl-C, and keeps its data until [bold]make clean[/].")
        with suppress(KeyboardInterrupt):
            signal.pause()
        console.print("Stopping.")


def demonstrate(settings: Settings, *, orders: int) -> bool:
    """Run the main job once, and stop; returns whether every check passed."""
    with _running(settings, Console()) as stack:
        return _run_main_job(stack, orders)


@contextmanager
def _running(settings: Settings, console: Console) -> Iterator[Stack]:
    """The running system, with progress shown at start, stopped in order on any signal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with console.status("Looking at the machine") as status:
        stack = Stack(settings, tell=status.update if console.is_terminal else console.print)
        _log_restarts(settings, console)
        stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def _run_main_job(stack: Stack, orders: int) -> bool:
    # Here, for it brings packages and data that a later start has no use for.
    from deploy.main_job import run  # noqa: PLC0415

    held = run(stack.addresses, orders=orders)
    if held:
        _done(stack.settings).touch()
    return held


def _done(settings: Settings) -> Path:
    """The file that marks that the main job has run here."""
    return settings.folder / "main-job-done"


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _log_restarts(settings: Settings, console: Console) -> None:
    """Send the supervisor's messages to the terminal, and with timestamps to its log."""
    file = settings.folder / "logs" / "supervisor.log"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    to_file = logging.FileHandler(file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = RichHandler(console=console, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[to_terminal, to_file])


def _table(stack: Stack) -> Table:
    """The table of addresses, each with its purpose below it, so that 80 columns suffice."""
    servers, addresses, ports = stack.servers, stack.addresses, stack.settings.ports
    table = Table("Part", Column("Where", overflow="fold"), title="Waybill is up", title_justify="left")

    def add(part: str, where: str, what: str) -> None:
        table.add_row(part, f"{where}\n[dim]{what}[/]")

    add("[bold]console[/]", f"[bold]{stack.console_page}[/]", "begin here")
    for service in SERVICES:
        add(service, f"{stack.url(service)}/docs", "API, docs to try it")
    add("Flower", stack.flower_url, "background work")
    add("metrics", f"{stack.url('orders')}/metrics", "for Prometheus: docs/operations.md")
    if addresses.mail_page:
        add("mail", addresses.mail_page("/"), f"e-mails; SMTP: {ports['smtp']}")
    table.add_section()
    if servers.postgres:
        add("PostgreSQL", servers.postgres.address, "postgres/passwords.json")
    if servers.valkey:
        add("Valkey", servers.valkey.address, "valkey/password")
    table.add_section()
    add("token", "make token SELLER='*' SCOPES='orders:read'", "for docs and curl")
    add("data", str(stack.folder), "everything kept, logs")
    if servers.postgres and servers.postgres.place != servers.postgres.folder:
        add("", str(servers.postgres.place), "PostgreSQL's files")
    return table
