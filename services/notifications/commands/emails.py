"""The life of an e-mail: owed, put into words, sent or given up. The caller owns the transaction."""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifications import events
from services.notifications.domain.answers import Answer
from services.notifications.domain.steps import Letter, Recipient, key_of, owed_letters
from services.notifications.models import Email, EmailAttempt
from services.notifications.queries import emails_in_line, type_of_event
from shared import clock
from shared.events.snapshots import (
    ConversationSnapshot,
    DocumentsSnapshot,
    OrderSnapshot,
    Paper,
    ShipmentsSnapshot,
)
from shared.logging import causation_id, correlation_id
from shared.messaging import copies, outbox
from shared.messaging.jobs import enqueue
from shared.messaging.subjects import next_version

PERSON_ERASED = "person_erased"


def write_owed_emails(session: Session, order_id: UUID) -> None:
    """Owe each e-mail that the order's newest state calls for, once, and see that the line moves.

    Waits until the order itself is known: a shipment or paper may be heard of first.
    """
    order = copies.newest(session, order_id, OrderSnapshot)
    if order is None:
        return
    shipments = copies.newest(session, order_id, ShipmentsSnapshot)
    documents = copies.newest(session, order_id, DocumentsSnapshot)
    written = set(session.scalars(select(Email.key).where(Email.order_id == order_id)))
    emails = (_email(order, letter) for letter in owed_letters(order, shipments, documents))
    new = [email for email in emails if email.address and email.key not in written]
    if not new:
        return
    cause = UUID(causation_id.get()) if causation_id.get() else None
    cause_type = type_of_event(session, cause)
    for position, email in enumerate(new, start=len(written) + 1):
        email.position, email.caused_by, email.caused_by_type = position, cause, cause_type
    session.add_all(new)
    session.flush()
    for recipient in {email.recipient for email in new}:
        _let_next_go(session, order_id, recipient)


def put_into_words(session: Session, email_id: UUID, *, subject: str, text: str, html: str) -> Email:
    """Keep what an e-mail says, from its first attempt on: a repeated attempt says the same."""
    email = session.get_one(Email, email_id)
    if not email.subject and email.address:
        email.subject, email.text, email.html = subject, text, html
    return email


def log_attempt(session: Session, email_id: UUID, outcome: str, answer: Answer) -> None:
    """Log a try and what came of it."""
    session.add(
        EmailAttempt(email_id=email_id, at=clock.now(), outcome=outcome, code=answer.code, answer=answer.text)
    )


def email_sent(session: Session, email_id: UUID, answer: Answer) -> None:
    """Note that a mail server took it, let the next in line go, tell email.sent."""
    log_attempt(session, email_id, "sent", answer)
    email = session.get_one(Email, email_id)
    email.status, email.sent_at, email.error = "sent", clock.now(), ""
    _let_next_go(session, email.order_id, email.recipient)
    outbox.publish(session, events.email_sent(email, _conversation(session, email)))


def give_up_email(session: Session, email_id: UUID, reason: str) -> None:
    """Note that it won't be sent, let the next in line go, tell email.failed; nothing if that is known."""
    email = session.get_one(Email, email_id)
    if email.status != "queued":
        return
    email.status, email.error = "failed", reason
    _let_next_go(session, email.order_id, email.recipient)
    outbox.publish(session, events.email_failed(email, _conversation(session, email)))


def erase_person(session: Session, order_id: UUID) -> None:
    """Empty what e-mails and attempts say of the people of an order; what was not sent never will be."""
    for email in emails_in_line(session, order_id):
        email.address = email.reply_to = email.subject = email.text = email.html = ""
        for attempt in email.attempts:
            attempt.answer = ""
        give_up_email(session, email.id, PERSON_ERASED)
    copies.erase_people(session, order_id)


def _let_next_go(session: Session, order_id: UUID, recipient: str) -> None:
    """Owe the job of the first unsent e-mail to a recipient; the ones behind it wait until it has ended.

    So nobody reads "accepted" before "received", however long a mail server is away, and nothing polls.
    """
    line = select(Email).where(
        Email.order_id == order_id, Email.recipient == recipient, Email.status == "queued"
    )
    email = session.scalars(line.order_by(Email.position).limit(1)).first()
    if email is not None:
        argument = {"email_id": str(email.id)}
        enqueue(session, "email", key=email.key, order_id=order_id, number=email.number, argument=argument)


def _conversation(session: Session, email: Email) -> ConversationSnapshot:
    session.flush()
    return events.conversation(
        email.order_id,
        email.number,
        next_version(session, email.order_id),
        emails_in_line(session, email.order_id),
    )


def _email(order: OrderSnapshot, letter: Letter) -> Email:
    customer = order.people.customer
    to_seller = letter.recipient is Recipient.SELLER
    recipient_id = order.seller.seller if to_seller else str(order.customer_id)
    customer_address = customer.email if customer else ""
    key = key_of(letter, order.order_id, recipient_id)
    return Email(
        key=key,
        order_id=order.order_id,
        number=order.number,
        step=letter.step,
        about=letter.about,
        recipient=letter.recipient,
        recipient_id=recipient_id,
        # Each is answered by the other; the seller reads the market's language, the customer their own.
        address=order.seller.email if to_seller else customer_address,
        reply_to=customer_address if to_seller else order.seller.email,
        sender_name="" if to_seller else order.seller.name,
        locale=order.market.locale if to_seller else order.locale,
        attachments=[_attachment(letter.paper)] if letter.paper else [],
        message_id=uuid5(NAMESPACE_URL, key),
        correlation_id=correlation_id.get(),
        created_at=clock.now(),
    )


def _attachment(paper: Paper) -> dict[str, str]:
    return {
        "document_id": str(paper.document_id),
        "filename": re.sub(r"[^\w.-]+", "-", paper.number or paper.kind) + ".pdf",
        "sha256": paper.sha256,
    }
