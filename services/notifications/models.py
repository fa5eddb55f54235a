"""E-mails and the attempts to send them; conversations; the event feed, and webhooks."""

import zlib
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.notifications.domain.redaction import Redacted, redacted
from services.notifications.domain.webhooks import DeliveryState, WebhookState
from shared.db import UtcDateTime, metadata, new_id
from shared.events.snapshots import EmailStatus


class Base(DeclarativeBase):
    """The notifications service's tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {str: Text, datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own shape


_WAITS = text("reply_due_at is not null")
_UNSENT = text("state = 'waiting'")
_UNDER_WAY = text("sending_until is not null")
_OVER = text("ended_at is not null")


class Email(Base):
    """One e-mail to one recipient about one step of an order; the key makes it unique."""

    __tablename__ = "emails"
    __table_args__ = (
        # The place in the line of an order's e-mails: those to one recipient are sent in this order.
        UniqueConstraint("order_id", "position"),
        CheckConstraint("recipient in ('customer', 'seller', 'courier')", name="recipient"),
        CheckConstraint("status in ('queued', 'sent', 'failed', 'merged')", name="status"),
        CheckConstraint("(status = 'sent') = (sent_at is not null)", name="sent"),
        CheckConstraint("(status = 'merged') = (merged_into is not null)", name="merged"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[UUID]
    number: Mapped[str]  # the order's; empty for a digest
    seller: Mapped[str]
    market: Mapped[str]
    position: Mapped[int]
    step: Mapped[str]
    about: Mapped[UUID | None]  # the shipment, paper, refund, return or message it tells of
    recipient: Mapped[str]
    recipient_id: Mapped[str]
    address: Mapped[str]  # emptied, with the subject, when the person is erased
    reply_to: Mapped[str]
    sender_name: Mapped[str]
    locale: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")  # written with the content
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # document_id, filename, sha256
    message_id: Mapped[UUID]  # uuid5 of the key: a repeated sending is recognised by it
    status: Mapped[str] = mapped_column(default=EmailStatus.QUEUED)
    error: Mapped[str] = mapped_column(default="")
    resend_of: Mapped[UUID | None] = mapped_column(ForeignKey("emails.id"))
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("emails.id"))
    requested_by: Mapped[str] = mapped_column(
        default=""
    )  # who asked for it; empty where an event made it due
    correlation_id: Mapped[str]
    caused_by: Mapped[UUID | None]  # the event whose handling wrote it
    caused_by_type: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    attempts: Mapped[list["EmailAttempt"]] = relationship(order_by="EmailAttempt.id")
    content: Mapped["EmailContent | None"] = relationship(viewonly=True)

    @property
    def of_order(self) -> UUID | None:
        """The order it is about; None for a seller's digest, whose `order_id` is a stand-in."""
        return self.order_id if self.number else None

    @property
    def shown(self) -> Redacted:
        """Its text, for viewing later."""
        return redacted(self.content.plain if self.content else b"")


class EmailContent(Base):
    """The raw bytes of an e-mail, from its first attempt on; separate, because lists don't need them."""

    __tablename__ = "email_contents"

    email_id: Mapped[UUID] = mapped_column(ForeignKey("emails.id", ondelete="cascade"), primary_key=True)
    compressed: Mapped[bytes]  # by zlib: base64 and HTML lose most of their size

    @property
    def plain(self) -> bytes:
        """The bytes as sent."""
        return zlib.decompress(self.compressed)


