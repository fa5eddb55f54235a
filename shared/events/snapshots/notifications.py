"""The notifications service's snapshot of an order's e-mails and messages, and its enums."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.open_enum import OpenEnum


class Step(OpenEnum):
    """What an e-mail is about; part of its key, so each is sent once, and values are never renamed."""

    NEW_ORDER = "new_order"  # to the seller
    CONFIRMATION = "confirmation"  # the order was received, and how to pay for it
    PAYMENT_RECEIVED = "payment_received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"  # not paid in time
    READY_FOR_PICKUP = "ready_for_pickup"  # with the code that holds; these seven: one per shipment
    PICKUP_REMINDER = "pickup_reminder"
    APPOINTMENT = "appointment"  # again when the date changes
    SHIPPED = "shipped"
    COURIER_ASSIGNED = "courier_assigned"  # to the courier: what is to be delivered to whom
    UNDELIVERABLE = "undeliverable"
    DELIVERED = "delivered"
    INVOICE = "invoice"  # one per invoice, attached
    DELIVERY_NOTE = "delivery_note"  # one per delivery note, attached; or with the acceptance
    CANCELLED = "cancelled"
    REFUNDED = "refunded"  # one per refund
    CREDIT_NOTE = "credit_note"  # one per credit note, attached
    RETURN_TO_DECIDE = "return_to_decide"  # to the seller; one per return, like the next four
    RETURN_REQUESTED = "return_requested"
    RETURN_APPROVED = "return_approved"  # and what is to be done now
    RETURN_REJECTED = "return_rejected"
    RETURN_RECEIVED = "return_received"
    MESSAGE = "message"  # the seller wrote; one per message, unless they come within seconds
    CUSTOMER_MESSAGE = "customer_message"  # to the seller: the customer wrote
    OVERDUE = "overdue"  # to the seller, each morning that something is; about no single order
    WEBHOOK_FAILING = "webhook_failing"  # to whoever minds a program that does not answer; likewise these
    WEBHOOK_OFF = "webhook_off"  # it is sent nothing any more
    WEBHOOK_GONE = "webhook_gone"  # nor is one that said so itself


class Recipient(OpenEnum):
    """Who an e-mail is for."""

    CUSTOMER = "customer"
    SELLER = "seller"
    COURIER = "courier"


class EmailStatus(OpenEnum):
    """The delivery status of an e-mail."""

    QUEUED = "queued"  # written, waits for its turn or for the mail server
    SENT = "sent"  # a server took it
    FAILED = "failed"  # given up, for the reason in `error`
    MERGED = "merged"  # what it had to say went out with another


@dataclass(frozen=True, kw_only=True)
class SentEmail:
    """One e-mail about an order, without its text or the recipient's address."""

    email_id: UUID
    step: Step
    recipient: Recipient
    status: EmailStatus
    at: datetime
    error: str = ""
    document_ids: tuple[UUID, ...] = ()  # the papers attached


class Author(OpenEnum):
    """Which side wrote a message."""

    CUSTOMER = "customer"
    SELLER = "seller"


@dataclass(frozen=True, kw_only=True)
class ConversationSnapshot:
    """E-mails and messages about an order, as the notifications service knows them."""

    SOURCE: ClassVar[str] = "notifications"

    order_id: UUID
    number: str
    version: int
    emails: tuple[SentEmail, ...] = ()
    messages: int = 0
    unanswered: bool = False
    customer_wrote_at: datetime | None = None
    seller_wrote_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The order's id, which events use as their subject."""
        return str(self.order_id)
