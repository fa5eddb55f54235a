"""Operator commands of a service: those of its API, and those that need access to the machine."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import httpx2
import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shared import backups, logging, migrations
from shared.backups import BackupError
from shared.db import is_current
from shared.doctor import Patient, Trouble, examine
from shared.errors import Invalid, NotFound, Refused, Unavailable
from shared.messaging import operations, reconciliation
from shared.messaging.service import Messaging
from shared.publisher_clients import sources
from shared.settings import ServiceSettings, SettingsError, read
from shared.stores import Store
from shared.text import one_line

Row = Mapping[str, Any]

# Before a backup was taken, some things were told already that had not been heard.
ON_THEIR_WAY = timedelta(hours=1)

SINCE = click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="The time to start from, in UTC.",
)


@dataclass
class Service:
    """The service being operated; its settings are read when a command first needs them."""

    messaging: Messaging
    sessions: sessionmaker[Session]
    kind: type[ServiceSettings]
    bind: Callable[[Any], None]
    files: Callable[[Any], Store | None]
    versions: Sequence[Any]
    positions: Sequence[Any]
    checks: Sequence[Any]

    @cached_property
    def settings(self) -> ServiceSettings:
        """The settings, read from the environment; the first read also binds the sessions to the database."""
        settings = read(self.kind)
        logging.configure(self.messaging.name, settings.log_level)
        self.bind(settings)
        return settings

    def session(self) -> Any:
        """A session that commits when its block ends."""
        assert self.settings
        return self.sessions.begin()

    def engine(self) -> Engine:
        """The engine for the service's database."""
        assert self.settings
        engine: Engine = self.sessions.kw["bind"]
        return engine


def make_cli(
    messaging: Messaging,
    sessions: sessionmaker[Session],
    kind: type[ServiceSettings],
    bind: Callable[[Any], None],
    *,
    files: Callable[[Any], Store | None] = lambda _settings: None,
    versions: Sequence[Any] = (),
    positions: Sequence[Any] = (),
    checks: Sequence[Any] = (),
) -> click.Group:
    """Build a service's command line from its sessions, its settings class and the function that binds them.

    `files` finds, by the settings, what keeps the files that its rows tell of; `versions` are the columns
    that count what it tells, beside the subjects' own, and `positions` those that count it all together;
    `checks` are what its doctor looks at beside everybody's.
    """

    @click.group(cls=_Verbs, help=f"Operate the {messaging.name} service.")
    @click.pass_context
    def cli(context: click.Context) -> None:
        context.obj = Service(messaging, sessions, kind, bind, files, versions, positions, checks)

    for verb in (
        migrate,
        await_migrations,
        health,
        events,
        outbox,
        dead_letters,
        replay,
        reconcile,
        resync,
        backup,
        restore,
        restored,
        doctor,
    ):
        cli.add_command(verb)
    return cli


class _Verbs(click.Group):
    def invoke(self, context: click.Context) -> Any:
        """Report errors in one line."""
        try:
            return super().invoke(context)
        except (NotFound, Refused, Invalid, Unavailable, SettingsError, BackupError) as error:
            raise click.ClickException(str(error)) from error
        except SQLAlchemyError as error:
            raise click.ClickException(f"database error: {error.__cause__ or error}") from error
        except httpx2.HTTPError as error:
            raise click.ClickException(f"another service can't be reached: {error}") from error


@click.command()
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for the database to come up.")
@click.pass_obj
def migrate(service: Service, wait: float) -> None:
    """Apply all missing migrations to the database."""
    migrations.wait_for_database(service.engine(), wait)
    migrations.upgrade(service.engine(), service.messaging.name)
    click.echo(f"{service.messaging.name}: the database is up to date")


@click.command()
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for the migrations.")
@click.pass_obj
def await_migrations(service: Service, wait: float) -> None:
    """Wait until the database is migrated to this release or a newer one; exit 1 on timeout."""
    if not migrations.wait_until_current(service.engine(), service.messaging.name, wait):
        raise click.ClickException("migrations are missing")


