"""Papers of an order, as a service that is not documents hears of them."""

from shared.db import new_id
from shared.events.snapshots import DocumentsSnapshot, Paper
from shared.messaging import copies


def hear_of_paper(session, order_id, *, version=1, **changes):
    """Hear of an order's only paper, which somebody sent in; answers its id."""
    paper = {"document_id": new_id(), "kind": "payment_proof", "status": "stored", "part": "order"} | changes
    snapshot = DocumentsSnapshot(
        order_id=order_id, number="GB-1", version=version, currency="GBP", papers=(Paper(**paper),)
    )
    copies.keep_newest(session, snapshot)
    return paper["document_id"]
