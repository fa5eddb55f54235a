"""What the forms of an order's page are about, what may be chosen on them, and what they are filled with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request

from services.console import showing
from services.console.apis import Part, Read, read
from services.console.forms.order_acts import PART_ACTS, WANTED_LINES, Act
from services.console.markets import masters

Thing = Mapping[str, Any]
MOST_CHOICES = 100


@dataclass(frozen=True)
class PartForm:
    """The form of an act on a part of the order."""

    act: Act
    about: str  # the part's id
    name: str  # how people call it
    version: int | None  # of the order, where it is the order's
    lines: list[dict[str, Any]] = field(default_factory=list)
    values: Mapping[str, Any] = field(default_factory=dict)


def reads_for(opened: str) -> dict[str, Read]:
    """What else is to be read for the form that is open."""
    name = opened.partition("-")[0]
    reads = {}
    if name == "pay":
        reads["transactions"] = read("orders.payments_list_transactions")
    if name in {"relocate", "take_back", "edit_shipment", "receive_return"}:
        reads["locations"] = read("shipping.locations_list_locations", {"limit": MOST_CHOICES})
    if name == "assign_courier":
        reads["couriers"] = read("shipping.carriers_list_couriers", {"limit": MOST_CHOICES})
    return reads


def part_form(order: Thing | None, parts: Mapping[str, Part], opened: str) -> PartForm | None:
    """The open form of a part of the order, if there is such a part, and the person may."""
    name, _, about = opened.partition("-")
    act = next((one for one in PART_ACTS if one.name == name), None)
    if act is None or not g.apis.may(act.operation):
        return None
    found = next((one for one in _parts(act, order, parts) if about in _ids(act, one)), None)
    if found is None:
        return None
    make = _FORMS.get(name, lambda *_: {})
    version = order["version"] if order and act.operation.startswith("orders.") else None
    return PartForm(
        act, about, **{"name": _name(act, found, order), "version": version, **make(found, order)}
    )


def choices(parts: Mapping[str, Part], shipment: Thing | None, market: str) -> dict[str, Any]:
    """What may be chosen for a shipment, by the group that a field asks for.

    Of what are too many for a list, or not for the person to read, there are none: the code is typed then.
    """
    methods = masters().markets.get(market, {}).get("shipping_methods", {})
    places = list(_all(parts, "locations"))
    found = {
        "locations": [(one["code"], one["name"]) for one in places],
        "own_locations": [(one["code"], one["name"]) for one in places if one["may_change"]],
        "methods": [(code, masters().method_name(market, code, g.language)) for code in methods],
        "couriers": [],
        "unsigned": [],
    }
    if shipment:
        found["couriers"] = [
            (one["code"], one["name"])
            for one in _all(parts, "couriers")
            if one["seller"] == shipment["seller"] and (one["active"] or one["code"] == shipment["courier"])
        ]
        found["unsigned"] = [
            (one["kind"], g.words.of("appointment", one["kind"]))
            for one in shipment["appointments"]
            if not one["signed_at"]
        ]
    return found


def shipment_values(act: Act, shipment: Thing) -> dict[str, Any]:
    """What the form of a shipment is filled with."""
    values: dict[str, Any] = {"address": shipment["address"] or {}}
    if act.name == "take_back":
        values["location"] = shipment["location"]
    elif act.name == "assign_courier":
        values |= {"courier": shipment["courier"] or "", "note": shipment["courier_note"]}
    elif act.name in {"schedule", "sign_appointment"}:
        kind = request.values.get("kind", "")
        values["kind"] = kind
        for one in shipment["appointments"]:
            if one["kind"] == kind:
                zone = masters().zone(shipment["market"])
                values["starts"], values["ends"] = (
                    _clock(one[name], zone) for name in ("starts_at", "ends_at")
                )
                values["note"] = one["note"]
    return values


def unassigned_values(lines: Iterable[Thing]) -> dict[str, Any]:
    """Of what is in no shipment, all that goes to the place of the first of it."""
    rest = list(lines)
    return {
        f"line-{line['line_id']}": line["quantity"]
        for line in rest
        if line["group_id"] == rest[0]["group_id"]
    }


def order_values(parts: Mapping[str, Part], currency: str) -> dict[str, Any]:
    """What the forms of the order itself are filled with: the payment that is awaited."""
    awaited = next((one for one in _items(parts, "transactions") if one["state"] == "pending"), None)
    return {"amount_minor": showing.amount(awaited["amount_minor"], currency)} if awaited else {}


def _parts(act: Act, order: Thing | None, parts: Mapping[str, Part]) -> Iterable[Thing]:
    if act.name == "receive_return":
        return _items(parts, "coming")
    if act.about == "document_id":
        return _items(parts, "documents")
    if act.about == "payment_id":
        return _items(parts, "transactions")
    named = {"delivery_group_id": "delivery_groups", "refund_id": "refunds", "return_id": "returns"}
    return order[named[act.about]] if order else ()


def _ids(act: Act, part: Thing) -> tuple[Any, ...]:
    names = {"delivery_group_id": "group_id", "payment_id": "transaction_id"}
    return (part[names.get(act.about, act.about)],)


def _name(act: Act, part: Thing, order: Thing | None) -> str:
    """How people call a part, with its amount where there is one."""
    if act.about == "document_id":
        paper = f"{g.words.of('paper', part['kind'])} {part['number'] or part['filename']}"
        return paper.strip()
    named = part.get("number") or part.get("order_number") or (order["number"] if order else "")
    if "amount_minor" not in part or order is None:
        return str(named)
    return f"{named} · {showing.money(part['amount_minor'], order['currency'], g.language)}"


def _readdressed(group: Thing, _order: Thing) -> dict[str, Any]:
    return {"values": {"address": group["address"] or {}}}


def _returned(one: Thing, order: Thing) -> dict[str, Any]:
    """The units of a return that money may be given for."""
    names = {line["line_id"]: line["name"] for line in order["lines"]}
    came = "received_quantity" if one["received_at"] else "requested_quantity"
    return {
        "lines": [
            {
                "line_id": line["line_id"],
                "sku": line["sku"],
                "name": names.get(line["line_id"], ""),
                "quantity": line[came],
            }
            for line in one["lines"]
        ]
    }


def _exchanged(one: Thing, order: Thing) -> dict[str, Any]:
    """The same goods again, which is what most want."""
    values: dict[str, Any] = {}
    for at, line in enumerate(_returned(one, order)["lines"][:WANTED_LINES]):
        values |= {f"wanted-{at}-sku": line["sku"], f"wanted-{at}-quantity": line["quantity"]}
    return {"values": values}


def _received(one: Thing, _order: Thing | None) -> dict[str, Any]:
    return {"lines": one["lines"], "values": {"location": one["location"]}}


def _corrected(_paper: Thing, order: Thing) -> dict[str, Any]:
    return {
        "values": {
            "billing": order["billing_address"] or {},
            "vat_number": order["customer"]["vat_number"] or "",
        }
    }


_FORMS: Mapping[str, Any] = {
    "readdress": _readdressed,
    "refund_return": _returned,
    "exchange_return": _exchanged,
    "receive_return": _received,
    "correct_invoice": _corrected,
}


def _items(parts: Mapping[str, Part], name: str) -> list[dict[str, Any]]:
    part = parts.get(name)
    found: list[dict[str, Any]] = part.value["items"] if part else []
    return found


def _all(parts: Mapping[str, Part], name: str) -> list[dict[str, Any]]:
    part = parts.get(name)
    return [] if part and part.value["next"] else _items(parts, name)


def _clock(instant: str, zone: str) -> str:
    """What a market's clocks show at an instant, as a field for a date and a time takes it."""
    return f"{datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"
