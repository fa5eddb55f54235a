"""Pick lists: one walk along the shelves for many shipments, and what was found on it."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app, g, render_template, request, url_for

from services.console.acting import act, key
from services.console.apis import BULK_SECONDS, read
from services.console.markets import masters
from services.console.pages.warehouse import MOST_CHOICES
from services.console.screens import Screen
from services.console.typed import whole

PAGE = 50

blueprint = Blueprint("picking", __name__, url_prefix="/warehouse/pick-lists")

ONE = "/<uuid:pick_list_id>"


@blueprint.get("")
def show_lists() -> Any:
    """The lists that are still walked, newest first; or all."""
    shows_all = request.args.get("show") == "all"
    query = {
        "open": None if shows_all else True,
        "location": request.args.get("location", "").strip(),
        "cursor": request.args.get("cursor"),
        "limit": PAGE,
    }
    parts = g.apis.together(
        lists=read("shipping.picking_list_pick_lists", query),
        locations=read("shipping.locations_list_locations", {"limit": MOST_CHOICES}),
    )
    if parts["lists"].hidden:
        abort(403)
    locations = parts["locations"].value["items"] if parts["locations"] else []
    return render_template(
        "warehouse/pick_lists.html",
        lists=parts["lists"],
        shows_all=shows_all,
        locations=[(one["code"], one["name"]) for one in locations],
        location=query["location"],
        zone=_zone(),
    )


@blueprint.post("")
def make() -> Any:
    """Put the oldest released shipments of a location on a list."""
    body = {"location": request.form.get("location", "").strip()}
    return act(
        "make",
        lambda: g.apis.write("shipping.picking_make_pick_list", body, key=key()),
        show_lists,
        lambda made: url_for("picking.show", pick_list_id=made["pick_list_id"]),
    )


@blueprint.get(ONE)
def show(pick_list_id: UUID) -> Any:
    """A list, shelf by shelf: what is to be taken there, and for which shipments."""
    pick_list = _read(pick_list_id)
    result = _sessions().result(g.person.subject, request.args.get("result", "")) or {}
    return render_template(
        "warehouse/pick_list.html",
        pick_list=pick_list,
        stops=_stops(pick_list["lines"]),
        left=sum(line["found"] is None for line in pick_list["lines"]),
        name_of=_name,
        taken=request.form.getlist("taken") or result.get("taken", []),
        found=request.form if request.method == "POST" else result.get("found", {}),
        result=result,
        zone=_zone(),
    )


@blueprint.post(ONE)
def record(pick_list_id: UUID) -> Any:
    """Note what was found of the shipments whose lines are all ticked; the rest stays to be walked."""

    def do() -> dict[str, Any]:
        to_find: dict[str, list[dict[str, Any]]] = {}
        for line in _read(pick_list_id)["lines"]:
            if line["found"] is None:
                to_find.setdefault(line["shipment_id"], []).append(line)
        taken = set(request.form.getlist("taken"))
        is_all = "all" in request.form
        done = {
            shipment_id: lines
            for shipment_id, lines in to_find.items()
            if is_all or all(_name(line) in taken for line in lines)
        }
        rest = [_name(line) for one, lines in to_find.items() if one not in done for line in lines]
        result: dict[str, Any] = {
            "items": [],
            "taken": [name for name in rest if name in taken],
            "found": {name: request.form.get(name, "") for name in rest},
        }
        if done:
            wanted = [{"shipment_id": one, "found": list(_short(lines))} for one, lines in done.items()]
            answer = g.apis.write(
                "shipping.bulk_record_picks", {"shipments": wanted}, key=key(), seconds=BULK_SECONDS
            )
            numbers = {line["shipment_id"]: line["shipment"] for lines in done.values() for line in lines}
            result["items"] = [{"number": numbers[row["shipment_id"]], **row} for row in answer["items"]]
        return result

    return act("found", do, lambda: show(pick_list_id), lambda result: _kept(pick_list_id, result))


def _short(lines: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Of which lines something else was found than all that is wanted."""
    for line in lines:
        typed = request.form.get(_name(line), "").strip()
        if typed not in {"", str(line["units"])}:
            yield {"line_id": line["line_id"], "units": whole(typed)}


def _kept(pick_list_id: UUID, result: Mapping[str, Any]) -> str:
    place = _sessions().keep_result(g.person.subject, result)
    return url_for("picking.show", pick_list_id=pick_list_id, result=place)


def _name(line: Mapping[str, Any]) -> str:
    """How a line's fields are called."""
    return f"{line['shipment_id']}/{line['line_id']}"


def _stops(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines as one walks: at each shelf each thing once, with all shipments that want it."""
    stops: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        about = {name: line[name] for name in ("bin", "sku", "name", "specifications")}
        stop = stops.setdefault((line["bin"], line["sku"]), about | {"units": 0, "lines": []})
        stop["units"] += line["units"]
        stop["lines"].append(line)
    return list(stops.values())


def _read(pick_list_id: UUID) -> Any:
    return g.apis.read("shipping.picking_get_pick_list", pick_list_id=pick_list_id)


def _sessions() -> Any:
    return current_app.extensions["console.sessions"]


def _zone() -> str:
    """The clock of the person's market; UTC for who works in several."""
    zones = {market["time_zone"] for market in masters().markets.values()}
    return zones.pop() if len(zones) == 1 else "UTC"


SCREEN = Screen(
    blueprint,
    "picking.show_lists",
    "shipping.picking_list_pick_lists",
    "picking.title",
    "clipboard-list",
    within="warehouse",
)
