"""Events the orders service publishes. Changing one is changing a contract: see docs/events.md."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.events.snapshots import OrderSnapshot, PaymentMethod


@dataclass(frozen=True, kw_only=True)
class OrderEvent:
    """Something happened to an order."""

    order: OrderSnapshot

    @property
    def snapshot(self) -> OrderSnapshot:
        """The whole state carried by the event."""
        return self.order


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(OrderEvent):
    """An order was placed: shipping plans its shipments, customer and seller are notified."""

    NAME: ClassVar[str] = "order.placed"


@dataclass(frozen=True, kw_only=True)
class OrderUpdated(OrderEvent):
    """An order was edited, can now or can no longer be accepted, or goes on as it could not be cancelled."""

    NAME: ClassVar[str] = "order.updated"


@dataclass(frozen=True, kw_only=True)
class OrderHeld(OrderEvent):
    """A hold was placed on an order: nothing is released until it is lifted."""

    NAME: ClassVar[str] = "order.held"

    hold_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderHoldReleased(OrderEvent):
    """A hold was lifted; others may remain."""

    NAME: ClassVar[str] = "order.hold_released"

    hold_id: UUID


@dataclass(frozen=True, kw_only=True)
class OrderAccepted(OrderEvent):
    """An order was accepted: shipping may release it, and its documents become due."""

    NAME: ClassVar[str] = "order.accepted"


@dataclass(frozen=True, kw_only=True)
class OrderRefused(OrderEvent):
    """The seller refused a placed order; its stock is freed."""

    NAME: ClassVar[str] = "order.refused"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelRequested(OrderEvent):
    """Cancellation of an accepted order was requested: shipping answers, as it knows what has left."""

    NAME: ClassVar[str] = "order.cancel_requested"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(OrderEvent):
    """An order was cancelled for good: stock is freed, documents are withdrawn or credited."""

    NAME: ClassVar[str] = "order.cancelled"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderFailed(OrderEvent):
    """A prepaid order was not paid by its deadline."""

    NAME: ClassVar[str] = "order.failed"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCompleted(OrderEvent):
    """Every unit was delivered, returned or cancelled, and nothing is outstanding."""

    NAME: ClassVar[str] = "order.completed"


@dataclass(frozen=True, kw_only=True)
class OrderAnonymised(OrderEvent):
    """The person behind an order was erased: every service erases their data."""

    NAME: ClassVar[str] = "order.anonymised"


@dataclass(frozen=True, kw_only=True)
class PaymentRecorded(OrderEvent):
    """A payment was received for an order; the snapshot says whether it covers the amount owed."""

    NAME: ClassVar[str] = "payment.recorded"

    payment_id: UUID
    amount_minor: int  # in minor units of the order's currency
    method: PaymentMethod
    reference: str


@dataclass(frozen=True, kw_only=True)
class PaymentVoided(OrderEvent):
    """A payment that was recorded by mistake was voided."""

    NAME: ClassVar[str] = "payment.voided"

    payment_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reason: str


@dataclass(frozen=True, kw_only=True)
class RefundRequested(OrderEvent):
    """A refund to the customer was requested, or a chargeback was opened."""

    NAME: ClassVar[str] = "refund.requested"

    refund_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reason: str


@dataclass(frozen=True, kw_only=True)
class RefundSettled(OrderEvent):
    """A refund was paid out or charged back: a credit note becomes due for any credited amount."""

    NAME: ClassVar[str] = "refund.settled"

    refund_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reference: str


@dataclass(frozen=True, kw_only=True)
class ReturnRequested(OrderEvent):
    """A return was requested; staff approve or reject it."""

    NAME: ClassVar[str] = "return.requested"

    return_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReturnApproved(OrderEvent):
    """A return was approved: shipping expects the goods."""

    NAME: ClassVar[str] = "return.approved"

    return_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReturnRejected(OrderEvent):
    """A return was rejected."""

    NAME: ClassVar[str] = "return.rejected"

    return_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReturnClosed(OrderEvent):
    """A return was closed."""

    NAME: ClassVar[str] = "return.closed"

    return_id: UUID
