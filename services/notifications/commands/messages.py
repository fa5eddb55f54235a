"""Messages between customer and seller on an order. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.notifications import events, queries
from services.notifications.commands import notices
from services.notifications.commands.emails import PERSON_ERASED, conversation, owe
from services.notifications.commands.overdue import note_matters
from services.notifications.db import settings_of
from services.notifications.domain.messages import MOST_MESSAGES, WITHIN, may_be_attached
from services.notifications.domain.notices import Notable, NoticeKind
from services.notifications.domain.steps import OwedEmail
from services.notifications.models import Conversation, Message
from shared import clock
from shared.access import actor_of
from shared.errors import Refused
from shared.events.snapshots import Author, OrderSnapshot, Recipient, Step
from shared.messaging import outbox
from shared.messaging.order_locks import lock_order
from shared.paper_references import stored_papers


def post_message(
    session: Session,
    order_id: UUID,
    *,
    author: Author,
    text: str,
    document_ids: Sequence[UUID] = (),
    internal: bool = False,
    key: str | None = None,
) -> Message:
    """Post a message on an order; the other side gets an e-mail. Publishes message.posted.

    An internal one is a note among the seller's staff: nobody else hears of it. A second message under the
    same key is the first. Raises NotFound, Invalid for a document that can't go with it, Refused
    (person_erased, too_many_messages).
    """
    queries.visible_order(session, order_id)
    lock_order(session, order_id)
    order = queries.visible_order(session, order_id)
    if key is not None and (first := queries.message_of_key(session, order_id, key)) is not None:
        return first
    if order.anonymised_at is not None:
        raise Refused(PERSON_ERASED, "the customer has been erased")
    if author is Author.CUSTOMER:
        _require_patience(session, order_id)
    talk = _conversation(session, order)
    message = Message(
        order_id=order_id,
        key=key,
        author=author,
        written_by=actor_of(session).name,
        internal=internal,
        text=text,
        attachments=_attachments(session, order_id, author, document_ids),
        posted_at=clock.now(),
    )
    session.add(message)
    session.flush()
    if not internal:
        _tell(session, order, talk, message)
    return message


def mark_read(session: Session, order_id: UUID, reader: Author) -> None:
    """Mark the other side's messages so far as read; raises NotFound."""
    queries.visible_order(session, order_id)
    lock_order(session, order_id)
    session.execute(
        update(Message)
        .where(
            Message.order_id == order_id,
            Message.author != reader,
            Message.internal.is_(False),
            Message.read_at.is_(None),
        )
        .values(read_at=clock.now())
    )


def need_no_answer(session: Session, order_id: UUID) -> Conversation:
    """Take an order off the unanswered list without answering: "thank you" needs no answer.

    Raises NotFound, Refused (not_unanswered).
    """
    order = queries.visible_order(session, order_id)
    lock_order(session, order_id)
    talk = _conversation(session, order)
    if talk.unanswered_since is None:
        raise Refused("not_unanswered", "nobody is waiting for an answer on this order")
    talk.unanswered_since = talk.reply_due_at = None
    _note_matters(session, order_id)
    return talk


def erase_messages(session: Session, order_id: UUID) -> None:
    """Erase the text of an order's messages; that they were sent, and when, is kept."""
    session.execute(update(Message).where(Message.order_id == order_id).values(text="", attachments=[]))
    talk = session.get(Conversation, order_id, populate_existing=True)
    if talk is not None:
        talk.unanswered_since = talk.reply_due_at = None


def _tell(session: Session, order: OrderSnapshot, talk: Conversation, message: Message) -> None:
    talk.messages += 1
    if message.author == Author.CUSTOMER:
        talk.customer_wrote_at = message.posted_at
        if talk.unanswered_since is None:
            talk.unanswered_since = message.posted_at
            hours = settings_of(session).reply_hours
            talk.reply_due_at = message.posted_at + timedelta(hours=hours)
        owed = OwedEmail(step=Step.CUSTOMER_MESSAGE, recipient=Recipient.SELLER, about=message.id)
        notices.tell(
            session,
            order_id=talk.order_id,
            number=talk.number,
            seller=talk.seller,
            market=talk.market,
            news=[Notable(NoticeKind.CUSTOMER_MESSAGE, message.id)],
        )
    else:
        talk.seller_wrote_at = message.posted_at
        talk.unanswered_since = talk.reply_due_at = None
        owed = OwedEmail(step=Step.MESSAGE, about=message.id)
    # Who answers has read what they answer.
    mark_read(session, order.order_id, Author(message.author))
    owe(session, order, [owed])
    _note_matters(session, order.order_id)
    outbox.publish(
        session, events.message_posted(message, conversation(session, order.order_id, order.number))
    )


def _note_matters(session: Session, order_id: UUID) -> None:
    session.flush()
    known = queries.snapshots_of(session, order_id)
    assert known is not None  # who writes sees the order
    note_matters(session, known)


def _conversation(session: Session, order: OrderSnapshot) -> Conversation:
    talk = session.get(Conversation, order.order_id, populate_existing=True)
    if talk is None:
        talk = Conversation(
            order_id=order.order_id,
            number=order.number,
            seller=order.seller.seller,
            market=order.market.market,
            messages=0,
        )
        session.add(talk)
        session.flush()
    return talk


def _require_patience(session: Session, order_id: UUID) -> None:
    lately = select(func.count()).where(
        Message.order_id == order_id,
        Message.author == Author.CUSTOMER,
        Message.posted_at > clock.now() - WITHIN,
    )
    if session.scalars(lately).one() >= MOST_MESSAGES:
        raise Refused("too_many_messages", f"at most {MOST_MESSAGES} messages an hour are allowed")


def _attachments(
    session: Session, order_id: UUID, author: Author, document_ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    named = {f"document_ids.{place}": document_id for place, document_id in enumerate(document_ids)}
    papers = stored_papers(session, order_id, named, may=lambda paper: may_be_attached(paper, author))
    return [
        {
            "document_id": str(paper.document_id),
            "kind": paper.kind,
            "content_type": paper.content_type,
            "size_bytes": paper.size_bytes,
        }
        for paper in papers
    ]
