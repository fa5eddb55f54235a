"""One shipment on the packing table: checked by scanner, put into parcels, labelled, handed over."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for

from services.console.acting import act, key, passed_on, version
from services.console.apis import Refused, read
from services.console.forms.conflicts import since_in_shipping, write_unless
from services.console.markets import masters
from services.console.pages.warehouse import only_one
from services.console.screens import Screen
from services.console.typed import whole
from shared.web import payloads

MOST_PARCELS = 20  # on the form; the API takes more
MEASURES = ("weight_grams", "length_mm", "width_mm", "height_mm")
BOX = re.compile(r"parcels\.([0-9]{1,4})\.(\w+)(?:\.(.+))?")

blueprint = Blueprint("packing", __name__, url_prefix="/warehouse/shipments")

ONE = "/<uuid:shipment_id>"
# The steps of a shipment in the warehouse, by the word of the answer's `actions`.
STEPS: Mapping[str, str] = {
    "release": "shipping.shipments_release_shipment",
    "pick": "shipping.shipments_pick_shipment",
    "record_picks": "shipping.picking_record_picks",
    "pack": "shipping.shipments_pack_shipment",
    "ship": "shipping.shipments_ship_shipment",
}
WITH_BODY = ("record_picks", "ship")
PRINT_LABEL = "shipping.shipments_print_label"
CONTENT = "documents.documents_get_content"


@blueprint.get("/next")
def show_next() -> Any:
    """The shipment of a location that is to be packed next; those that are picked come first."""
    location, after = (request.args.get(name, "") for name in ("location", "after"))
    query = {"status": "packing", "location": location, "limit": 20}
    page = g.apis.together(page=read("shipping.queues_list_queue", query, name="to_prepare"))["page"]
    if page.fault:
        raise page.fault
    waiting = page.value["items"] if page else []
    others = sorted(
        (one for one in waiting if one["shipment_id"] != after), key=lambda one: one["readiness"] != "green"
    )
    if not others:
        flash("packing.nothing_next")
        return redirect(url_for("warehouse.show_list", step="to_pick"), 303)
    return redirect(url_for("packing.show", shipment_id=others[0]["shipment_id"]), 303)


@blueprint.get(ONE)
def show(shipment_id: UUID) -> Any:
    """The packing table with this shipment on it."""
    reads = {"lists": read("shipping.picking_list_pick_lists", {"shipment_id": shipment_id, "open": True})}
    shipment = _read(shipment_id)
    is_on_list = shipment["actions"]["record_picks"] is None
    parts = g.apis.together(**reads) if is_on_list else {}
    lists = parts["lists"].value["items"] if is_on_list and parts["lists"] else []
    shown = payloads.encode([g.language, shipment, lists])
    mark = f'"{hashlib.sha256(shown).hexdigest()[:32]}"'
    if request.headers.get("X-Fragment") and request.headers.get("If-None-Match") == mark:
        return Response(status=304, headers={"ETag": mark})
    known = masters()
    units = sum(line["units"] for line in shipment["lines"])
    checked = sum(line["checked"] for line in shipment["lines"])
    page = render_template(
        "warehouse/shipment.html",
        shipment=shipment,
        units=units,
        checked=checked,
        lists=lists,
        last=request.args.get("last", ""),
        steps=STEPS,
        next_step=_next_step(shipment, checked),
        boxes=_boxes(shipment),
        parcels_mark=mark_of_parcels(shipment),
        measures=MEASURES,
        under_way=(shipment["actions"]["print_label"] or {}).get("reason") == "label_not_ready",
        masters=known,
    )
    return Response(page, headers={"ETag": mark})


@blueprint.post(f"{ONE}/scan")
def scan(shipment_id: UUID) -> Any:
    """Check off what was scanned."""

    def check_off() -> Any:
        try:
            return _write_scan("shipping.picking_scan", shipment_id)
        except Refused:
            if next_one := _next_by_number(shipment_id):
                return next_one
            raise

    return _scan("scan", check_off, shipment_id)


@blueprint.post(f"{ONE}/take-back")
def take_back(shipment_id: UUID) -> Any:
    """Take the last scan back: it was a mistake."""
    return _scan(
        "take_back",
        lambda: _write_scan("shipping.picking_take_back_scan", shipment_id),
        shipment_id,
    )


@blueprint.post(f"{ONE}/parcels")
def pack_into_parcels(shipment_id: UUID) -> Any:
    """Say what is in which parcel, how heavy and how large each is."""
    body = {"parcels": _typed_boxes()}

    def write(shown: str | None) -> Any:
        operation = "shipping.picking_pack_into_parcels"
        return g.apis.write(operation, body, key=key(), version=shown, shipment_id=shipment_id)

    # A scan, and the label that arrives, change the shipment too, and no parcel.
    def is_changed() -> bool:
        return mark_of_parcels(_read(shipment_id)) != request.form.get("parcels")

    return _act("parcels", lambda: write_unless(write, is_changed), shipment_id)


@blueprint.post(f"{ONE}/<any({', '.join(STEPS)}):name>")
def do(shipment_id: UUID, name: str) -> Any:
    """One step of the work."""
    body: dict[str, Any] | None = {} if name in WITH_BODY else None
    return _act(
        name,
        lambda: g.apis.write(STEPS[name], body, key=key(), version=version(), shipment_id=shipment_id),
        shipment_id,
    )


@blueprint.post(f"{ONE}/label")
def print_label(shipment_id: UUID) -> Any:
    """Count a print of the label, and show it; the first print closes the parcel."""

    def where(printed: Mapping[str, Any]) -> str:
        if not g.apis.may(CONTENT):
            return _own(shipment_id)
        return url_for("packing.show_label", shipment_id=shipment_id, document_id=printed["document_id"])

    return act(
        "label",
        lambda: g.apis.write(PRINT_LABEL, key=key(), shipment_id=shipment_id),
        lambda: show(shipment_id),
        where,
    )


@blueprint.get(f"{ONE}/label/<uuid:document_id>")
def show_label(shipment_id: UUID, document_id: UUID) -> Response:  # noqa: ARG001 - it is of this shipment
    """The label as it was stored, for the printer."""
    return passed_on(g.apis.stream(CONTENT, document_id=document_id))


def mark_of_parcels(shipment: Mapping[str, Any]) -> str:
    """What is in which parcel and how heavy each is, for the form that changes it."""
    names = ("parcel_id", "contents", *MEASURES)
    packed = [{name: parcel[name] for name in names} for parcel in shipment["parcels"]]
    return hashlib.sha256(payloads.encode(packed)).hexdigest()[:16]


def _scan(form: str, do_it: Callable[[], Any], shipment_id: UUID) -> Any:
    def where(shipment: Mapping[str, Any]) -> str:
        if shipment["shipment_id"] != str(shipment_id):
            return _own(shipment["shipment_id"])
        last = _code() if form == "scan" else None
        return url_for(
            "packing.show", shipment_id=shipment_id, last=last, parcels=request.args.get("parcels")
        )

    return act(form, do_it, lambda: show(shipment_id), where)


def _write_scan(operation: str, shipment_id: UUID) -> Any:
    return g.apis.write(operation, {"code": _code()}, key=key(), shipment_id=shipment_id)


def _next_by_number(shipment_id: UUID) -> Any:
    """The shipment whose paper was scanned, where this one is not begun, is whole, or is no longer packed.

    In the middle of it a paper is a wrong scan like any other.
    """
    shipment = _read(shipment_id)
    checked, units = (sum(line[name] for line in shipment["lines"]) for name in ("checked", "units"))
    is_begun = shipment["actions"]["scan"] is None and 0 < checked < units
    return None if is_begun else only_one(_code())


def _code() -> str:
    return request.form.get("code", "").strip()


def _act(form: str, do_it: Callable[[], Any], shipment_id: UUID) -> Any:
    return act(
        form,
        do_it,
        lambda: show(shipment_id),
        lambda _: _own(shipment_id),
        said=f"done.{form}",
        changes=lambda _: since_in_shipping(_read(shipment_id)["order_id"]),
    )


def _read(shipment_id: UUID) -> Any:
    return g.apis.read("shipping.shipments_get_shipment", shipment_id=shipment_id)


def _own(shipment_id: UUID | str) -> str:
    return url_for("packing.show", shipment_id=shipment_id)


def _next_step(shipment: Mapping[str, Any], checked: int) -> str:
    """The step to be taken now, if the person may; a label before the parcel is closed without one."""
    possible = [name for name, refusal in shipment["actions"].items() if refusal is None]
    order = ["release", "pick", "record_picks", "print_label", "pack", "ship"]
    if shipment["prints"]:  # it is printed, and can be printed again
        order.remove("print_label")
    if "scan" in possible and not checked and "record_picks" not in possible:
        return "scan"
    return next((name for name in order if name in possible), "")


def _boxes(shipment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parcels as the form has them: those there are, and as many more as were asked for."""
    if request.method == "POST" and "parcels.0.weight_grams" in request.form:
        return [box | _as_it_is(shipment, at) for at, box in enumerate(_typed_boxes())]
    known = list(shipment["parcels"])
    asked = whole(request.args.get("parcels", ""))
    wanted = min(asked, MOST_PARCELS) if isinstance(asked, int) and asked else len(known)
    empty = {"parcel_id": "", "contents": [], **dict.fromkeys(MEASURES, 0)}
    boxes = [*known[:wanted], *[dict(empty) for _ in range(wanted - len(known))]]
    if len(boxes) < len(known) and boxes:  # what was in those that go is to be put somewhere
        boxes[0] = boxes[0] | {"contents": []}
    if len(boxes) == 1:
        everything = [{"line_id": line["line_id"], "units": line["units"]} for line in shipment["lines"]]
        boxes[0] = boxes[0] | {"contents": everything}
    return boxes


def _as_it_is(shipment: Mapping[str, Any], at: int) -> dict[str, Any]:
    """What is known of a parcel by now, which somebody may have changed; what was typed is the fault's."""
    known = shipment["parcels"][at] if at < len(shipment["parcels"]) else {}
    return {"parcel_id": known.get("parcel_id", ""), **{name: known.get(name, 0) for name in MEASURES}}


def _typed_boxes() -> list[dict[str, Any]]:
    """The parcels of a filled form; what is no number is the service's to refuse."""
    boxes: dict[int, dict[str, Any]] = {}
    for name, typed in request.form.items():
        if (found := BOX.fullmatch(name)) is None:
            continue
        place, field, line_id = int(found[1]), found[2], found[3]
        box = boxes.setdefault(place, {"contents": []})
        if line_id:
            if typed.strip() not in {"", "0"}:
                box["contents"].append({"line_id": line_id, "units": whole(typed)})
        elif field == "parcel_id":
            box["parcel_id"] = typed or None
        else:
            box[field] = whole(typed or "0")
    return [box for _, box in sorted(boxes.items())]


SCREEN = Screen(blueprint, "packing.show_next", "shipping.shipments_get_shipment", within="warehouse")
