"""The figures and things that e-mails show, written as their reader writes them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from services.notifications.domain.known import Doors, Known
from shared.colours import brand_colours
from shared.events.snapshots import Address, OrderSnapshot, People, Return, Shipment, Step
from shared.money import BASIS_POINTS, Money
from shared.postal import postal_lines

LANGUAGES = ("en", "es")  # the first is for those we have no words for
MOST_ITEMS = 25  # mail readers cut long e-mails short; the papers name every line

T = TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Whoever reads, in which language and where."""

    locale: Locale
    currency: str
    time_zone: ZoneInfo

    def money(self, minor: int) -> str:
        """An amount of the order's currency."""
        return Money(minor, self.currency).show(str(self.locale))

    def day(self, at: datetime | date) -> str:
        """A date, that of the market for an instant."""
        day = at.astimezone(self.time_zone) if isinstance(at, datetime) else at
        return format_date(day, "long", locale=self.locale)

    def moment(self, at: datetime) -> str:
        """An instant in the market's time zone."""
        return f"{self.day(at)}, {self._hour(at)}"

    def span(self, starts_at: datetime, ends_at: datetime) -> str:
        """A day and the hours between which something happens on it."""
        return f"{self.moment(starts_at)}\u2013{self._hour(ends_at)}"

    def _hour(self, at: datetime) -> str:
        return format_time(at.astimezone(self.time_zone), "HH:mm", locale=self.locale)

    def number(self, value: int) -> str:
        """A whole number."""
        return format_decimal(value, locale=self.locale)


def reader_of(locale: str, order: OrderSnapshot) -> Reader:
    """Someone who reads in a locale about an order; English where we have no words in their language."""
    language, _, territory = locale.replace("-", "_").partition("_")
    if language not in LANGUAGES:
        language, territory = LANGUAGES[0], ""
    if language == "en" and not territory:
        territory = "GB"  # day before month; American readers say that they are
    known = Locale.parse(f"{language}_{territory}" if territory else language)
    return Reader(known, order.currency, ZoneInfo(order.market.time_zone))


def branding(order: OrderSnapshot, reader: Reader) -> dict[str, Any]:
    """How the seller shows itself in a market."""
    seller = order.seller
    colour, on_colour = brand_colours(seller.colour)
    return {
        "seller": seller,
        "market": order.market,
        "seller_lines": _address_lines(seller.address, reader, abroad=False),
        "website": seller.website if seller.website.startswith(("https://", "http://")) else "",
        "legal_text": seller.legal_text.get(reader.locale.language, ""),
        "colour": colour,
        "on_colour": on_colour,
    }


def facts(known: Known, about: UUID | None, reader: Reader, doors: Doors) -> dict[str, Any]:
    """All that templates may show of an order; `figures` are the ones that sentences may name.

    `about` is the shipment, paper, refund or return that the e-mail tells of. What there is none of is None
    and has no figure, so that a sentence about it is an error.
    """
    order = known.order
    shipment = _named("shipment_id", about, known.shipments.shipments if known.shipments else ())
    paper = _named("document_id", about, known.documents.papers if known.documents else ())
    refund = _named("refund_id", about, order.refunds)
    returned = _named("return_id", about, order.returns)
    payment = order.payment
    due_minor = payment.outstanding_minor
    customer = order.people.customer
    people = known.shipments.people if known.shipments else None
    courier = people.couriers.get(str(about)) if people else None
    figures = {
        "number": order.number,
        "seller": order.seller.name,
        "customer": customer.name if customer else "",
        "placed_on": reader.day(order.placed_at),
        "total": reader.money(order.totals.total_minor),
        "due": reader.money(due_minor),
        "received": reader.money(payment.received_minor - payment.refunded_minor),
    }
    if shipment is not None:
        figures["shipment"] = shipment.number
    if doors.collect_code:
        figures["code"] = doors.collect_code
    if paper is not None:
        figures |= {
            "paper": paper.number or order.number,
            "paper_total": reader.money(abs(paper.total_minor)),
        }
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
        "doors": doors,
        "said": known.said,
        "encloses": known.encloses,
        "due_minor": due_minor,
        "open": order.cancelled_at is None and order.refused_at is None and order.failed_at is None,
        "iban": " ".join(re.findall(".{1,4}", order.seller.iban.replace(" ", ""))),
        "deliveries": _deliveries(order, reader, shipment, people),
        "items": items[:MOST_ITEMS],
        "unnamed_items": max(0, len(items) - MOST_ITEMS),
        "tax_rows": [
            (_percent(row.rate_basis_points, reader), reader.money(row.tax_minor))
            for row in order.totals.tax
            if row.tax_minor
        ],
        "reader": reader,
        "money": reader.money,
        "day": reader.day,
    }


def rows(step: Step, shown: Mapping[str, Any], say: Callable[..., str]) -> list[tuple[str, str]]:
    """What a plain letter lists beneath its words: each thing by its name, as far as there is one."""
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
    """Whom to ask for, what to mind, and what to collect."""
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


def _percent(basis_points: int, reader: Reader) -> str:
    rate = Decimal(basis_points) / BASIS_POINTS
    return format_percent(rate, locale=reader.locale, decimal_quantization=False)


def _items(
    order: OrderSnapshot, shipment: Shipment | None, returned: Return | None, reader: Reader
) -> list[dict[str, str]]:
    """The lines of the order, or those of a shipment or return with how many it is about."""
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
    """Where the goods go: each delivery group; or that of a shipment, as shipping has it."""
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
    country = reader.locale.territories.get(address.country, address.country) if abroad else ""
    lines = [address.name, address.company, *postal_lines(address), country]
    return [line for line in lines if line]
