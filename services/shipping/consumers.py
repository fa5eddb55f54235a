"""What shipping does when other services speak: bring shipments in line with the order, keep the labels."""

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
    """Shipments that the order's newest state calls for, with stock; none where it ended."""
    planning.bring_shipments_in_line(session, order)


@consumers.on(OrderAnonymised)
def forget_person(session: Session, order: OrderSnapshot) -> None:
    """Personal data out of whatever shipping has written down of the order."""
    erasure.erase_person(session, order.order_id)


@consumers.on(ReturnApproved, ReturnRejected, ReturnClosed)
def expect_returns(session: Session, order: OrderSnapshot) -> None:
    """Goods that were approved to come back, and no longer those that are not to."""
    returns.bring_returns_in_line(session, order)


@consumers.on(DocumentStored, DocumentRemoved)
def attach_labels(session: Session, documents: DocumentsSnapshot) -> None:
    """Labels to the parcels they are for; which papers there are is known from then on."""
    packing.attach_labels(session, documents)
