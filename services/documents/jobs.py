"""Slow work on documents: rendering them, and deleting files."""

import time
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from prometheus_client import Counter, Histogram
from sqlalchemy.orm import Session, sessionmaker

from services.documents import numbering, pdf_sanitising, queries, storage
from services.documents.commands import papers as commands
from services.documents.commands import prints
from services.documents.db import store_of
from services.documents.domain.figures import disagreements
from services.documents.domain.papers import (
    NUMBERED_KINDS,
    UPLOADED_KINDS,
    Content,
    PrintKind,
    TooLong,
    Unprintable,
    may,
)
from services.documents.messaging import jobs
from services.documents.models import Paper, Print
from shared.db import each_alone
from shared.events.snapshots import PaperKind
from shared.messaging.jobs import Effect, PermanentFailure, RetryLater
from shared.stores import Store

RECALL_SECONDS = 5.0  # until the agent has asked
MOST_FAULTS = 20  # that a verdict names
MOST_LINES = 2_000  # twice what an order is placed with

DOCUMENT_SECONDS = Histogram(
    "waybill_document_seconds",
    "Making a paper or a print, from the first look at it to its last byte.",
    ["kind"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240),
)

UNPRINTABLE = Counter(
    "waybill_unprintable_characters_total",
    "Characters that no typeface has, on papers and prints: each counts once a paper.",
    ["kind"],
)

WITHOUT_EINVOICE = Counter(
    "waybill_invoices_without_xml_total",
    "Invoices and credit notes that were stored without XML, for it would break a rule of e-invoices.",
    ["kind"],
)


