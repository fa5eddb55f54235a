"""An order's progress as its customer sees it, without anybody's name or address."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.domain.shown_statuses import TimelineStep, steps_of, timeline_of
from services.orders.models import DeliveryGroup, Order
from services.orders.queries.returns import returnable
from shared.events.snapshots import (
    LEFT,
    ConversationSnapshot,
    DocumentsSnapshot,
    PaperKind,
    PaperStatus,
    Shipment,
    ShipmentsSnapshot,
    ShipmentStatus,
)
from shared.messaging import copies

_FOR_CUSTOMERS = (PaperKind.INVOICE, PaperKind.CREDIT_NOTE)
_NOT_ON_ITS_WAY = (ShipmentStatus.CANCELLED, ShipmentStatus.RETURNED)


def progress(session: Session, order_id: UUID) -> dict[str, Any]:
    """An order's progress: each delivery with its steps, the documents, the messages; raises NotFound."""
    order = queries.order(session, order_id)
    heard = copies.Heard(session, order_id)
    shipments = heard.newest(ShipmentsSnapshot)
    documents = heard.newest(DocumentsSnapshot)
    talk = heard.newest(ConversationSnapshot)
    return {
        "number": order.number,
        "order_version": order.version,
        "status": order.status,
        "locale": order.locale,
        "market_locale": order.market.locale,
        "currency": order.currency,
        "time_zone": order.market.time_zone,
        "placed_at": order.placed_at,
        "total_minor": order.total_minor,
        "payment_state": order.payment_state,
        "seller": order.seller,
        "deliveries": [
            _delivery(order, group, shipments.shipments if shipments else ())
            for group in order.delivery_groups
        ],
        "papers": [
            paper
            for paper in (documents.papers if documents else ())
            if paper.kind in _FOR_CUSTOMERS and paper.status == PaperStatus.STORED
        ],
        "returns": order.returns,
        "returnable": returnable(session, order),
        "messages": {
            "count": talk.messages if talk else 0,
            "answered": bool(talk and _is_later(talk.seller_wrote_at, talk.customer_wrote_at)),
        },
    }


def _delivery(order: Order, group: DeliveryGroup, shipments: Iterable[Shipment]) -> dict[str, Any]:
    is_pickup = group.pickup_point is not None
    goods = [part for part in order.goods or () if part.group_id == group.id]
    reached = timeline_of(order.status, goods, {group.id} if is_pickup else ())
    sent = [one for one in shipments if one.group_id == group.id and one.status not in _NOT_ON_ITS_WAY]
    instants = {
        TimelineStep.ACCEPTED: order.accepted_at,
        TimelineStep.PREPARING: _first(one.released_at for one in sent),
        TimelineStep.SENT: _first(one.shipped_at for one in sent),
        TimelineStep.READY_FOR_PICKUP: _first(one.ready_at for one in sent),
        TimelineStep.FINISHED: max((one.delivered_at for one in sent if one.delivered_at), default=None),
    }
    return {
        "method_name": group.method_name,
        "is_pickup": is_pickup,
        "steps": [
            {"step": step, "reached": is_reached, "at": instants[step] if is_reached else None}
            for step, is_reached in steps_of(reached, is_pickup=is_pickup)
        ],
        "lines": [
            {"name": line.name, "quantity": line.quantity - line.cancelled_quantity}
            for line in order.lines
            if line.group_id == group.id and line.quantity > line.cancelled_quantity
        ],
        "parcels": [parcel for one in sent if one.status in LEFT for parcel in one.parcels],
        "collect_by": _first(one.collect_by for one in sent if one.status == ShipmentStatus.READY),
    }


def _first(instants: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _is_later(at: datetime | None, than: datetime | None) -> bool:
    return at is not None and (than is None or at > than)
