"""The events this service tells: model to contract, no decisions."""

from services.orders.models import (
    Cancellation,
    DeliveryGroup,
    Hold,
    Market,
    Order,
    OrderFee,
    OrderLine,
    Payment,
    Refund,
    Return,
    Seller,
)
from shared.events import snapshots
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
    """An order was asked for."""
    return OrderPlaced(order=snapshot(order))


def order_updated(order: Order) -> OrderUpdated:
    """An order changed in a way that has no event of its own."""
    return OrderUpdated(order=snapshot(order))


def order_accepted(order: Order) -> OrderAccepted:
    """An order was promised."""
    return OrderAccepted(order=snapshot(order))


def order_held(order: Order, hold: Hold) -> OrderHeld:
    """A hold was put on an order."""
    return OrderHeld(order=snapshot(order), hold_id=hold.id, reason=hold.reason)


def order_hold_released(order: Order, hold: Hold) -> OrderHoldReleased:
    """A hold was lifted."""
    return OrderHoldReleased(order=snapshot(order), hold_id=hold.id)


def order_cancel_requested(order: Order, cancellation: Cancellation) -> OrderCancelRequested:
    """Shipping is asked whether an accepted order can still be cancelled."""
    return OrderCancelRequested(order=snapshot(order), reason=cancellation.reason)


def order_cancelled(order: Order) -> OrderCancelled:
    """An order was cancelled for good."""
    return OrderCancelled(order=snapshot(order), reason=order.end_reason)


def order_refused(order: Order) -> OrderRefused:
    """An order was turned down."""
    return OrderRefused(order=snapshot(order), reason=order.end_reason)


def order_failed(order: Order) -> OrderFailed:
    """An order was not paid in time."""
    return OrderFailed(order=snapshot(order), reason=order.end_reason)


def order_anonymised(order: Order) -> OrderAnonymised:
    """The person behind an order is erased."""
    return OrderAnonymised(order=snapshot(order))


def order_completed(order: Order) -> OrderCompleted:
    """All is delivered and paid."""
    return OrderCompleted(order=snapshot(order))


def payment_recorded(order: Order, payment: Payment) -> PaymentRecorded:
    """Money was received."""
    return PaymentRecorded(
        order=snapshot(order),
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        method=payment.method,
        reference=payment.reference,
    )


def payment_voided(order: Order, payment: Payment) -> PaymentVoided:
    """A recorded payment was none."""
    return PaymentVoided(
        order=snapshot(order),
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        reason=payment.void_reason,
    )


def refund_requested(order: Order, refund: Refund) -> RefundRequested:
    """Money is to go back."""
    return RefundRequested(
        order=snapshot(order), refund_id=refund.id, amount_minor=refund.amount_minor, reason=refund.reason
    )


def refund_settled(order: Order, refund: Refund) -> RefundSettled:
    """Money went back."""
    return RefundSettled(
        order=snapshot(order),
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reference=refund.reference,
    )


def return_requested(order: Order, one: Return) -> ReturnRequested:
    """Goods are to come back."""
    return ReturnRequested(order=snapshot(order), return_id=one.id)


def return_approved(order: Order, one: Return) -> ReturnApproved:
    """Goods may come back."""
    return ReturnApproved(order=snapshot(order), return_id=one.id)


def return_rejected(order: Order, one: Return) -> ReturnRejected:
    """Goods may not come back."""
    return ReturnRejected(order=snapshot(order), return_id=one.id, reason=one.answer)


def return_closed(order: Order, one: Return) -> ReturnClosed:
    """Nothing more happens to a return."""
    return ReturnClosed(order=snapshot(order), return_id=one.id)


def snapshot(order: Order) -> snapshots.OrderSnapshot:
    """All that the others may know of an order."""
    cancellation = order.cancellation
    is_asked = cancellation is not None and cancellation.done is None
    return snapshots.OrderSnapshot(
        order_id=order.id,
        number=order.number,
        version=order.version,
        status=order.status,
        channel=order.channel,
        locale=order.locale,
        currency=order.currency,
        customer_id=order.customer_id,
        seller=_seller(order.seller),
        market=_market(order.market),
        people=_people(order),
        delivery_groups=tuple(_delivery_group(group) for group in order.delivery_groups),
        lines=tuple(_line(line) for line in order.lines),
        fees=tuple(_fee(fee) for fee in order.fees),
        totals=order.totals,
        payment=order.payment,
        placed_at=order.placed_at,
        external_reference=order.external_reference or "",
        cancelled_units=tuple(
            snapshots.CancelledUnits(cancelled_at=one.answered_at, reason=one.reason, parts=one.parts)
            for one in order.cancellations
            if one.parts and one.answered_at
        ),
        refunds=tuple(_refund(refund) for refund in order.refunds),
        returns=tuple(_return(one) for one in order.returns),
        exchange_of=order.exchange_of,
        holds=tuple(_hold(hold) for hold in order.standing_holds),
        acceptable_since=order.acceptable_since,
        accepted_at=order.accepted_at,
        cancel_requested_at=cancellation.requested_at if cancellation and is_asked else None,
        cancel_lines=cancellation.lines if cancellation and is_asked else (),
        refused_at=order.refused_at,
        failed_at=order.failed_at,
        cancelled_at=order.cancelled_at,
        completed_at=order.completed_at,
        anonymised_at=order.anonymised_at,
        cancel_reason=cancellation.reason if cancellation and (is_asked or order.cancelled_at) else "",
        end_reason=order.end_reason,
    )


