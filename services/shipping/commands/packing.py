"""Packing: the contents of each parcel, checking them by scanner, and the parcels' labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands.parcels import new_parcel
from services.shipping.commands.shipments import change, in_hand, move_on, tell
from services.shipping.models import ParcelContent, Shipment, ShipmentLine
from shared.errors import Invalid, Refused
from shared.events.snapshots import DocumentsSnapshot, PaperKind, PaperStatus, ShipmentStatus


def pack_into_parcels(
    session: Session, shipment_id: UUID, *, parcels: Sequence[Mapping[str, Any]]
) -> Shipment:
    """Record the contents, weight and size of each parcel; publishes shipment.updated.

    A box named by its id keeps carrier and number; one without is new; one not named is gone. Where there are
    other boxes than before, their label falls due. Raises Refused with its reason, Invalid unless each unit
    of the shipment is in exactly one box.
    """
    with change(session, shipment_id, "pack_into_parcels") as shipment:
        _require_each_unit_once(shipment, parcels)
        known = {parcel.id: parcel for parcel in shipment.parcels}
        wanted = []
        for position, box in enumerate(parcels, 1):
            parcel_id = box.get("parcel_id")
            if parcel_id is not None and parcel_id not in known:
                raise Invalid(**{f"parcels.{position - 1}.parcel_id": "is not a parcel of this shipment"})
            parcel = known.pop(parcel_id) if parcel_id is not None else new_parcel(session)
            parcel.position = position
            for measure in ("weight_grams", "length_mm", "width_mm", "height_mm"):
                setattr(parcel, measure, box[measure])
            parcel.contents = [ParcelContent(**content) for content in box["contents"]]
            wanted.append(parcel)
        if set(wanted) != set(shipment.parcels):
            for parcel in wanted:
                parcel.label_document_id = None
        shipment.parcels = wanted
    return shipment


def scan(session: Session, shipment_id: UUID, *, code: str, units: int) -> Shipment:
    """Scan packed units, by their SKU or barcode.

    From the first scan on, the shipment can be packed only when every unit was scanned. Raises Refused:
    not_in_shipment, more_than_picked, and those of packing.
    """
    shipment = in_hand(session, shipment_id, "scan")
    lines = _lines_of(shipment, code)
    unchecked = sum(line.picked - line.checked for line in lines)
    if units > unchecked:
        raise Refused(
            "more_than_picked", f"only {unchecked} of {code} are still to be packed", left=unchecked
        )
    for line in lines:
        checked = min(units, line.picked - line.checked)
        line.checked += checked
        units -= checked
    move_on(shipment, "scan")
    return shipment


def take_back_scan(session: Session, shipment_id: UUID, *, code: str, units: int) -> Shipment:
    """Undo scans of units that were not packed after all, by their SKU or barcode.

    Raises Refused: not_in_shipment, more_than_checked, and those of packing.
    """
    shipment = in_hand(session, shipment_id, "scan")
    lines = _lines_of(shipment, code)
    checked = sum(line.checked for line in lines)
    if units > checked:
        raise Refused("more_than_checked", f"only {checked} of {code} were scanned", left=checked)
    for line in reversed(lines):  # those last checked off first
        back = min(units, line.checked)
        line.checked -= back
        units -= back
    move_on(shipment, "scan")
    return shipment


def _lines_of(shipment: Shipment, code: str) -> list[ShipmentLine]:
    """The lines that a code may stand for; raises Refused if there are none."""
    lines = [
        line for line in shipment.lines if code in {line.sku, line.goods.barcode if line.goods else line.sku}
    ]
    if not lines:
        raise Refused("not_in_shipment", f"{code} does not belong in this shipment")
    return lines


def attach_labels(session: Session, documents: DocumentsSnapshot) -> None:
    """Attach stored labels to an order's shipments and publish shipment.updated; runs under the order's lock.

    A label that is known already, that belongs to a cancelled shipment, or that is for other parcels than it
    is packed in by now, changes nothing.
    """
    labels = {
        (paper.part, frozenset(paper.parcels)): paper.document_id
        for paper in documents.papers
        if paper.kind == PaperKind.LABEL and paper.status == PaperStatus.STORED
    }
    order = queries.known_order(session, documents.order_id) if labels else None
    if order is None:
        return
    news = []
    for shipment in order.shipments:
        part, parcels = str(shipment.id), frozenset(parcel.id for parcel in shipment.parcels)
        label = labels.get((part, parcels)) or labels.get((part, frozenset()))
        unlabelled = [parcel for parcel in shipment.parcels if parcel.label_document_id is None]
        if label is None or not unlabelled or shipment.status is ShipmentStatus.CANCELLED:
            continue
        for parcel in unlabelled:
            parcel.label_document_id = label
        shipment.version += 1
        news.append(events.shipment_updated(shipment))
    tell(session, order, *news)


def _require_each_unit_once(shipment: Shipment, parcels: Sequence[Mapping[str, Any]]) -> None:
    packed: Counter[UUID] = Counter()
    for box in parcels:
        for content in box["contents"]:
            packed[content["line_id"]] += content["units"]
    units = Counter({line.line_id: line.units for line in shipment.lines})
    for line_id in {*packed, *units}:
        if packed[line_id] != units[line_id]:
            raise Invalid(parcels=f"hold {packed[line_id]} of {line_id}; there are {units[line_id]}")
