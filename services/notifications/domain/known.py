"""What an e-mail is written from: the newest that this service knows, and what opens the reader's doors."""

from dataclasses import dataclass

from services.notifications.domain.messages import Said
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot


@dataclass(frozen=True, kw_only=True)
class Known:
    """An order, and the rest as far as it was heard of."""

    order: OrderSnapshot
    shipments: ShipmentsSnapshot | None = None
    documents: DocumentsSnapshot | None = None
    said: tuple[Said, ...] = ()  # the messages that an e-mail tells of
    encloses: bool = False  # whether a delivery note goes with an acceptance


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What only the customer of an order is told; all empty in an e-mail to a seller."""

    order_page: str = ""
    messages_page: str = ""
    collect_code: str = ""
