"""A market's table of taxes: rates by place, class and days, a line each, and the choices beside them."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import Part, Refused, read
from services.console.forms.reviews import is_reviewed, mark_of, visible_changes
from services.console.forms.settings import (
    label_of,
    percent_of,
    prose,
    shown,
    text,
)
from services.console.pages.settings_markets import MARKET, TAX_TABLE
from services.console.screens import Screen
from services.console.typed import basis_points

blueprint = Blueprint("settings_taxes", __name__, url_prefix="/settings")

PUT_TABLE = "orders.masters_put_tax_table"
ONE = "/markets/<market>/taxes"
# A line of rates, by its parts; what is left out at its end is empty.
PARTS = ("place", "tax_class", "rate_basis_points", "valid_from", "valid_until", "exemption")
NEW: Mapping[str, Any] = {
    "taxes_at_destination": False,
    "same_price": "gross",
    "supplies": {},
    "pickup_places": {},
    "rates": [],
}


@blueprint.get(ONE)
def ask_taxes(market: str) -> Any:
    """The form of a market's table, also of one that it has not yet."""
    g.apis.require(PUT_TABLE)
    parts = g.apis.together(market=read(MARKET, market=market), table=read(TAX_TABLE, market=market))
    found = parts["market"].needed()
    before = NEW if parts["table"].is_unknown else parts["table"].needed()
    posted = request.method == "POST"
    body = _typed() if posted else before
    return render_template(
        "settings/taxes.html",
        market=found,
        body=body,
        lines=prose("rates") if posted else "\n".join(map(_line, before["rates"])),
        **{
            name: prose(name) if posted else "\n".join(f"{one}: {of}" for one, of in before[name].items())
            for name in ("supplies", "pickup_places")
        },
        # The table's version is its market's; what was read of both at once fits together, or is refused.
        version=_version_of(parts["table"]) or found["version"],
        review=(rows := _changes(before, body) if posted else []),
        names={name: label_of(name) for name, *_ in rows},
        mark=mark_of(body) if posted else "",
        same_prices=[(code, g.words(f"settings.same_{code}")) for code in ("gross", "net")],
    )


@blueprint.post(ONE)
def change_taxes(market: str) -> Any:
    """Have a market's sales taxed so from now on, once the person has seen what that changes."""
    body = _typed()
    if not is_reviewed(body):
        return ask_taxes(market)

    def do() -> Any:
        try:
            return g.apis.write(PUT_TABLE, body, key=key(), version=version(), market=market)
        except Refused as refusal:
            refusal.errors = _by_line(refusal.errors)
            raise

    return act(
        "taxes",
        do,
        lambda: ask_taxes(market),
        lambda _: url_for("settings_markets.show", market=market, _anchor="taxes"),
        said="done.taxes_changed",
    )


def _typed() -> dict[str, Any]:
    return {
        "taxes_at_destination": "taxes_at_destination" in request.form,
        "same_price": text("same_price"),
        **{name: _pairs(name) for name in ("supplies", "pickup_places")},
        "rates": [_rate(line) for line in _lines("rates")],
    }


def _lines(name: str) -> list[str]:
    return [line for line in prose(name).splitlines() if line.strip()]


def _pairs(name: str) -> dict[str, str]:
    """Lines such as `download: digital`."""
    parts = (line.rpartition(":") for line in _lines(name))
    return {one.strip(): of.strip() for one, _, of in parts}


def _rate(line: str) -> dict[str, Any]:
    """A rate as the service takes it; what is wrong in it stays, for the service to refuse."""
    typed = [part.strip() for part in line.split(";")]
    rate: dict[str, Any] = dict(zip(PARTS, [*typed, *[""] * len(PARTS)], strict=False))
    if len(typed) > len(PARTS):
        rate["exemption"] = "; ".join(typed[len(PARTS) - 1 :])
    rate["rate_basis_points"] = basis_points(rate["rate_basis_points"])
    return rate | {name: rate[name] or None for name in ("valid_from", "valid_until")}


def _line(rate: Mapping[str, Any]) -> str:
    """A rate as a line of the form."""
    parts = {**rate, "rate_basis_points": percent_of(rate["rate_basis_points"])}
    return "; ".join(str(parts[name] or "") for name in PARTS).rstrip("; ")


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What differs; rates by place, class and first day, so that one added is one row."""
    return visible_changes(_told(before), _told(after), _shown)


def _told(table: Mapping[str, Any]) -> dict[str, Any]:
    rates: dict[str, str] = {}
    for rate in table["rates"]:
        name = " ".join(filter(None, (rate["place"], rate["tax_class"], rate["valid_from"])))
        said = [f"{percent_of(rate['rate_basis_points'])} %", rate["exemption"]]
        until = [f"- {rate['valid_until']}"] if rate["valid_until"] else []
        said = [*filter(None, said), *until]
        # Two of one name are told both, for the service to refuse.
        rates[name] = ", ".join([*([rates[name]] if name in rates else []), " ".join(said)])
    return {**table, "rates": rates}


def _shown(name: str, value: Any) -> str:
    head = name.partition(".")[0]
    group = {"same_price": "settings.same", "supplies": "settings.supply"}.get(head)
    if group and g.words.knows(*_key(group, value)):
        return str(g.words.of(*_key(group, value)))
    return "-" if value in (None, "") else str(value) if head == "rates" else shown(name, value)


def _key(group: str, value: Any) -> tuple[str, str]:
    head, _, start = group.partition(".")
    return head, f"{start}_{value}"


def _by_line(errors: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the lines of a field, in one text that names each line."""
    numbers = [at for at, line in enumerate(prose("rates").splitlines(), 1) if line.strip()]
    told: dict[str, list[str]] = {}
    for named, reason in errors.items():
        head, _, rest = named.partition(".")
        row, _, part = rest.partition(".")
        said = f"{row}: {reason}" if rest else reason
        if head == "rates" and row.isdecimal():
            what = g.words.of("fields", part or "rates")
            said = g.words("settings.line", n=numbers[int(row)], what=what, reason=reason)
        told.setdefault(head, []).append(said)
    return {head: "; ".join(reasons) for head, reasons in told.items()}


def _version_of(part: Part) -> str:
    return (part.etag or "").strip('W/"').partition(".")[0]


SCREEN = Screen(blueprint, "settings_taxes.ask_taxes", TAX_TABLE, within="settings")
