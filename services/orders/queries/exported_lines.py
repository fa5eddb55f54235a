"""One row for each line of the orders that match a list's filters, with other services' data."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    Text,
    cast,
    func,
    literal_column,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import Session

from services.orders.models import DeliveryGroup, Order, OrderLine
from services.orders.queries.exports import Cell, Shown, Table, instant
from services.orders.queries.lists import Filters, matching
from shared.events.snapshots import DocumentsSnapshot, ShipmentsSnapshot
from shared.messaging.tables import copies

_OF_ORDERS: dict[str, tuple[Cell, Any]] = {
    "number": (Cell.CODE, Order.number),
    "seller": (Cell.CODE, Order.seller_code),
    "market": (Cell.CODE, Order.market_code),
    "channel": (Cell.CODE, Order.channel),
    "status": (Cell.CODE, Order.status),
    "currency": (Cell.CODE, Order.currency),
    "placed_at_utc": (Cell.INSTANT, instant(Order.placed_at)),
    "external_reference": (Cell.TEXT, Order.external_reference),
    "customer_name": (Cell.TEXT, Order.customer_name),
    "customer_email": (Cell.TEXT, Order.customer_email),
    "customer_phone": (Cell.TEXT, Order.customer_phone),
    "customer_company": (Cell.TEXT, Order.customer_company),
}
_OF_LINES: dict[str, tuple[Cell, Any]] = {
    "line": (Cell.COUNT, OrderLine.position + 1),
    "sku": (Cell.TEXT, OrderLine.sku),
    "product": (Cell.TEXT, OrderLine.name),
    "quantity": (Cell.COUNT, OrderLine.quantity),
    "cancelled_quantity": (Cell.COUNT, OrderLine.cancelled_quantity),
    "returned_quantity": (Cell.COUNT, OrderLine.returned_quantity),
    "unit_price": (Cell.AMOUNT, OrderLine.unit_price_minor),
    "discount": (Cell.AMOUNT, OrderLine.discount_minor),
    # Its share of what is off the order; empty on orders from before shares were kept.
    "order_discount": (Cell.AMOUNT, OrderLine.order_discount_minor),
    "total": (Cell.AMOUNT, OrderLine.total_minor),
    "vat_rate_percent": (
        Cell.RATE,
        cast(OrderLine.tax_rate_basis_points, Numeric) * literal_column("0.01"),
    ),
    "vat": (Cell.AMOUNT, OrderLine.tax_minor),
    "delivery_method": (Cell.TEXT, DeliveryGroup.method_name),
    "pickup_point": (Cell.TEXT, DeliveryGroup.pickup_point),
    **{
        f"delivery_{part}": (Cell.TEXT, type_coerce(DeliveryGroup.address, JSONB)[part].astext)
        for part in ("name", "company", "line1", "line2", "postcode", "city", "region", "country", "phone")
    },
}
_LINE_ID = cast(OrderLine.id, Text)
# What a line's goods left in, and what they are billed by. A parcel that doesn't say what is in it holds all
# of its shipment; an invoice is of a whole order, of a method's lines or of a shipment's.
_PARCELS = (
    '$.shipments[*] ? (@.status != "cancelled" && @.lines[*].line_id == $line)'
    ".parcels[*] ? (!exists(@.lines[*]) || @.lines[*].line_id == $line)"
    '.tracking_number ? (@ != "")'
)
_SHIPMENTS = "$.shipments[*] ? (@.lines[*].line_id == $line).shipment_id"
_PAPERS = (
    '$.papers[*] ? (@.kind == "{kind}" && @.number != ""'
    ' && (@.part == "order" || @.part == $method || @.part == $shipments[*])).number'
)
_HEARD = {
    "tracking_numbers": (ShipmentsSnapshot,),
    "invoice_numbers": (ShipmentsSnapshot, DocumentsSnapshot),
    "credit_note_numbers": (ShipmentsSnapshot, DocumentsSnapshot),
}


def _lines(
    session: Session, filters: Filters, names: Sequence[str], shown: Shown
) -> Select[*tuple[Any, ...]]:
    """Orders in the order of the list, newest first, each with its lines in order.

    The offsets keep PostgreSQL from joining all lines of all orders first and sorting them on disk: it goes
    from order to order, which needs no memory and keeps them in order.
    """
    sources = {kind.SOURCE for name in names for kind in _HEARD.get(name, ())}
    found = (
        matching(
            session,
            [
                Order.id.label("order_id"),
                Order.currency.label("its_currency"),
                *(_heard(source).label(source) for source in sorted(sources)),
                *(_OF_ORDERS[name][1].label(name) for name in names if name in _OF_ORDERS),
            ],
            filters,
        )
        .offset(literal_column("0"))
        .subquery("found")
    )
    columns = {
        name: shown(value, found.c.its_currency) if cell is Cell.AMOUNT else value
        for name, (cell, value) in _OF_LINES.items()
    }
    if ShipmentsSnapshot.SOURCE in sources:
        columns["tracking_numbers"] = _numbers(found.c.shipping, _PARCELS, line=_LINE_ID)
    if DocumentsSnapshot.SOURCE in sources:
        about = {
            "method": func.concat("method:", DeliveryGroup.method),
            "shipments": func.coalesce(
                _all(found.c.shipping, _SHIPMENTS, line=_LINE_ID), literal_column("'[]'::jsonb")
            ),
        }
        for kind in ("invoice", "credit_note"):
            columns[f"{kind}_numbers"] = _numbers(found.c.documents, _PAPERS.format(kind=kind), **about)
    line = (
        select(
            OrderLine.position.label("place"),
            *(columns[name].label(name) for name in names if name not in _OF_ORDERS),
        )
        .select_from(OrderLine)
        .join(DeliveryGroup, DeliveryGroup.id == OrderLine.group_id)
        .where(OrderLine.order_id == found.c.order_id)
        .order_by(OrderLine.position)
        .offset(literal_column("0"))
        .lateral("line")
    )
    chosen = (found.c[name] if name in _OF_ORDERS else line.c[name] for name in names)
    return select(*chosen).select_from(found.join(line, true()))


def _heard(source: str) -> ColumnElement[Any]:
    """Another service's latest snapshot of an order."""
    known = copies.alias()
    own = known.c.subject == cast(Order.id, Text), known.c.source == source
    return select(known.c.snapshot).where(*own).correlate(Order).scalar_subquery()


def _all(snapshot: ColumnElement[Any], path: str, **about: Any) -> ColumnElement[Any]:
    named = func.jsonb_build_object(*(part for name, value in about.items() for part in (name, value)))
    return func.jsonb_path_query_array(snapshot, cast(path, JSONPATH), named)


def _numbers(snapshot: ColumnElement[Any], path: str, **about: Any) -> ColumnElement[Any]:
    """The numbers found in a snapshot, in one cell."""
    numbers = select(func.jsonb_array_elements_text(_all(snapshot, path, **about))).correlate_except()
    return func.array_to_string(func.array(numbers.scalar_subquery()), " ")


LINES = Table(
    "Lines",
    {
        **{name: cell for name, (cell, _) in (_OF_ORDERS | _OF_LINES).items()},
        **dict.fromkeys(_HEARD, Cell.TEXT),
    },
    _lines,
)
