"""Which documents an order's current state requires."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from services.documents.domain.claims import DueCredit, Invoice, unclaimed_minor
from services.documents.domain.figures import Figures
from services.documents.domain.invoices import (
    due_credits,
    is_intra_community,
    is_off,
    supply_days,
    uninvoiced_parts,
)
from services.documents.domain.papers import WHOLE_ORDER, Content
from services.documents.domain.printed_shipments import address_of
from shared.errors import Refused
from shared.events.snapshots import (
    LEFT,
    InvoiceOn,
    MethodKind,
    OrderSnapshot,
    PaperKind,
    ReturnStatus,
    Shipment,
    ShipmentsSnapshot,
    ShipmentStatus,
)

WANTS_LABEL = frozenset({ShipmentStatus.PACKING, ShipmentStatus.READY}) | LEFT
PACKS_NOTHING = frozenset({MethodKind.DOWNLOAD, MethodKind.SERVICE})  # kinds of method
RETURNS_GOODS = frozenset({ReturnStatus.APPROVED, ReturnStatus.RECEIVED})
PACKED = frozenset({PaperKind.PACKING_SLIP, PaperKind.LABEL})  # kinds that go by what is in which parcel


@dataclass(frozen=True, kw_only=True)
class DuePaper:
    """A document that should exist, and its content as of now."""

    kind: PaperKind
    part: str
    content: Content
    cause: str  # what called for it
    total_minor: int = 0  # in minor units of the order's currency
    suffix: str = ""  # tells it from others of its kind and part
    refers_to: UUID | None = None

    @property
    def key(self) -> str:
        """The unique key of a document, so that it is made only once."""
        key = f"{self.kind}:{self.content.order.order_id}:{self.part}"
        return f"{key}:{self.suffix}" if self.suffix else key


def due_papers(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, invoices: Sequence[Invoice]
) -> Iterator[DuePaper]:
    """The documents of an accepted order; none before acceptance or after its person was erased.

    After its end only credit notes. While shipping is asked whether the order can still be cancelled it
    stands as promised.
    """
    if order.anonymised_at is not None:
        return
    for credit in due_credits(order, invoices):
        yield credit_note(order, credit, shipments)
    if order.accepted_at is None or is_off(order):
        return
    yield from _delivery_notes(order)
    yield from due_invoice_papers(order, shipments, invoices)
    yield from _return_slips(order)
    if shipments is not None:
        yield from _papers_of_shipments(order, shipments)


def due_invoice_papers(
    order: OrderSnapshot,
    shipments: ShipmentsSnapshot | None,
    invoices: Sequence[Invoice],
    *,
    by_hand: bool = False,
) -> Iterator[DuePaper]:
    """Invoices due by the market's rule; if `by_hand`, all that can be issued now."""
    left = unclaimed_minor(order, invoices)
    for part, figures in uninvoiced_parts(order, shipments, invoices, by_hand=by_hand):
        content = invoice_content(order, shipments, part, figures, left)
        left -= figures.total_minor
        yield DuePaper(
            kind=PaperKind.INVOICE,
            part=part,
            content=content,
            cause=InvoiceOn.HAND if by_hand else order.market.invoice_on,
            total_minor=figures.total_minor,
        )


def invoice_content(
    order: OrderSnapshot, shipments: ShipmentsSnapshot | None, part: str, figures: Figures, left_minor: int
) -> Content:
    """What an invoice says, where so much of what was received pays for no other one."""
    first, last = supply_days(order, shipments, part, figures) or (None, None)
    return Content(
        order=order,
        figures=figures,
        paid_minor=max(0, min(left_minor, figures.total_minor)),
        supplied_from=first,
        supplied_until=last,
    )


def credit_note(order: OrderSnapshot, credit: DueCredit, shipments: ShipmentsSnapshot | None) -> DuePaper:
    """The document for a credit note that is due."""
    invoice = credit.invoice
    supplied = (
        supply_days(order, shipments, invoice.part, invoice.figures) if is_intra_community(order) else None
    )
    return DuePaper(
        kind=PaperKind.CREDIT_NOTE,
        part=invoice.part,
        content=Content(
            order=order,
            figures=credit.figures,
            invoice_number=invoice.number or "",
            invoice_issued_on=invoice.issued_on,
            in_full=credit.figures.total_minor == invoice.figures.total_minor,
            reason=credit.reason,
            supplied_from=supplied and supplied[0],
            supplied_until=supplied and supplied[1],
        ),
        cause=credit.cause,
        total_minor=credit.figures.total_minor,
        suffix=f"{invoice.paper_id}:{len(invoice.credits)}:{credit.cause}",
        refers_to=invoice.paper_id,
    )


