"""Events the notifications service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import Author, ConversationSnapshot, Recipient, Step


@dataclass(frozen=True, kw_only=True)
class ConversationEvent:
    """Something was written about an order."""

    conversation: ConversationSnapshot

    @property
    def snapshot(self) -> ConversationSnapshot:
        """The whole state that the event carries."""
        return self.conversation


@dataclass(frozen=True, kw_only=True)
class EmailSent(ConversationEvent):
    """A mail server took an e-mail."""

    NAME: ClassVar[str] = "email.sent"

    email_id: UUID
    step: Step
    recipient: Recipient


@dataclass(frozen=True, kw_only=True)
class EmailFailed(ConversationEvent):
    """An e-mail was given up."""

    NAME: ClassVar[str] = "email.failed"

    email_id: UUID
    step: Step
    recipient: Recipient
    reason: str


@dataclass(frozen=True, kw_only=True)
class MessagePosted(ConversationEvent):
    """Customer or seller wrote on an order."""

    NAME: ClassVar[str] = "message.posted"

    message_id: UUID
    author: Author
