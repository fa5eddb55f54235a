"""Goods that come back: returns that are expected and parcels nobody took, counted in by their condition."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import Read, read
from services.console.forms.conflicts import since_in_shipping
from services.console.forms.order_acts import ACTS, CONDITIONS, body_of, places_of
from services.console.pages.warehouse import MOST_CHOICES
from services.console.screens import Screen

PAGE = 50
FORM = "inspect"
RESTOCKED = "sellable"

blueprint = Blueprint("returns", __name__, url_prefix="/warehouse/returns")

# What is counted in: the act of the order's page, how it is read, and how the address calls its id.
KINDS = {
    "receive_return": (ACTS["part.receive_return"], "shipping.returns_get_return", "return_id"),
    "take_back": (ACTS["shipment.take_back"], "shipping.shipments_get_shipment", "shipment_id"),
}


@blueprint.get("")
def show() -> str:
    """What is to come back, the oldest first, or what a number means; or one of it, to be counted in."""
    return _page(_asked())


@blueprint.post("")
def count_in() -> Any:
    """Say what will become of each unit; and when that was confirmed have it done."""
    opened = _asked() or abort(404)
    wanted, _, about = KINDS[opened["name"]]
    body = body_of(wanted, request.form, "") or {}
    if "sure" not in request.form and (summary := _summary(opened["lines"], body)) is not None:
        return _page(opened, summary)
    return act(
        FORM,
        lambda: g.apis.write(
            wanted.operation, body, key=key(), version=version(), **{about: opened["about"]}
        ),
        lambda: _page(_asked()),
        lambda _: url_for("returns.show"),
        said=f"done.{opened['name']}",
        place=places_of(wanted, request.form),
        changes=lambda _: since_in_shipping(opened["order_id"]),
    )


def _page(opened: Mapping[str, Any] | None = None, summary: Any = None) -> str:
    number = request.args.get("number", "").strip()
    page = {"number": number, "limit": PAGE, "cursor": request.args.get("cursor")}
    reads = {
        "expected": read("shipping.returns_list_returns", page),
        "undeliverable": _undeliverable(number),
    }
    if opened:
        reads["locations"] = read("shipping.locations_list_locations", {"limit": MOST_CHOICES})
    parts = g.apis.together(**reads)
    if parts["expected"].hidden:
        abort(403)
    locations = parts["locations"].value["items"] if opened and parts["locations"] else []
    places = [(one["code"], one["name"]) for one in locations if one["may_change"]]
    return render_template(
        "warehouse/returns.html",
        parts=parts,
        number=number,
        cursor=page["cursor"],
        opened=opened,
        summary=summary,
        options={"own_locations": places},
        places=dict(places),
        may_count_in={name: g.apis.may(act.operation) for name, (act, _, _) in KINDS.items()},
        conditions=CONDITIONS,
        restocked=RESTOCKED,
    )


def _undeliverable(number: str) -> Read:
    """What carriers and couriers could not deliver; all of it, or what a number means."""
    query = {"status": "undeliverable", "limit": PAGE}
    if number:
        return read("shipping.shipments_list_shipments", query | {"number": number})
    return read("shipping.queues_list_queue", query, name="in_transit")


def _asked() -> dict[str, Any] | None:
    """What the address has on the table, in the same words whoever brought it back; None for nothing."""
    name, _, about = request.args.get("open", "").partition("-")
    if name not in KINDS:
        return None
    wanted, operation, about_name = KINDS[name]
    try:
        found = g.apis.read(operation, **{about_name: UUID(about)})
    except ValueError:
        abort(404)
    is_here = (
        found["status"] == "expected" if name == "receive_return" else found["actions"]["take_back"] is None
    )
    return {
        "act": replace(wanted, name=FORM),
        "name": name,
        "about": about,
        "number": found.get("number") or found["order_number"],
        "order_id": found["order_id"],
        "lines": found["lines"],
        "version": found["version"],
        "values": request.form if request.method == "POST" else {"location": found["location"]},
        "is_open": is_here,
    }


def _summary(lines: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """What becomes of each line's units; None of what the service is to refuse."""
    found: list[dict[str, Any]] = body.get("found", [])
    if not body.get("location") or not all(isinstance(one["quantity"], int) for one in found):
        return None
    rows = []
    for line in lines:
        counted = {
            condition: sum(
                one["quantity"]
                for one in found
                if (one["line_id"], one["condition"]) == (line["line_id"], condition)
            )
            for condition in CONDITIONS
        }
        missing = line["quantity"] - sum(counted.values())
        if missing < 0:
            return None
        rows.append({"name": line["name"], "sku": line["sku"], "counted": counted, "missing": missing})
    return rows


SCREEN = Screen(
    blueprint,
    "returns.show",
    "shipping.returns_list_returns",
    "coming.title",
    "package-open",
    within="warehouse",
)
