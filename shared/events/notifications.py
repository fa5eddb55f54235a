"""Events the notifications service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import Author, ConversationSnapshot, Recipient, Step


@dataclass(frozen=True, kw_only=True)
class ConversationEvent:
    """Something happened to an order's e-mails or messages."""

    conversation: ConversationSnapshot

    @property
    def snapshot(self) -> ConversationSnapshot:
        """The whole state carried by the event."""
        return self.conversation


@dataclass(frozen=True, kw_only=True)
class EmailSent(ConversationEvent):
    """A mail server accepted an e-mail."""

    NAME: ClassVar[str] = "email.sent"

    email_id: UUID
    step: Step
    recipient: Recipient


@dataclass(frozen=True, kw_only=True)
class EmailFailed(ConversationEvent):
    """An e-mail failed permanently."""

    NAME: ClassVar[str] = "email.failed"

    email_id: UUID
    step: Step
    recipient: Recipient
    reason: str


@dataclass(frozen=True, kw_only=True)
class MessagePosted(ConversationEvent):
    """The customer or the seller posted a message on an order."""

    NAME: ClassVar[str] = "message.posted"

    message_id: UUID
    author: Author
