"""What shipping does with other services' events: update shipments from the order, attach labels."""

from sqlalchemy.orm import Session

from services.shipping.commands import erasure, packing, planning, returns
from services.shipping.messaging import consumers
from shared.events.documents import DocumentRemoved, DocumentStored
from shared.events.orders import (
    OrderAccepted,
    OrderAnonymised,
    OrderCancelled,
    OrderCancelRequested,
    OrderCompleted,
    OrderFailed,
    OrderHeld,
    OrderHoldReleased,
    OrderPlaced,
    OrderRefused,
    OrderUpdated,
    PaymentRecorded,
    PaymentVoided,
    ReturnApproved,
    ReturnClosed,
    ReturnRejected,
)
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot


@consumers.on(
    OrderPlaced,
    OrderUpdated,
    OrderHeld,
    OrderHoldReleased,
    OrderAccepted,
    OrderRefused,
    OrderCancelRequested,
    OrderCancelled,
    OrderFailed,
    OrderCompleted,
    OrderAnonymised,
    PaymentRecorded,
    PaymentVoided,
    ReturnApproved,
    ReturnRejected,
    ReturnClosed,
)
def bring_shipments_in_line(session: Session, order: OrderSnapshot) -> None:
    """Update the order's shipments from its latest snapshot; once it has ended, none stays open."""
    planning.bring_shipments_in_line(session, order)


@consumers.on(OrderAnonymised)
def forget_person(session: Session, order: OrderSnapshot) -> None:
    """Erase personal data from what shipping has stored about the order."""
    erasure.erase_person(session, order.order_id)


@consumers.on(ReturnApproved, ReturnRejected, ReturnClosed)
def expect_returns(session: Session, order: OrderSnapshot) -> None:
    """Expect the returns that were approved, and no longer those that were closed."""
    returns.bring_returns_in_line(session, order)


@consumers.on(DocumentStored, DocumentRemoved)
def attach_labels(session: Session, documents: DocumentsSnapshot) -> None:
    """Attach the labels to their parcels, and keep the documents snapshot."""
    packing.attach_labels(session, documents)
