"""Builds events and snapshots from documents."""

from sqlalchemy.orm import Session

from services.documents.models import Paper
from services.documents.queries import papers_in_line
from shared.events import documents as contract
from shared.events import snapshots
from shared.events.from_rows import made_of
from shared.events.snapshots import PaperKind, PaperStatus
from shared.messaging.order_locks import next_version


def paper_stored(
    session: Session, paper: Paper
) -> contract.InvoiceIssued | contract.CreditNoteIssued | contract.DocumentStored:
    """The event for a stored document, by its kind."""
    documents = snapshot(session, paper)
    if paper.kind is PaperKind.INVOICE:
        assert paper.number is not None
        return contract.InvoiceIssued(
            documents=documents,
            document_id=paper.id,
            invoice_number=paper.number,
            total_minor=paper.total_minor,
        )
    if paper.kind is PaperKind.CREDIT_NOTE:
        assert paper.number is not None
        return contract.CreditNoteIssued(
            documents=documents,
            document_id=paper.id,
            credit_note_number=paper.number,
            invoice_number=paper.frozen.invoice_number,
            total_minor=paper.total_minor,
        )
    return contract.DocumentStored(
        documents=documents, document_id=paper.id, kind=paper.kind, part=paper.part
    )


def document_removed(session: Session, paper: Paper, reason: str) -> contract.DocumentRemoved:
    """Build document.removed."""
    return contract.DocumentRemoved(documents=snapshot(session, paper), document_id=paper.id, reason=reason)


def document_failed(session: Session, paper: Paper, reason: str) -> contract.DocumentFailed:
    """Build document.failed."""
    return contract.DocumentFailed(
        documents=snapshot(session, paper), document_id=paper.id, kind=paper.kind, reason=reason
    )


def snapshot(session: Session, paper: Paper) -> snapshots.DocumentsSnapshot:
    """All documents of an order except withdrawn ones, which were never made; counts as a change."""
    session.flush()
    return snapshots.DocumentsSnapshot(
        order_id=paper.order_id,
        number=paper.order_number,
        version=next_version(session, paper.order_id),
        currency=paper.currency,
        papers=tuple(
            _paper(one)
            for one in papers_in_line(session, paper.order_id)
            if one.status is not PaperStatus.WITHDRAWN
        ),
    )


_paper = made_of(snapshots.Paper, document_id="id")
