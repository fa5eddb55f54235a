"""The life of an e-mail: queued, rendered, sent or failed. The caller owns the transaction."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.notifications import events, queries
from services.notifications.commands import notices
from services.notifications.db import settings_of
from services.notifications.domain.headers import filename
from services.notifications.domain.notices import Notable, NoticeKind
from services.notifications.domain.order_snapshots import OrderSnapshots
from services.notifications.domain.smtp_replies import Meaning, SmtpReply, pause_seconds
from services.notifications.domain.steps import WAITING, OwedEmail, emails_to_couriers, key_of, owed_emails
from services.notifications.models import (
    Conversation,
    Email,
    EmailAttempt,
    EmailContent,
    ThrottledDomain,
)
from shared import clock
from shared.events.snapshots import (
    ConversationSnapshot,
    Courier,
    EmailStatus,
    OrderSnapshot,
    Paper,
    Recipient,
    ShipmentsSnapshot,
)
from shared.logging import causation_id, correlation_id
from shared.messaging import copies, outbox
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import next_version

PERSON_ERASED = "person_erased"


def write_owed_emails(session: Session, known: OrderSnapshots) -> None:
    """Queue each e-mail that the order's current state requires, once."""
    owe(session, known.order, owed_emails(known.order, known.shipments, known.documents))


def owe(session: Session, order: OrderSnapshot, owed: Iterable[OwedEmail]) -> list[Email]:
    """Add a row for each required e-mail that has none yet, if it has an address; returns the new ones.

    What waits for the customer goes to the e-mail that the order has by now.
    """
    line = queries.emails_in_line(session, order.order_id)
    _follow_customer(session, order, line)
    written = {email.key for email in line}
    new: dict[str, Email] = {}
    for one in owed:
        email = _email(order, one)
        if email.address and email.key not in written:
            new.setdefault(email.key, email)
    join_line(session, line, [*new.values()])
    return [*new.values()]


def _follow_customer(session: Session, order: OrderSnapshot, line: Iterable[Email]) -> None:
    """Redirect the customer's queued e-mails to the order's current address, to be rendered again."""
    customer = order.people.customer
    address = customer.email if customer else ""
    for email in line if address else ():
        waits = email.recipient == Recipient.CUSTOMER and email.status == EmailStatus.QUEUED
        if waits and email.address != address:
            email.address = address
            session.execute(delete(EmailContent).where(EmailContent.email_id == email.id))


def join_line(session: Session, line: Sequence[Email], emails: Sequence[Email]) -> None:
    """Append e-mails to their order's queue, given as `line`, and let each recipient's first be sent."""
    if not emails:
        return
    cause = UUID(causation_id.get()) if causation_id.get() else None
    cause_type = queries.type_of_event(cause)
    last = line[-1].position if line else 0
    for position, email in enumerate(emails, start=last + 1):
        email.position, email.caused_by, email.caused_by_type = position, cause, cause_type
        email.status = EmailStatus.QUEUED
    session.add_all(emails)
    session.flush()
    for recipient in {email.recipient for email in emails}:
        _let_next_go(session, [*line, *emails], recipient)


def keep_content(
    session: Session, email_id: UUID, *, subject: str, content: bytes, merged: Sequence[Email]
) -> bytes:
    """Store an e-mail's bytes before its first attempt, so that every attempt sends the same.

    `merged` are those behind it whose news it tells already, and whose papers it takes along; they are sent
    no more. Answers the bytes to send, which may be a twin's; none where the e-mail was sent or emptied
    meanwhile.
    """
    email, kept, _ = queries.email_to_send(session, email_id)
    if email.status in {EmailStatus.SENT, EmailStatus.MERGED} or not email.address:
        return b""
    if kept:
        return kept
    email.subject = subject
    email.attachments = enclosures(email, merged)
    session.add(EmailContent(email_id=email_id, compressed=zlib.compress(content)))
    if merged:
        told = Email.id.in_([later.id for later in merged]), Email.status == EmailStatus.QUEUED
        for behind in session.scalars(select(Email).where(*told, Email.position > email.position)):
            behind.status, behind.merged_into = EmailStatus.MERGED, email_id
    return content


