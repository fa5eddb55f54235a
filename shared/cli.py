"""The operator's verbs on a service's command line: those of its API, and what needs the machine."""

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
from shared.settings import ServiceSettings, SettingsError, read
from shared.sources import sources
from shared.stores import Store
from shared.text import one_line

Row = Mapping[str, Any]

# Before a backup was taken, some things were told already that had not been heard.
ON_THEIR_WAY = timedelta(hours=1)

SINCE = click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="From when on, in UTC.",
)


@dataclass
class Service:
    """The service that is operated; its settings are read when a verb first needs them."""

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
        """Read from the environment; from then on the sessions reach the database."""
        settings = read(self.kind)
        logging.configure(self.messaging.name, settings.log_level)
        self.bind(settings)
        return settings

    def session(self) -> Any:
        """A session whose work is committed when its block ends."""
        assert self.settings
        return self.sessions.begin()

    def engine(self) -> Engine:
        """The way to the service's database."""
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
    """The command line of a service, given its sessions, its kind of settings and what binds the two.

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
        """Tell what goes wrong in one line."""
        try:
            return super().invoke(context)
        except (NotFound, Refused, Invalid, Unavailable, SettingsError, BackupError) as error:
            raise click.ClickException(str(error)) from error
        except SQLAlchemyError as error:
            raise click.ClickException(f"the database: {error.__cause__ or error}") from error
        except httpx2.HTTPError as error:
            raise click.ClickException(f"another service can't be asked: {error}") from error


@click.command()
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for a database that is away.")
@click.pass_obj
def migrate(service: Service, wait: float) -> None:
    """Bring the database up to date."""
    migrations.wait_for_database(service.engine(), wait)
    migrations.upgrade(service.engine(), service.messaging.name)
    click.echo(f"{service.messaging.name}: the database is up to date")


@click.command()
@click.option("--wait", default=0.0, show_default=True, help="Seconds to wait for whoever migrates.")
@click.pass_obj
def await_migrations(service: Service, wait: float) -> None:
    """Return once the database has this release's shape or a newer one; exit 1 if it has not in time."""
    if not migrations.wait_until_current(service.engine(), service.messaging.name, wait):
        raise click.ClickException("migrations are missing")


@click.command()
@click.pass_obj
def health(service: Service) -> None:
    """Say how far behind the service is; exit 1 if migrations are missing."""
    with service.session() as session:
        current = is_current(session.connection(), service.messaging.name)
        if current:
            _show_one(operations.health(session))
    if not current:
        raise click.ClickException("migrations are missing")


@click.group()
def events() -> None:
    """Look at events."""


@events.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option("--type", "event_type", help="Only these, as in order.accepted.")
@click.pass_obj
def tail(service: Service, limit: int, event_type: str | None) -> None:
    """Show the newest events, newest first."""
    with service.session() as session:
        _show(operations.tail_events(session, limit, event_type))


@events.command("show")
@click.argument("event_id", type=click.UUID)
@click.pass_obj
def show_event(service: Service, event_id: UUID) -> None:
    """Show one event with its data and what became of each delivery."""
    with service.session() as session:
        _show_one(operations.show_event(session, event_id))


@events.command()
@click.argument("correlation_id")
@click.pass_obj
def trace(service: Service, correlation_id: str) -> None:
    """Show all that one request led to in this service, in order."""
    with service.session() as session:
        _show(operations.trace(session, correlation_id))


@click.group()
def outbox() -> None:
    """Look at what is still to be delivered."""


@outbox.command()
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1))
@click.pass_obj
def pending(service: Service, limit: int) -> None:
    """Show deliveries that their subscriber has not acknowledged, oldest first."""
    with service.session() as session:
        _show(operations.pending(session, limit))


@outbox.command()
@click.option("--subscriber", help="Only this service's deliveries.")
@click.pass_obj
def resend(service: Service, subscriber: str | None) -> None:
    """Send every unacknowledged delivery again."""
    with service.session() as session:
        count = operations.resend(session, subscriber)
    click.echo(f"{count} to be sent again")


@click.group("dead-letters")
def dead_letters() -> None:
    """Decide about events and jobs that were given up."""


@dead_letters.command("list")
@click.pass_obj
def list_dead_letters(service: Service) -> None:
    """List what was given up, oldest first."""
    with service.session() as session:
        _show(operations.dead_letters(session))


@dead_letters.command("show")
@click.argument("letter_id", type=click.UUID)
@click.pass_obj
def show_dead_letter(service: Service, letter_id: UUID) -> None:
    """Show one dead event or job, whole."""
    with service.session() as session:
        _show_one(operations.dead_letter(session, letter_id))


