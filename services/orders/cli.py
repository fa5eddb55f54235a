"""Command line of the orders service: the commands every service has, and the check of its money."""

import sys
from collections.abc import Iterator

import click

from services.orders import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.orders.commands import saved_views
from services.orders.messaging import messaging
from services.orders.models import Order
from services.orders.queries.money_check import money_drift
from services.orders.settings import Settings
from shared.cli import Service, make_cli
from shared.doctor import Patient, Trouble


def money(patient: Patient) -> Iterator[Trouble]:
    """Check that every order's totals agree with its payments and refunds."""
    with patient.sessions() as session:
        drifted = len(money_drift(session))
    if drifted:
        yield Trouble(
            f"{drifted} orders' sums differ from their payments and refunds",
            "They show or pay back the wrong amounts",
            "List them with `check-money`, and report them to Waybill's developers",
        )


cli = make_cli(
    messaging, db.sessions, Settings, db.bind, versions=[Order.__table__.c.version], checks=[money]
)


@cli.command("check-money")
@click.pass_obj
def check_money(service: Service) -> None:
    """Compare every order's totals with its payments and refunds; exit 1 on a difference."""
    with service.session() as session:
        drifted = money_drift(session)
    for row in drifted:
        click.echo(
            f"{row.number}: received {row.received_minor}, by the ledger {row.received}; "
            f"credited {row.credited_minor}, by the ledger {row.credited}; "
            f"refunded {row.refunded_minor}, by the ledger {row.refunded}; "
            f"to be refunded {row.refund_pending_minor}, by the ledger {row.pending}"
        )
    click.echo(f"{len(drifted)} orders drifted")
    sys.exit(1 if drifted else 0)


@cli.command("forget-views")
@click.argument("person")
@click.pass_obj
def forget_views(service: Service, person: str) -> None:
    """Delete the saved views of PERSON, named as in their token, who has left; shared views stay."""
    with service.session() as session:
        click.echo(f"{saved_views.forget_views(session, person)} views deleted")


if __name__ == "__main__":
    cli()