@click.command()
@click.pass_obj
def health(service: Service) -> None:
    """Show how far behind the service is; exit 1 if migrations are missing."""
    with service.session() as session:
        current = is_current(session.connection(), service.messaging.name)
        if current:
            _show_one(operations.health(session))
    if not current:
        raise click.ClickException("migrations are missing")


@click.group()
def events() -> None:
    """Inspect events."""


@events.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option("--type", "event_type", help="Only events of this type, such as order.accepted.")
@click.pass_obj
def tail(service: Service, limit: int, event_type: str | None) -> None:
    """Show the newest events first."""
    with service.session() as session:
        _show(operations.tail_events(session, limit, event_type))


@events.command("show")
@click.argument("event_id", type=click.UUID)
@click.pass_obj
def show_event(service: Service, event_id: UUID) -> None:
    """Show one event with its data and the state of each delivery."""
    with service.session() as session:
        _show_one(operations.show_event(session, event_id))


@events.command()
@click.argument("correlation_id")
@click.pass_obj
def trace(service: Service, correlation_id: str) -> None:
    """Show everything one request caused in this service, in order."""
    with service.session() as session:
        _show(operations.trace(session, correlation_id))


@click.group()
def outbox() -> None:
    """Inspect and resend undelivered events."""


@outbox.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@click.pass_obj
def pending(service: Service, limit: int) -> None:
    """Show deliveries their subscriber has not acknowledged, oldest first."""
    with service.session() as session:
        _show(operations.pending(session, limit))


@outbox.command()
@click.option("--subscriber", help="Only this service's deliveries.")
@click.pass_obj
def resend(service: Service, subscriber: str | None) -> None:
    """Resend every unacknowledged delivery."""
    with service.session() as session:
        count = operations.resend(session, subscriber)
    click.echo(f"{count} to be resent")


@click.group("dead-letters")
def dead_letters() -> None:
    """Inspect, retry or skip dead events and jobs."""


@dead_letters.command("list")
@click.pass_obj
def list_dead_letters(service: Service) -> None:
    """List dead events and jobs, oldest first."""
    with service.session() as session:
        _show(operations.dead_letters(session))


@dead_letters.command("show")
@click.argument("letter_id", type=click.UUID)
@click.pass_obj
def show_dead_letter(service: Service, letter_id: UUID) -> None:
    """Show one dead event or job in full."""
    with service.session() as session:
        _show_one(operations.dead_letter(session, letter_id))


@dead_letters.command()
@click.argument("letter_id", type=click.UUID)
@click.pass_obj
def retry(service: Service, letter_id: UUID) -> None:
    """Retry a dead event or job, starting over at its first attempt."""
    with service.session() as session:
        operations.retry(session, letter_id)
    click.echo(f"{letter_id} will be retried")


@dead_letters.command("retry-all")
@click.option("--what", help="Only this event type or job kind, such as order.accepted or make_paper.")
@click.pass_obj
def retry_all(service: Service, what: str | None) -> None:
    """Retry all dead events and jobs, once the cause is fixed."""
    with service.session() as session:
        count = operations.retry_all(session, what)
    click.echo(f"{count} will be retried")


@dead_letters.command()
@click.argument("letter_id", type=click.UUID)
@click.option("--reason", required=True, help="The reason for skipping it, which is kept.")
@click.pass_obj
def skip(service: Service, letter_id: UUID, reason: str) -> None:
    """Skip a dead event for good."""
    with service.session() as session:
        operations.skip(session, letter_id, one_line(reason))
    click.echo(f"{letter_id} was skipped")


@click.command()
@SINCE
@click.option("--type", "types", multiple=True, help="Only events of this type; may be given more than once.")
@click.pass_obj
def replay(service: Service, since: datetime, types: Sequence[str]) -> None:
    """Process again the events received since a time; safe, because handlers are idempotent."""
    with service.session() as session:
        count = operations.replay(session, since.replace(tzinfo=UTC), types)
    click.echo(f"{count} to be processed again")