@dead_letters.command()
@click.argument("letter_id", type=click.UUID)
@click.pass_obj
def retry(service: Service, letter_id: UUID) -> None:
    """Try a dead event or job again, from its first attempt."""
    with service.session() as session:
        operations.retry(session, letter_id)
    click.echo(f"{letter_id} will be tried again")


@dead_letters.command("retry-all")
@click.option("--what", help="Only these, as in order.accepted or make_paper.")
@click.pass_obj
def retry_all(service: Service, what: str | None) -> None:
    """Try all that is dead again, once the fault that killed it is mended."""
    with service.session() as session:
        count = operations.retry_all(session, what)
    click.echo(f"{count} will be tried again")


@dead_letters.command()
@click.argument("letter_id", type=click.UUID)
@click.option("--reason", required=True, help="Why nothing is to be done; it is kept.")
@click.pass_obj
def skip(service: Service, letter_id: UUID, reason: str) -> None:
    """Decide that nothing is to be done about a dead event."""
    with service.session() as session:
        operations.skip(session, letter_id, one_line(reason))
    click.echo(f"{letter_id} is skipped")


@click.command()
@SINCE
@click.option("--type", "types", multiple=True, help="Only these events; may be given more than once.")
@click.pass_obj
def replay(service: Service, since: datetime, types: Sequence[str]) -> None:
    """Handle again what was heard since; harmless, for handlers only bring things up to date."""
    with service.session() as session:
        count = operations.replay(session, since.replace(tzinfo=UTC), types)
    click.echo(f"{count} to be handled again")


@click.command()
@click.pass_obj
def reconcile(service: Service) -> None:
    """Compare all that the other services told with what was heard here; exit 1 on a difference."""
    with sources(service.messaging, service.settings) as asked:
        differences = [asdict(found) for found in reconciliation.reconcile(service.sessions, asked)]
    _show(differences)
    if differences:
        raise click.ClickException(f"{len(differences)} differ")


@click.command()
@SINCE
@click.pass_obj
def resync(service: Service, since: datetime) -> None:
    """After a restore from a backup: have the others deliver again what they told since."""
    with sources(service.messaging, service.settings) as asked:
        _show_one(reconciliation.resync(asked, since.replace(tzinfo=UTC)))


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def backup(service: Service, folder: Path) -> None:
    """Save the database, and the files it tells of, in a new folder inside FOLDER."""
    place = backups.take(service.engine(), service.messaging.name, folder, service.files(service.settings))
    click.echo(f"{service.messaging.name}: saved in {place}")
    if damaged := backups.read(place).damaged:
        for digest in damaged:
            click.echo(f"{digest} is not what was stored, and is not in the backup")
        raise click.ClickException(f"{len(damaged)} stored files are damaged: see `verify`")


@click.command()
@click.argument("saved", metavar="BACKUP", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Lose what is in the database now.")
@click.pass_obj
def restore(service: Service, saved: Path, replace: bool) -> None:
    """Bring the service back to a BACKUP; its processes must be stopped."""
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
    help="As of when the database is, in UTC.",
)
@click.pass_obj
def restored(service: Service, back_to: datetime) -> None:
    """Say that another tool has set the database back; its processes must be stopped."""
    back_to = back_to.replace(tzinfo=UTC)
    backups.leap_ahead(service.engine(), back_to, versions=service.versions, positions=service.positions)
    _say_what_follows(service.messaging.name, back_to)


def _say_what_follows(name: str, back_to: datetime) -> None:
    click.echo(f"{name}: as it was at {back_to:%Y-%m-%d %H:%M:%S} UTC. Now start its processes, then")
    click.echo(f"  resync --since {back_to - ON_THEIR_WAY:%Y-%m-%dT%H:%M:%S}")
    click.echo("  reconcile, until nothing differs")


@click.command()
@click.pass_obj
def doctor(service: Service) -> None:
    """Look for what is wrong, and say why it matters and what to do; exit 1 if there is something."""
    name = service.messaging.name
    try:
        patient = Patient(settings=service.settings, messaging=service.messaging, sessions=service.sessions)
    except SettingsError as error:
        found = [
            Trouble(fault, "No process starts", "Set it in the environment")
            for fault in str(error).splitlines()
        ]
    else:
        found = list(examine(patient, service.checks))
    for what, why, cure in found:
        click.echo(f"{name}: {what}. {why}. {cure}.")
    if found:
        sys.exit(1)
    click.echo(f"{name}: nothing wrong was found")


def _show(rows: Sequence[Row]) -> None:
    """A table for people; a JSON object a line for programs."""
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
