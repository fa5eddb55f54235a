"""What notifications does when other services speak: write the e-mails that are owed."""

from sqlalchemy.orm import Session

from services.notifications.commands import emails as commands
from services.notifications.messaging import consumers
from shared.events.documents import CreditNoteIssued, InvoiceIssued
from shared.events.orders import (
    OrderAccepted,
    OrderAnonymised,
    OrderCancelled,
    OrderCompleted,
    OrderFailed,
    OrderPlaced,
    OrderRefused,
    OrderUpdated,
    PaymentRecorded,
    RefundRequested,
    RefundSettled,
)
from shared.events.shipping import ShipmentDelivered, ShipmentShipped
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot


@consumers.on(
    OrderPlaced,
    OrderUpdated,
    OrderAccepted,
    OrderRefused,
    OrderCancelled,
    OrderFailed,
    OrderCompleted,
    PaymentRecorded,
    RefundRequested,
    RefundSettled,
    ShipmentShipped,
    ShipmentDelivered,
    InvoiceIssued,
    CreditNoteIssued,
)
def write_owed_emails(session: Session, heard: OrderSnapshot | ShipmentsSnapshot | DocumentsSnapshot) -> None:
    """The e-mails that the newest state of order, shipments and papers calls for, each once."""
    commands.write_owed_emails(session, heard.order_id)


@consumers.on(OrderAnonymised)
def erase_person(session: Session, order: OrderSnapshot) -> None:
    """Nothing about the person stays: neither words, nor addresses, nor copies."""
    commands.erase_person(session, order.order_id)
