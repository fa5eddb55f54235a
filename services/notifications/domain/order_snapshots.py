"""What e-mails, notices and reminders are made from: the newest that this service has heard of an order."""

from dataclasses import dataclass

from services.notifications.domain.messages import QuotedMessage
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot


@dataclass(frozen=True, kw_only=True)
class OrderSnapshots:
    """An order, and the rest as far as it was heard of."""

    order: OrderSnapshot
    shipments: ShipmentsSnapshot | None = None
    documents: DocumentsSnapshot | None = None
    messages: tuple[QuotedMessage, ...] = ()  # those that an e-mail tells of
    encloses: bool = False  # whether a delivery note goes with an acceptance


@dataclass(frozen=True, kw_only=True)
class CustomerSecrets:
    """What only the customer of an order is told; all empty in an e-mail to a seller."""

    order_page: str = ""
    messages_page: str = ""
    collect_code: str = ""
