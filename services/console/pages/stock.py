"""Stock: what lies where, what is promised to whom, what moved and why; counted, taken in, sorted out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import Part, read
from services.console.forms.reviews import changes, is_reviewed, mark_of
from services.console.markets import masters
from services.console.screens import Screen
from services.console.typed import whole

blueprint = Blueprint("stock", __name__, url_prefix="/stock")

PAGE = 50
LIST, LEVEL, LOCATIONS = (
    "shipping.stock_list_stock",
    "shipping.stock_get_stock",
    "shipping.locations_list_locations",
)
LOCATION = "shipping.locations_get_location"
ONE = "/<location>/<path:sku>"
# A SKU that never lay at a location.
EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(("on_hand", "reserved", "picked", "available"), 0),
    "bin": "",
    "as_of": None,
    "version": None,
}
# What is done to a level: the operation, and the fields of its form.
ACTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "receive": ("shipping.stock_receive_stock", ("quantity", "reason")),
    "count": ("shipping.stock_set_stock", ("on_hand", "reason")),
    "scrap": ("shipping.stock_scrap_stock", ("quantity", "reason")),
    "bin": ("shipping.stock_put_in_bin", ("bin",)),
}
NUMBERS = ("quantity", "on_hand")
TABS = {"movements": "shipping.stock_list_movements", "reservations": "shipping.stock_list_reservations"}


@blueprint.get("")
def show_list() -> Any:
    """Stock by SKU and location, or that of a SKU or a location."""
    filters = {name: text for name in ("sku", "location") if (text := request.args.get(name, "").strip())}
    parts = g.apis.together(
        page=read(LIST, {**filters, "cursor": request.args.get("cursor"), "limit": PAGE}),
        locations=read(LOCATIONS, {"limit": 100}),
    )
    return render_template(
        "stock/list.html",
        page=parts["page"],
        filters=filters,
        location_names=[(one["code"], one["name"]) for one in _items(parts["locations"])],
    )


@blueprint.get("/find")
def find() -> Any:
    """The level of a SKU at a location, also one that nothing ever lay at."""
    location, sku = (request.args.get(name, "").strip() for name in ("location", "sku"))
    if not location or not sku:
        return redirect(url_for("stock.show_list", location=location or None, sku=sku or None), 302)
    return redirect(url_for("stock.show", location=location, sku=sku), 302)


@blueprint.get(ONE)
def show(location: str, sku: str, review: Mapping[str, Any] | None = None) -> Any:
    """One level: how much there is, to whom it is promised or what moved it, and what may be done to it."""
    parts = g.apis.together(
        place=read(LOCATION, code=location), level=read(LEVEL, location=location, sku=sku)
    )
    place = parts["place"].needed()
    # What moved a level is for who may change it.
    tabs = [name for name in TABS if name != "movements" or place["may_change"]]
    tab = request.args.get("show", tabs[0])
    if tab not in tabs:
        abort(HTTPStatus.NOT_FOUND)
    rows = Part({"items": [], "next": None})
    if not parts["level"].is_unknown:
        query = {"cursor": request.args.get("cursor"), "limit": PAGE}
        rows = g.apis.together(rows=read(TABS[tab], query, location=location, sku=sku))["rows"]
    return render_template(
        "stock/level.html",
        place=place,
        level=_level(parts["level"], location, sku),
        rows=rows,
        tab=tab,
        tabs=[name for name in tabs if g.apis.may(TABS[name])],
        review=review,
        zone=next((market["time_zone"] for market in masters().markets.values()), "UTC"),
    )


@blueprint.post(f"{ONE}/<any(receive, count, scrap, bin):what>")
def do(location: str, sku: str, what: str) -> Any:
    """Change a level; a count first shows by how much it is off."""
    operation, fields = ACTS[what]
    g.shown_at = url_for("stock.show", location=location, sku=sku)  # a SKU may have slashes
    body: dict[str, Any] = {name: request.form.get(name, "").strip() for name in fields}
    body = {name: whole(text) if name in NUMBERS else text for name, text in body.items()}
    if what in {"count", "scrap"} and not is_reviewed(body):
        found = {"what": what, "mark": mark_of(body), "changes": _changes(location, sku, body)}
        return show(location, sku, review=found)
    return act(
        what,
        lambda: g.apis.write(operation, body, key=key(), version=version(), location=location, sku=sku),
        lambda: show(location, sku),
        lambda _: url_for("stock.show", location=location, sku=sku),
        said=f"done.stock_{what}",
    )


@blueprint.get(f"{ONE}/<any(receive, count, scrap, bin):_what>")
def show_again(location: str, sku: str, _what: str) -> Any:
    """The page that a form was sent from, for who loads its answer again."""
    return redirect(url_for("stock.show", location=location, sku=sku), 302)


def _changes(location: str, sku: str, body: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is on hand, and what it would be."""
    part = g.apis.together(level=read(LEVEL, location=location, sku=sku))["level"]
    level = _level(part, location, sku)
    if "quantity" in body:
        left = level["on_hand"] - body["quantity"] if isinstance(body["quantity"], int) else body["quantity"]
        body = {"on_hand": left}
    return changes(level, {"on_hand": body["on_hand"]}, lambda _, value: str(value))


def _level(part: Part, location: str, sku: str) -> Any:
    """What lies there; of a SKU that never did, nothing."""
    return {**EMPTY, "location": location, "sku": sku} if part.is_unknown else part.needed()


def _items(part: Part) -> list[Any]:
    found: list[Any] = part.value["items"] if part else []
    return found


SCREEN = Screen(blueprint, "stock.show_list", LIST, "nav.stock", "boxes")
