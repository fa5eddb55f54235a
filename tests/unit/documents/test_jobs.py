"""Papers are made by jobs: numbered, rendered, stored, told; once, also where workers die."""

from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import msgspec
import pytest
from pypdf import PdfReader
from sqlalchemy import select, text

from services.documents import jobs as jobs_of_documents
from services.documents import numbering, rendering
from services.documents.commands import papers as commands
from services.documents.commands import uploads
from services.documents.jobs import make_paper
from services.documents.messaging import messaging
from services.documents.models import Paper
from shared import stores
from shared.errors import Refused
from shared.events.snapshots import PaperKind, PaperStatus
from shared.messaging import jobs
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import event_log
from shared.messaging.tables import jobs as job_rows
from tests.unit.documents.sample_orders import cancelled, order, shipments

BACKOFF = Backoff(0.0, 0.0)


@pytest.fixture
def hear(sessions):
    def hear(placed, goods=None):
        with sessions.begin() as session:
            lock_order(session, placed.order_id)
            commands.issue_due_papers(session, placed, goods)

    return hear


@pytest.fixture
def run_due(sessions):
    """Do every job that waits, as a worker would."""

    def run_due(*kinds):
        kinds = kinds or ("paper", "long_paper")
        with sessions() as session:
            waiting = select(job_rows.c.id).where(job_rows.c.state == "queued", job_rows.c.kind.in_(kinds))
            ids = session.scalars(waiting).all()
        for job_id in ids:
            assert jobs.run(sessions, messaging.jobs, job_id, BACKOFF)

    return run_due


def kept(store):
    return [digest for digest, _ in stores.stored(store)]


def told(sessions, event):
    with sessions() as session:
        return session.scalars(select(event_log.c.payload).where(event_log.c.type == event)).all()


def paper_of(sessions, placed, kind=PaperKind.INVOICE):
    with sessions() as session:
        return session.scalars(
            select(Paper).where(Paper.order_id == placed.order_id, Paper.kind == kind)
        ).one()


@pytest.mark.requirement("S0-14")
def test_a_due_invoice_is_numbered_rendered_stored_and_told(sessions, hear, run_due, store, counted):
    accepted = order(4)
    hear(accepted)

    run_due()

    invoice = paper_of(sessions, accepted)
    content = store.read(invoice.sha256)
    assert invoice.status is PaperStatus.STORED
    assert invoice.size_bytes == len(content)
    assert invoice.number in PdfReader(BytesIO(content)).pages[0].extract_text()
    [issued] = told(sessions, "invoice.issued")
    assert issued["document_id"] == str(invoice.id)
    assert issued["invoice_number"] == invoice.number
    assert issued["total_minor"] == accepted.totals.total_minor
    [in_snapshot] = [p for p in issued["documents"]["papers"] if p["kind"] == "invoice"]
    assert in_snapshot["sha256"] == invoice.sha256
    [stored] = told(sessions, "document.stored")
    assert stored["kind"] == "delivery_note"
    assert {issued["documents"]["version"], stored["documents"]["version"]} == {1, 2}
    for kind in ("invoice", "delivery_note"):
        assert counted("waybill_document_seconds_count", kind=kind) == 1
        assert counted("waybill_document_seconds_sum", kind=kind) > 0


def test_a_label_is_made_once_however_often_it_is_called_for(sessions, hear, run_due):
    accepted = order()
    hear(accepted, shipments(accepted))
    run_due()
    first = paper_of(sessions, accepted, PaperKind.LABEL)

    hear(accepted, shipments(accepted, "ready", version=2))
    run_due()

    again = paper_of(sessions, accepted, PaperKind.LABEL)
    assert (again.id, again.sha256, again.stored_at) == (first.id, first.sha256, first.stored_at)


@pytest.mark.requirement("P-08")
def test_a_worker_that_dies_before_the_commit_changes_neither_number_nor_bytes(
    sessions, hear, run_due, store
):
    accepted = order(3)
    hear(accepted)
    invoice = paper_of(sessions, accepted)
    make_paper(sessions, {"paper_id": str(invoice.id)})  # and the worker dies: the effect never runs
    dead = paper_of(sessions, accepted)
    assert kept(store) == []

    run_due()

    made = paper_of(sessions, accepted)
    assert dead.status is PaperStatus.NUMBERED
    assert (made.status, made.number, made.sequence) == (PaperStatus.STORED, dead.number, 1)
    assert sorted(kept(store)) == sorted(
        [made.sha256, paper_of(sessions, accepted, PaperKind.DELIVERY_NOTE).sha256]
    )
    assert len(told(sessions, "invoice.issued")) == 1


