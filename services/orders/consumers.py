"""What orders does with other services' events: update the order from its shipments and documents.

Papers and e-mails change nothing of an order. They are heard for its history.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.commands import changes, erasure, exchanges, returns
from services.orders.commands import orders as commands
from services.orders.domain.search_words import WordKind
from services.orders.messaging import consumers
from shared.events.documents import (
    CreditNoteIssued,
    DocumentFailed,
    DocumentRemoved,
    DocumentStored,
    InvoiceIssued,
)
from shared.events.notifications import EmailFailed, EmailSent, MessagePosted
from shared.events.shipping import (
    AppointmentScheduled,
    PickupReminded,
    ReturnReceived,
    ShipmentAwaitingInventory,
    ShipmentCancelled,
    ShipmentCancelRefused,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentInventoryAssigned,
    ShipmentPacking,
    ShipmentReady,
    ShipmentReleased,
    ShipmentReturned,
    ShipmentShipped,
    ShipmentUndeliverable,
    ShipmentUpdated,
    StockChanged,
    TrackingUpdated,
)
from shared.events.snapshots import (
    DocumentsSnapshot,
    ShipmentsSnapshot,
)


@consumers.on(
    ShipmentCreated,
    ShipmentUpdated,
    ShipmentInventoryAssigned,
    ShipmentAwaitingInventory,
    ShipmentReleased,
    ShipmentPacking,
    ShipmentReady,
    ShipmentShipped,
    ShipmentDelivered,
    ShipmentUndeliverable,
    ShipmentReturned,
    ShipmentCancelled,
    ShipmentCancelRefused,
    TrackingUpdated,
    PickupReminded,
    AppointmentScheduled,
    ReturnReceived,
)
def follow_shipments(session: Session, shipments: ShipmentsSnapshot) -> None:
    """Update fulfilment, the outcome of a cancellation and completion from the latest shipments snapshot.

    The order is found by its parcels' tracking numbers, by earlier ones too.
    """
    commands.follow_shipments(session, shipments)
    if shipments.returns:
        returns.follow_returns(session, shipments)
        exchanges.resume_exchanges(session, shipments.order_id)
    numbers = {parcel.tracking_number for shipment in shipments.shipments for parcel in shipment.parcels}
    changes.add_search_words(session, shipments.order_id, WordKind.TRACKING_NUMBER, numbers)


@consumers.on(InvoiceIssued, CreditNoteIssued, DocumentStored, DocumentRemoved, DocumentFailed)
def hear_of_papers(session: Session, documents: DocumentsSnapshot) -> None:
    """Make the order searchable by the numbers of its documents; nothing else changes."""
    numbers = {paper.number for paper in documents.papers}
    changes.add_search_words(session, documents.order_id, WordKind.INVOICE_NUMBER, numbers)


consumers.keep(EmailSent, EmailFailed, MessagePosted)  # what was written stands in the history
consumers.keep(StockChanged)  # drafts show what was last heard, with the instant it held


@consumers.on_every
def keep_in_history(session: Session, envelope: Mapping[str, Any]) -> None:
    """Record other services' events in the order's history, permanently."""
    if changes.record_heard(session, envelope):
        erasure.empty_heard(session, UUID(envelope["subject"]))
