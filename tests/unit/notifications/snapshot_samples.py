"""What notifications hears of one order, from the literal samples of the contract."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import uuid5

from shared.events import codec
from shared.events.samples import envelope
from shared.events.snapshots import (
    Appointment,
    Courier,
    DocumentsSnapshot,
    OrderSnapshot,
    ReceivedReturn,
    Refund,
    Return,
    ReturnLine,
    ShipmentsSnapshot,
)

PDF = b"%PDF-1.7 a paper"


def _heard(name: str):
    return codec.decode(name, envelope(name)["data"]).snapshot


def placed_order(method: str = "transfer", **changes) -> OrderSnapshot:
    """The order as it is first heard of: placed by a Spanish customer, unpaid."""
    order = _heard("order.placed")
    since = order.placed_at if method == "cash_on_delivery" else None
    return replace(order, payment=replace(order.payment, method=method), acceptable_since=since, **changes)


def partly_cancelled(order: OrderSnapshot) -> OrderSnapshot:
    """An order of which nobody wants the first line any more."""
    first, *others = order.lines
    lines = (replace(first, cancelled_quantity=first.quantity), *others)
    return replace(order, version=order.version + 1, lines=lines)


def delivered() -> ShipmentsSnapshot:
    heard = shipped()
    at = heard.shipments[0].shipped_at + timedelta(days=1)
    done = tuple(replace(one, status="delivered", delivered_at=at) for one in heard.shipments)
    return replace(heard, version=heard.version + 1, shipments=done)


def waiting_for_pickup(code: int = 1) -> ShipmentsSnapshot:
    """A shipment that its customer is to fetch, by the code that holds now."""
    heard = shipped()
    waits = {"method_kind": "pickup", "method": "pickup_city", "status": "ready", "shipped_at": None}
    [one] = heard.shipments
    until = one.ready_at + timedelta(days=7)
    return replace(heard, shipments=(replace(one, **waits, collect_code=code, collect_by=until),))


def appointed(hours: int = 2) -> ShipmentsSnapshot:
    """Somebody comes to install what was shipped."""
    heard = shipped()
    [one] = heard.shipments
    starts_at = one.shipped_at + timedelta(hours=hours)
    visit = Appointment(kind="installation", starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))
    return replace(heard, shipments=(replace(one, shipped_at=None, appointments=(visit,)),))


def assigned(code: str = "rui", hours: int = 1, email: str | None = None) -> ShipmentsSnapshot:
    """A packed shipment that a courier is to take to its customer."""
    heard = shipped()
    [one] = heard.shipments
    courier = Courier(
        code=code,
        name=f"{code.title()} Costa",
        email=f"{code}@couriers.example" if email is None else email,
        assigned_at=one.created_at + timedelta(hours=hours),
        note="Ring twice.",
    )
    return replace(
        heard,
        version=heard.version + hours,
        people=replace(heard.people, couriers={str(one.shipment_id): courier}),
        shipments=(replace(one, status="ready", shipped_at=None),),
    )


def refunded(order: OrderSnapshot) -> OrderSnapshot:
    back = Refund(
        refund_id=uuid5(order.order_id, "refund"),
        amount_minor=830,
        reason="damaged",
        state="settled",
        requested_at=order.placed_at,
        settled_at=order.placed_at + timedelta(days=3),
    )
    return replace(order, version=order.version + 1, refunds=(back,))


def returning(order: OrderSnapshot, status: str) -> OrderSnapshot:
    line = ReturnLine(line_id=order.lines[0].line_id, sku=order.lines[0].sku, requested_quantity=1)
    asked_at = order.placed_at + timedelta(days=4)
    is_approved = status not in {"requested", "rejected"}
    back = Return(
        return_id=uuid5(order.order_id, "return"),
        status=status,
        reason="damaged",
        lines=(line,),
        number=f"{order.number}-R1",
        requested_at=asked_at,
        approved_at=asked_at + timedelta(hours=1) if is_approved else None,
        expires_at=asked_at + timedelta(days=14) if is_approved else None,
        answer="" if status == "requested" else "Please use the box it came in.",
    )
    return replace(order, version=order.version + 1, returns=(back,))


def came_back(order: OrderSnapshot) -> ShipmentsSnapshot:
    """What shipping says once the return of an order has arrived."""
    back = ReceivedReturn(
        return_id=uuid5(order.order_id, "return"),
        location="valencia",
        received_at=order.placed_at + timedelta(days=9),
        lines=order.returns[0].lines,
    )
    return replace(delivered(), version=20, returns=(back,))


def paid(order: OrderSnapshot) -> OrderSnapshot:
    total = order.totals.total_minor
    payment = replace(
        order.payment, state="paid", received_minor=total, covered=True, covered_at=order.placed_at
    )
    since = order.placed_at if order.accepted_at is None else None
    return replace(order, version=order.version + 1, payment=payment, acceptable_since=since)


def accepted(order: OrderSnapshot) -> OrderSnapshot:
    at = order.placed_at + timedelta(hours=1)
    return replace(order, version=order.version + 1, status="accepted", accepted_at=at, acceptable_since=None)


def cancelled(order: OrderSnapshot) -> OrderSnapshot:
    at = order.placed_at + timedelta(hours=2)
    return replace(
        order, version=order.version + 1, status="cancelled", cancelled_at=at, acceptable_since=None
    )


def shipped() -> ShipmentsSnapshot:
    return _heard("shipment.shipped")


def invoiced(content: bytes = PDF) -> DocumentsSnapshot:
    return _with_content(_heard("invoice.issued"), content)


def credited(content: bytes = PDF) -> DocumentsSnapshot:
    return _with_content(_heard("credit_note.issued"), content)


def corrected(content: bytes = PDF, new_invoice: str = "stored") -> DocumentsSnapshot:
    """A credit note over the first invoice, and the one that takes its place."""
    heard = credited(content)
    old, note = heard.papers
    new = replace(
        old,
        document_id=uuid5(old.document_id, "corrected"),
        number="EU-LANTERN-2026-000043",
        refers_to=old.document_id,
        status=new_invoice,
    )
    return replace(heard, version=heard.version + 1, papers=(old, note, new))


def noted(status: str = "stored", content: bytes = PDF) -> DocumentsSnapshot:
    """The order's delivery note, and no other paper."""
    heard = invoiced(content)
    [paper] = heard.papers
    note = replace(paper, document_id=uuid5(heard.order_id, "note"), kind="delivery_note", number="")
    return replace(heard, papers=(replace(note, status=status),))


def _with_content(documents: DocumentsSnapshot, content: bytes) -> DocumentsSnapshot:
    digest = sha256(content).hexdigest()
    papers = tuple(replace(paper, sha256=digest, size_bytes=len(content)) for paper in documents.papers)
    return replace(documents, papers=papers)