@click.command()
@click.pass_obj
def reconcile(service: Service) -> None:
    """Compare everything other services published with what was received here; exit 1 on any difference."""
    with sources(service.messaging, service.settings) as asked:
        differences = [asdict(found) for found in reconciliation.reconcile(service.sessions, asked)]
    _show(differences)
    if differences:
        raise click.ClickException(f"{len(differences)} differences")


@click.command()
@SINCE
@click.pass_obj
def resync(service: Service, since: datetime) -> None:
    """After restoring a backup, have other services redeliver what they have published since."""
    with sources(service.messaging, service.settings) as asked:
        _show_one(reconciliation.resync(asked, since.replace(tzinfo=UTC)))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def backup(service: Service, folder: Path) -> None:
    """Back up the database and the stored files into a new folder inside FOLDER."""
    place = backups.take(service.engine(), service.messaging.name, folder, service.files(service.settings))
    click.echo(f"{service.messaging.name}: saved in {place}")
    if damaged := backups.read(place).damaged:
        for digest in damaged:
            click.echo(f"{digest} is damaged, and is not in the backup")
        raise click.ClickException(f"{len(damaged)} stored files are damaged: see `verify`")


@click.command()
@click.argument("saved", metavar="BACKUP", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Overwrite the current contents of the database.")
@click.pass_obj
def restore(service: Service, saved: Path, replace: bool) -> None:
    """Restore the service from BACKUP; its processes must be stopped."""
    name = service.messaging.name
    about = backups.restore(
        service.engine(),
        name,
        saved,
        service.files(service.settings),
        replace=replace,
        versions=service.versions,
        positions=service.positions,
    )
    _say_what_follows(name, about.taken_at)


@click.command()
@click.option(
    "--to",
    "back_to",
    required=True,
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="The point in time that the database was restored to, in UTC.",
)
@click.pass_obj
def restored(service: Service, back_to: datetime) -> None:
    """Adjust counters after another tool restored the database; the service's processes must be stopped."""
    back_to = back_to.replace(tzinfo=UTC)
    backups.leap_ahead(service.engine(), back_to, versions=service.versions, positions=service.positions)
    _say_what_follows(service.messaging.name, back_to)


def _say_what_follows(name: str, back_to: datetime) -> None:
    click.echo(f"{name}: restored to {back_to:%Y-%m-%d %H:%M:%S} UTC. Now start its processes, then run")
    click.echo(f"  resync --since {back_to - ON_THEIR_WAY:%Y-%m-%dT%H:%M:%S}")
    click.echo("  reconcile, until there are no differences")


@click.command()
@click.pass_obj
def doctor(service: Service) -> None:
    """Check for problems, and say why each matters and how to fix it; exit 1 if there are any."""
    name = service.messaging.name
    try:
        patient = Patient(settings=service.settings, messaging=service.messaging, sessions=service.sessions)
    except SettingsError as error:
        found = [
            Trouble(fault, "No process can start", "Set it in the environment")
            for fault in str(error).splitlines()
        ]
    else:
        found = list(examine(patient, service.checks))
    for what, why, cure in found:
        click.echo(f"{name}: {what}. {why}. {cure}.")
    if found:
        sys.exit(1)
    click.echo(f"{name}: no problems found")


def _show(rows: Sequence[Row]) -> None:
    """Print a table at a terminal, or one JSON object per line for programs."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
    elif rows:
        columns = list({name: None for row in rows for name in row})
        table = Table(*columns, box=None)
        for row in rows:
            table.add_row(*(_cell(row.get(column)) for column in columns))
        Console().print(table)
    else:
        click.echo("nothing")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    return "" if value is None else str(value)


def _show_one(row: Row) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(row), indent=2).decode())
