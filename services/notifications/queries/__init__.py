"""Read-only queries on e-mails, messages and notices, limited to what the reader may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, literal, not_, select, tuple_
from sqlalchemy.orm import Session, selectinload

from services.notifications.domain.messages import QuotedMessage
from services.notifications.domain.order_snapshots import OrderSnapshots
from services.notifications.domain.steps import MESSAGES
from services.notifications.models import (
    Conversation,
    Email,
    EmailAttempt,
    EmailContent,
    Message,
    Notice,
    NoticeRead,
    NoticeReader,
    OpenMatter,
    ThrottledDomain,
)
from shared.access import actor_of, seen, visible
from shared.errors import NotFound
from shared.events.snapshots import DocumentsSnapshot, EmailStatus, OrderSnapshot, ShipmentsSnapshot
from shared.messaging import copies
from shared.messaging.tables import inbox

S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def emails_of_order(session: Session, order_id: UUID) -> Sequence[Email]:
    """An order's e-mails in the order they were queued; raises NotFound for one the reader can't see."""
    visible_order(session, order_id)
    return session.scalars(_in_line(order_id).options(selectinload(Email.attempts))).all()


def email(session: Session, email_id: UUID) -> Email:
    """One e-mail; raises NotFound where it can't be seen."""
    rows = select(Email).where(Email.id == email_id).options(selectinload(Email.attempts))
    return seen(session, rows, "email", email_id, Email.seller, Email.market)


def visible_order(session: Session, order_id: UUID) -> OrderSnapshot:
    """An order's newest known state; raises NotFound if the reader can't see it."""
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None or not actor_of(session).may_see(order.seller.seller, order.market.market):
        raise NotFound("order", order_id)
    return order


def emails_in_line(session: Session, order_id: UUID) -> Sequence[Email]:
    """An order's e-mails, in the order they were queued."""
    return session.scalars(_in_line(order_id)).all()


def line_and_talk(session: Session, order_id: UUID) -> tuple[Sequence[Email], Conversation | None]:
    """An order's e-mails in order, and its conversation."""
    rows = select(Email, Conversation).outerjoin(Conversation, Conversation.order_id == Email.order_id)
    found = session.execute(rows.where(Email.order_id == order_id).order_by(Email.position)).all()
    if not found:
        return [], session.get(Conversation, order_id)
    return [email for email, _ in found], found[0][1]


def snapshots_of(session: Session, order_id: UUID) -> OrderSnapshots | None:
    """The newest known snapshots of an order; None before the order itself is known."""
    heard = copies.Heard(session, order_id)
    order = heard.newest(OrderSnapshot)
    if order is None:
        return None
    return OrderSnapshots(
        order=order,
        shipments=heard.newest(ShipmentsSnapshot),
        documents=heard.newest(DocumentsSnapshot),
    )


def shipments_of(session: Session, order_id: UUID) -> ShipmentsSnapshot | None:
    """The newest known shipments of an order."""
    return copies.newest(session, order_id, ShipmentsSnapshot)


def quoted_messages(session: Session, email: Email, waiting: Sequence[Email]) -> tuple[QuotedMessage, ...]:
    """The messages to quote in an e-mail: its own, and those whose e-mails are queued behind it."""
    if email.step not in MESSAGES:
        return ()
    abouts = [email.about, *(later.about for later in waiting if later.step == email.step)]
    told = select(Message).where(Message.id.in_(abouts), Message.internal.is_(False)).order_by(Message.id)
    return tuple(
        QuotedMessage(text=message.text, posted_at=message.posted_at, attachments=len(message.attachments))
        for message in session.scalars(told)
    )


def messages(
    session: Session, order_id: UUID, limit: int, before: UUID | None = None, *, internal: bool
) -> Sequence[Message]:
    """An order's messages, newest first; with staff notes only if asked for.

    Raises NotFound for an order the reader can't see.
    """
    visible_order(session, order_id)
    page = select(Message).where(Message.order_id == order_id).order_by(Message.id.desc()).limit(limit)
    if before is not None:
        page = page.where(Message.id < before)
    if not internal:
        page = page.where(Message.internal.is_(False))
    return session.scalars(page).all()


def message_of_key(session: Session, order_id: UUID, key: str) -> Message | None:
    """The message posted with a form's key, if any."""
    known = select(Message).where(Message.order_id == order_id, Message.key == key)
    return session.scalars(known).first()


def conversation(session: Session, order_id: UUID) -> Conversation:
    """The state of an order's conversation, even if nobody has written yet; raises NotFound."""
    order = visible_order(session, order_id)
    found = session.get(Conversation, order_id)
    return found or Conversation(
        order_id=order_id,
        number=order.number,
        seller=order.seller.seller,
        market=order.market.market,
        messages=0,
    )


