"""The values that e-mails show, formatted for their reader."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from services.notifications.domain.order_snapshots import CustomerSecrets, OrderSnapshots
from shared.colours import brand_colours
from shared.events.snapshots import Address, OrderSnapshot, People, Return, Shipment, Step
from shared.postal import postal_lines
from shared.wording import Reader, Words, reader_of

MOST_ITEMS = 25  # mail readers cut long e-mails short; the papers name every line

T = TypeVar("T")


def reader_about(order: OrderSnapshot, locale: str) -> Reader:
    """The reader of an e-mail about an order in a locale: its customer's, or its market's."""
    return reader_of(locale, order.market.locale, order.currency, order.market.time_zone)


def branding(order: OrderSnapshot, reader: Reader) -> dict[str, Any]:
    """The seller's branding in a market."""
    seller = order.seller
    colour, on_colour = brand_colours(seller.colour)
    return {
        "seller": seller,
        "market": order.market,
        "seller_lines": _address_lines(seller.address, reader, abroad=False),
        "website": seller.website if seller.website.startswith(("https://", "http://")) else "",
        "legal_text": reader.chosen(seller.legal_text),
        "colour": colour,
        "on_colour": on_colour,
    }


def nobodys_branding() -> dict[str, Any]:
    """Branding for an e-mail from no particular seller or market."""
    colour, on_colour = brand_colours("")
    ours = {"name": "Waybill"}
    return {"seller": ours, "market": ours, "colour": colour, "on_colour": on_colour}


def facts(
    known: OrderSnapshots, about: UUID | None, reader: Reader, secrets: CustomerSecrets
) -> dict[str, Any]:
    """All values for an order's templates; `figures` are the ones that sentences may use.

    `about` is the shipment, paper, refund or return that the e-mail tells of. What there is none of is None
    and has no figure, so that a sentence about it is an error.
    """
    order = known.order
    shipment = _named("shipment_id", about, known.shipments.shipments if known.shipments else ())
    paper = _named("document_id", about, known.documents.papers if known.documents else ())
    refund = _named("refund_id", about, order.refunds)
    returned = _named("return_id", about, order.returns)
    people = known.shipments.people if known.shipments else None
    courier = people.couriers.get(str(about)) if people else None
    figures = _figures(order, reader)
    if shipment is not None:
        figures["shipment"] = shipment.number
    if secrets.collect_code:
        figures["code"] = secrets.collect_code
    if paper is not None:
        figures["paper"] = paper.number or order.number
        figures["paper_total"] = reader.money(abs(paper.total_minor))
    if courier is not None:
        figures["courier"] = courier.name
    if refund is not None:
        figures["refund"] = reader.money(refund.amount_minor)
    items = _items(order, shipment, returned, reader)
    return {
        "figures": figures,
        "order": order,
        "shipment": shipment,
        "courier": courier,
        "paper": paper,
        "refund": refund,
        "returned": returned,
        "secrets": secrets,
        "messages": known.messages,
        "encloses": known.encloses,
        "due_minor": order.payment.outstanding_minor,
        "open": order.cancelled_at is None and order.refused_at is None and order.failed_at is None,
        "iban": " ".join(re.findall(".{1,4}", order.seller.iban.replace(" ", ""))),
        "deliveries": _deliveries(order, reader, shipment, people),
        "items": items[:MOST_ITEMS],
        "unnamed_items": max(0, len(items) - MOST_ITEMS),
        "tax_rows": [
            (reader.percent(row.rate_basis_points), reader.money(row.tax_minor))
            for row in order.totals.tax
            if row.tax_minor
        ],
        "reader": reader,
        "money": reader.money,
        "day": reader.day,
    }


def _figures(order: OrderSnapshot, reader: Reader) -> dict[str, str]:
    """The values that sentences of any e-mail about an order may use."""
    customer, payment = order.people.customer, order.payment
    return {
        "number": order.number,
        "seller": order.seller.name,
        "customer": customer.name if customer else "",
        "placed_on": reader.day(order.placed_at),
        "total": reader.money(order.totals.total_minor),
        "due": reader.money(payment.outstanding_minor),
        "received": reader.money(payment.received_minor - payment.refunded_minor),
    }


