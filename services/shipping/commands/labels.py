"""What documents sends back: the labels of parcels."""

from sqlalchemy.orm import Session

from services.shipping import events
from services.shipping.commands.shipments import tell
from services.shipping.models import OrderState
from shared.events.snapshots import DocumentsSnapshot, PaperKind, PaperStatus, ShipmentStatus


def attach_labels(session: Session, documents: DocumentsSnapshot) -> None:
    """Note the stored labels of an order's shipments and tell shipment.updated; runs under the order's lock.

    A label that is known already, that belongs to a cancelled shipment, or that is for other parcels than it
    is packed in by now, changes nothing.
    """
    order = session.get(OrderState, documents.order_id)
    if order is None:
        return
    labels = {
        (paper.part, frozenset(paper.parcels)): paper.document_id
        for paper in documents.papers
        if paper.kind == PaperKind.LABEL and paper.status == PaperStatus.STORED
    }
    news = []
    for shipment in order.shipments:
        part, parcels = str(shipment.id), frozenset(parcel.id for parcel in shipment.parcels)
        label = labels.get((part, parcels)) or labels.get((part, frozenset()))
        unlabelled = [parcel for parcel in shipment.parcels if parcel.label_document_id is None]
        if label is None or not unlabelled or shipment.status is ShipmentStatus.CANCELLED:
            continue
        for parcel in unlabelled:
            parcel.label_document_id = label
        shipment.version += 1
        news.append(events.shipment_updated(shipment))
    tell(session, order, *news)
