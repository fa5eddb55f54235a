"""How notifications reacts to other services: it queues e-mails and notices."""

from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.commands import emails, messages, notices, overdue, webhooks
from services.notifications.domain.notices import owed_notices
from services.notifications.messaging import consumers
from shared.events.documents import (
    CreditNoteIssued,
    DocumentFailed,
    DocumentRemoved,
    DocumentStored,
    InvoiceIssued,
)
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
    RefundRequested,
    RefundSettled,
    ReturnApproved,
    ReturnClosed,
    ReturnRejected,
    ReturnRequested,
)
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
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot


@consumers.on(
    OrderPlaced,
    OrderUpdated,
    OrderHeld,
    OrderHoldReleased,
    OrderAccepted,
    OrderRefused,
    OrderCancelled,
    OrderFailed,
    OrderCompleted,
    PaymentRecorded,
    PaymentVoided,
    RefundRequested,
    RefundSettled,
    ReturnRequested,
    ReturnApproved,
    ReturnRejected,
    ReturnClosed,
    ShipmentUpdated,
    ShipmentReady,
    ShipmentShipped,
    ShipmentDelivered,
    ShipmentUndeliverable,
    ShipmentReturned,
    PickupReminded,
    AppointmentScheduled,
    ReturnReceived,
    DocumentStored,
    InvoiceIssued,
    CreditNoteIssued,
)
def follow_order(session: Session, heard: OrderSnapshot | ShipmentsSnapshot | DocumentsSnapshot) -> None:
    """Update e-mails, notices and open tasks from the newest state of order, shipments and documents.

    Waits until the order itself is known: a shipment or paper may be heard of first.
    """
    known = queries.snapshots_of(session, heard.order_id)
    if known is None:
        return
    order = known.order
    emails.write_owed_emails(session, known)
    notices.tell(
        session,
        order_id=order.order_id,
        number=order.number,
        seller=order.seller.seller,
        market=order.market.market,
        news=owed_notices(known),
    )
    overdue.note_matters(session, known)


consumers.keep(DocumentRemoved)  # which documents can be sent
# The feed tells programs of these too.
consumers.keep(
    OrderCancelRequested,
    ShipmentCreated,
    ShipmentInventoryAssigned,
    ShipmentAwaitingInventory,
    ShipmentReleased,
    ShipmentPacking,
    ShipmentCancelled,
    ShipmentCancelRefused,
    TrackingUpdated,
    DocumentFailed,
)
consumers.pass_on(StockChanged)


@consumers.on(OrderAnonymised)
def erase_person(session: Session, order: OrderSnapshot) -> None:
    """Erase the person: texts, addresses and copies."""
    messages.erase_messages(session, order.order_id)
    emails.erase_person(session, order.order_id)
    webhooks.erase_person(session, order.order_id)
    if (known := queries.snapshots_of(session, order.order_id)) is not None:
        overdue.note_matters(session, known)
