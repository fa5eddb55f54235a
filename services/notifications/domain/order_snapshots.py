"""The newest known state of an order, from which e-mails, notices and reminders are made."""

from dataclasses import dataclass

from services.notifications.domain.messages import QuotedMessage
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot


@dataclass(frozen=True, kw_only=True)
class OrderSnapshots:
    """An order with its other snapshots, as far as they are known."""

    order: OrderSnapshot
    shipments: ShipmentsSnapshot | None = None
    documents: DocumentsSnapshot | None = None
    messages: tuple[QuotedMessage, ...] = ()  # those that an e-mail tells of
    encloses: bool = False  # whether a delivery note goes with an acceptance


@dataclass(frozen=True, kw_only=True)
class CustomerSecrets:
    """Secrets for the order's customer only; all empty in an e-mail to a seller."""

    order_page: str = ""
    messages_page: str = ""
    collect_code: str = ""