def _seller(seller: Seller) -> snapshots.SellerBlock:
    return snapshots.SellerBlock(
        seller=seller.code,
        name=seller.name,
        legal_name=seller.legal_name,
        email=seller.email,
        address=seller.address,
        phone=seller.phone,
        vat_number=seller.vat_number,
        registration=seller.registration,
        website=seller.website,
        iban=seller.iban,
        colour=seller.colour,
        legal_text=seller.legal_text,
    )


def _market(market: Market) -> snapshots.MarketBlock:
    return snapshots.MarketBlock(
        market=market.code,
        name=market.name,
        currency=market.currency,
        locale=market.locale,
        time_zone=market.time_zone,
        tax_mode=market.tax_mode,
        tax_rounding=market.tax_rounding,
        backorders=market.backorders,
        invoice_on=snapshots.InvoiceOn(market.invoice_on),
        invoice_per=snapshots.InvoicePer(market.invoice_per),
        numbers_per=snapshots.NumbersPer(market.numbers_per),
    )


def _people(order: Order) -> snapshots.People:
    if order.anonymised_at is not None:
        return snapshots.People()
    return snapshots.People(
        customer=order.customer,
        billing=order.billing_address,
        delivery={str(group.id): group.address for group in order.delivery_groups if group.address},
    )


def _delivery_group(group: DeliveryGroup) -> snapshots.DeliveryGroup:
    return snapshots.DeliveryGroup(
        group_id=group.id,
        method=group.method,
        method_name=group.method_name,
        shipping_minor=group.shipping_minor,
        pickup_point=group.pickup_point,
        requested_on=group.requested_on,
    )


def _line(line: OrderLine) -> snapshots.OrderLine:
    return snapshots.OrderLine(
        line_id=line.id,
        group_id=line.group_id,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        total_minor=line.total_minor,
        tax_rate_basis_points=line.tax_rate_basis_points,
        tax_minor=line.tax_minor,
        discount_minor=line.discount_minor,
        sales_coefficient=line.sales_coefficient,
        cancelled_quantity=line.cancelled_quantity,
        returned_quantity=line.returned_quantity,
        order_discount_minor=line.order_discount_minor,
        order_discount_tax_minor=line.order_discount_tax_minor,
    )


def _fee(fee: OrderFee) -> snapshots.Fee:
    return snapshots.Fee(
        kind=fee.kind,
        name=fee.name,
        amount_minor=fee.amount_minor,
        tax_rate_basis_points=fee.tax_rate_basis_points,
        tax_minor=fee.tax_minor,
        group_id=fee.group_id,
    )


def _refund(refund: Refund) -> snapshots.Refund:
    return snapshots.Refund(
        refund_id=refund.id,
        amount_minor=refund.amount_minor,
        reason=refund.reason,
        state=refund.state,
        requested_at=refund.requested_at,
        settled_at=refund.settled_at,
        return_id=refund.return_id,
        method=refund.method,
        reference=refund.reference,
        credited_minor=refund.credited_minor,
        parts=refund.parts,
        tax=refund.tax,
        restock=refund.restock,
    )


def _return(one: Return) -> snapshots.Return:
    return snapshots.Return(
        return_id=one.id,
        status=one.status,
        reason=one.reason,
        lines=tuple(
            snapshots.ReturnLine(
                line_id=line.line_id,
                sku=line.sku,
                requested_quantity=line.requested_quantity,
                received_quantity=line.received_quantity,
                restocked_quantity=line.restocked_quantity,
                scrapped_quantity=line.scrapped_quantity,
            )
            for line in one.lines
        ),
        number=one.number,
        by_customer=one.by_customer,
        requested_at=one.requested_at,
        approved_at=one.approved_at,
        expires_at=one.expires_at,
        received_at=one.received_at,
        closed_at=one.closed_at,
        answer=one.answer,
        close_reason=one.close_reason or "",
        exchange_order_id=one.exchange_order_id,
    )


def _hold(hold: Hold) -> snapshots.Hold:
    return snapshots.Hold(hold_id=hold.id, reason=hold.reason, owner=hold.owner, held_at=hold.held_at)