class EmailAttempt(Base):
    """One attempt to send an e-mail, and its result."""

    __tablename__ = "email_attempts"
    __table_args__ = (
        CheckConstraint("outcome in ('sent', 'delayed', 'throttled', 'refused')", name="outcome"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email_id: Mapped[UUID] = mapped_column(ForeignKey("emails.id", ondelete="cascade"), index=True)
    at: Mapped[datetime]
    # sent: the server took it    delayed: it could not now, or there was none    refused: it never will
    # throttled: its domain wants less of us
    outcome: Mapped[str]
    code: Mapped[int | None]  # the server's reply code
    answer: Mapped[str]


class ThrottledDomain(Base):
    """A domain that throttles us: nothing is sent there before `until`. Deleted once it accepts an e-mail."""

    __tablename__ = "throttled_domains"

    domain: Mapped[str] = mapped_column(primary_key=True)
    strikes: Mapped[int]  # how often in a row
    until: Mapped[datetime]


class Conversation(Base):
    """A summary of an order's messages, and who is waiting for an answer."""

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("(unanswered_since is null) = (reply_due_at is null)", name="unanswered"),
        # Who waits for an answer, longest first: of all sellers, of one.
        Index("ix_conversations_due", "reply_due_at", "order_id", postgresql_where=_WAITS),
        Index("ix_conversations_seller_due", "seller", "reply_due_at", "order_id", postgresql_where=_WAITS),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    messages: Mapped[int] = mapped_column(default=0)  # between the two; notes of staff are not counted
    customer_wrote_at: Mapped[datetime | None]
    seller_wrote_at: Mapped[datetime | None]
    unanswered_since: Mapped[datetime | None]  # the customer's first message that nobody has answered
    reply_due_at: Mapped[datetime | None]


class Message(Base):
    """A message by one side on an order; a staff note is never shown to the customer."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("order_id", "key"),
        CheckConstraint("author in ('customer', 'seller')", name="author"),
        CheckConstraint("not internal or author = 'seller'", name="internal"),
        Index("ix_messages_order_id", "order_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.order_id"))
    key: Mapped[str | None]  # of the form it came by: a form sent twice is one message
    author: Mapped[str]
    written_by: Mapped[str]  # the token's subject
    internal: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str]  # emptied when the person is erased
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB
    )  # document_id, kind, content_type, size_bytes
    posted_at: Mapped[datetime]
    read_at: Mapped[datetime | None]  # by the other side


class Notice(Base):
    """A notice for the seller; the key makes it unique."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_seller", "seller", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[UUID]
    number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    kind: Mapped[str]
    about: Mapped[UUID | None]  # the shipment, return, message or e-mail
    at: Mapped[datetime]


class NoticeRead(Base):
    """A notice that a user has read individually."""

    __tablename__ = "notice_reads"

    reader: Mapped[str] = mapped_column(primary_key=True)  # the token's subject
    notice_id: Mapped[UUID] = mapped_column(
        ForeignKey("notices.id", ondelete="cascade"), primary_key=True, index=True
    )


class NoticeReader(Base):
    """The notice up to which a user has read everything."""

    __tablename__ = "notice_readers"

    reader: Mapped[str] = mapped_column(primary_key=True)
    read_to: Mapped[UUID]


class OpenMatter(Base):
    """An open task of the seller on an order; deleted when it is done."""

    __tablename__ = "open_matters"
    __table_args__ = (Index("ix_open_matters_due", "seller", "market", "due_at", "order_id"),)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    matter: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    since: Mapped[datetime]
    due_at: Mapped[datetime]  # overdue from here on


class FeedEntry(Base):
    """An event with its position in the feed; its content is in the inbox or event log."""

    __tablename__ = "feed"
    __table_args__ = (
        Index("ix_feed_seller", "seller", "position", postgresql_include=["type", "market"]),
        Index("ix_feed_type", "type", "position"),
        Index("ix_feed_order_id", "order_id", "position"),
        Index("ix_feed_entered_at", "entered_at", postgresql_using="brin"),  # it rises with the position
    )

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID] = mapped_column(unique=True)
    source: Mapped[str]
    type: Mapped[str]
    order_id: Mapped[UUID | None]  # none: it is about no order
    number: Mapped[str]  # the order's
    seller: Mapped[str]  # *: of no one seller; likewise
    market: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)  # the how-manieth of its order; 0 without one
    occurred_at: Mapped[datetime]
    entered_at: Mapped[datetime]


class FeedOrder(Base):
    """An order's seller and market, and its number of feed entries; kept for ever, unlike the entries."""

    __tablename__ = "feed_orders"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)


class FeedHead(Base):
    """The last assigned position, in a single row that is locked while positions are assigned."""

    __tablename__ = "feed_head"
    __table_args__ = (CheckConstraint("id = 1", name="only"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=1)
    position: Mapped[int] = mapped_column(BigInteger)


class FeedWaiting(Base):
    """An event without a position yet, inserted by a trigger on the inbox and event log."""

    __tablename__ = "feed_waiting"
    __table_args__ = (
        Index("ix_feed_waiting_held_for", "held_for", postgresql_where=text("held_for is not null")),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    held_for: Mapped[str | None]  # the order that nothing is known of yet, so not whose it is either
    entered_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Webhook(Base):
    """An endpoint of an integration that gets events as they happen."""

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("state in ('active', 'disabled', 'failed', 'gone')", name="state"),
        CheckConstraint("(previous_secret is null) = (previous_until is null)", name="previous"),
        CheckConstraint("(failures > 0) = (failing_since is not null)", name="failing"),
        Index("ix_webhooks_sellers", "sellers", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    address: Mapped[str]
    description: Mapped[str]
    email: Mapped[str]  # of whoever minds the program: told when it does not answer
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))  # of events; * is all, likewise
    sellers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    markets: Mapped[list[str]] = mapped_column(ARRAY(Text))
    people: Mapped[bool]  # whether people's data is sent along
    state: Mapped[str] = mapped_column(default=WebhookState.ACTIVE)
    secret: Mapped[bytes]  # sealed
    previous_secret: Mapped[bytes | None]  # signs too, until the receiver knows the new one
    previous_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    failing_since: Mapped[datetime | None]
    rested_until: Mapped[datetime | None]  # nothing is sent before
    told_at: Mapped[datetime | None]  # when its owner was told that it fails
    last_taken_at: Mapped[datetime | None]
    enabled_at: Mapped[datetime | None]  # what waited then begins anew
    # Deliveries up to this number are neither shown nor sent: it hears of fewer orders now, and it is not yet
    # looked which of them it may not have.
    hidden_to: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime | None]  # it is there for nobody; what it was sent is removed bit by bit
    resending_since: Mapped[datetime | None]  # what failed or was missed from here on is being owed again
    resent: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0"
    )  # how many that were so far, or the last time
    created_by: Mapped[str]  # the token's subject
    created_at: Mapped[datetime]