@pytest.mark.requirement("F-18", "F-19")
def test_an_order_that_does_not_add_up_is_not_invoiced_and_takes_no_number(sessions, hear, run_due):
    accepted = order()
    wrong = replace(accepted, totals=replace(accepted.totals, total_minor=1))
    hear(wrong)

    run_due()

    invoice = paper_of(sessions, accepted)
    assert (invoice.status, invoice.number) == (PaperStatus.FAILED, None)
    assert "the total of 1" in invoice.failure
    [failed] = told(sessions, "document.failed")
    assert failed["document_id"] == str(invoice.id)
    with sessions() as session:
        assert session.execute(text("select count(*) from series")).scalar_one() == 0


def test_a_paper_given_up_can_be_tried_again(sessions, hear, run_due):
    accepted = order()
    hear(accepted)
    invoice = paper_of(sessions, accepted)
    with sessions.begin() as session:
        lock_order(session, accepted.order_id)
        commands.give_up(session, invoice.id, "no space left")

    run_due()

    made = paper_of(sessions, accepted)
    assert (made.status, made.failure) == (PaperStatus.STORED, "")


def test_an_order_cancelled_before_its_invoice_was_numbered_has_none(sessions, hear, run_due, store):
    accepted = order()
    hear(accepted)
    hear(cancelled(accepted))

    run_due()

    assert paper_of(sessions, accepted).status is PaperStatus.WITHDRAWN
    assert told(sessions, "invoice.issued") == []
    assert kept(store) == []


def test_an_order_cancelled_after_its_invoice_is_credited(sessions, hear, run_due):
    accepted = order()
    hear(accepted)
    run_due()

    hear(cancelled(accepted))
    run_due()

    invoice = paper_of(sessions, accepted)
    note = paper_of(sessions, accepted, PaperKind.CREDIT_NOTE)
    [credited] = told(sessions, "credit_note.issued")
    assert credited["invoice_number"] == invoice.number
    assert credited["credit_note_number"] == note.number
    assert credited["total_minor"] == invoice.total_minor
    assert invoice.status is PaperStatus.STORED


def test_a_paper_withdrawn_while_it_was_rendered_leaves_no_bytes(sessions, hear, run_due, store):
    accepted = order()
    hear(accepted)
    note = paper_of(sessions, accepted, PaperKind.DELIVERY_NOTE)
    effect = make_paper(sessions, {"paper_id": str(note.id)})
    hear(cancelled(accepted))
    with sessions.begin() as session:
        lock_order(session, accepted.order_id)
        effect(session)

    assert paper_of(sessions, accepted, PaperKind.DELIVERY_NOTE).status is PaperStatus.WITHDRAWN
    assert told(sessions, "document.stored") == []
    assert kept(store) == []


@pytest.mark.requirement("P-38")
def test_erasing_a_person_erases_the_bytes_but_those_of_invoices(sessions, hear, run_due, store):
    accepted = order()
    hear(accepted, shipments(accepted))
    run_due()
    with sessions.begin() as session:
        lock_order(session, accepted.order_id)
        commands.erase_people(session, accepted.order_id)

    run_due("removal")

    assert kept(store) == [paper_of(sessions, accepted).sha256]
    assert paper_of(sessions, accepted, PaperKind.LABEL).status is PaperStatus.REMOVED


@pytest.mark.requirement("F-20")
def test_no_lock_is_held_while_a_paper_is_rendered(sessions, hear):
    accepted = order()
    hear(accepted)
    invoice = paper_of(sessions, accepted)

    effect = make_paper(sessions, {"paper_id": str(invoice.id)})  # rendered, not committed yet

    assert effect is not None
    with sessions() as session:
        for table in ("series", "papers", "subjects"):
            session.execute(text(f"select 1 from {table} for update nowait"))


@pytest.mark.requirement("F-39")
def test_an_order_of_far_too_many_lines_is_given_up_before_it_takes_a_number(
    sessions, hear, run_due, monkeypatch
):
    monkeypatch.setattr(jobs_of_documents, "MOST_LINES", 3)
    accepted = order(4)
    hear(accepted)

    run_due()

    invoice = paper_of(sessions, accepted)
    assert (invoice.status, invoice.number) == (PaperStatus.FAILED, None)
    assert "4 lines; 3 at most" in invoice.failure


def of_names(placed, name):
    return replace(placed, lines=tuple(replace(line, name=name) for line in placed.lines))


@pytest.mark.requirement("V-10")
def test_a_paper_of_too_many_pages_is_given_up_before_it_takes_a_number(sessions, hear, run_due, monkeypatch):
    monkeypatch.setattr(rendering, "MOST_PAGES", 10)
    accepted = of_names(order(100), "W" * 300)
    hear(accepted)

    run_due()

    invoice = paper_of(sessions, accepted)
    assert (invoice.status, invoice.number) == (PaperStatus.FAILED, None)
    assert "pages; 10 at most" in invoice.failure
    with sessions() as session:
        assert session.execute(text("select count(*) from series")).scalar_one() == 0


