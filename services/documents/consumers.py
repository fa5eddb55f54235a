"""How documents reacts to other services: it brings an order's documents up to date."""

from sqlalchemy.orm import Session

from services.documents.commands import papers as commands
from services.documents.messaging import consumers
from shared.events.notifications import EmailFailed, EmailSent
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
    PaymentVoided,
    RefundRequested,
    RefundSettled,
    ReturnApproved,
)
from shared.events.shipping import (
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentPacking,
    ShipmentReleased,
    ShipmentShipped,
    ShipmentUpdated,
)
from shared.events.snapshots import OrderSnapshot, ShipmentsSnapshot
from shared.messaging import copies


@consumers.on(
    OrderPlaced,
    OrderUpdated,
    OrderAccepted,
    OrderRefused,
    OrderCancelled,
    OrderFailed,
    OrderCompleted,
    PaymentRecorded,
    PaymentVoided,
    RefundRequested,
    RefundSettled,
    ReturnApproved,
)
def issue_due_papers(session: Session, order: OrderSnapshot) -> None:
    """Create the documents that the order's current state requires, each once."""
    shipments = copies.newest(session, order.order_id, ShipmentsSnapshot)
    commands.issue_due_papers(session, order, shipments)


@consumers.on(
    ShipmentReleased, ShipmentPacking, ShipmentUpdated, ShipmentShipped, ShipmentDelivered, ShipmentCancelled
)
def issue_papers_of_shipments(session: Session, shipments: ShipmentsSnapshot) -> None:
    """The same for shipment events; does nothing until the order itself is known."""
    order = copies.newest(session, shipments.order_id, OrderSnapshot)
    if order is not None:
        commands.issue_due_papers(session, order, shipments)


consumers.keep(EmailSent, EmailFailed)  # who was sent which paper


@consumers.on(OrderAnonymised)
def erase_people(session: Session, order: OrderSnapshot) -> None:
    """Erase the person from documents and copies; invoices and credit notes stay for their legal term."""
    commands.erase_people(session, order.order_id)
