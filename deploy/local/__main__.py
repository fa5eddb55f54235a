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
@click.option(
    "--orders", default=50, show_default=True, help="How many orders the main job runs at the first start."
)
@click.pass_obj
def up(settings: Settings, orders: int) -> None:
    """Start everything, and keep running until Ctrl-C."""
    stay_up(settings, orders=orders)


@cli.command()
@click.option("--orders", default=50, show_default=True, help="How many orders to run.")
@click.pass_obj
def demo(settings: Settings, orders: int) -> None:
    """Start everything, run the main job, stop; exit 1 unless every check passed."""
    sys.exit(0 if demonstrate(settings, orders=orders) else 1)


@cli.command()
@click.pass_obj
def migrate(settings: Settings) -> None:
    """Migrate the services' databases."""
    migrate_databases(settings)


@cli.command()
@click.pass_obj
def secrets(settings: Settings) -> None:
    """Create the .env file for docker-compose.yml, and show the console's address."""
    keys = Keys(settings.folder / "keys")
    write_env_file(ROOT / ".env", keys)
    click.echo(f"In containers the console is at http://localhost:8100/login?key={keys.page_key}")


@cli.command("pin")
@click.option("--engine", type=click.Choice(["docker", "podman"]), default="docker", show_default=True)
def pin_images(engine: str) -> None:
    """Pull the images of docker-compose.yml, and pin them by digest in .env."""
    for name, image in pin(engine, ROOT / ".env").items():
        click.echo(f"{name}={image}")


@cli.command()
@click.option("--gateway", default="http://localhost:8100", show_default=True, help="Where the gateway is.")
@click.option("--orders", default=50, show_default=True, help="How many orders to run.")
@click.pass_obj
def job(settings: Settings, gateway: str, orders: int) -> None:
    """Run the main job against a system behind a gateway; exit 1 unless every check passed."""
    # Here, for it brings packages and data that nothing else needs.
    from deploy.main_job import run  # noqa: PLC0415

    sys.exit(0 if run(behind_gateway(settings, gateway), orders=orders) else 1)


@cli.command()
@click.option("--service", type=click.Choice(SERVICES), default="orders", show_default=True)
@click.option("--verb", default="--help", help="For example: dead-letters list")
@click.pass_obj
def operate(settings: Settings, service: str, verb: str) -> None:
    """Run an operator command of a service with this stack's settings."""
    sys.exit(stack.operate(settings, service, shlex.split(verb)))


@cli.command()
@click.pass_obj
def doctor(settings: Settings) -> None:
    """Check the running system for problems, and say how to fix them."""
    sys.exit(stack.examine(settings))


@cli.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.pass_obj
def backup(settings: Settings, folder: Path) -> None:
    """Back up every service, each into a new folder inside this one."""
    sys.exit(stack.back_up(settings, folder.absolute()))


@cli.command()
@click.option("--service", type=click.Choice(SERVICES), required=True)
@click.option("--from", "saved", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--replace", is_flag=True, help="Overwrite the current contents of the database.")
@click.pass_obj
def restore(settings: Settings, service: str, saved: Path, replace: bool) -> None:
    """Restore a service from a backup, with the system stopped."""
    sys.exit(stack.restore(settings, service, saved.absolute(), *["--replace"] * replace))


@cli.command()
@click.option(
    "--seller", "sellers", multiple=True, default=("*",), help="The seller the token is for; * is all."
)
@click.option("--market", "markets", multiple=True, default=("*",), help="The markets it is for; * is all.")
@click.option("--scopes", default="", help="The scopes, separated by spaces; all if empty.")
@click.option("--hours", default=12.0, show_default=True, help="How long it is valid.")
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
@click.option(
    "--seller", "sellers", multiple=True, default=("*",), help="The seller whose events to show; * is all."
)
@click.option("--market", "markets", multiple=True, default=("*",), help="The markets it is for; * is all.")
@click.option("--types", default="", help="Only events of these types, separated by commas.")
@click.option("--to", default="", help="A URL to post each event to, signed.")
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
@click.option("--to", required=True, help="The URL to post it to, signed.")
@click.pass_obj
def trigger(settings: Settings, event_type: str, to: str) -> None:
    """Post a sample event, marked as a test."""
    keys = Keys(settings.folder / "keys")
    click.echo(f"Signed with {keys.webhook_secret}")
    event = made_up(event_type, new_id(), with_people=True)
    click.echo(f"{event_type} → {programs.post(event, to, keys.webhook_secret)}")


@cli.command()
@click.pass_obj
def clean(settings: Settings) -> None:
    """Delete all of the system's data."""
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