@jobs.kind("long_paper", limit_seconds=240, queue="rendering")
@jobs.kind("paper", limit_seconds=60, queue="rendering")
def make_paper(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Number a document if its kind has numbers, and render it; after a crash the number is reused.

    A number can't be given back: what may fail comes before it. Figures that don't add up, a logo that can't
    be read, a long paper that can't be laid out or has too many pages fail for good without a number.
    """
    # Here, not above: WeasyPrint takes a second and 40 MB, and only the rendering worker runs this.
    from services.documents import rendering  # noqa: PLC0415

    began = time.monotonic()
    paper_id = UUID(argument["paper_id"])
    with sessions() as session:
        each_alone(session)
        store = store_of(session)
        paper = session.get_one(Paper, paper_id)
    if not may("store", paper.status):
        return None
    content = paper.frozen
    if len(content.order.lines) > MOST_LINES:
        raise PermanentFailure(f"{len(content.order.lines)} lines; {MOST_LINES} at most")
    if paper.kind is PaperKind.INVOICE and (faults := "; ".join(disagreements(content.order))):
        raise PermanentFailure(faults)
    logo = store.read(content.logo) if content.logo else b""
    try:
        if paper.kind in NUMBERED_KINDS and paper.number is None and content.is_long:
            rendering.rehearse(paper.kind, content, logo)
    except TooLong as error:
        raise PermanentFailure(str(error)) from error
    paper = _numbered(sessions, paper)
    if not may("store", paper.status):  # withdrawn meanwhile
        return None
    issued_on = paper.issued_on or market_day(paper.due_at, content.order.market.time_zone)
    number = paper.number or ""
    xml, verdict = _einvoice(paper.kind, content, number, issued_on)
    try:
        made = rendering.render(paper.kind, content, number, issued_on, logo, xml)
    except Unprintable as error:
        raise PermanentFailure(str(error)) from error
    DOCUMENT_SECONDS.labels(paper.kind).observe(time.monotonic() - began)
    UNPRINTABLE.labels(paper.kind).inc(len(made.unprintable))
    if verdict is not None and not verdict["valid"]:
        WITHOUT_EINVOICE.labels(paper.kind).inc()
    return partial(
        commands.store_paper,
        paper_id=paper_id,
        content=made.pdf,
        einvoice=verdict,
        unprintable=made.unprintable,
    )


def _numbered(sessions: sessionmaker[Session], paper: Paper) -> Paper:
    """A document with its number, if its kind has one; others need no transaction for this."""
    if paper.kind not in NUMBERED_KINDS or paper.number is not None:
        return paper
    try:
        with sessions.begin() as session:
            return numbering.give_number(session, paper.id)
    except numbering.NumberTaken as error:
        raise PermanentFailure(str(error)) from error
    except numbering.NotRecalled as error:
        raise RetryLater(
            RECALL_SECONDS, "the database may have been restored: issued numbers must be recovered first"
        ) from error
    except numbering.ToldBefore:
        with sessions.begin() as session:
            return numbering.give_told_number(session, paper.id)


def _einvoice(
    kind: PaperKind, content: Content, number: str, issued_on: date
) -> tuple[bytes, dict[str, object] | None]:
    """The XML to embed and the validation result to store; invalid XML is not embedded."""
    if kind not in NUMBERED_KINDS:
        return b"", None
    from services.documents import einvoices  # noqa: PLC0415 - as above

    try:
        xml = einvoices.xml_of(kind, content, number, issued_on)
        faults = einvoices.faults(xml)
    except einvoices.TooFine:
        return b"", None
    except ValueError as error:
        xml, faults = b"", [str(error)]
    verdict = {"profile": einvoices.PROFILE, "valid": not faults, "faults": faults[:MOST_FAULTS]}
    return b"" if faults else xml, verdict


@jobs.on_dead("long_paper")
@jobs.on_dead("paper")
def give_up_paper(session: Session, argument: dict[str, Any], reason: str) -> None:
    """Mark a document as failed, with the reason."""
    commands.give_up(session, UUID(argument["paper_id"]), reason)


@jobs.kind("removal", limit_seconds=30)
def remove_bytes(sessions: sessionmaker[Session], argument: dict[str, Any]) -> None:
    """Delete the file of a removed document, unless another document has the same content."""
    with sessions.begin() as session:
        storage.erase_unneeded(session, argument["sha256"])


@jobs.kind("print", limit_seconds=120, queue="rendering")
def make_print(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Combine stored documents, or lay out a list of shipments from their current data.

    What can't be printed, because of what somebody sent in or of what was erased since, is no failure of
    ours: the print fails at once, and says why.
    """
    began = time.monotonic()
    print_id = UUID(argument["print_id"])
    with sessions() as session:
        store = store_of(session)
        made = session.get(Print, print_id)
        if made is None or not may("store", made.status):
            return None
        shipments = queries.printed_shipments(session, made.argument.get("shipments", ()))
        logo = queries.newest_logo(session, shipments[0].order.seller.seller) if shipments else None
        hashes = made.argument.get("sha256", ())
        papers: dict[str, Paper] = {}
        for paper in queries.printed_papers(session, hashes):
            papers.setdefault(str(paper.sha256), paper)
    from services.documents import rendering  # noqa: PLC0415 - as above

    try:
        if len(shipments) < len(made.argument.get("shipments", ())):
            raise Unprintable("an order in it was erased")  # noqa: TRY301 - one way to give up
        if len(papers) < len(set(hashes)):
            raise Unprintable("a document in it was removed")  # noqa: TRY301
        if made.kind is PrintKind.DOCUMENTS:
            whole = rendering.put_together([_to_print(store, papers[digest]) for digest in hashes])
        else:
            picture = store.read(logo.sha256) if logo and logo.sha256 else b""
            whole = rendering.render_shipments(made.kind, shipments, made.requested_at, picture)
    except Unprintable as error:
        return partial(prints.give_up_print, print_id=print_id, reason=str(error))
    DOCUMENT_SECONDS.labels(made.kind).observe(time.monotonic() - began)
    UNPRINTABLE.labels(made.kind).inc(len(whole.unprintable))
    return partial(prints.store_print, print_id=print_id, content=whole.pdf, unprintable=whole.unprintable)


def _to_print(store: Store, paper: Paper) -> bytes:
    """A document's file, ready for printing; raises Unprintable."""
    assert paper.sha256 is not None
    content = store.read(paper.sha256)
    if paper.kind not in UPLOADED_KINDS:
        return content
    try:
        return pdf_sanitising.rebuilt(content)
    except pdf_sanitising.Unreadable as error:
        raise Unprintable(f"the document {paper.id} {error}") from error


@jobs.on_dead("print")
def give_up_print(session: Session, argument: dict[str, Any], reason: str) -> None:
    """Mark a print as failed, with the reason."""
    prints.give_up_print(session, UUID(argument["print_id"]), reason)


@jobs.kind("forget_print", limit_seconds=30)
def forget_print(_sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Delete a print after a day."""
    return partial(prints.forget_print, print_id=UUID(argument["print_id"]))


def market_day(moment: datetime, time_zone: str) -> date:
    """The date of a timestamp in the market's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()
