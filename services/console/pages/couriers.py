"""Couriers: what is given to whom, and the run of one with what became of each delivery."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, render_template, request, url_for

from services.console.acting import act, given, key, version
from services.console.apis import read
from services.console.forms.conflicts import since_in_shipping
from services.console.forms.many import done_to_each, kept_result
from services.console.markets import masters
from services.console.pages.warehouse import choices_of_filters, reads_for_filters
from services.console.screens import Screen

PAGE = 50
MOST_COURIERS = 100
ASSIGN = "shipping.carriers_assign_courier"
SHIP = "shipping.shipments_ship_shipment"

blueprint = Blueprint("couriers", __name__, url_prefix="/warehouse/couriers")

RUN = "/<string(maxlength=100):seller>/<string(maxlength=40):code>"
# What becomes of a delivery, by the word of its `actions`: the operation, and what it is sent of the form.
ACTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "deliver": ("shipping.handovers_deliver_shipment", ("name", "note")),
    "sign": ("shipping.handovers_sign_shipment", ("name", "note")),
    "fail": ("shipping.handovers_fail_shipment", ("reason",)),
    "resend": ("shipping.handovers_resend_shipment", ()),
}
SAID = {"resend": "done.resend_shipment"}


@blueprint.get("")
def show_all() -> str:
    """A seller's couriers, and what is ready to be given to them."""
    couriers = g.apis.together(
        couriers=read("shipping.carriers_list_couriers", {"limit": MOST_COURIERS}), **reads_for_filters()
    )
    if couriers["couriers"].hidden:
        abort(403)
    known = couriers["couriers"].value["items"] if couriers["couriers"] else []
    sellers = sorted({one["seller"] for one in known})
    seller = request.args.get("seller") or next(iter(sellers), "")
    location = request.args.get("location", "").strip()
    query = {
        "kind": "delivery",
        "seller": seller,
        "location": location,
        "cursor": request.args.get("cursor"),
        "limit": PAGE,
    }
    reads = {"ready": read("shipping.queues_list_queue", query, name="ready_to_ship")} if seller else {}
    parts = g.apis.together(**reads)
    own = [one for one in known if one["seller"] == seller]
    return render_template(
        "warehouse/couriers.html",
        couriers=couriers["couriers"],
        own=own,
        names={one["code"]: one["name"] for one in own},
        active=[(one["code"], one["name"]) for one in own if one["active"]],
        ready=parts.get("ready"),
        sellers=[(one, masters().seller_name(one)) for one in sellers],
        seller=seller,
        locations=choices_of_filters(couriers).get("location", ()),
        location=location,
        result=kept_result(),
        may_assign=g.apis.may(ASSIGN),
        masters=masters(),
        addressed=_addressed,
    )


@blueprint.post("/assign")
def assign() -> Any:
    """Give the ticked shipments to a courier of their seller, or to nobody."""
    body = {
        "courier": request.form.get("courier", "").strip() or None,
        "note": request.form.get("note", "").strip(),
    }

    def do(shipment_id: str, own_key: str) -> Any:
        return g.apis.write(ASSIGN, body, key=own_key, shipment_id=shipment_id)

    ids = request.form.getlist("shipment")
    return done_to_each("assign_courier", ids, do, show_all, _addressed, inputs=("courier", "note"))


@blueprint.get(RUN)
def show_run(seller: str, code: str) -> str:
    """What a courier has to deliver, with all that it takes at the door."""
    query = {"limit": PAGE, "cursor": request.args.get("cursor")}
    parts = g.apis.together(
        courier=read("shipping.carriers_get_courier", seller=seller, code=code),
        run=read("shipping.carriers_list_deliveries", query, seller=seller, code=code),
    )
    if (fault := parts["courier"].fault) is not None:
        raise fault
    if parts["courier"].hidden:
        abort(403)
    deliveries = parts["run"].value["items"] if parts["run"] else []
    return render_template(
        "warehouse/run.html",
        courier=parts["courier"].value,
        run=parts["run"],
        to_send=[one for one in deliveries if one["actions"]["ship"] is None and g.apis.may(SHIP)],
        acts={name: operation for name, (operation, _) in ACTS.items()},
        result=kept_result(),
        own=_run(seller, code),
        masters=masters(),
    )


@blueprint.post(f"{RUN}/set-off")
def set_off(seller: str, code: str) -> Any:
    """Note that what was ready has left with its courier."""

    def do(shipment_id: str, own_key: str) -> Any:
        return g.apis.write(SHIP, {}, key=own_key, shipment_id=shipment_id)

    ids = request.form.getlist("shipment")
    return done_to_each("ship", ids, do, lambda: show_run(seller, code), lambda: _run(seller, code))


@blueprint.post(f"{RUN}/<uuid:shipment_id>/<any(deliver, sign, fail, resend):name>")
def do_to_delivery(seller: str, code: str, shipment_id: UUID, name: str) -> Any:
    """Note what became of a delivery."""
    operation, fields = ACTS[name]
    body = given(*fields)
    return act(
        f"{name}-{shipment_id}",
        lambda: g.apis.write(operation, body, key=key(), version=version(), shipment_id=shipment_id),
        lambda: show_run(seller, code),
        lambda _: _run(seller, code),
        said=SAID.get(name, f"done.{name}"),
        changes=lambda _: since_in_shipping(_order_of(shipment_id)),
    )


def _order_of(shipment_id: UUID) -> Any:
    return g.apis.read("shipping.shipments_get_shipment", shipment_id=shipment_id)["order_id"]


def _run(seller: str, code: str) -> str:
    return url_for("couriers.show_run", seller=seller, code=code)


def _addressed(**changes: Any) -> str:
    """The list as it is shown, with some of it changed."""
    query: dict[str, Any] = {
        name: request.args.get(name) for name in ("seller", "location", "cursor")
    } | changes
    return url_for("couriers.show_all", **{name: value for name, value in query.items() if value})


SCREEN = Screen(
    blueprint,
    "couriers.show_all",
    "shipping.carriers_list_couriers",
    "couriers.title",
    "bike",
    within="warehouse",
)
