"""Queries for returns; they change nothing and only find what the caller may see."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders.domain.order_status import refusals
from services.orders.domain.returnable import delivered_units, last_instant
from services.orders.models import Order, Return
from shared import clock
from shared.access import visible
from shared.events.snapshots import ReturnStatus, ShipmentsSnapshot
from shared.messaging import copies


def returns(
    session: Session, limit: int, status: ReturnStatus | None, after: UUID | None
) -> Sequence[Return]:
    """Returns, oldest first, from a position on."""
    page = select(Return).order_by(Return.id).limit(limit)
    if status is not None:
        page = page.where(Return.status == status)
    if after is not None:
        page = page.where(Return.id > after)
    return session.scalars(visible(session, page, Return.seller_code, Return.market_code)).all()


def returnable(session: Session, order: Order) -> list[dict[str, Any]]:
    """What a customer can return now, and until when."""
    if refusals("request_return", order.facts):
        return []
    shipments = copies.newest(session, order.id, ShipmentsSnapshot)
    left = delivered_units(shipments) - order.units_in_returns  # what is not above nothing falls out
    lines: list[dict[str, Any]] = [
        {
            "line_id": line.id,
            "sku": line.sku,
            "name": line.name,
            "quantity": left[line.id],
            "until": last_instant(shipments, line.id, order.market.return_days),
        }
        for line in order.lines
        if line.id in left
    ]
    return [line for line in lines if line["until"] and line["until"] > clock.now()]
