"""What is read of e-mails, within what the reader may see."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from services.notifications.models import Email, EmailAttempt
from shared.access import actor_of
from shared.errors import NotFound
from shared.events.snapshots import OrderSnapshot
from shared.messaging import copies
from shared.messaging.tables import inbox


def emails_of_order(session: Session, order_id: UUID) -> Sequence[Email]:
    """The e-mails of an order in the order they were owed; raises NotFound for one the reader can't see."""
    _require_visible(session, order_id)
    return session.scalars(_in_line(order_id).options(selectinload(Email.attempts))).all()


def email(session: Session, email_id: UUID) -> Email:
    """One e-mail with its words; raises NotFound where its order can't be seen."""
    found = session.get(Email, email_id, options=[selectinload(Email.attempts)])
    if found is None:
        raise NotFound("email", email_id)
    _require_visible(session, found.order_id)
    return found


def emails_in_line(session: Session, order_id: UUID) -> Sequence[Email]:
    """The e-mails of an order, in the order they were owed."""
    return session.scalars(_in_line(order_id)).all()


def number_of_attempts(session: Session, email_id: UUID) -> int:
    """How often an e-mail was tried."""
    tries = select(func.count()).select_from(EmailAttempt).where(EmailAttempt.email_id == email_id)
    return session.scalars(tries).one()


def type_of_event(session: Session, event_id: UUID | None) -> str:
    """What kind of event this is, by the inbox; empty for one it does not hold."""
    heard = select(inbox.c.type).where(inbox.c.event_id == event_id)
    return session.scalars(heard).first() or ""


def _in_line(order_id: UUID) -> Select[Email]:
    return select(Email).where(Email.order_id == order_id).order_by(Email.position)


def _require_visible(session: Session, order_id: UUID) -> None:
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None or not actor_of(session).may_see(order.seller.seller, order.market.market):
        raise NotFound("order", order_id)
