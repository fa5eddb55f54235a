"""Events the documents service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import DocumentsSnapshot, PaperKind


@dataclass(frozen=True, kw_only=True)
class DocumentEvent:
    """Something happened to an order's documents."""

    documents: DocumentsSnapshot

    @property
    def snapshot(self) -> DocumentsSnapshot:
        """The whole state carried by the event."""
        return self.documents


@dataclass(frozen=True, kw_only=True)
class InvoiceIssued(DocumentEvent):
    """An invoice was numbered, rendered and stored; it is never changed."""

    NAME: ClassVar[str] = "invoice.issued"

    document_id: UUID
    invoice_number: str
    total_minor: int  # in minor units of the order's currency


@dataclass(frozen=True, kw_only=True)
class CreditNoteIssued(DocumentEvent):
    """A credit note was numbered, rendered and stored."""

    NAME: ClassVar[str] = "credit_note.issued"

    document_id: UUID
    credit_note_number: str
    invoice_number: str
    total_minor: int  # in minor units of the order's currency


@dataclass(frozen=True, kw_only=True)
class DocumentStored(DocumentEvent):
    """An unnumbered document was stored: a label, a delivery note, an upload."""

    NAME: ClassVar[str] = "document.stored"

    document_id: UUID
    kind: PaperKind
    part: str


@dataclass(frozen=True, kw_only=True)
class DocumentRemoved(DocumentEvent):
    """A document's content was deleted; its number and hash are kept."""

    NAME: ClassVar[str] = "document.removed"

    document_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class DocumentFailed(DocumentEvent):
    """A document could not be made and needs an operator."""

    NAME: ClassVar[str] = "document.failed"

    document_id: UUID
    kind: PaperKind
    reason: str