class Delivery(Base):
    """An event to deliver to a webhook; one row for both, however often it is sent."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        CheckConstraint("state in ('waiting', 'taken', 'failed')", name="state"),
        CheckConstraint("(state = 'waiting') = (ended_at is null)", name="ended"),
        # What is due, an order's line, what is under way; then the log: all, by state, by order; retention.
        Index("ix_webhook_deliveries_due", "webhook_id", "next_at", postgresql_where=_UNSENT),
        Index("ix_webhook_deliveries_line", "line", "position", postgresql_where=_UNSENT),
        Index("ix_webhook_deliveries_under_way", "webhook_id", postgresql_where=_UNDER_WAY),
        Index("ix_webhook_deliveries_number", "webhook_id", "number"),
        Index("ix_webhook_deliveries_state", "webhook_id", "state", "number"),
        Index("ix_webhook_deliveries_order_id", "order_id", "webhook_id", "number"),
        Index("ix_webhook_deliveries_ended_at", "ended_at", postgresql_where=_OVER),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="cascade"))
    event_id: Mapped[UUID]
    type: Mapped[str]
    position: Mapped[int | None] = mapped_column(BigInteger)  # in the feed; none of a test
    order_id: Mapped[UUID | None]  # none of a test, which waits for nothing
    # One for endpoint and order together: no other index can be taken for it, whatever statistics say.
    line: Mapped[UUID | None] = mapped_column(
        Computed("md5(webhook_id::text || order_id::text)::uuid", persisted=True)
    )
    order_number: Mapped[str]
    state: Mapped[str] = mapped_column(default=DeliveryState.WAITING, server_default=DeliveryState.WAITING)
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Patience counts from here: when it was first tried since it was owed, and before that when it fell due.
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sending_until: Mapped[datetime | None]  # a sender has it; past: the sender died
    attempts: Mapped[int] = mapped_column(
        server_default="0"
    )  # also the fence: a sender has it for one of them
    failures: Mapped[int] = mapped_column(server_default="0")  # since it fell due
    deaths: Mapped[int] = mapped_column(server_default="0")  # of senders that had it, in a row
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]

    tries: Mapped[list["DeliveryAttempt"]] = relationship(order_by="DeliveryAttempt.id", viewonly=True)

    @property
    def is_test(self) -> bool:
        """Whether it is a test, which belongs to no order."""
        return self.position is None

    @property
    def next_try(self) -> datetime | None:
        """When it is sent next; None once it is finished."""
        return self.next_at if self.state == DeliveryState.WAITING else None


class DeliveryAttempt(Base):
    """One attempt to send an event to a webhook, and its result."""

    __tablename__ = "webhook_attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    delivery_number: Mapped[int] = mapped_column(
        ForeignKey("webhook_deliveries.number", ondelete="cascade"), index=True
    )
    at: Mapped[datetime]
    milliseconds: Mapped[int]
    status: Mapped[int | None]  # of HTTP; none where there was no answer
    people: Mapped[bool] = mapped_column(server_default=true())  # whether people's data was sent
    answer: Mapped[str]  # its beginning; emptied when the person is erased
    error: Mapped[str]


class EventBody(Base):
    """An event's request body, from the first attempt on; shared by all endpoints."""

    __tablename__ = "webhook_bodies"
    __table_args__ = (Index("ix_webhook_bodies_order_id", "order_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    people: Mapped[bool] = mapped_column(primary_key=True)  # whether people's data is in it
    order_id: Mapped[UUID | None]
    content: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
