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
        """The whole state that the event carries."""
        return self.order


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(OrderEvent):
    """An order was asked for: shipping makes its shipments, customer and seller are told."""

    NAME: ClassVar[str] = "order.placed"


@dataclass(frozen=True, kw_only=True)
class OrderUpdated(OrderEvent):
    """An order was edited, can or can't be accepted from now on, or goes on as it could not be cancelled."""

    NAME: ClassVar[str] = "order.updated"


@dataclass(frozen=True, kw_only=True)
class OrderHeld(OrderEvent):
    """A hold was put on an order: nothing is released while it stands."""

    NAME: ClassVar[str] = "order.held"

    hold_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderHoldReleased(OrderEvent):
    """A hold was lifted; others may still stand."""

    NAME: ClassVar[str] = "order.hold_released"

    hold_id: UUID


@dataclass(frozen=True, kw_only=True)
class OrderAccepted(OrderEvent):
    """An order was promised to the customer: shipping may release it, its papers fall due."""

    NAME: ClassVar[str] = "order.accepted"


@dataclass(frozen=True, kw_only=True)
class OrderRefused(OrderEvent):
    """The seller won't fulfil a placed order; its stock is freed."""

    NAME: ClassVar[str] = "order.refused"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelRequested(OrderEvent):
    """An accepted order is to be cancelled: shipping, which knows whether goods have left, answers."""

    NAME: ClassVar[str] = "order.cancel_requested"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(OrderEvent):
    """An order was cancelled for good: stock is freed, papers are withdrawn or credited."""

    NAME: ClassVar[str] = "order.cancelled"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderFailed(OrderEvent):
    """A prepaid order was not paid by its deadline."""

    NAME: ClassVar[str] = "order.failed"

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderCompleted(OrderEvent):
    """Every unit was delivered, returned or cancelled, and nothing is owed."""

    NAME: ClassVar[str] = "order.completed"


@dataclass(frozen=True, kw_only=True)
class OrderAnonymised(OrderEvent):
    """The person behind an order was erased: everyone empties what they hold of it."""

    NAME: ClassVar[str] = "order.anonymised"


@dataclass(frozen=True, kw_only=True)
class PaymentRecorded(OrderEvent):
    """Money was received for an order; whether it covers what is owed is in the snapshot."""

    NAME: ClassVar[str] = "payment.recorded"

    payment_id: UUID
    amount_minor: int  # in minor units of the order's currency
    method: PaymentMethod
    reference: str


@dataclass(frozen=True, kw_only=True)
class PaymentVoided(OrderEvent):
    """A recorded payment turned out not to be one."""

    NAME: ClassVar[str] = "payment.voided"

    payment_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reason: str


@dataclass(frozen=True, kw_only=True)
class RefundRequested(OrderEvent):
    """Money is to go back to the customer, or a chargeback was opened."""

    NAME: ClassVar[str] = "refund.requested"

    refund_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reason: str


@dataclass(frozen=True, kw_only=True)
class RefundSettled(OrderEvent):
    """Money went back, given or charged back: a credit note falls due over what it credits."""

    NAME: ClassVar[str] = "refund.settled"

    refund_id: UUID
    amount_minor: int  # in minor units of the order's currency
    reference: str


@dataclass(frozen=True, kw_only=True)
class ReturnRequested(OrderEvent):
    """Goods are to come back; staff approve or reject."""

    NAME: ClassVar[str] = "return.requested"

    return_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReturnApproved(OrderEvent):
    """Goods may come back: shipping expects them."""

    NAME: ClassVar[str] = "return.approved"

    return_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReturnRejected(OrderEvent):
    """Goods may not come back."""

    NAME: ClassVar[str] = "return.rejected"

    return_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReturnClosed(OrderEvent):
    """Nothing more happens to a return."""

    NAME: ClassVar[str] = "return.closed"

    return_id: UUID
