"""How an event is presented to integrations, in the feed and by webhooks alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.erasure import emptied


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An event with its position in the feed."""

    position: int
    event_id: UUID
    source: str
    type: str
    subject: str
    order_id: UUID | None
    number: str
    seller: str
    market: str
    sequence: int
    occurred_at: datetime
    data: Any


def public_form(entry: Entry, *, with_people: bool) -> dict[str, Any]:
    """An event for integrations: the CloudEvents 1.0 attributes and its position in the feed.

    Without people it is as it will be once they are erased: `people` is empty, and so are reasons,
    references, answers and errors, for whoever typed them may have named anybody.
    """
    return {
        "specversion": "1.0",
        "id": entry.event_id,
        "source": f"/{entry.source}",
        "type": entry.type,
        "subject": entry.subject,
        "time": entry.occurred_at,
        "datacontenttype": "application/json",
        "dataschema": f"{entry.type}/1",
        "position": entry.position,
        "occurred_at": entry.occurred_at,
        "order_id": entry.order_id,
        "number": entry.number,
        "seller": entry.seller,
        "market": entry.market,
        "sequence": entry.sequence,
        "data": entry.data if with_people else emptied(entry.data),
    }
