"""Changing a placed order: what it would come to, and then the change."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template, request, url_for

from services.console.acting import act, fault_of, shown_again
from services.console.apis import Away, Refused
from services.console.forms.conflicts import since, write_to_order
from services.console.forms.order_acts import ADDRESS, NEEDED, address_of
from services.console.markets import masters
from services.console.screens import Screen
from services.console.typed import minor, whole

PERSON = ("name", "email", "phone", "company", "vat_number")
PRICES = "prices:write"  # the scope that an edit needs beside its own for the way an order is taxed
NEW_LINES = 2

blueprint = Blueprint("edit", __name__, url_prefix="/orders/<uuid:order_id>/edit")


@blueprint.get("")
def show(order_id: UUID, preview: Any = None) -> str:
    """The order as a form, filled with what was typed if there is something."""
    order = g.apis.read("orders.orders_show_order", order_id=order_id)
    return render_template(
        "order/edit.html",
        order=order,
        preview=preview,
        typed=request.form if request.method == "POST" else None,
        address_fields=ADDRESS,
        person_fields=PERSON,
        new_lines=range(NEW_LINES),
        may_tax=order["taxation"] is not None and PRICES in g.person.scopes,
        masters=masters(),
    )


@blueprint.post("")
def change(order_id: UUID) -> Any:
    """Show what the change would make of the order, or make it."""
    order = g.apis.read("orders.orders_show_order", order_id=order_id)
    body = _edited(order)
    if request.form.get("do") == "preview":
        try:
            preview = write_to_order("orders.edits_preview_edit", body, order_id)
        except (Refused, Away) as error:
            fault = fault_of("edit", error, lambda _: since(order_id), _places(order))
            return shown_again(fault, lambda: show(order_id))
        return show(order_id, preview)
    return act(
        "edit",
        lambda: write_to_order("orders.edits_edit_order", body, order_id),
        lambda: show(order_id),
        lambda _: url_for("order.show_details", order_id=order_id),
        said="done.edit",
        changes=lambda _: since(order_id),
        place=_places(order),
    )


def _edited(order: dict[str, Any]) -> dict[str, Any]:
    """What of the order was changed on the form, as the API takes it; what stayed is not sent."""
    form, currency = request.form, order["currency"]
    body: dict[str, Any] = {"reason": form.get("reason", "").strip()}
    person = {name: form.get(f"customer-{name}", "").strip() for name in PERSON}
    if changed := {name: text for name, text in person.items() if text != (order["customer"][name] or "")}:
        body["customer"] = changed
    billing = _address("billing-", order["billing_address"])
    if billing is not None:
        body["billing_address"] = billing
    groups = [_group(at, group) for at, group in enumerate(order["delivery_groups"])]
    if any(changed for _, changed in groups):
        body["delivery_groups"] = [group for group, _ in groups]
    lines = _lines(order, currency)
    if lines is not None:
        body["lines"] = lines
    codes = [code for typed in form.get("coupons", "").split(",") if (code := typed.strip().upper())]
    if codes != order["coupons"]:
        body["coupons"] = codes
    if "treatment" in form and (tax := _tax(order)) is not None:
        body["tax"] = tax
    return body


def _tax(order: dict[str, Any]) -> dict[str, Any] | None:
    """The treatment that was chosen in place of the one that the order has; None where it is the same."""
    before = order["taxation"]["override"] or {"treatment": "", "exemption": ""}
    chosen = {name: request.form.get(name, "").strip() for name in ("treatment", "exemption")}
    if chosen == {name: before[name] for name in chosen}:
        return None
    return chosen | {"treatment": chosen["treatment"] or None}


def _places(order: dict[str, Any]) -> Callable[[str], str]:
    """Where on the form stands what the API says something of."""
    lines = _shown_lines(order)

    def place(field: str) -> str:
        head, *rest = field.split(".")
        if head == "billing_address":
            return f"billing-{rest[-1]}" if rest else field
        if head == "customer":
            return f"customer-{rest[-1]}" if rest else field
        if head == "delivery_groups" and rest:
            return f"group-{rest[0]}-{rest[-1]}"
        if head == "lines" and rest and rest[0].isdecimal() and int(rest[0]) < len(lines):
            names = {"unit_price_minor": "price", "quantity": "quantity"}
            start = lines[int(rest[0])]
            return f"{start}-{'sku' if start.startswith('new') else names.get(rest[-1], 'quantity')}"
        return rest[-1] if head == "tax" and rest else field

    return place


def _shown_lines(order: dict[str, Any]) -> list[str]:
    """How the fields of each line that was sent begin."""
    form = request.form
    kept = [f"line-{line['line_id']}" for line in order["lines"]]
    kept = [start for start in kept if form.get(f"{start}-quantity", "").strip() != "0"]
    return kept + [f"new-{at}" for at in range(NEW_LINES) if form.get(f"new-{at}-sku", "").strip()]


def _address(start: str, before: dict[str, Any] | None) -> dict[str, str] | None:
    """An address as it was typed; None where it is the one that was there."""
    typed = address_of(request.form, start, ADDRESS)
    if typed == {name: (before or {}).get(name) or "" for name in ADDRESS}:
        return None
    return {name: text for name, text in typed.items() if text or name in NEEDED}


def _group(at: int, group: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    kept: dict[str, Any] = {"group_id": group["group_id"]}
    changed = False
    wanted = request.form.get(f"group-{at}-requested_on", "").strip()
    if wanted and wanted != group["requested_on"]:
        kept["requested_on"], changed = wanted, True
    if group["address"] and (address := _address(f"group-{at}-", group["address"])) is not None:
        kept["address"], changed = address, True
    return kept, changed


def _lines(order: dict[str, Any], currency: str) -> list[dict[str, Any]] | None:
    """All lines, if any was changed, taken out or added."""
    form, changed, lines = request.form, False, []
    groups = {group["group_id"]: at for at, group in enumerate(order["delivery_groups"])}
    for line in order["lines"]:
        place = f"line-{line['line_id']}"
        quantity = form.get(f"{place}-quantity", "").strip() or str(line["quantity"])
        price = minor(form.get(f"{place}-price", "").strip(), currency)
        if quantity == "0":
            changed = True
            continue
        kept: dict[str, Any] = {"line_id": line["line_id"], "delivery_group": groups[line["group_id"]]}
        kept["quantity"] = whole(quantity)
        if price not in {"", line["unit_price_minor"]}:
            kept["unit_price_minor"], changed = price, True
        changed = changed or kept["quantity"] != line["quantity"]
        lines.append(kept)
    for at in range(NEW_LINES):
        if sku := form.get(f"new-{at}-sku", "").strip():
            quantity = form.get(f"new-{at}-quantity", "").strip() or "1"
            lines.append({"sku": sku, "quantity": whole(quantity)})
            changed = True
    return lines if changed else None


SCREEN = Screen(blueprint, "edit.show", "orders.edits_edit_order", within="orders")
