"""The commands behind the Makefile's targets."""

import errno
import shlex
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click
import httpx2

from deploy.containers.env_file import write_env_file
from deploy.containers.pin import pin
from deploy.local import programs, stack
from deploy.local.addresses import behind_gateway
from deploy.local.databases import SERVICES
from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.preconditions import StackError
from deploy.local.processes import ProcessError
from deploy.local.service_processes import service_url
from deploy.local.settings import ROOT, Settings, SettingsError, read
from deploy.local.stack import migrate_databases, remove
from deploy.local.up import demonstrate, stay_up
from shared.db import new_id
from shared.events.codec import EVENTS
from shared.events.samples import made_up


@click.group()
@click.pass_context
def cli(context: click.Context) -> None:
    """Waybill on one machine."""
    context.obj = read()


@cli.command()
@click.option("--orders", default=50, show_default=True, help="How many orders the first start runs.")
@click.pass_obj
def up(settings: Settings, orders: int) -> None:
    """Start everything, and stay up until Ctrl-C."""
    stay_up(settings, orders=orders)


@cli.command()
@click.option("--orders", default=50, show_default=True, help="How many orders go through their life.")
@click.pass_obj
def demo(settings: Settings, orders: int) -> None:
    """Start everything, run the main job, stop; fails unless every check held."""
    sys.exit(0 if demonstrate(settings, orders=orders) else 1)


@cli.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Bring the services' databases to their newest shape."""
    migrate_databases(settings)


@cli.command()
@click.pass_obj
def secrets(settings: Settings) -> None:
    """Write what docker-compose.yml needs into .env, and say where the console will be."""
    keys = Keys(settings.folder / "keys")
    write_env_file(ROOT / ".env", keys)
    click.echo(f"In containers the console is at http://localhost:8100/login?key={keys.page_key}")


@cli.command("pin")
@click.option("--engine", type=click.Choice(["docker", "podman"]), default="docker", show_default=True)
def pin_images(engine: str) -> None:
    """Pull the images of docker-compose.yml, and name them by digest in .env from now on."""
    for name, image in pin(engine, ROOT / ".env").items():
        click.echo(f"{name}={image}")


@cli.command()
@click.option("--gateway", default="http://localhost:8100", show_default=True, help="Where it is reached.")
@click.option("--orders", default=50, show_default=True, help="How many orders go through their life.")
@click.pass_obj
def job(settings: Settings, gateway: str, orders: int) -> None:
    """Run the main job on a system behind a gateway; fails unless every check held."""
    # Here, for it brings packages and data that nothing else needs.
    from deploy.main_job import run  # noqa: PLC0415

    sys.exit(0 if run(behind_gateway(settings, gateway), orders=orders) else 1)


@cli.command()
@click.option("--service", type=click.Choice(SERVICES), default="orders", show_default=True)
@click.option("--verb", default="--help", help="As in: dead-letters list")
@click.pass_obj
def operate(settings: Settings, service: str, verb: str) -> None:
    """Run an operator's verb of a service, with the settings of this stack."""
    sys.exit(stack.operate(settings, service, shlex.split(verb)))


@cli.command()
@click.pass_obj
def doctor(settings: Settings) -> None:
    """Look for what is wrong with the running system, and say what to do."""
    sys.exit(stack.examine(settings))


@cli.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Save every service, each in a new folder inside this one."""
    sys.exit(stack.back_up(settings, folder.absolute()))


@cli.command()
@click.option("--service", type=click.Choice(SERVICES), required=True)
@click.option("--from", "saved", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--replace", is_flag=True, help="Lose what is in the database now.")
@click.pass_obj
def restore(settings: Settings, service: str, saved: Path, replace: bool) -> None:
    """Bring a service back to a backup, with the system stopped."""
    sys.exit(stack.restore(settings, service, saved.absolute(), *["--replace"] * replace))


@cli.command()
@click.option("--seller", "sellers", multiple=True, default=("*",), help="Whose things it shows; * is all.")
@click.option("--market", "markets", multiple=True, default=("*",), help="Of which markets; * is all.")
@click.option("--scopes", default="", help="What it allows, separated by spaces; all, if nothing is named.")
@click.option("--hours", default=12.0, show_default=True, help="How long it lives.")
@click.pass_obj
def token(
    settings: Settings, sellers: tuple[str, ...], markets: tuple[str, ...], scopes: str, hours: float
) -> None:
    """Print a bearer token."""
    keys = Keys(settings.folder / "keys")
    allowed = scopes.split() or ALL_SCOPES
    lifetime = timedelta(hours=hours)
    click.echo(keys.token("operator", scopes=allowed, sellers=sellers, markets=markets, lifetime=lifetime))


@cli.command()
@click.option("--seller", "sellers", multiple=True, default=("*",), help="Whose events; * is all.")
@click.option("--market", "markets", multiple=True, default=("*",), help="Of which markets; * is all.")
@click.option("--types", default="", help="Only these, with commas between them.")
@click.option("--to", default="", help="An address to post each event to, signed.")
@click.pass_obj
def listen(
    settings: Settings, sellers: tuple[str, ...], markets: tuple[str, ...], types: str, to: str
) -> None:
    """Print each event as it comes, until Ctrl-C."""
    keys = Keys(settings.folder / "keys")
    token = keys.token(
        "listener", scopes=["events:read", "events:read_people"], sellers=sellers, markets=markets
    )
    if to:
        click.echo(f"Signed with {keys.webhook_secret}")
    url, headers = service_url(settings, "notifications"), {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as feed, suppress(KeyboardInterrupt):
        programs.listen(feed, click.echo, types=types, to=to, secret=keys.webhook_secret)


@cli.command()
@click.option("--type", "event_type", type=click.Choice(sorted(EVENTS)), required=True)
@click.option("--to", required=True, help="The address to post it to, signed.")
@click.pass_obj
def trigger(settings: Settings, event_type: str, to: str) -> None:
    """Post the sample of an event, which says that it is a test."""
    keys = Keys(settings.folder / "keys")
    click.echo(f"Signed with {keys.webhook_secret}")
    event = made_up(event_type, new_id(), with_people=True)
    click.echo(f"{event_type} → {programs.post(event, to, keys.webhook_secret)}")


@cli.command()
@click.pass_obj
def clean(settings: Settings) -> None:
    """Delete everything the system keeps."""
    for folder in remove(settings.folder):
        click.echo(f"Deleted {folder}")


if __name__ == "__main__":
    try:
        cli()
    except (StackError, ProcessError, SettingsError) as problem:
        sys.exit(str(problem))
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            raise
        sys.exit(f"The disk is full: {problem.filename or 'Waybill'} can't be written.")
