"""Command line of the shipping service: the commands every service has, and the check of its stock."""

import sys
from collections.abc import Iterator

import click

from services.shipping import consumers, db, jobs, queries  # noqa: F401 - consumers and jobs register themselves
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared.cli import Service, make_cli
from shared.doctor import Patient, Trouble


def stock(patient: Patient) -> Iterator[Trouble]:
    """Check that all stock levels agree with the ledger and the shipments."""
    with patient.sessions() as session:
        drifted = len(queries.stock_drift(session))
    if drifted:
        yield Trouble(
            f"{drifted} stock levels differ from the ledger or from what shipments hold",
            "Goods are promised that are not there, or kept back",
            "List them with `check-stock`, count these goods, and report them to Waybill's developers",
        )


cli = make_cli(messaging, db.sessions, Settings, db.bind, checks=[stock])


@cli.command("check-stock")
@click.pass_obj
def check_stock(service: Service) -> None:
    """Compare every stock level with the ledger and with what shipments hold; exit 1 on a difference."""
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
