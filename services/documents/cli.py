"""Documents' operator verbs: those of every service, and the check of what is stored and numbered."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from services.documents import consumers, db, jobs, ledger, queries, recalling, storage  # noqa: F401 - consumers and jobs register themselves
from services.documents.db import folder_of
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared import clock
from shared.cli import Service, make_cli
from shared.doctor import Patient, Trouble, is_listened_to, space

RECENT_DAYS = 30

# In a process of its own: no other of ours than the rendering worker's has room for WeasyPrint.
_RENDERING = "import sys; from services.documents import rendering; sys.exit(rendering.warn_of_slow_fonts())"


def numbers(patient: Patient) -> Iterator[Trouble]:
    """Whether all series are without a gap."""
    with patient.sessions() as session:
        gaps = [series.fault for series in ledger.faulty_series(session)]
    for gap in gaps:
        yield Trouble(gap, "The law wants numbers without gaps", "Look at `audit`, and ask your accountant")


def einvoices(patient: Patient) -> Iterator[Trouble]:
    """Whether invoices carry their XML."""
    with patient.sessions() as session:
        without = queries.count_without_xml(session, clock.now() - timedelta(days=RECENT_DAYS))
    for seller, count in without.items():
        yield Trouble(
            f"{count} invoices and credit notes of {seller} of the last {RECENT_DAYS} days carry no XML",
            "Their customers' accounts can't read them, and the law may want it",
            "Look at `einvoice` of `GET /v1/documents/{document_id}`: mostly the seller's or the buyer's VAT"
            " number or address is at fault; correct that, then the invoice",
        )


def papers_folder(patient: Patient) -> Iterator[Trouble]:
    """Whether papers can be stored."""
    assert isinstance(patient.settings, Settings)
    folder = patient.settings.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Trouble(
            f"{folder} can't be written: {error.strerror}",
            "No paper can be stored",
            "See that DOCUMENTS_FOLDER is mounted, and belongs to the user that Waybill runs as",
        )
    else:
        yield from space(folder)


def rendering_libraries(patient: Patient) -> Iterator[Trouble]:
    """Whether PDFs can be made here, and fast; where another machine makes them, this one need not."""
    run = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", _RENDERING], check=False, capture_output=True, text=True
    )
    if run.returncode == 0:
        return
    why, cure = "PDFs take twice as long, labels many times", "Install it (Debian: libharfbuzz-subset0)"
    if "harfbuzz_subset_missing" in run.stderr:
        yield Trouble("libharfbuzz-subset can't be loaded", why, cure)
    elif not is_listened_to(patient, "documents.rendering"):
        said = run.stderr.strip().splitlines()[-1]
        yield Trouble(
            f"PDFs can't be made here: {said}",
            "No paper is rendered, and nothing that waits for one goes on",
            "Install Pango (Debian: libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0) and the packages",
        )


cli = make_cli(
    messaging,
    db.sessions,
    Settings,
    db.bind,
    files=lambda settings: settings.folder,
    checks=[numbers, einvoices, papers_folder, rendering_libraries],
)


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
def recall(service: Service) -> None:
    """Ask the others for the numbers they heard of, where PostgreSQL does not tell that it was set back."""
    assert isinstance(service.settings, Settings)
    count = recalling.recall(service.sessions, service.settings, always=True)
    click.echo(f"{count} numbers are kept for the papers that had them")


@cli.command()
@click.pass_obj
def tidy(service: Service) -> None:
    """Erase at once what the agent does within a day: stored bytes that nothing needs."""
    assert service.settings
    click.echo(f"{storage.sweep(service.sessions)} files erased")


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
