"""Documents' operator verbs: those of every service, and the check of what is stored and numbered."""

import time
from collections.abc import Iterator

import click
from sqlalchemy.orm import Session

from services.documents import consumers, db, jobs, ledger, queries, storage  # noqa: F401 - consumers and jobs register themselves
from services.documents.db import folder_of
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.cli import Service, make_cli

UNNEEDED_SECONDS = 24 * 3600

cli = make_cli(messaging, db.sessions, Settings, db.bind, files=lambda settings: settings.folder)


@cli.command()
@click.pass_obj
def verify(service: Service) -> None:
    """Read every stored paper against its SHA-256 and every series for gaps; exit 1 on a fault."""
    with service.session() as session:
        found = list(faults(session))
        papers, series = queries.count_stored(session), queries.count_series(session)
    for fault in found:
        click.echo(fault)
    if found:
        raise click.ClickException(f"{len(found)} faults")
    click.echo(f"{papers} papers are as they were stored, {series} series are without a gap")


@cli.command()
@click.pass_obj
def audit(service: Service) -> None:
    """List every series with its last number and what is missing; exit 1 on a gap."""
    with service.session() as session:
        series = ledger.audited_series(session)
    for each in series:
        words = each.fault or f"{each.papers} numbers, none missing"
        click.echo(f"{each.market} {each.seller} {each.kind} {each.period}: {words}")
    if gaps := sum(bool(each.fault) for each in series):
        raise click.ClickException(f"{gaps} series with a gap")


@cli.command()
@click.pass_obj
def tidy(service: Service) -> None:
    """Erase stored bytes that no paper needs, left by what was broken off; none younger than a day."""
    with service.session() as session:
        folder = folder_of(session)
        old = time.time() - UNNEEDED_SECONDS
        lying = {digest for digest, written_at in storage.stored(folder) if written_at < old}
        unneeded = lying - queries.stored_hashes(session)
    for digest in unneeded:
        storage.remove(folder, digest)
    click.echo(f"{len(unneeded)} files erased, {storage.sweep(folder)} half-written ones")


def faults(session: Session) -> Iterator[str]:
    """What is wrong with stored bytes and numbers, a line each."""
    folder = folder_of(session)
    for paper in queries.stored_papers(session):
        assert paper.sha256 is not None
        try:
            storage.read(folder, paper.sha256)
        except storage.Damaged as damage:
            yield f"{paper.kind} {paper.number or paper.id} of order {paper.order_number}: {damage}"
    for series in ledger.faulty_series(session):
        yield series.fault


if __name__ == "__main__":
    cli()
