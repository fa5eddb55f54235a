"""The events that this service publishes: model to contract, no decisions."""

from services.orders.models import (
    Cancellation,
    Hold,
    Order,
    Payment,
    Refund,
    Return,
)
from shared.events import snapshots
from shared.events.from_rows import each, made_of
from shared.events.orders import (
    OrderAccepted,
    OrderAnonymised,
    OrderCancelled,
    OrderCancelRequested,
    OrderCompleted,
    OrderFailed,
    OrderHeld,
    OrderHoldReleased,
    OrderPlaced,
    OrderRefused,
    OrderUpdated,
    PaymentRecorded,
    PaymentVoided,
    RefundRequested,
    RefundSettled,
    ReturnApproved,
    ReturnClosed,
    ReturnRejected,
    ReturnRequested,
)


def order_placed(order: Order) -> OrderPlaced:
    """An order was placed."""
    return OrderPlaced(order=snapshot(order))


def order_updated(order: Order) -> OrderUpdated:
    """An order changed in a way that has no event of its own."""
    return OrderUpdated(order=snapshot(order))


def order_accepted(order: Order) -> OrderAccepted:
    """An order was accepted."""
    return OrderAccepted(order=snapshot(order))


def order_held(order: Order, hold: Hold) -> OrderHeld:
    """A hold was put on an order."""
    return OrderHeld(order=snapshot(order), hold_id=hold.id, reason=hold.reason)


def order_hold_released(order: Order, hold: Hold) -> OrderHoldReleased:
    """A hold was lifted."""
    return OrderHoldReleased(order=snapshot(order), hold_id=hold.id)


def order_cancel_requested(order: Order, cancellation: Cancellation) -> OrderCancelRequested:
    """Shipping was asked whether an accepted order can still be cancelled."""
    return OrderCancelRequested(order=snapshot(order), reason=cancellation.reason)


def order_cancelled(order: Order) -> OrderCancelled:
    """An order was cancelled for good."""
    return OrderCancelled(order=snapshot(order), reason=order.end_reason)


def order_refused(order: Order) -> OrderRefused:
    """An order was refused by the seller."""
    return OrderRefused(order=snapshot(order), reason=order.end_reason)


def order_failed(order: Order) -> OrderFailed:
    """An order was not paid in time."""
    return OrderFailed(order=snapshot(order), reason=order.end_reason)


def order_anonymised(order: Order) -> OrderAnonymised:
    """The personal data of an order was erased."""
    return OrderAnonymised(order=snapshot(order))


def order_completed(order: Order) -> OrderCompleted:
    """An order was completed: everything is delivered and paid."""
    return OrderCompleted(order=snapshot(order))


def payment_recorded(order: Order, payment: Payment) -> PaymentRecorded:
    """A payment was received."""
    return _payment_recorded(payment, order=snapshot(order))


def payment_voided(order: Order, payment: Payment) -> PaymentVoided:
    """A recorded payment was voided."""
    return _payment_voided(payment, order=snapshot(order))


def refund_requested(order: Order, refund: Refund) -> RefundRequested:
    """A refund was requested, or a chargeback opened."""
    return _refund_requested(refund, order=snapshot(order))


def refund_settled(order: Order, refund: Refund) -> RefundSettled:
    """A refund was paid out, or a chargeback lost."""
    return _refund_settled(refund, order=snapshot(order))


def return_requested(order: Order, one: Return) -> ReturnRequested:
    """A return was requested."""
    return ReturnRequested(order=snapshot(order), return_id=one.id)


def return_approved(order: Order, one: Return) -> ReturnApproved:
    """A return was approved."""
    return ReturnApproved(order=snapshot(order), return_id=one.id)


def return_rejected(order: Order, one: Return) -> ReturnRejected:
    """A return was rejected."""
    return ReturnRejected(order=snapshot(order), return_id=one.id, reason=one.answer)


def return_closed(order: Order, one: Return) -> ReturnClosed:
    """A return was closed."""
    return ReturnClosed(order=snapshot(order), return_id=one.id)


def snapshot(order: Order) -> snapshots.OrderSnapshot:
    """Everything that other services may know of an order."""
    return _order(order)


def _people(order: Order) -> snapshots.People:
    if order.anonymised_at is not None:
        return snapshots.People()
    return snapshots.People(
        customer=order.customer,
        billing=order.billing_address,
        delivery={str(group.id): group.address for group in order.delivery_groups if group.address},
        remark=order.remark,
    )


def _asked(order: Order) -> Cancellation | None:
    """The cancellation that shipping was asked about."""
    last = order.cancellation
    return last if last is not None and last.done is None else None


def _cancel_reason(order: Order) -> str:
    cancellation = order.cancellation if order.cancelled_at else _asked(order)
    return cancellation.reason if cancellation else ""


_seller = made_of(snapshots.SellerBlock, seller="code")
_market = made_of(snapshots.MarketBlock, market="code")
_group = made_of(snapshots.DeliveryGroup, group_id="id")
_line = made_of(snapshots.OrderLine, line_id="id")
_fee = made_of(snapshots.Fee)
_cancelled = made_of(snapshots.CancelledUnits, cancelled_at="answered_at")
_refund = made_of(snapshots.Refund, refund_id="id")
_returned = made_of(snapshots.ReturnLine)
_return = made_of(snapshots.Return, return_id="id", lines=each(_returned, "lines"))
_hold = made_of(snapshots.Hold, hold_id="id")
_payment_recorded = made_of(PaymentRecorded, payment_id="id")
_payment_voided = made_of(PaymentVoided, payment_id="id", reason="void_reason")
_refund_requested = made_of(RefundRequested, refund_id="id")
_refund_settled = made_of(RefundSettled, refund_id="id")
_order = made_of(
    snapshots.OrderSnapshot,
    order_id="id",
    seller=lambda order: _seller(order.seller),
    market=lambda order: _market(order.market),
    people=_people,
    delivery_groups=each(_group, "delivery_groups"),
    tax_reasons=lambda order: order.taxation.reasons if order.taxation else None,
    lines=each(_line, "lines"),
    fees=each(_fee, "fees"),
    cancelled_units=lambda order: tuple(
        _cancelled(one) for one in order.cancellations if one.parts and one.answered_at
    ),
    refunds=each(_refund, "refunds"),
    returns=each(_return, "returns"),
    holds=each(_hold, "standing_holds"),
    cancel_requested_at=lambda order: asked.requested_at if (asked := _asked(order)) else None,
    cancel_lines=lambda order: asked.lines if (asked := _asked(order)) else None,
    cancel_reason=_cancel_reason,
)
