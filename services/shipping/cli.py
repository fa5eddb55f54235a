"""Shipping's operator verbs: those of every service, and the standing check of its stock."""

import sys

import click

from services.shipping import consumers, db, jobs, queries  # noqa: F401 - consumers and jobs register themselves
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared.cli import Service, make_cli

cli = make_cli(messaging, db.sessions, Settings, db.bind)


@cli.command("check-stock")
@click.pass_obj
def check_stock(service: Service) -> None:
    """Compare every stock level with its ledger and with what shipments hold; exit 1 on a difference."""
    with service.session() as session:
        drifted = queries.stock_drift(session)
    for row in drifted:
        click.echo(
            f"{row.sku} at {row.location}: on hand {row.on_hand}, by the ledger {row.moved_on_hand}; "
            f"reserved {row.reserved}, by the ledger {row.moved_reserved}, "
            f"by shipments {row.held_by_shipments}; picked {row.picked}, by the ledger {row.moved_picked}, "
            f"by shipments {row.picked_for_shipments}"
        )
    click.echo(f"{len(drifted)} levels drifted")
    sys.exit(1 if drifted else 0)


if __name__ == "__main__":
    cli()