def unanswered(
    session: Session, limit: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[Conversation]:
    """Where a customer is waiting for an answer, the most urgent first."""
    page = (
        select(Conversation)
        .where(Conversation.reply_due_at.is_not(None))
        .order_by(Conversation.reply_due_at, Conversation.order_id)
        .limit(limit)
    )
    if after is not None:
        page = page.where(tuple_(Conversation.reply_due_at, Conversation.order_id) > after)
    return session.scalars(visible(session, page, Conversation.seller, Conversation.market)).all()


def notices(
    session: Session, limit: int, before: UUID | None = None, *, unread: bool = False
) -> Sequence[Row[Notice, bool]]:
    """Notices, newest first, each with whether the reader has read it."""
    is_unread = and_(*_unread(session))
    page = select(Notice, not_(is_unread).label("read")).order_by(Notice.id.desc()).limit(limit)
    if before is not None:
        page = page.where(Notice.id < before)
    if unread:
        page = page.where(is_unread)
    return session.execute(visible(session, page, Notice.seller, Notice.market)).all()


def unread_notices(session: Session, at_most: int) -> int:
    """How many notices the reader has not read, counted up to a limit."""
    unread = select(Notice.id).where(*_unread(session)).order_by(Notice.id.desc()).limit(at_most)
    counted = select(func.count()).select_from(
        visible(session, unread, Notice.seller, Notice.market).subquery()
    )
    return session.scalars(counted).one()


def notice(session: Session, notice_id: UUID) -> Notice:
    """One notice; raises NotFound where it can't be seen."""
    rows = select(Notice).where(Notice.id == notice_id)
    return seen(session, rows, "notice", notice_id, Notice.seller, Notice.market)


def _unread(session: Session) -> tuple[ColumnElement[bool], ...]:
    """Conditions for a notice that the reader has not read; the first limits an index scan by id."""
    reader = actor_of(session).name
    read_to = select(NoticeReader.read_to).where(NoticeReader.reader == reader).scalar_subquery()
    by_itself = exists().where(NoticeRead.reader == reader, NoticeRead.notice_id == Notice.id)
    return Notice.id > func.coalesce(read_to, UUID(int=0)), not_(by_itself)


def overdue(session: Session, seller: str, market: str, now: datetime, limit: int) -> Sequence[OpenMatter]:
    """A seller's overdue tasks in a market, longest overdue first."""
    late = (
        select(OpenMatter)
        .where(OpenMatter.seller == seller, OpenMatter.market == market, OpenMatter.due_at <= now)
        .order_by(OpenMatter.due_at, OpenMatter.order_id)
        .limit(limit)
    )
    return session.scalars(late).all()


def behind(session: Session, first: Email) -> Sequence[Email]:
    """The e-mails queued behind an e-mail to the same recipient."""
    line = _in_line(first.order_id).where(
        Email.recipient == first.recipient,
        Email.status == EmailStatus.QUEUED,
        Email.position > first.position,
    )
    return session.scalars(line).all()


def email_to_send(session: Session, email_id: UUID) -> tuple[Email, bytes, datetime | None]:
    """An e-mail, without access checks, with its stored content, if any, and its domain's pause."""
    domain = func.lower(func.split_part(Email.address, "@", -1))  # as domain_of has it
    rows = (
        select(Email, EmailContent, ThrottledDomain.until)
        .outerjoin(EmailContent)
        .outerjoin(ThrottledDomain, ThrottledDomain.domain == domain)
        .where(Email.id == email_id)
    )
    found, kept, paused_until = session.execute(rows).one()
    return found, kept.plain if kept else b"", paused_until


def content(session: Session, email_id: UUID) -> bytes:
    """The raw bytes of an e-mail; empty before its first attempt and once its person is erased."""
    kept = session.get(EmailContent, email_id)
    return kept.plain if kept else b""


def number_of_attempts(session: Session, email_id: UUID) -> int:
    """The number of attempts to send an e-mail."""
    tries = select(func.count()).select_from(EmailAttempt).where(EmailAttempt.email_id == email_id)
    return session.scalars(tries).one()


def domain_of(address: str) -> str:
    """The domain of an e-mail address."""
    return address.rpartition("@")[2].lower()


def type_of_event(event_id: UUID | None) -> ColumnElement[str]:
    """An event's type, from the inbox, as a column expression; empty if it is not there."""
    heard = select(inbox.c.type).where(inbox.c.event_id == event_id).scalar_subquery()
    return func.coalesce(heard, "")


def waits_on(
    session: Session, order_id: UUID
) -> tuple[dict[str, datetime], datetime | None, datetime | None]:
    """An order's open tasks by due time; since when its customer has been waiting, and until when."""
    the_order = select(literal(order_id).label("id")).subquery()
    rows = (
        select(
            OpenMatter.matter,
            OpenMatter.due_at,
            Conversation.unanswered_since,
            Conversation.reply_due_at,
        )
        .select_from(the_order)
        .outerjoin(OpenMatter, OpenMatter.order_id == the_order.c.id)
        .outerjoin(Conversation, Conversation.order_id == the_order.c.id)
    )
    found = session.execute(rows).all()
    noted = {row.matter: row.due_at for row in found if row.matter is not None}
    return noted, found[0].unanswered_since, found[0].reply_due_at


def _in_line(order_id: UUID) -> Select[Email]:
    return select(Email).where(Email.order_id == order_id).order_by(Email.position)