@pytest.mark.requirement("V-10")
def test_a_number_is_not_taken_while_the_logo_can_not_be_read(sessions, hear, run_due, folder):
    with sessions.begin() as session:
        uploads.set_logo(session, "acme", content=b"a logo", content_type="image/png")
    [file] = folder.rglob(sha256(b"a logo").hexdigest())
    file.unlink()
    accepted = order(1)
    hear(accepted)

    run_due()

    invoice = paper_of(sessions, accepted)
    assert (invoice.status, invoice.number) == (PaperStatus.DUE, None)  # and is tried again


@pytest.mark.requirement("V-10")
def test_a_paper_that_has_its_number_comes_to_be_however_long_it_is(sessions, hear, run_due, monkeypatch):
    accepted = of_names(order(100), "W" * 300)
    hear(accepted)
    invoice = paper_of(sessions, accepted)
    with sessions.begin() as session:
        numbering.give_number(session, invoice.id)  # by a release that gave it before it looked
    monkeypatch.setattr(rendering, "MOST_PAGES", 1)

    run_due()

    assert paper_of(sessions, accepted).status is PaperStatus.STORED


@pytest.mark.requirement("V-10")
def test_the_longest_order_that_can_be_placed_has_its_invoice(sessions, hear, run_due):
    name = ("Gift wrapped tea pot of bone china, " * 9)[:300]
    accepted = of_names(order(1000), name)  # as many lines, and as long a name, as orders takes
    hear(accepted)

    run_due()

    made = {kind: paper_of(sessions, accepted, kind) for kind in (PaperKind.INVOICE, PaperKind.DELIVERY_NOTE)}
    assert {paper.status for paper in made.values()} == {PaperStatus.STORED}
    assert made[PaperKind.INVOICE].sequence == 1
    with sessions() as session:
        assert set(session.scalars(select(job_rows.c.kind))) == {"long_paper"}


def test_a_paper_that_failed_is_made_when_somebody_asks_again(sessions, hear, run_due):
    accepted = order()
    wrong = replace(accepted, totals=replace(accepted.totals, total_minor=1))
    hear(wrong)
    run_due()
    invoice = paper_of(sessions, accepted)
    with sessions.begin() as session:
        paper = session.get_one(Paper, invoice.id)
        paper.content = paper.content | {"order": msgspec.to_builtins(accepted)}

    with sessions.begin() as session:
        commands.try_again(session, invoice.id)
    run_due()

    assert paper_of(sessions, accepted).status is PaperStatus.STORED
    with sessions.begin() as session, pytest.raises(Refused, match="wrong_status"):
        commands.try_again(session, invoice.id)


@pytest.mark.requirement("P-10")
def test_the_verdict_of_the_checks_is_kept_with_the_invoice(sessions, hear, run_due, store):
    accepted = order(3)
    hear(accepted)

    run_due()

    invoice = paper_of(sessions, accepted)
    assert invoice.einvoice == {"profile": "EN 16931", "valid": True, "faults": []}
    assert paper_of(sessions, accepted, PaperKind.DELIVERY_NOTE).einvoice is None
    [xml] = PdfReader(BytesIO(store.read(invoice.sha256))).attachments["factur-x.xml"]
    assert invoice.number.encode() in xml


@pytest.mark.requirement("M-06")
def test_an_invoice_without_xml_is_told_counted_and_named_by_doctor(hear, run_due, sessions, operate):
    placed = order(2)
    unnamed = replace(placed, seller=replace(placed.seller, vat_number="", registration=""))
    counted = jobs_of_documents.WITHOUT_EINVOICE.labels("invoice")
    before = counted._value.get()
    hear(order(2, number="GB-000043"))
    hear(unnamed)

    run_due()

    papers = [
        paper
        for data in told(sessions, "invoice.issued")
        for paper in data["documents"]["papers"]
        if paper["kind"] == "invoice"
    ]
    [faults] = [paper["einvoice_faults"] for paper in papers if paper["einvoice_faults"]]
    assert any("BR-S-02" in fault for fault in faults)
    assert counted._value.get() == before + 1
    ended = operate("doctor")
    assert "1 invoices and credit notes of acme of the last 30 days carry no XML" in ended.output


def test_what_is_stored_is_never_rendered_anew(hear, run_due, sessions, store, monkeypatch):
    placed = order(2)
    hear(placed)
    run_due()
    stored = paper_of(sessions, placed)
    before = store.read(stored.sha256)
    # A later release lays papers out otherwise.
    monkeypatch.setattr(rendering, "render", lambda *_: rendering.Rendered(b"otherwise"))

    again = make_paper(sessions, {"paper_id": str(stored.id)})
    hear(replace(placed, version=2))
    run_due()

    assert again is None
    assert store.read(paper_of(sessions, placed).sha256) == before
