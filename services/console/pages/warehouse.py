"""The warehouse: what waits at each step of the work, worked on in bulk, or found by a scan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for

from services.console.acting import fault_of
from services.console.apis import Away, Part, Refused, read
from services.console.forms.bulk_acts import MOST, PRINT, BulkAct, BulkList, key_of, prints_of, result_of_bulk
from services.console.markets import masters
from services.console.screens import Screen

PAGE = 50  # shipments: as many as one pick list takes
READ_AT_ONCE = MOST_CHOICES = 100

blueprint = Blueprint("warehouse", __name__, url_prefix="/warehouse")

# The steps of the work: the queue of each, and what of it one is about.
STEPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "to_release": ("to_prepare", {"status": "inventory_assigned", "releasable": True}),
    "to_pick": ("to_prepare", {"status": "released"}),
    "to_pack": ("to_prepare", {"status": "packing"}),
    "ready": ("ready_to_ship", {}),
    "in_transit": ("in_transit", {}),
    "finalised": ("finalised", {}),
    "lacking": ("to_prepare", {"status": "awaiting_inventory"}),
    "held_back": ("to_prepare", {"status": "inventory_assigned", "releasable": False}),
    "overdue": ("overdue", {}),
}
USUAL = "to_pick"
FILTERS = ("seller", "location", "method")
COUNTED = {
    "released": "to_pick",
    "packing": "to_pack",
    "ready": "ready",
    "shipped": "in_transit",
    "undeliverable": "in_transit",
    "awaiting_inventory": "lacking",
}
PICK_LIST = "pick_list"
PRINTED = ("to_pack", "ready", "in_transit", "overdue")
ACTS: Mapping[str, BulkAct] = {
    act.name: act
    for act in (
        BulkAct("release", "shipping.bulk_release_shipments", steps=("to_release", "overdue")),
        BulkAct(PICK_LIST, "shipping.picking_make_pick_list", steps=("to_pick",)),
        BulkAct("pick", "shipping.bulk_pick_shipments", steps=("to_pick", "overdue")),
        BulkAct("labels", "shipping.bulk_print_labels", steps=PRINTED),
        BulkAct("slips", PRINT, extra={"kind": "documents", "paper": "packing_slip"}, steps=PRINTED),
        BulkAct("pack", "shipping.bulk_pack_shipments", steps=("to_pack", "overdue")),
        BulkAct("ship", "shipping.bulk_ship_shipments", steps=("ready", "overdue")),
    )
}
BULK = BulkList(
    "warehouse", "warehouse.show_list", "nav.warehouse", "goods_bulk", "shipment", "warehouse.tick", ACTS
)


@blueprint.get("")
def show_list() -> Any:
    """The shipments at a step of the work, what is due first before the rest."""
    filters = filters_asked()
    step = request.args.get("step")
    if step is None:
        return redirect(addressed(step=_step_with_work(filters), result=request.args.get("result")), 302)
    if step not in STEPS:
        abort(404)
    queue, about = STEPS[step]
    result = result_of_bulk()
    failed = [row for row in result["items"] if not row["done"]] if result else []
    query = {**about, "limit": PAGE, "cursor": request.args.get("cursor")}
    parts = g.apis.together(
        page=read("shipping.queues_list_queue", filters | query, name=queue),
        counts=read("shipping.queues_count_steps", filters),
        **reads_for_filters(),
    )
    if parts["page"].hidden:
        abort(403)
    fault = None
    if (refused := parts["page"].fault) is not None:
        g.fault = fault = fault_of("filters", refused)
    page: Mapping[str, Any] = parts["page"].value or {"items": [], "next": None}
    ticked = {tick_of(one) for one in page["items"]}
    text = render_template(
        "warehouse/list.html",
        step=step,
        steps=STEPS,
        page=page,
        fault=fault,
        counts=_counts(parts["counts"]),
        filters=filters,
        choices=choices_of_filters(parts),
        bulk=BULK,
        acts=[one for one in ACTS.values() if step in one.steps and all(map(g.apis.may, one.operations))],
        tick_of=tick_of,
        failed={row.get("tick") for row in failed},
        elsewhere={row["tick"] for row in failed if "tick" in row and row["reason"] != "not_found"} - ticked,
        result=result,
        next_step=lambda _act, row: ("next.open_shipment", _address(row)),
        row_address=_address,
        prints=prints_of(result),
        masters=masters(),
        addressed=addressed,
        cursor=request.args.get("cursor"),
    )
    return Response(text, fault.status if fault else 200)


@blueprint.get("/find")
def find() -> Any:
    """The shipment whose number, whose order's or whose parcel's was scanned; of several, a choice."""
    number = request.args.get("code", "").strip()
    if not number:
        return redirect(addressed(), 303)
    found = _numbered(number)
    if len(found) == 1:
        return redirect(url_for("packing.show", shipment_id=found[0]["shipment_id"]), 303)
    page = render_template("warehouse/found.html", number=number, found=found, masters=masters())
    return Response(page, 200 if found else 404)


def only_one(number: str) -> dict[str, Any] | None:
    """The shipment that a number means, if it means one alone."""
    found = _numbered(number)
    return found[0] if len(found) == 1 else None


def _numbered(number: str) -> list[dict[str, Any]]:
    """The shipments that a number means; those that are still under way, if there are any."""
    query = {"number": number, "limit": PAGE}
    found: list[dict[str, Any]] = g.apis.read("shipping.shipments_list_shipments", query)["items"]
    return [one for one in found if one["queue"] not in {None, "finalised"}] or found


@blueprint.get("/bulk")
def ask_bulk() -> Any:
    """What is about to be done, and to how many."""
    wanted = BULK.act(request.args.get("act", ""))
    if request.args.get("everything"):
        found, is_all = _first_of_list()
        counted = {"count": len(found), "count_is_capped": not is_all}
        return BULK.ask(wanted, [tick_of(one) for one in found], counted)
    return BULK.ask(wanted, request.args.getlist("shipment"))


@blueprint.post("/bulk/<name>")
def do_bulk(name: str) -> Any:
    """Do it to each that is ticked; the list then says what became of each."""
    wanted = BULK.act(name)
    if request.form.get("everything"):  # nobody has seen yet how many that are
        return redirect(url_for("warehouse.ask_bulk", act=name, back=BULK.back(), everything="yes"), 303)
    ticked = request.form.getlist("shipment")
    rows = ticked_rows(ticked)
    if not rows:
        return BULK.ask(wanted, [])
    if name == PICK_LIST:
        return _make_pick_lists(wanted, ticked, rows)
    ids = [row["shipment_id"] for row in rows]
    pairs = [{"order_id": row["order_id"], "shipment_id": row["shipment_id"]} for row in rows]
    named = {"shipments": pairs} if name == "slips" else {"shipment_ids": ids}
    return BULK.do(wanted, ticked, named, {row["shipment_id"]: row for row in rows})


def _first_of_list() -> tuple[list[dict[str, Any]], bool]:
    """What the list has on all its pages, as far as one bulk goes; and whether that is all of it."""
    listed = dict(parse_qsl(urlsplit(BULK.back()).query))
    queue, about = STEPS.get(listed.get("step", ""), STEPS[USUAL])
    query = {name: listed.get(name) for name in FILTERS} | {**about, "limit": READ_AT_ONCE}
    found: list[dict[str, Any]] = []
    cursor = None
    while len(found) < MOST:
        page = g.apis.read("shipping.queues_list_queue", query | {"cursor": cursor}, name=queue)
        found += page["items"]
        if (cursor := page["next"]) is None:
            break
    return found[:MOST], cursor is None


def _make_pick_lists(wanted: BulkAct, ticked: list[str], rows: Iterable[Mapping[str, str]]) -> Any:
    """Lists for each location that something was ticked of, as many as it takes, and lead there."""
    shown = key_of(request.form.get("key", ""), ticked)
    places: dict[str, list[str]] = {}
    for row in rows:
        places.setdefault(row["location"], []).append(row["shipment_id"])
    try:
        made = [
            g.apis.write(
                wanted.operation,
                {"location": place, "shipment_ids": ids[start : start + PAGE]},
                key=f"{shown}.{place}.{start}",
            )
            for place, ids in places.items()
            for start in range(0, len(ids), PAGE)
        ]
    except (Refused, Away) as error:
        g.fault = fault = fault_of("bulk", error)
        if isinstance(error, Refused) and "shipment" in error.problem:  # which of them stands against it
            g.fault = replace(fault, title=f"{error.problem['shipment']}: {fault.title}")
        return BULK.ask(wanted, ticked, status=fault.status)
    if len(made) == 1:
        return redirect(url_for("picking.show", pick_list_id=made[0]["pick_list_id"]), 303)
    return redirect(url_for("picking.show_lists"), 303)


TICKED = ("order_id", "shipment_id", "location", "number")


def tick_of(shipment: Mapping[str, Any]) -> str:
    """What a ticked shipment is sent as: what its row says of it."""
    return "/".join(shipment[name] or "" for name in TICKED)


def ticked_rows(ticked: Iterable[str]) -> list[dict[str, str]]:
    """What was ticked; of what is no tick nothing."""
    split = [(one, one.split("/", len(TICKED) - 1)) for one in ticked]
    return [
        dict(zip(TICKED, parts, strict=True)) | {"tick": one}
        for one, parts in split
        if len(parts) == len(TICKED)
    ]


def filters_asked() -> dict[str, str]:
    """Whose shipments are asked for, from where, and how they go."""
    return {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}


def reads_for_filters() -> dict[str, Any]:
    """What is to be read for the choices of a list's filters."""
    return {"locations": read("shipping.locations_list_locations", {"limit": MOST_CHOICES})}


