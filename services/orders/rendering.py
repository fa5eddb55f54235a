"""The customer's page of an order, in the order's language."""

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.events.snapshots import ReturnReason
from shared.money import Money
from shared.text import legible

LANGUAGES = ("en", "es")  # the first is for those we have no words for
_TEMPLATES = Path(__file__).with_name("templates")

_environment = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=legible,
)


def order_page(
    seen: Mapping[str, Any], style: str, address: Callable[[str, str], str], *, action: str, wrong: str = ""
) -> str:
    """The page of what a customer sees of an order; `address` says where a service shows another page of it.

    `action` takes the form for sending something back, and `wrong` is what was wrong with it. Instants are
    in the market's time zone.
    """
    locale = _locale(seen["locale"])
    zone = ZoneInfo(seen["time_zone"])
    return _environment.get_template("order.html").render(
        **seen,
        style=style,
        language=locale.language,
        say=partial(_say, locale.language, seller=seen["seller"].name, number=seen["number"]),
        money=lambda minor: Money(minor, seen["currency"]).show(str(locale)),
        count=lambda value: format_decimal(value, locale=locale),
        moment=partial(_moment, locale=locale, zone=zone),
        is_web=lambda link: link.startswith(("https://", "http://")),
        address=address,
        action=action,
        wrong=wrong,
        reasons=[reason.value for reason in ReturnReason],
    )


def _moment(at: datetime, *, locale: Locale, zone: ZoneInfo) -> str:
    there = at.astimezone(zone)
    return f"{format_date(there, 'long', locale=locale)}, {format_time(there, 'HH:mm', locale=locale)}"


def _locale(wanted: str) -> Locale:
    language, _, territory = wanted.replace("-", "_").partition("_")
    if language not in LANGUAGES:
        language, territory = LANGUAGES[0], ""
    if language == "en" and not territory:
        territory = "GB"  # day before month; American readers say that they are
    return Locale.parse(f"{language}_{territory}" if territory else language)


def _say(language: str, key: str, **figures: str) -> str:
    sentence: Any = _catalogue(language)
    for part in key.split("."):
        sentence = sentence[part]
    told: str = sentence.format_map(figures)
    return told


@lru_cache
def _catalogue(language: str) -> dict[str, Any]:
    return tomllib.loads((_TEMPLATES / "words" / f"{language}.toml").read_text("utf-8"))
