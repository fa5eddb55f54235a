"""What documents does when other services speak: bring the papers in line with the order."""

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
    """The papers that the order's newest state calls for, each once."""
    shipments = copies.newest(session, order.order_id, ShipmentsSnapshot)
    commands.issue_due_papers(session, order, shipments)


@consumers.on(
    ShipmentReleased, ShipmentPacking, ShipmentUpdated, ShipmentShipped, ShipmentDelivered, ShipmentCancelled
)
def issue_papers_of_shipments(session: Session, shipments: ShipmentsSnapshot) -> None:
    """The same, as goods move; before the order itself is heard of there is nothing to put on paper."""
    order = copies.newest(session, shipments.order_id, OrderSnapshot)
    if order is not None:
        commands.issue_due_papers(session, order, shipments)


consumers.keep(EmailSent, EmailFailed)  # who was sent which paper


@consumers.on(OrderAnonymised)
def erase_people(session: Session, order: OrderSnapshot) -> None:
    """Papers and copies forget the person; invoices and credit notes stay for their legal term."""
    commands.erase_people(session, order.order_id)