def enclosures(email: Email, merged: Sequence[Email]) -> list[dict[str, str]]:
    """An e-mail's attachments: its own, and those of the e-mails merged into it."""
    return [paper for one in (email, *merged) for paper in one.attachments]


def log_attempt(session: Session, email_id: UUID, outcome: str, answer: SmtpReply) -> None:
    """Log an attempt and its result."""
    session.add(
        EmailAttempt(email_id=email_id, at=clock.now(), outcome=outcome, code=answer.code, answer=answer.text)
    )


def email_delayed(session: Session, email_id: UUID, answer: SmtpReply) -> None:
    """Log an attempt that may succeed later; a domain that throttles us is paused for a while."""
    if answer.meaning is not Meaning.THROTTLED:
        log_attempt(session, email_id, "delayed", answer)
        return
    log_attempt(session, email_id, "throttled", answer)
    domain = queries.domain_of(session.get_one(Email, email_id).address)
    known = session.get(ThrottledDomain, domain, with_for_update=True)
    strikes = known.strikes + 1 if known else 1
    values = {"strikes": strikes, "until": clock.now() + timedelta(seconds=pause_seconds(strikes))}
    row = insert(ThrottledDomain).values(domain=domain, **values)
    session.execute(row.on_conflict_do_update(index_elements=["domain"], set_=values))


def email_sent(session: Session, sent: Email, answer: SmtpReply, *, was_throttled: bool) -> None:
    """Record that a mail server accepted it, let the next in the queue go, and publish email.sent.

    `sent` is the e-mail as it was before it went out; if its domain was to be left alone, it is no longer.
    """
    log_attempt(session, sent.id, "sent", answer)
    line, talk = queries.line_and_talk(session, sent.order_id)
    [email] = [one for one in line if one.id == sent.id]
    email.status, email.sent_at, email.error = EmailStatus.SENT, clock.now(), ""
    if was_throttled:
        domain = queries.domain_of(email.address)
        session.execute(delete(ThrottledDomain).where(ThrottledDomain.domain == domain))
    _let_next_go(session, line, email.recipient)
    if email.number:  # a digest is no order's, and nobody else's business
        told = _conversation(session, email.order_id, email.number, line, talk)
        outbox.publish(session, events.email_sent(email, told), but=_unconcerned(email))


def give_up_email(session: Session, email_id: UUID, reason: str) -> None:
    """Record that it will not be sent, let the next go, publish email.failed; does nothing if repeated."""
    email = session.get_one(Email, email_id)
    if email.status != EmailStatus.QUEUED:
        return
    line, talk = queries.line_and_talk(session, email.order_id)
    email.status, email.error = EmailStatus.FAILED, reason
    _let_next_go(session, line, email.recipient)
    if email.number:
        if email.recipient == Recipient.CUSTOMER and reason != PERSON_ERASED:
            failed = Notable(NoticeKind.EMAIL_FAILED, email.id)
            notices.tell(
                session,
                order_id=email.order_id,
                number=email.number,
                seller=email.seller,
                market=email.market,
                news=[failed],
            )
        told = _conversation(session, email.order_id, email.number, line, talk)
        outbox.publish(session, events.email_failed(email, told), but=_unconcerned(email))


def _unconcerned(email: Email) -> tuple[str, ...]:
    """Services to leave out of an e-mail's event: documents only needs to know if it had attachments."""
    return () if email.attachments else ("documents",)


