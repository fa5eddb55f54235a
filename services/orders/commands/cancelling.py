"""What speaks against cancelling an order. The caller has locked the order."""

from sqlalchemy.orm import Session

from services.orders.models import Order
from shared.events.snapshots import ConversationSnapshot
from shared.messaging import copies

NOT_CONTACTED = "customer_not_contacted"


def warnings(session: Session, order: Order) -> list[str]:
    """What whoever cancels should know first: nobody has written to the customer about this order."""
    conversation = copies.newest(session, order.id, ConversationSnapshot)
    contacted = conversation is not None and conversation.seller_wrote_at is not None
    return [] if contacted else [NOT_CONTACTED]
