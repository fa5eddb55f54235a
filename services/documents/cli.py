"""Operator commands of the documents service: the common ones, and checks of stored files and numbers."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from itertools import chain

import click
from sqlalchemy.orm import Session

from services.documents import consumers, db, jobs, number_recall, queries, series_audit, storage  # noqa: F401 - consumers and jobs register themselves
from services.documents.db import store_of
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared import clock, stores
from shared.cli import Service, make_cli
from shared.doctor import Patient, Trouble, is_listened_to, space
from shared.errors import Invalid, Unavailable
from shared.stores import Damaged, Folder, Gone, Store

RECENT_DAYS = 30

TRIED = b"Written, read, listed and erased to see whether papers can be."

# In a process of its own: no other of ours than the rendering worker's has room for WeasyPrint.
_RENDERING = "import sys; from services.documents import rendering; sys.exit(rendering.warn_of_slow_fonts())"


def numbers(patient: Patient) -> Iterator[Trouble]:
    """Whether all number series are gapless."""
    with patient.sessions() as session:
        gaps = [series.fault for series in series_audit.faulty_series(session)]
    for gap in gaps:
        yield Trouble(gap, "Gapless numbers are required by law", "Run `audit`, and ask your accountant")


def einvoices(patient: Patient) -> Iterator[Trouble]:
    """Whether invoices contain their e-invoice XML."""
    with patient.sessions() as session:
        without = queries.count_without_xml(session, clock.now() - timedelta(days=RECENT_DAYS))
    for seller, count in without.items():
        yield Trouble(
            f"{count} invoices and credit notes of {seller} of the last {RECENT_DAYS} days carry no XML",
            "Customers' accounting software can't read them, and the law may require it",
            "Look at `einvoice` of `GET /v1/documents/{document_id}`: usually the seller's or the buyer's VAT"
            " number or address is wrong; correct that, then the invoice",
        )


def papers_store(patient: Patient) -> Iterator[Trouble]:
    """Whether files can be stored: writes, reads, lists and deletes a few bytes."""
    assert isinstance(patient.settings, Settings)
    store = patient.settings.store_at(patient.settings.documents_store)
    digest = sha256(TRIED).hexdigest()
    try:
        store.write(digest, TRIED)
        store.read(digest)
        list(store.listed(digest[:2]))
        store.erase(digest)
    except Unavailable as error:
        yield Trouble(
            error.why,
            "No document can be stored or read",
            "Check that DOCUMENTS_STORE is mounted, and belongs to the user that Waybill runs as"
            if isinstance(store, Folder)
            else "Check that DOCUMENTS_STORE and STORE_… are right, the bucket exists, and the key may"
            " read, write, list and delete in it",
        )
    except Damaged as error:
        yield Trouble(
            f"{store.address} answers that {error}, which was written just now",
            "Stored documents can't be read",
            "Check that no proxy in front of it alters or caches responses, and that only we delete there",
        )
    else:
        if isinstance(store, Folder):
            yield from space(store.root)


def rendering_libraries(patient: Patient) -> Iterator[Trouble]:
    """Whether PDFs can be made on this machine, and fast; not needed if another machine makes them."""
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
            "No document is rendered, and whatever waits for one is stuck",
            "Install Pango (Debian: libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0) and the packages",
        )


cli = make_cli(
    messaging,
    db.sessions,
    Settings,
    db.bind,
    files=lambda settings: settings.store_at(settings.documents_store),
    checks=[numbers, einvoices, papers_store, rendering_libraries],
)


@cli.command()
@click.pass_obj
def verify(service: Service) -> None:
    """Check every stored file against its SHA-256 and every series for gaps; exit 1 if any fails."""
    with service.session() as session:
        found = list(faults(session))
        papers, series = queries.count_stored(session), queries.count_series(session)
    for fault in found:
        click.echo(fault)
    if found:
        raise click.ClickException(f"{len(found)} faults")
    click.echo(f"{papers} documents are undamaged, {series} series have no gaps")


@cli.command()
@click.pass_obj
def audit(service: Service) -> None:
    """List every series with its last number and any missing ones; exit 1 on a gap."""
    with service.session() as session:
        series = series_audit.audited_series(session)
    for each in series:
        words = each.fault or f"{each.papers} numbers, none missing"
        click.echo(f"{each.market} {each.seller} {each.kind} {each.period}: {words}")
    if gaps := sum(bool(each.fault) for each in series):
        raise click.ClickException(f"{gaps} series with a gap")


@cli.command()
@click.pass_obj
def recall(service: Service) -> None:
    """Recover issued numbers from the other services, after a restore that PostgreSQL does not reveal."""
    assert isinstance(service.settings, Settings)
    count = number_recall.recall(service.sessions, service.settings, always=True)
    click.echo(f"{count} numbers are reserved for the documents that had them")


@cli.command()
@click.pass_obj
def tidy(service: Service) -> None:
    """Delete stored files that nothing needs now, which the agent otherwise does within a day."""
    assert service.settings
    click.echo(f"{storage.sweep(service.sessions)} files deleted")


@cli.command("copy-files")
@click.argument("address")
@click.pass_obj
def copy_files(service: Service, address: str) -> None:
    """Copy all stored files to another ADDRESS, verifying each hash; exit 1 if one is damaged.

    What is there already stays, so that a second run brings only what came meanwhile. Nothing is erased.
    """
    assert isinstance(service.settings, Settings)
    if fault := stores.fault_of(address):
        raise Invalid(address=fault)
    here = service.settings.store_at(service.settings.documents_store)
    there = service.settings.store_at(address)
    copied = known = 0
    damaged: list[str] = []

    def copy(digest: str) -> bool:
        try:
            there.write(digest, here.read(digest))
        except Gone:  # erased meanwhile
            return False
        except Damaged as damage:
            damaged.append(str(damage))
            return False
        return True

    for part in stores.PARTS:
        known_there = {digest for digest, _ in there.listed(part)}
        digests = {digest for digest, _ in here.listed(part)}
        known += len(digests & known_there)
        copied += sum(stores.with_many(copy, digests - known_there))
    click.echo(f"{copied} files were copied to {there.address}, {known} were already there")
    for damage in damaged:
        click.echo(damage)
    if damaged:
        raise click.ClickException(f"{len(damaged)} files are damaged and were not copied")


def faults(session: Session) -> Iterator[str]:
    """Problems with stored files and numbers, one per line."""
    store = store_of(session)
    papers = (
        (f"{paper.kind} {paper.number or paper.id} of order {paper.order_number}", str(paper.sha256))
        for paper in queries.stored_papers(session)
    )
    logos = ((f"logo of {logo.seller}", str(logo.sha256)) for logo in queries.stored_logos(session))
    yield from filter(None, stores.with_many(partial(_damage, store), chain(papers, logos)))
    for series in series_audit.faulty_series(session):
        yield series.fault


def _damage(store: Store, of: tuple[str, str]) -> str:
    """What is wrong with a stored file; empty if nothing."""
    what, digest = of
    try:
        store.read(digest)
    except Damaged as damage:
        return f"{what}: {damage}"
    return ""


if __name__ == "__main__":
    cli()