def rows(step: Step, shown: Mapping[str, Any], say: Words) -> list[tuple[str, str]]:
    """The labelled details listed below a plain e-mail's text, as far as there are any."""
    order: OrderSnapshot = shown["order"]
    reader: Reader = shown["reader"]
    listed = [("part.number", order.number), *_of_shipment(step, shown), *_of_return(step, shown)]
    if (paper := shown["paper"]) is not None:
        listed.append((f"{step}.number", paper.number))
        if paper.total_minor:
            listed.append(("part.amount", reader.money(abs(paper.total_minor))))
    if (refund := shown["refund"]) is not None:
        listed.append(("part.amount", reader.money(refund.amount_minor)))
    if step is Step.PAYMENT_RECEIVED:
        listed.append(("part.amount", shown["figures"]["received"]))
    if step is Step.ACCEPTED:
        listed.append(("part.total", reader.money(order.totals.total_minor)))
    return [(say(name), value) for name, value in listed if value]


def _of_shipment(step: Step, shown: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    shipment: Shipment | None = shown["shipment"]
    reader: Reader = shown["reader"]
    if shipment is None:
        return
    yield "part.shipment", shipment.number
    if step in {Step.APPOINTMENT, Step.COURIER_ASSIGNED}:
        for appointment in shipment.appointments:
            yield f"appointment.{appointment.kind}", reader.span(appointment.starts_at, appointment.ends_at)
    if shipment.collect_by is not None and step in {Step.READY_FOR_PICKUP, Step.PICKUP_REMINDER}:
        yield "part.collect_by", reader.moment(shipment.collect_by)
    if step is Step.COURIER_ASSIGNED:
        yield from _for_courier(shown)
    if step is Step.UNDELIVERABLE:
        for parcel in shipment.parcels:
            yield "part.tracking_number", parcel.tracking_number


def _of_return(step: Step, shown: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    returned: Return | None = shown["returned"]
    if returned is None:
        return
    yield "part.return", returned.number
    if step is Step.RETURN_APPROVED and returned.expires_at is not None:
        yield "part.return_by", shown["reader"].day(returned.expires_at)


def _for_courier(shown: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Whom to ask for, what to note, and what to collect."""
    order: OrderSnapshot = shown["order"]
    customer = order.people.customer
    phones = [place["phone"] for place in shown["deliveries"]] + [customer.phone if customer else ""]
    yield "courier_assigned.customer", shown["figures"]["customer"]
    yield "courier_assigned.phone", next(filter(None, phones), "")
    yield "courier_assigned.note", shown["courier"].note
    if order.payment.due_on_delivery_minor:
        yield "courier_assigned.collect", shown["figures"]["due"]


def _named(name: str, identity: UUID | None, things: Iterable[T]) -> T | None:
    return next((thing for thing in things if getattr(thing, name) == identity), None)


def _items(
    order: OrderSnapshot, shipment: Shipment | None, returned: Return | None, reader: Reader
) -> list[dict[str, str]]:
    """The lines of the order, or those of a shipment or return with their quantities."""
    quantities = {line.line_id: line.quantity for line in order.lines}
    if shipment is not None:
        quantities = {line.line_id: line.quantity for line in shipment.lines}
    elif returned is not None:
        quantities = {line.line_id: line.requested_quantity for line in returned.lines}
    return [
        {
            "name": line.name,
            "sku": line.sku,
            "quantity": reader.number(quantities[line.line_id]),
            "price": reader.money(line.unit_price_minor),
            "total": reader.money(line.total_minor),
        }
        for line in order.lines
        if line.line_id in quantities
    ]


def _deliveries(
    order: OrderSnapshot, reader: Reader, shipment: Shipment | None, people: People | None
) -> list[dict[str, Any]]:
    """Where the goods go: each delivery group, or a shipment's own address from shipping."""
    addresses = order.people.delivery
    if shipment is not None and people is not None:
        addresses = addresses | people.delivery
        if (own := people.delivery.get(str(shipment.shipment_id))) is not None:
            addresses[str(shipment.group_id)] = own
    return [
        {
            "method": group.method_name,
            "phone": address.phone,
            "lines": _address_lines(address, reader, abroad=address.country != order.seller.address.country),
        }
        for group in order.delivery_groups
        if (address := addresses.get(str(group.group_id)))
        and (shipment is None or shipment.group_id == group.group_id)
    ]


def _address_lines(address: Address, reader: Reader, *, abroad: bool) -> list[str]:
    country = reader.country(address.country) if abroad else ""
    lines = [address.name, address.company, *postal_lines(address), country]
    return [line for line in lines if line]
