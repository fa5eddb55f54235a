"""The pickup counter: what waits to be fetched, found by its number, handed over for the customer's code."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, g, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import read
from services.console.forms.bulk_acts import key_of
from services.console.forms.conflicts import since_in_shipping
from services.console.markets import masters
from services.console.pages.warehouse import choices_of_filters, reads_for_filters
from services.console.screens import Screen

PAGE = 50
SUGGESTED = 5  # orders that a name is looked for in
FETCHED = ("collect", "hand_over")  # how goods are given over at a counter

blueprint = Blueprint("counter", __name__, url_prefix="/warehouse/counter")

# What is done at the counter: its operation, and what it is sent of the form.
ACTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "collect": ("shipping.handovers_collect_shipment", ("code", "name")),
    "hand_over": ("shipping.handovers_hand_over_shipment", ("name", "note")),
    "renew_code": ("shipping.handovers_renew_code", ()),
    "put_back": ("shipping.shipments_cancel_shipment", ("reason",)),
}


@blueprint.get("")
def show() -> Any:
    """What waits at a location, what is due first before the rest; and what was found by a number."""
    number = request.args.get("number", "").strip()
    if not number:
        return _page()
    found = _found(number)
    if len(found) == 1:
        return _page(found[0], number=number)
    page = _page(number=number, found=found)
    return page if found else Response(page, 404)


@blueprint.get("/<uuid:shipment_id>")
def show_shipment(shipment_id: UUID) -> str:
    """One of them, to be handed over."""
    return _page(_read(shipment_id))


@blueprint.post("/<uuid:shipment_id>/<any(collect, hand_over, renew_code, put_back):name>")
def do(shipment_id: UUID, name: str) -> Any:
    """Hand it over, have another code sent, or put back on the shelf what nobody fetched."""
    operation, fields = ACTS[name]
    body = {field: request.form.get(field, "").strip() for field in fields}
    # Another code, or another name, is another try; the same form sent twice is one.
    own_key = key_of(key() or "", list(body.values()))
    return act(
        name,
        lambda: g.apis.write(
            operation, body or None, key=own_key, version=version(), shipment_id=shipment_id
        ),
        lambda: _page(_read(shipment_id)),
        lambda _: (
            _address("counter.show_shipment", shipment_id=shipment_id)
            if name == "renew_code"
            else _address("counter.show")
        ),
        said="counter.was_put_back" if name == "put_back" else f"done.{name}",
        changes=lambda _: since_in_shipping(_read(shipment_id)["order_id"]),
    )


def _page(opened: Mapping[str, Any] | None = None, *, number: str = "", found: Any = None) -> str:
    filters = {name: text for name in ("seller", "location") if (text := request.args.get(name, "").strip())}
    query = {"kind": "pickup", "limit": PAGE, "cursor": request.args.get("cursor")}
    parts = g.apis.together(
        waiting=read("shipping.queues_list_queue", filters | query, name="ready_to_ship"),
        **reads_for_filters(),
    )
    if parts["waiting"].hidden:
        abort(403)
    choices = choices_of_filters(parts)
    return render_template(
        "warehouse/counter.html",
        waiting=parts["waiting"],
        opened=opened,
        number=number,
        found=found,
        filters=filters,
        choices={name: options for name, options in choices.items() if name != "method"},
        fetched=FETCHED,
        masters=masters(),
        addressed=_address,
    )


def _found(number: str) -> list[dict[str, Any]]:
    """The shipments that are meant: ready ones before others; by the customer's name for who reads orders."""
    wanted = {"number": number, "limit": PAGE}
    found = _shipments(wanted | {"status": "ready"}) or _shipments(wanted)
    if found or not g.apis.may("orders.lists_list_orders"):
        return found
    query = {"search": number, "fulfilment": "ready", "limit": SUGGESTED}
    orders = g.apis.together(orders=read("orders.lists_list_orders", query))["orders"]
    if not orders:
        return []
    of_orders = g.apis.together(
        **{
            one["order_id"]: read("shipping.shipments_list_order_shipments", order_id=one["order_id"])
            for one in orders.value["items"]
        }
    )
    return [
        shipment
        for part in of_orders.values()
        if part
        for shipment in part.value["items"]
        if any(shipment["actions"][name] is None for name in FETCHED)
    ]


def _shipments(query: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = g.apis.read("shipping.shipments_list_shipments", query)["items"]
    return found


def _read(shipment_id: UUID) -> Any:
    return g.apis.read("shipping.shipments_get_shipment", shipment_id=shipment_id)


def _address(endpoint: str, **more: Any) -> str:
    """An address of these pages that keeps whose counter it is."""
    kept = {name: text for name in ("seller", "location") if (text := request.args.get(name))}
    return url_for(endpoint, **kept | more)


SCREEN = Screen(
    blueprint, "counter.show", "shipping.queues_list_queue", "counter.title", "store", within="warehouse"
)
