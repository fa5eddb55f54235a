"""Documents' operator verbs: those of every service, and the check of what is stored and numbered."""

from collections.abc import Iterator

import click
from sqlalchemy.orm import Session

from services.documents import consumers, db, jobs, queries, storage  # noqa: F401 - consumers and jobs register themselves
from services.documents.db import folder_of
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.cli import Service, make_cli

cli = make_cli(messaging, db.sessions, Settings, db.bind)


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


def faults(session: Session) -> Iterator[str]:
    """What is wrong with stored bytes and numbers, a line each."""
    folder = folder_of(session)
    for paper in queries.stored_papers(session):
        assert paper.sha256 is not None
        try:
            storage.read(folder, paper.sha256)
        except storage.Damaged as damage:
            yield f"{paper.kind} {paper.number or paper.id} of order {paper.order_number}: {damage}"
    for series, papers, highest in queries.series_with_faults(session):
        yield (
            f"series {series.market} {series.seller} {series.kind} {series.year}:"
            f" {series.last_number} numbers given out, {papers} papers have one, the highest is {highest}"
        )


if __name__ == "__main__":
    cli()
