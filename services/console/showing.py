"""How money, dates and addresses are written for whoever reads; nothing is worked out here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_timezone_name
from babel.numbers import get_currency_precision
from markupsafe import Markup, escape

from shared.clock import now
from shared.money import Money
from shared.postal import postal_lines
from shared.wording import Words, locale_of

# What a refusal calls the stage of a thing, and the group of words that has it.
STAGES = {
    "order_status": "order_status",
    "shipment_status": "shipment",
    "return_status": "return_status",
    "paper_status": "paper_status",
}


def money(minor: int | None, currency: str, language: str) -> str:
    """An amount as its reader writes it."""
    return "" if minor is None else Money(minor, currency).show(str(locale_of(language)))


def amount(minor: int, currency: str) -> str:
    """An amount as it is typed into a field."""
    return f"{Decimal(minor).scaleb(-get_currency_precision(currency)):f}"


def day(value: str | date | None, language: str) -> str:
    """A day as its reader writes it."""
    if not value:
        return ""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(found, "medium", locale_of(language))


def instant(value: str | None, zone: str, language: str) -> Markup:
    """An instant in a market's zone, which is named; the exact one on hover."""
    if not value:
        return Markup()
    at = datetime.fromisoformat(value)
    locale = locale_of(language)
    where = _zone(zone)
    local = at.astimezone(where)
    if local.date() == now().astimezone(where).date():
        text = format_time(local, "HH:mm", locale=locale)
    elif local.year == now().astimezone(where).year:
        text = format_datetime(local, "d MMM, HH:mm", locale=locale)
    else:
        text = format_datetime(local, "d MMM y, HH:mm", locale=locale)
    named = get_timezone_name(local, "short", locale=locale)
    exact = f"{format_datetime(local, 'full', locale=locale)} · {at.isoformat()}"
    return Markup('<time datetime="{}" title="{}">{} <span class="zone">{}</span></time>').format(
        at.isoformat(), exact, text, named
    )


def age(value: str | None, language: str) -> str:
    """How long ago something was, or how long it still is, in one unit."""
    if not value:
        return ""
    return format_timedelta(
        datetime.fromisoformat(value) - now(), add_direction=True, locale=locale_of(language), format="short"
    )


def is_past(value: str | None) -> bool:
    """Whether an instant is over."""
    return bool(value) and datetime.fromisoformat(str(value)) < now()


def is_soon(value: str | None, hours: float = 4) -> bool:
    """Whether an instant comes within so many hours, or is over."""
    return bool(value) and (datetime.fromisoformat(str(value)) - now()).total_seconds() < hours * 3600


def country(code: str | None, language: str) -> str:
    """A country's name."""
    return str(locale_of(language).territories.get(code or "", code or ""))


@dataclass(frozen=True, kw_only=True)
class _Place:
    """An address as the APIs tell it."""

    name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""


def address(parts: Mapping[str, Any] | None, language: str) -> Markup:
    """An address, a line each."""
    return Markup("<br>").join(map(escape, _lines(parts, language))) if parts else Markup()


def _lines(parts: Mapping[str, Any], language: str) -> list[str]:
    place = msgspec.convert({name: part for name, part in parts.items() if part}, _Place)
    lines = [place.name, place.company, *postal_lines(place), country(place.country, language), place.phone]
    return [line for line in lines if line]


# The words of a value in the history, by the field it is of.
WORDED = {
    "status": "order_status",
    "fulfilment": "fulfilment",
    "payment_state": "payment_state",
    "method": "payment_method",
    "kind": "paper",
    "step": "email_step",
    "recipient": "recipient",
    "changed": "fields",
    "treatment": "tax_treatment",
}
# What an entry of the history says besides is for machines.
UNSAID = ("awaiting", "author", "owner", "by_customer", "kept", "part", "why")


def told(entry: Mapping[str, Any], currency: str, words: Words) -> list[tuple[str, str, str]]:
    """What an entry of the history says of itself: the name of each value, what it was before, what it is."""
    found = [
        (name, _value(name, entry["before"].get(name), currency, words), _value(name, value, currency, words))
        for name, value in entry["after"].items()
    ]
    found += [(name, "", _value(name, value, currency, words)) for name, value in entry["detail"].items()]
    return [
        (words.of("fields", name), was, now)
        for name, was, now in found
        if was != now and name not in UNSAID and not name.endswith(("_id", "_ids"))
    ]


def why(refusal: Mapping[str, Any], words: Words) -> str:
    """Why something is not possible; where that is the stage it is at, the stage too."""
    said = words.of("reasons", refusal["reason"])
    if refusal["reason"] != "wrong_status":
        return said
    facts = refusal.get("facts") or {}
    now = [words.of(group, facts[name]) for name, group in STAGES.items() if name in facts]
    return " ".join([said, *(words("list.stage", name=name) for name in now)])


def _value(name: str, value: Any, currency: str, words: Words) -> str:
    if value in (None, "", 0, [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(_value(name, one, currency, words) for one in value)
    if name.endswith("_minor"):
        return money(value, currency, words.language)
    if name.endswith("_at") and isinstance(value, str):
        return day(value[:10], words.language)
    if isinstance(value, dict):
        said = (_value(part, one, currency, words) for part, one in value.items())
        return ", ".join(_lines(value, words.language) if "line1" in value else filter(None, said))
    group = WORDED.get(name, "reasons" if name == "reason" else "")
    return words.of(group, str(value)) if group and words.knows(group, str(value)) else str(value)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
