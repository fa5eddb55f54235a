"""What is read of e-mails, within what the reader may see."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from services.notifications.domain.known import Known
from services.notifications.models import Email, EmailAttempt, EmailContent, ThrottledDomain
from shared.access import actor_of
from shared.errors import NotFound
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot
from shared.messaging import copies
from shared.messaging.tables import inbox


def emails_of_order(session: Session, order_id: UUID) -> Sequence[Email]:
    """The e-mails of an order in the order they were owed; raises NotFound for one the reader can't see."""
    visible_order(session, order_id)
    return session.scalars(_in_line(order_id).options(selectinload(Email.attempts))).all()


def email(session: Session, email_id: UUID) -> Email:
    """One e-mail; raises NotFound where it can't be seen."""
    found = session.get(Email, email_id, options=[selectinload(Email.attempts)])
    if found is None or not actor_of(session).may_see(found.seller, found.market):
        raise NotFound("email", email_id)
    return found


def visible_order(session: Session, order_id: UUID) -> OrderSnapshot:
    """An order as last heard; raises NotFound where the reader can't see it."""
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None or not actor_of(session).may_see(order.seller.seller, order.market.market):
        raise NotFound("order", order_id)
    return order


def emails_in_line(session: Session, order_id: UUID) -> Sequence[Email]:
    """The e-mails of an order, in the order they were owed."""
    return session.scalars(_in_line(order_id)).all()


def last_position(session: Session, order_id: UUID) -> int:
    """The place of the last e-mail in an order's line; 0 where there is none."""
    return session.scalars(select(func.max(Email.position)).where(Email.order_id == order_id)).one() or 0


def known_of(session: Session, order_id: UUID) -> Known | None:
    """The newest that was heard of an order; None before the order itself is known."""
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None:
        return None
    shipments = copies.newest(session, order_id, ShipmentsSnapshot)
    documents = copies.newest(session, order_id, DocumentsSnapshot)
    return Known(order=order, shipments=shipments, documents=documents)


def behind(session: Session, first: Email) -> Sequence[Email]:
    """What waits behind an e-mail to the same reader, in line."""
    line = _in_line(first.order_id).where(
        Email.recipient == first.recipient, Email.status == "queued", Email.position > first.position
    )
    return session.scalars(line).all()


def content(session: Session, email_id: UUID) -> bytes:
    """An e-mail byte for byte; nothing before its first attempt and once its person is erased."""
    kept = session.get(EmailContent, email_id)
    return kept.plain if kept else b""


def number_of_attempts(session: Session, email_id: UUID) -> int:
    """How often an e-mail was tried."""
    tries = select(func.count()).select_from(EmailAttempt).where(EmailAttempt.email_id == email_id)
    return session.scalars(tries).one()


def throttled_until(session: Session, address: str) -> datetime | None:
    """Until when the address' domain is to be left alone."""
    paused = select(ThrottledDomain.until).where(ThrottledDomain.domain == domain_of(address))
    return session.scalars(paused).first()


def domain_of(address: str) -> str:
    """Where an address' mail is taken in."""
    return address.rpartition("@")[2].lower()


def type_of_event(session: Session, event_id: UUID | None) -> str:
    """What kind of event this is, by the inbox; empty for one it does not hold."""
    heard = select(inbox.c.type).where(inbox.c.event_id == event_id)
    return session.scalars(heard).first() or ""


def _in_line(order_id: UUID) -> Select[Email]:
    return select(Email).where(Email.order_id == order_id).order_by(Email.position)