def erase_person(session: Session, order_id: UUID) -> None:
    """Erase an order's people from e-mails and attempts; unsent e-mails are never sent."""
    copies.erase_people(session, order_id)  # before anything is told: that says why, and names nobody
    emails = queries.emails_in_line(session, order_id)
    session.execute(delete(EmailContent).where(EmailContent.email_id.in_([email.id for email in emails])))
    for email in emails:
        email.address = email.reply_to = email.subject = ""
        for attempt in email.attempts:
            attempt.answer = ""
        if email.error != PERSON_ERASED:
            email.error = ""
        give_up_email(session, email.id, PERSON_ERASED)


def _let_next_go(session: Session, line: Iterable[Email], recipient: str) -> None:
    """Enqueue a recipient's first unsent e-mail; later ones wait until it is finished.

    So nobody reads "accepted" before "received", however long a mail server is away, and nothing polls.
    """
    unsent = (one for one in line if one.recipient == recipient and one.status == EmailStatus.QUEUED)
    email = next(unsent, None)
    if email is not None:
        waits = timedelta(seconds=settings_of(session).merge_seconds if email.step in WAITING else 0)
        enqueue(
            session,
            "email",
            key=email.key,
            order_id=email.order_id,
            number=email.number,
            argument={"email_id": str(email.id)},
            run_at=max(clock.now(), email.created_at + waits),
        )


def conversation(session: Session, order_id: UUID, number: str) -> ConversationSnapshot:
    """All e-mails and messages of an order, with a new version number."""
    session.flush()
    return _conversation(session, order_id, number, *queries.line_and_talk(session, order_id))


def _conversation(
    session: Session, order_id: UUID, number: str, line: Sequence[Email], talk: Conversation | None
) -> ConversationSnapshot:
    return events.conversation(order_id, number, next_version(session, order_id), line, talk)


def recipient_of(order: OrderSnapshot, recipient: str, courier: Courier | None) -> dict[str, str]:
    """An e-mail's address, reply-to, sender name and language.

    The seller is answered by the customer, everybody else by the seller. Whoever works reads the market's
    language.
    """
    customer = order.people.customer
    customer_address = customer.email if customer else ""
    if recipient == Recipient.SELLER:
        return {
            "recipient_id": order.seller.seller,
            "address": order.seller.email,
            "reply_to": customer_address,
            "sender_name": "",
            "locale": order.market.locale,
        }
    from_seller = {"reply_to": order.seller.email, "sender_name": order.seller.name}
    if recipient == Recipient.COURIER:
        return from_seller | {
            "recipient_id": courier.code if courier else "",
            "address": courier.email if courier else "",
            "locale": order.market.locale,
        }
    return from_seller | {
        "recipient_id": str(order.customer_id),
        "address": customer_address,
        "locale": order.locale,
    }


def courier_of(shipments: ShipmentsSnapshot | None, email: Email) -> Courier | None:
    """The courier an e-mail is for, while the shipment is still assigned to them."""
    root = email.key.partition("#")[0]
    for owed in emails_to_couriers(shipments):
        if owed.courier and key_of(owed, email.order_id, owed.courier.code) == root:
            return owed.courier
    return None


def _email(order: OrderSnapshot, owed: OwedEmail) -> Email:
    recipient = recipient_of(order, owed.recipient, owed.courier)
    key = key_of(owed, order.order_id, recipient["recipient_id"])
    return Email(
        key=key,
        order_id=order.order_id,
        number=order.number,
        seller=order.seller.seller,
        market=order.market.market,
        step=owed.step,
        about=owed.about,
        recipient=owed.recipient,
        **recipient,
        attachments=[attachment(owed.paper)] if owed.paper else [],
        message_id=uuid5(NAMESPACE_URL, key),
        correlation_id=correlation_id.get(),
        created_at=clock.now(),
    )


def attachment(paper: Paper) -> dict[str, str]:
    """A document as an e-mail attachment."""
    return {
        "document_id": str(paper.document_id),
        "filename": filename(paper.number or paper.kind) + ".pdf",
        "sha256": paper.sha256,
    }
