"""Queries for returns by customers."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.shipping.domain.inspection import ReturnStatus
from services.shipping.models import ExpectedReturn, Shipment
from services.shipping.queries.shipments import numbered
from services.shipping.queries.visibility import within
from shared.access import actor_of, seen


def expected_return(session: Session, return_id: UUID) -> ExpectedReturn:
    """A return that the actor may see, with its current state in the database; raises NotFound."""
    rows = select(ExpectedReturn).where(ExpectedReturn.id == return_id)
    return seen(session, rows, "return", return_id, ExpectedReturn.seller, ExpectedReturn.market)


def order_of_return(session: Session, return_id: UUID) -> UUID:
    """The order of a return, for locking it; raises NotFound."""
    rows = select(ExpectedReturn.order_id).where(ExpectedReturn.id == return_id)
    return seen(session, rows, "return", return_id, ExpectedReturn.seller, ExpectedReturn.market)


def returns_of_order(session: Session, order_id: UUID) -> list[ExpectedReturn]:
    """All returns of an order, in the order of their approval."""
    of_order = (
        select(ExpectedReturn)
        .where(ExpectedReturn.order_id == order_id)
        .order_by(ExpectedReturn.expected_at, ExpectedReturn.id)
    )
    return list(session.scalars(of_order))


def returns_page(
    session: Session, status: ReturnStatus, *, number: str | None = None, after: UUID | None, limit: int
) -> list[ExpectedReturn]:
    """Returns in a status that the actor may see, oldest first.

    A number is that of their order, of one of its shipments, or of a parcel with its carrier: what is on the
    papers that come back with the goods.
    """
    actor = actor_of(session)
    page = (
        select(ExpectedReturn)
        .where(
            ExpectedReturn.status == status,
            *within(ExpectedReturn.seller, actor.sellers),
            *within(ExpectedReturn.market, actor.markets),
        )
        .order_by(ExpectedReturn.id)
        .limit(limit)
    )
    if number is not None:
        of_orders = select(Shipment.order_id).where(Shipment.id.in_(numbered(number)))
        page = page.where(ExpectedReturn.order_id.in_(of_orders))
    return list(session.scalars(page if after is None else page.where(ExpectedReturn.id > after)))