def on_demand(kind: PaperKind, order: OrderSnapshot) -> DuePaper:
    """A document made on request, one for each version of its order.

    Raises Refused: nothing_received for a receipt of no money.
    """
    if kind is PaperKind.PAYMENT_RECEIPT and not order.payment.received_minor:
        raise Refused("nothing_received", "no payment has been received for this order yet")
    return DuePaper(
        kind=kind,
        part=WHOLE_ORDER,
        content=Content(order=order),
        cause=InvoiceOn.HAND,
        total_minor=order.payment.received_minor if kind is PaperKind.PAYMENT_RECEIPT else 0,
        suffix=str(order.version),
    )


def cancelled_shipments(shipments: ShipmentsSnapshot | None) -> Iterable[str]:
    """The cancelled shipments, whose labels and packing slips are no longer needed."""
    shipments_ = shipments.shipments if shipments else ()
    return {
        str(shipment.shipment_id) for shipment in shipments_ if shipment.status == ShipmentStatus.CANCELLED
    }


def is_superseded(kind: PaperKind, content: Content, shipments: ShipmentsSnapshot) -> bool:
    """Whether a label or packing slip is out of date: repacked since, or no longer to be sent."""
    assert content.shipment is not None
    made_for = content.shipment
    now = next((each for each in shipments.shipments if each.shipment_id == made_for.shipment_id), None)
    if now is None or now.status == ShipmentStatus.CANCELLED:
        return True
    return now.status in WANTS_LABEL and packed(kind, content, now).key != packed(kind, content, made_for).key


def _delivery_notes(order: OrderSnapshot) -> Iterator[DuePaper]:
    groups = [
        group
        for group in order.delivery_groups
        if any(line.group_id == group.group_id for line in order.lines)
    ]
    for place, group in enumerate(groups, start=1):
        yield DuePaper(
            kind=PaperKind.DELIVERY_NOTE,
            part=str(group.group_id),
            content=Content(
                order=order,
                group_id=group.group_id,
                address=order.people.delivery.get(str(group.group_id)),
                place=place,
                places=len(groups),
            ),
            cause=InvoiceOn.ACCEPTANCE,
        )


def _return_slips(order: OrderSnapshot) -> Iterator[DuePaper]:
    for returning in order.returns:
        if returning.status in RETURNS_GOODS:
            yield DuePaper(
                kind=PaperKind.RETURN_SLIP,
                part=str(returning.return_id),
                content=Content(order=order, returning=returning),
                cause="return",
            )


def _papers_of_shipments(order: OrderSnapshot, shipments: ShipmentsSnapshot) -> Iterator[DuePaper]:
    standing = [shipment for shipment in shipments.shipments if shipment.status != ShipmentStatus.CANCELLED]
    for place, shipment in enumerate(standing, start=1):
        if shipment.status not in WANTS_LABEL or shipment.method_kind in PACKS_NOTHING:
            continue
        content = Content(
            order=order,
            group_id=shipment.group_id,
            address=address_of(shipment, order, shipments),
            place=place,
            places=len(standing),
            shipment=shipment,
        )
        yield packed(PaperKind.PACKING_SLIP, content, shipment)
        if shipment.method_kind == MethodKind.DELIVERY:  # what is fetched needs none
            yield packed(PaperKind.LABEL, content, shipment)


def packed(kind: PaperKind, content: Content, shipment: Shipment) -> DuePaper:
    """The label or packing slip of a shipment as packed; its key changes when it is repacked."""
    said = [str(parcel.parcel_id) for parcel in shipment.parcels]
    if kind is PaperKind.PACKING_SLIP:
        said = [
            f"{parcel.parcel_id} {line.line_id} {line.units}"
            for parcel in shipment.parcels
            for line in parcel.lines or shipment.lines
        ]
    return DuePaper(
        kind=kind,
        part=str(shipment.shipment_id),
        content=content,
        cause="packing",
        suffix=sha256("\n".join(said).encode()).hexdigest()[:16] if said else "",
    )
