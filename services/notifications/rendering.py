"""E-mails in words: subject, plain text and HTML of each step, in the reader's language."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.domain.steps import Step
from shared.events.snapshots import (
    Address,
    DocumentsSnapshot,
    OrderSnapshot,
    Paper,
    Shipment,
    ShipmentsSnapshot,
)
from shared.money import BASIS_POINTS, Money

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = ("en", "es")  # the first is for those we have no words for
MOST_ITEMS = 25  # mail readers cut long e-mails short; the papers name every line
POSTCODE_LAST = ("GB", "IE")  # elsewhere in Europe it stands before the town
BRIGHT = 150  # of 255: from here on dark letters are easier to read than white ones

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PLAIN_COLOUR = "#1f4e5f"

_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(enabled_extensions=("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Mail readers that drop <style> see what is inlined; dark mode and narrow screens need the rules kept.
_inliner = CSSInliner(
    inline_style_tags=False,
    keep_style_tags=True,
    extra_css=(TEMPLATES / "style.css").read_text("utf-8"),
    load_remote_stylesheets=False,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Words:
    """What an e-mail says."""

    subject: str
    text: str
    html: str


def render(
    step: Step,
    locale: str,
    about: UUID | None,
    *,
    order: OrderSnapshot,
    shipments: ShipmentsSnapshot | None = None,
    documents: DocumentsSnapshot | None = None,
) -> Words:
    """An e-mail of a step in a locale; a word or figure that is missing is an error, never a gap.

    `about` is the shipment or paper the step tells of. Dates are in the market's time zone.
    """
    reader = _reader(locale)
    facts = _facts(
        order,
        reader,
        shipment=_named("shipment_id", about, shipments.shipments if shipments else ()),
        paper=_named("document_id", about, documents.papers if documents else ()),
    )
    say = _speaker(reader, facts["figures"])
    context = {**facts, "say": say, "step": step, "language": reader.language}
    text = _environment.get_template(f"{step}.txt").render(context)
    html = _environment.get_template(f"{step}.html").render(context)
    return Words(
        subject=say(f"{step}.subject"),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=_inliner.inline(html),
    )


def _named(name: str, identity: UUID | None, things: Iterable[T]) -> T | None:
    return next((thing for thing in things if getattr(thing, name) == identity), None)


def _reader(locale: str) -> Locale:
    language, _, territory = locale.replace("-", "_").partition("_")
    if language not in LANGUAGES:
        language, territory = LANGUAGES[0], ""
    if language == "en" and not territory:
        territory = "GB"  # day before month; American readers say that they are
    return Locale.parse(f"{language}_{territory}" if territory else language)


@lru_cache
def catalogue(language: str) -> dict[str, Any]:
    """All that e-mails can say in a language."""
    return tomllib.loads((TEMPLATES / "words" / f"{language}.toml").read_text("utf-8"))


def _speaker(reader: Locale, figures: Mapping[str, str]) -> Callable[..., str]:
    words = catalogue(reader.language)

    def say(key: str, **more: str) -> str:
        sentence: Any = words
        for part in key.split("."):
            sentence = sentence[part]
        said: str = sentence.format_map({**figures, **more})
        return said

    return say


def _facts(
    order: OrderSnapshot, reader: Locale, *, shipment: Shipment | None, paper: Paper | None
) -> dict[str, Any]:
    """All that templates may show; `figures` are the ones that sentences may name."""

    def money(minor: int) -> str:
        return Money(minor, order.currency).show(str(reader))

    def day(at: datetime) -> str:
        return format_date(at.astimezone(ZoneInfo(order.market.time_zone)), "long", locale=reader)

    items = _items(order, shipment, reader, money)
    payment = order.payment
    due_minor = max(0, payment.owed_minor - payment.received_minor + payment.refunded_minor)
    customer = order.people.customer
    colour = order.seller.colour if _COLOUR.fullmatch(order.seller.colour) else _PLAIN_COLOUR
    figures = {
        "number": order.number,
        "seller": order.seller.name,
        "customer": customer.name if customer else "",
        "placed_on": day(order.placed_at),
        "total": money(order.totals.total_minor),
        "due": money(due_minor),
        "received": money(payment.received_minor - payment.refunded_minor),
    }
    if shipment is not None:
        figures["shipment"] = shipment.number
    if paper is not None:
        figures |= {"paper": paper.number, "paper_total": money(abs(paper.total_minor))}
    return {
        "figures": figures,
        "order": order,
        "shipment": shipment,
        "paper": paper,
        "due_minor": due_minor,
        "open": order.cancelled_at is None and order.refused_at is None and order.failed_at is None,
        "seller_lines": _address_lines(order.seller.address, reader, abroad=False),
        "legal_text": order.seller.legal_text.get(reader.language, ""),
        "colour": colour,
        "on_colour": _readable_on(colour),
        "iban": " ".join(re.findall(".{1,4}", order.seller.iban.replace(" ", ""))),
        "deliveries": _deliveries(order, reader, shipment),
        "items": items[:MOST_ITEMS],
        "unnamed_items": max(0, len(items) - MOST_ITEMS),
        "tax_rows": [
            (
                format_percent(
                    Decimal(row.rate_basis_points) / BASIS_POINTS, locale=reader, decimal_quantization=False
                ),
                money(row.tax_minor),
            )
            for row in order.totals.tax
            if row.tax_minor
        ],
        "money": money,
        "day": day,
    }


def _items(
    order: OrderSnapshot, shipment: Shipment | None, reader: Locale, money: Callable[[int], str]
) -> list[dict[str, str]]:
    """The lines of the order, or those of a shipment with how many it carries."""
    carried = {line.line_id: line.quantity for line in shipment.lines} if shipment else None
    return [
        {
            "name": line.name,
            "sku": line.sku,
            "quantity": format_decimal(carried[line.line_id] if carried else line.quantity, locale=reader),
            "price": money(line.unit_price_minor),
            "total": money(line.total_minor),
        }
        for line in order.lines
        if carried is None or line.line_id in carried
    ]


def _deliveries(order: OrderSnapshot, reader: Locale, shipment: Shipment | None) -> list[dict[str, Any]]:
    """Where the goods go: each delivery group, or that of a shipment."""
    return [
        {
            "method": group.method_name,
            "lines": _address_lines(address, reader, abroad=address.country != order.seller.address.country),
        }
        for group in order.delivery_groups
        if (address := order.people.delivery.get(str(group.group_id)))
        and (shipment is None or shipment.group_id == group.group_id)
    ]


def _address_lines(address: Address, reader: Locale, *, abroad: bool) -> list[str]:
    country = reader.territories.get(address.country, address.country) if abroad else ""
    town = [address.city, address.postcode]
    if address.country not in POSTCODE_LAST:
        town.reverse()
    return [
        part
        for part in (
            address.name,
            address.company,
            address.line1,
            address.line2,
            " ".join(town).strip(),
            address.region,
            country,
        )
        if part
    ]


def _readable_on(colour: str) -> str:
    """White on dark colours, near-black on bright ones."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    brightness = (299 * red + 587 * green + 114 * blue) / 1000  # as the eye weighs them
    return "#ffffff" if brightness < BRIGHT else "#16181a"
