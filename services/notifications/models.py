"""E-mails and the attempts to send them."""

import zlib
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, MetaData, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.notifications.domain.letters import Shown, shown
from shared.db import UtcDateTime, metadata, new_id


class Base(DeclarativeBase):
    """Notifications' own tables."""

    metadata = MetaData(naming_convention=metadata.naming_convention)
    type_annotation_map = {str: Text, datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own shape


class Email(Base):
    """One e-mail to one recipient about one step of an order; there is one row per key, whatever repeats."""

    __tablename__ = "emails"
    __table_args__ = (
        # The place in the line of an order's e-mails: those to one recipient are sent in this order.
        UniqueConstraint("order_id", "position"),
        CheckConstraint("recipient in ('customer', 'seller')", name="recipient"),
        CheckConstraint("status in ('queued', 'sent', 'failed', 'merged')", name="status"),
        CheckConstraint("(status = 'sent') = (sent_at is not null)", name="sent"),
        CheckConstraint("(status = 'merged') = (merged_into is not null)", name="merged"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[UUID]
    number: Mapped[str]  # the order's
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
    # queued: written, waits for its turn or for the mail server    sent: a server took it
    # failed: given up, for the reason in `error`    merged: what it had to say went out with another
    status: Mapped[str] = mapped_column(default="queued")
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
    def shown(self) -> Shown:
        """What it says, for those who look at it later."""
        return shown(self.content.plain if self.content else b"")


class EmailContent(Base):
    """An e-mail byte for byte, from its first attempt on; apart, for lists of e-mails need none of it."""

    __tablename__ = "email_contents"

    email_id: Mapped[UUID] = mapped_column(ForeignKey("emails.id", ondelete="cascade"), primary_key=True)
    compressed: Mapped[bytes]  # by zlib: base64 and HTML lose most of their size

    @property
    def plain(self) -> bytes:
        """The bytes as they went over the wire."""
        return zlib.decompress(self.compressed)


class EmailAttempt(Base):
    """One try at handing an e-mail over, and what came of it."""

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
    """A domain that wants less of us: nothing goes there before `until`. Gone once it takes an e-mail."""

    __tablename__ = "throttled_domains"

    domain: Mapped[str] = mapped_column(primary_key=True)
    strikes: Mapped[int]  # how often in a row
    until: Mapped[datetime]
