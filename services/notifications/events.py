"""Builds notifications' events and snapshots from rows."""

from collections.abc import Sequence
from uuid import UUID

from services.notifications.models import Conversation, Email, Message
from shared.events.from_rows import made_of
from shared.events.notifications import EmailFailed, EmailSent, MessagePosted
from shared.events.snapshots import Author, ConversationSnapshot, EmailStatus, Recipient, SentEmail, Step


def conversation(
    order_id: UUID, number: str, version: int, emails: Sequence[Email], talk: Conversation | None
) -> ConversationSnapshot:
    """All e-mails and messages of an order, without text and addresses."""
    return ConversationSnapshot(
        order_id=order_id,
        number=number,
        version=version,
        emails=tuple(_sent(email) for email in emails),
        messages=talk.messages if talk else 0,
        unanswered=talk is not None and talk.unanswered_since is not None,
        customer_wrote_at=talk.customer_wrote_at if talk else None,
        seller_wrote_at=talk.seller_wrote_at if talk else None,
    )


def email_sent(email: Email, conversation: ConversationSnapshot) -> EmailSent:
    """A mail server accepted it."""
    return EmailSent(
        conversation=conversation,
        email_id=email.id,
        step=Step(email.step),
        recipient=Recipient(email.recipient),
    )


def email_failed(email: Email, conversation: ConversationSnapshot) -> EmailFailed:
    """It failed, for the reason on the row."""
    return EmailFailed(
        conversation=conversation,
        email_id=email.id,
        step=Step(email.step),
        recipient=Recipient(email.recipient),
        reason=email.error,
    )


def message_posted(message: Message, conversation: ConversationSnapshot) -> MessagePosted:
    """One side posted a message."""
    return MessagePosted(conversation=conversation, message_id=message.id, author=Author(message.author))


_sent = made_of(
    SentEmail,
    email_id="id",
    step=lambda email: Step(email.step),
    recipient=lambda email: Recipient(email.recipient),
    status=lambda email: EmailStatus(email.status),
    at=lambda email: email.sent_at or email.created_at,
    document_ids=lambda email: tuple(UUID(paper["document_id"]) for paper in email.attachments),
)
