"""Which notices an order causes: each thing once."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.notifications.domain.order_snapshots import OrderSnapshots
from services.notifications.domain.steps import is_paid
from shared.events.snapshots import OrderSnapshot, RefundKind, RefundState, ShipmentStatus


class NoticeKind(StrEnum):
    """What a notice is about."""

    NEW_ORDER = "new_order"
    PAYMENT_RECEIVED = "payment_received"
    CANCELLED = "cancelled"
    FAILED = "failed"  # not paid in time
    UNDELIVERABLE = "undeliverable"  # one per shipment
    RETURN_TO_DECIDE = "return_to_decide"  # one per return
    CUSTOMER_MESSAGE = "customer_message"  # one per message
    EMAIL_FAILED = "email_failed"  # the customer could not be written to; one per e-mail
    REFUNDED_AT_GATEWAY = "refunded_at_gateway"  # nobody here asked for it; one per refund
    CHARGEBACK = "chargeback"  # opened, or lost before that was told; one per chargeback
    MONEY_TO_DECIDE = "money_to_decide"  # the gateway told what nobody can count by itself
    INVOICE_WITHOUT_XML = "invoice_without_xml"  # no e-invoice for the customer's accounts; one per paper
    WEBHOOK_FAILING = "webhook_failing"  # a program could not be told of the order; one per webhook
    WEBHOOK_OFF = "webhook_off"  # and is told nothing any more


@dataclass(frozen=True)
class Notable:
    """One notice to add."""

    kind: NoticeKind
    about: UUID | None = None


def owed_notices(known: OrderSnapshots) -> Iterator[Notable]:
    """All notices that the order's newest state requires, including any already added."""
    order = known.order
    if order.anonymised_at is not None:
        return
    yield Notable(NoticeKind.NEW_ORDER)
    if is_paid(order):
        yield Notable(NoticeKind.PAYMENT_RECEIVED)
    if order.cancelled_at is not None:
        yield Notable(NoticeKind.CANCELLED)
    if order.failed_at is not None:
        yield Notable(NoticeKind.FAILED)
    yield from _of_money(order)
    for shipment in known.shipments.shipments if known.shipments else ():
        if shipment.status == ShipmentStatus.UNDELIVERABLE:
            yield Notable(NoticeKind.UNDELIVERABLE, shipment.shipment_id)
    for paper in known.documents.papers if known.documents else ():
        if paper.einvoice_faults:
            yield Notable(NoticeKind.INVOICE_WITHOUT_XML, paper.document_id)
    for returned in order.returns:
        yield Notable(NoticeKind.RETURN_TO_DECIDE, returned.return_id)


def _of_money(order: OrderSnapshot) -> Iterator[Notable]:
    """Money paid back, or possibly to be, without anyone here having done it."""
    if order.to_decide:
        yield Notable(NoticeKind.MONEY_TO_DECIDE)
    for refund in order.refunds:
        if refund.kind == RefundKind.GATEWAY:
            yield Notable(NoticeKind.REFUNDED_AT_GATEWAY, refund.refund_id)
        elif refund.kind == RefundKind.CHARGEBACK and refund.state != RefundState.WITHDRAWN:
            yield Notable(NoticeKind.CHARGEBACK, refund.refund_id)
