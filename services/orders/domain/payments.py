"""The balance of an order's payments and refunds, and reports from the payment gateway."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.events.snapshots import PaymentState


class ReportKind(StrEnum):
    """What the gateway reports."""

    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


class ChargebackStep(StrEnum):
    """The stage of a chargeback."""

    OPENED = "opened"  # the customer's bank took the money; the seller may answer at the gateway
    WON = "won"  # it came back
    LOST = "lost"


class Discrepancy(StrEnum):
    """Why a gateway report cannot be booked automatically, or what a person has to do about it."""

    AMOUNT_DIFFERS = "amount_differs"  # it was counted before, with another amount
    ORDER_DIFFERS = "order_differs"  # … for another order
    PAYMENT_UNKNOWN = "payment_unknown"  # of a payment that was not told yet
    OWN_REFUND_OPEN = "own_refund_open"  # it may be one of ours that waits for the gateway, or for a person
    MORE_THAN_RECEIVED = "more_than_received"  # with what went back already
    CHARGEBACK_OPENED = "chargeback_opened"  # counted; it can be answered at the gateway
    CURRENCY_DIFFERS = "currency_differs"  # the order is in another currency


@dataclass(frozen=True, kw_only=True)
class GatewayReport:
    """A gateway report of money received or paid back, in minor units of the currency that it names."""

    kind: ReportKind
    reference: str  # the gateway's own id of it
    amount_minor: int
    currency: str
    payment_reference: str = ""  # of the payment that it is of
    step: ChargebackStep | None = None
    at: datetime | None = None  # when the gateway said so
    refund_id: UUID | None = None  # ours, if the gateway tells which it has paid back


@dataclass(frozen=True, kw_only=True)
class Balance:
    """An order's payment totals, in minor units of its currency; everything else is derived from them."""

    total_minor: int
    cancelled_minor: int  # what of the total is no longer wanted
    received_minor: int
    refunded_minor: int  # settled refunds
    credited_minor: int = 0  # what refunds and returns take off the bill
    refund_pending_minor: int = 0  # requested back, not paid out yet

    @property
    def owed_minor(self) -> int:
        """What the customer has to pay in the end, net of cancellations and credits."""
        return self.total_minor - self.cancelled_minor - self.credited_minor

    @property
    def net_minor(self) -> int:
        """The customer's money that the seller holds."""
        return self.received_minor - self.refunded_minor

    @property
    def outstanding_minor(self) -> int:
        """What the customer still has to pay, never negative."""
        return max(0, -self.balance_minor)

    @property
    def balance_minor(self) -> int:
        """What was received beyond what is owed, and is to stay; negative: what is still outstanding.

        Money that is on its way back pays for nothing any more.
        """
        return self.net_minor - self.refund_pending_minor - self.owed_minor

    @property
    def excess_minor(self) -> int:
        """The overpayment that is not on its way back yet: the most that can be paid back."""
        return max(0, self.balance_minor)

    @property
    def covered(self) -> bool:
        """Whether the money received covers what is owed: rules go by this, not by the payment status."""
        return self.balance_minor >= 0

    @property
    def state(self) -> PaymentState:
        """The payment status shown: the first that applies."""
        if self.refunded_minor:
            return PaymentState.PARTLY_REFUNDED if self.net_minor > 0 else PaymentState.REFUNDED
        if self.covered and self.net_minor > self.owed_minor:
            return PaymentState.OVERPAID
        if self.covered and (self.net_minor or not self.total_minor):
            return PaymentState.PAID
        return PaymentState.PARTLY_PAID if self.net_minor else PaymentState.UNPAID