def choices_of_filters(parts: Mapping[str, Part]) -> dict[str, Sequence[tuple[str, str]]]:
    """What may be chosen to narrow a list by; where there is one of a kind there is nothing to choose."""
    known = masters()
    methods = {
        code: known.method_name(market, code, g.language)
        for market, described in known.markets.items()
        for code in described["shipping_methods"]
    }
    locations = parts["locations"].value["items"] if parts["locations"] else []
    found = {
        "seller": known.seller_names,
        "location": [(one["code"], one["name"]) for one in locations],
        "method": sorted(methods.items(), key=lambda one: one[1]),
    }
    asked = filters_asked()
    return {name: some for name, some in found.items() if len(some) > 1 or name in asked}


def addressed(**changes: Any) -> str:
    """The list's address with some of it changed; whatever is changed, its first page."""
    query: dict[str, Any] = {"step": request.args.get("step"), **filters_asked()} | changes
    pairs = [(name, value) for name, value in query.items() if value]
    return url_for("warehouse.show_list") + (f"?{urlencode(pairs)}" if pairs else "")


def _step_with_work(filters: Mapping[str, str]) -> str:
    """Where whoever names no step begins: if nothing is at the usual one, at the first that has work."""
    counts = _counts(g.apis.together(counts=read("shipping.queues_count_steps", filters))["counts"])
    return next((step for step in (USUAL, *STEPS) if counts.get(step, "0") != "0"), USUAL)


def _counts(part: Part) -> dict[str, str]:
    """How much waits at each step, as it is written; nothing where nobody knows."""
    if not part:
        return {}
    counted: dict[str, tuple[int, bool]] = {}
    rows = [(COUNTED[row["status"]], row) for row in part.value["items"] if row["status"] in COUNTED]
    rows += [("to_release", part.value["releasable"]), ("held_back", part.value["held_back"])]
    for step, row in rows:
        number, capped = counted.get(step, (0, False))
        counted[step] = (number + row["count"], capped or row["count_is_capped"])
    return {step: f"{number}{'+' if capped else ''}" for step, (number, capped) in counted.items()}


def _address(row: Mapping[str, Any]) -> str:
    return url_for("packing.show", shipment_id=row["shipment_id"])


SCREEN = Screen(
    blueprint,
    "warehouse.show_list",
    "shipping.queues_count_steps",
    "nav.warehouse",
    "warehouse",
    inner="warehouse.shipments",
)
