"""What notifications hears of one order, from the literal samples of the contract."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from shared.events import codec
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot

SAMPLES = Path(__file__).parents[2] / "contract" / "samples"
PDF = b"%PDF-1.7 a paper"


def _heard(name: str):
    sample = json.loads((SAMPLES / f"{name}.1.json").read_text("utf-8"))
    return codec.decode(name, sample["data"]).snapshot


def placed_order(method: str = "transfer", **changes) -> OrderSnapshot:
    """The order as it is first heard of: placed by a Spanish customer, unpaid."""
    order = _heard("order.placed")
    return replace(order, payment=replace(order.payment, method=method), **changes)


def paid(order: OrderSnapshot) -> OrderSnapshot:
    total = order.totals.total_minor
    payment = replace(
        order.payment, state="paid", received_minor=total, covered=True, covered_at=order.placed_at
    )
    return replace(order, version=order.version + 1, payment=payment)


def accepted(order: OrderSnapshot) -> OrderSnapshot:
    at = order.placed_at + timedelta(hours=1)
    return replace(order, version=order.version + 1, status="accepted", accepted_at=at)


def cancelled(order: OrderSnapshot) -> OrderSnapshot:
    at = order.placed_at + timedelta(hours=2)
    return replace(order, version=order.version + 1, status="cancelled", cancelled_at=at)


def shipped() -> ShipmentsSnapshot:
    return _heard("shipment.shipped")


def invoiced(content: bytes = PDF) -> DocumentsSnapshot:
    return _with_content(_heard("invoice.issued"), content)


def credited(content: bytes = PDF) -> DocumentsSnapshot:
    return _with_content(_heard("credit_note.issued"), content)


def _with_content(documents: DocumentsSnapshot, content: bytes) -> DocumentsSnapshot:
    digest = sha256(content).hexdigest()
    papers = tuple(replace(paper, sha256=digest, size_bytes=len(content)) for paper in documents.papers)
    return replace(documents, papers=papers)
