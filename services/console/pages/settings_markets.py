"""Markets: the rules that orders go by, with their rates, methods, deadlines and invoices."""

from collections.abc import Mapping
from typing import Any

from babel.units import format_unit
from flask import Blueprint, g, request

from services.console.apis import Part, read
from services.console.forms.settings import (
    Setup,
    choices,
    language_name,
    listed,
    percent_of,
    text,
    ticked,
    whole,
)
from services.console.screens import Screen
from services.console.typed import basis_points
from shared.wording import locale_of

blueprint = Blueprint("settings_markets", __name__, url_prefix="/settings")

MARKETS, MARKET, PUT_MARKET, TAX_TABLE = (
    f"orders.masters_{name}" for name in ("list_markets", "show_market", "put_market", "show_tax_table")
)
ONE = "/markets/<market>"
LANGUAGES = ("en", "es", "de", "fr")  # that customers are written to in
UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
ROWS = 3  # of rates and methods at least, one of them empty
TABLES = {"tax_rates": "rate", "shipping_methods": "method"}  # how their rows are called
# What is chosen from, by field; the service refuses what it does not know.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "tax_mode": ("gross", "net"),
    "tax_rounding": ("per_rate", "per_line"),
    "charges_taxed": ("standard", "share", "main"),
    "invoice_on": ("acceptance", "payment", "shipment", "hand"),
    "invoice_per": ("order", "method", "shipment"),
    "numbers_per": ("year", "month"),
}
TICKED: Mapping[str, tuple[str, ...]] = {
    "payment_methods": ("online", "transfer", "payment_link", "card_on_phone", "cash_on_delivery"),
    "verifies": ("name", "address", "phone", "email", "coupons", "vat_number"),
}
TEXTS = ("name", "currency", "locale", "time_zone")
DEADLINES = ("pay_within_seconds", "accept_within_seconds")
DAYS = ("return_days", "return_expiry_days", "abandon_drafts_after_days")
FLAGS = ("backorders", "exchange_after_return")
NEW: Mapping[str, Any] = {
    **dict.fromkeys(TEXTS, ""),
    "tax_rates": {"standard": 0},
    "payment_methods": [],
    "shipping_methods": {},
    **{name: values[0] for name, values in CHOICES.items()},
    "verifies": [*TICKED["verifies"]],
    **dict.fromkeys(DEADLINES),
    "return_days": 14,
    "return_expiry_days": 30,
    "abandon_drafts_after_days": 30,
    **dict.fromkeys(FLAGS, True),
}


@blueprint.get("/markets")
def show_markets() -> Any:
    """The markets that the person sees, by code."""
    return listed(MARKET_SETUP, MARKETS, ("currency", "time_zone", "tax_mode", "payment_methods"))


def _typed() -> dict[str, Any]:
    rates = {text(f"{row}.code"): text(f"{row}.percent") for row in _rows("rate")}
    methods = {text(f"{row}.code"): _names(f"{row}.name.") for row in _rows("method")}
    return {
        **{name: text(name) for name in TEXTS},
        "currency": text("currency").upper(),
        "tax_rates": {code: basis_points(percent) for code, percent in rates.items() if code or percent},
        "shipping_methods": {code: names for code, names in methods.items() if code or names},
        **{name: ticked(name) for name in TICKED},
        **{name: text(name) for name in CHOICES},
        **{name: _seconds(name) for name in DEADLINES},
        **{name: whole(name) for name in DAYS},
        **{name: name in request.form for name in FLAGS},
    }


def _rows(start: str) -> list[str]:
    """The rows of a table of the form, as the names of their fields begin."""
    return [
        name.removesuffix(".code")
        for name in request.form
        if name.startswith(f"{start}.") and name.endswith(".code")
    ]


def _names(start: str) -> dict[str, str]:
    return {
        name.removeprefix(start): text(name) for name in request.form if name.startswith(start) and text(name)
    }


def _seconds(name: str) -> int | str | None:
    number = whole(name)
    return number * UNITS.get(text(f"{name}.unit"), 1) if isinstance(number, int) else number or None


def _duration(seconds: int) -> tuple[int, str]:
    """A deadline in the largest unit that it is a whole number of."""
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return seconds // UNITS[unit], unit


def _typed_duration(name: str, seconds: Any) -> tuple[Any, str]:
    """A deadline as its form has it; one that is none as it was typed."""
    if isinstance(seconds, int):
        return _duration(seconds)
    return seconds or "", text(f"{name}.unit") or "hours"


def _more(body: Mapping[str, Any]) -> dict[str, Any]:
    names = body["shipping_methods"]
    spoken = [body["locale"]] if body["locale"] else []
    languages = dict.fromkeys([*spoken, *(one for of in names.values() for one in of), *LANGUAGES])
    found = {
        "rates": _filled_up([(code, percent_of(rate)) for code, rate in body["tax_rates"].items()], ""),
        "methods": _filled_up([*names.items()], {}),
        "languages_of_names": [(code, language_name(code)) for code in languages],
        "ticked": {name: choices(name, codes, body[name]) for name, codes in TICKED.items()},
        "choices": {name: choices(name, codes) for name, codes in CHOICES.items()},
        "durations": {name: _typed_duration(name, body[name]) for name in DEADLINES},
        "units": choices("unit", UNITS),
    }
    market = (request.view_args or {}).get("market")
    table = g.apis.together(it=read(TAX_TABLE, market=market))["it"].if_known if market else Part(hidden=True)
    return {**found, "table": table}


def _filled_up(rows: list[tuple[str, Any]], empty: Any) -> list[tuple[str, Any]]:
    return [*rows, *[("", empty)] * max(1, ROWS - len(rows))]


def _place(named: str) -> str | None:
    """The row of a rate or method that the service names by its code, and the field in it."""
    head, _, rest = named.partition(".")
    for row in _rows(TABLES[head]) if head in TABLES else ():
        code = request.form[f"{row}.code"].strip()
        if rest == f"{code}.key":
            return f"{row}.code"
        if rest == f"{code}.value":
            return f"{row}.percent" if head == "tax_rates" else f"{row}.code"
        if rest.startswith(f"{code}.value."):
            language = rest.removeprefix(f"{code}.value.").rpartition(".")[0]
            return f"{row}.name.{language}"
    return None


def _shown_duration(seconds: Any) -> str:
    if not isinstance(seconds, int):
        return str(seconds)
    number, unit = _duration(seconds)
    return str(format_unit(number, f"duration-{unit[:-1]}", locale=locale_of(g.words.language)))


def _shown_names(names: Any) -> str:
    return ", ".join(f"{language_name(code)}: {name}" for code, name in names.items()) or "-"


MARKET_SETUP = Setup(
    form="market",
    operations=(MARKET, PUT_MARKET),
    path={"market": "market"},
    blank=NEW,
    typed=_typed,
    template="settings/market.html",
    more=_more,
    place=_place,
    shown={
        "tax_rates": lambda rate: f"{percent_of(rate)} %",
        "shipping_methods": _shown_names,
        **dict.fromkeys(DEADLINES, _shown_duration),
    },
)
MARKET_SETUP.register(blueprint, ONE)

SCREEN = Screen(
    blueprint, "settings_markets.show_markets", MARKETS, "settings.markets", "globe", within="settings"
)
