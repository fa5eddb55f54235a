"""What a person can do to an order and what belongs to it: the forms, and how each becomes a request."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from services.console.typed import minor, whole

ADDRESS = ("name", "company", "line1", "line2", "postcode", "city", "region", "country", "phone")
BILLING = ADDRESS[:-1]  # a bill tells nobody's telephone
NEEDED = ("name", "line1", "city", "country")  # of an address; whether a postcode is, the service says
CONDITIONS = ("sellable", "used", "damaged")
WANTED_LINES = 3  # of an exchange: as many different goods
UNSENT: Any = object()


@dataclass(frozen=True)
class Input:
    """One field of a form; its words are fields.<name>."""

    name: str
    # text, textarea, choice, check, amount, url, datetime-local, file; address and billing: a field for each
    # of its parts; and of several lines: units of each, found: as what each came back, wanted: other goods.
    kind: str = "text"
    required: bool = False
    group: str = ""  # of a choice: the group of words whose codes are chosen from; or what the page knows
    hint: str = ""
    empty: str = ""  # of a choice: the word of `choices` for none of them
    label: str = ""  # the word of `fields` for it, where its name has another
    cleared: bool = False  # sent empty too, which says that there is none


@dataclass(frozen=True)
class Act:
    """Something to be done, by one operation."""

    name: str  # its words are acts.<name>
    operation: str
    action: str = ""  # the key of the answer's `actions` that says whether it is possible; none: it always is
    inputs: tuple[Input, ...] = ()
    tab: str = "details"
    tone: str = ""  # danger: asks once more
    money: bool = False  # says what it is about, in figures
    extra: Mapping[str, Any] = field(default_factory=dict)  # sent along
    rare: bool = False  # of a shipment: stands in its menu
    path: tuple[str, ...] = ()  # inputs that are named in the operation's address
    about: str = ""  # of a part of the order: how the operation calls its id
    is_in_body: bool = False  # that id is sent in the body, not in the address


REASON = Input("reason", "textarea", required=True)
DELIVERED_TO = (Input("name"), Input("note", "textarea"))
LOCATION = Input("location", "choice", required=True, group="locations")
# Goods are taken in where the person may change the stock.
TAKES_IN = Input("location", "choice", required=True, group="own_locations")
FOUND = (TAKES_IN, Input("found", "found", hint="found"))

ORDER_ACTS = (
    Act("accept", "orders.orders_accept_order", "accept"),
    Act(
        "pay",
        "orders.payments_record_payment",
        "record_payment",
        (
            Input("amount_minor", "amount", hint="pay_amount"),
            Input("reference", hint="pay_reference"),
            Input("file", "file", hint="pay_file"),
        ),
        money=True,
    ),
    Act("hold", "orders.holds_place_hold", "hold", (Input("reason", required=True, hint="hold_reason"),)),
    Act(
        "refund",
        "orders.refunds_request_refund",
        "refund",
        (
            REASON,
            Input("what", "choice", required=True, group="refund_what"),
            Input("amount_minor", "amount", hint="refund_amount"),
            Input("restock", "check"),
        ),
        tone="danger",
        money=True,
    ),
    Act(
        "return",
        "orders.returns_request_return",
        "request_return",
        (
            Input("reason", "choice", required=True, group="return_reason"),
            Input("note", "textarea"),
            Input("lines", "units"),
        ),
        tab="shipment",
    ),
    Act("note", "orders.notes_add_note", "", (Input("text", "textarea", required=True),)),
    Act("tag", "orders.notes_tag_order", "", (Input("add"), Input("remove"))),
    Act(
        "correct_customer",
        "orders.orders_correct_customer",
        "",
        (
            Input("email", hint="correct_email"),
            Input("phone"),
            Input("name"),
            Input("company"),
            REASON,
            Input("keep_links", "check"),
        ),
    ),
    Act("revoke_links", "orders.orders_revoke_links"),
    Act("reorder", "orders.drafts_reorder"),
    Act("refuse", "orders.orders_refuse_order", "refuse", (REASON,), tone="danger", money=True),
    Act(
        "cancel_lines",
        "orders.orders_cancel_order",
        "cancel_lines",
        (REASON, Input("lines", "units")),
        tone="danger",
        money=True,
        extra={"confirm": True},
    ),
    Act(
        "cancel",
        "orders.orders_cancel_order",
        "cancel",
        (REASON,),
        tone="danger",
        money=True,
        extra={"confirm": True},
    ),
)
# What is done to a part of the order: a delivery, a payment, a refund, a return, a paper.
PART_ACTS = (
    Act(
        "readdress",
        "orders.orders_readdress",
        # The same stands against it as against an edit; once accepted, the address is the shipment's.
        "edit",
        (Input("address", "address", required=True), Input("add_to_address_book", "check")),
        about="delivery_group_id",
        is_in_body=True,
    ),
    Act(
        "void_payment",
        "orders.payments_void_payment",
        inputs=(REASON,),
        tone="danger",
        money=True,
        about="payment_id",
    ),
    Act(
        "withdraw_refund",
        "orders.refunds_withdraw_refund",
        inputs=(REASON,),
        tone="danger",
        money=True,
        about="refund_id",
    ),
    Act(
        "refund_return",
        "orders.returns_refund_return",
        "refund",
        (
            Input("reason", "textarea", hint="return_reason"),
            Input("lines", "units", hint="all_that_came"),
            Input("deducted_minor", "amount", hint="deducted"),
            Input("shipping_minor", "amount", hint="return_shipping", label="return_shipping"),
        ),
        tab="shipment",
        tone="danger",
        money=True,
        about="return_id",
    ),
    Act(
        "exchange_return",
        "orders.returns_exchange_return",
        "refund",  # the same stands against both: one or the other is given for the goods
        (
            Input("lines", "wanted", hint="exchange"),
            Input("payment_method", "choice", group="payment_method", empty="as_ordered", hint="difference"),
        ),
        tab="shipment",
        money=True,
        about="return_id",
    ),
    Act(
        "receive_return",
        "shipping.returns_receive_return",
        inputs=(*FOUND, Input("note", "textarea")),
        tab="shipment",
        about="return_id",
    ),
    Act(
        "correct_invoice",
        "documents.documents_correct_invoice",
        inputs=(
            REASON,
            Input("vat_number", cleared=True),
            Input("billing", "billing", hint="correct_billing"),
        ),
        tab="documents",
        tone="danger",
        about="document_id",
    ),
    Act(
        "remove_upload",
        "documents.uploads_remove_upload",
        inputs=(REASON,),
        tab="documents",
        tone="danger",
        about="document_id",
    ),
)
# What is decided of a return in a line: its operation, and the field that says why or what is told.
RETURN_DECISIONS = {
    "approve": ("orders.returns_approve_return", "answer"),
    "reject": ("orders.returns_reject_return", "answer"),
    "dismiss": ("orders.returns_dismiss_return", "reason"),
    "withdraw": ("orders.returns_withdraw_return", ""),
}
# The steps of a shipment in their order, then what else may happen to it.
SHIPMENT_STEPS = ("release", "pick", "pack", "ship", "hand_over", "provide", "collect", "deliver", "sign")
SHIP_UNASSIGNED = Act(
    "ship_unassigned",
    "shipping.regrouping_ship_unassigned",
    inputs=(Input("lines", "units", hint="unassigned"),),
    tab="shipment",
)
SHIPMENT_ACTS = (
    Act("release", "shipping.shipments_release_shipment", "release"),
    Act("pick", "shipping.shipments_pick_shipment", "pick"),
    Act("print_label", "shipping.shipments_print_label", "print_label"),
    Act("pack", "shipping.shipments_pack_shipment", "pack"),
    Act(
        "ship",
        "shipping.shipments_ship_shipment",
        "ship",
        (Input("carrier", hint="carrier"), Input("tracking_number"), Input("tracking_url", "url")),
    ),
    Act("hand_over", "shipping.handovers_hand_over_shipment", "hand_over", DELIVERED_TO),
    Act(
        "provide",
        "shipping.handovers_provide_shipment",
        "provide",
        (Input("download_url", "url", required=True),),
    ),
    Act(
        "collect",
        "shipping.handovers_collect_shipment",
        "collect",
        (Input("code", required=True), Input("name", required=True)),
    ),
    Act("deliver", "shipping.handovers_deliver_shipment", "deliver", DELIVERED_TO),
    Act("sign", "shipping.handovers_sign_shipment", "sign", DELIVERED_TO),
    Act(
        "resend_shipment",
        "shipping.handovers_resend_shipment",
        "resend",
        (Input("address", "address", hint="resend"),),
    ),
    Act("take_back", "shipping.handovers_take_back_shipment", "take_back", FOUND),
    Act(
        "assign_courier",
        "shipping.carriers_assign_courier",
        "assign_courier",
        (
            Input("courier", "choice", required=True, group="couriers", empty="nobody"),
            Input("note", "textarea", hint="courier_note"),
        ),
        rare=True,
    ),
    Act(
        "schedule",
        "shipping.appointments_schedule_appointment",
        "schedule",
        (
            Input("kind", "choice", required=True, group="appointment"),
            Input("starts", "datetime-local", required=True, hint="market_time"),
            Input("ends", "datetime-local", required=True),
            Input("note", "textarea"),
        ),
        rare=True,
        path=("kind",),
    ),
    Act(
        "sign_appointment",
        "shipping.appointments_sign_appointment",
        # Offered at each appointment that nobody has signed for yet.
        inputs=(
            Input("kind", "choice", required=True, group="unsigned"),
            Input("name", required=True, hint="signer"),
        ),
        path=("kind",),
    ),
    Act(
        "fail",
        "shipping.handovers_fail_shipment",
        "fail",
        (Input("reason", "choice", required=True, group="fail_reason"),),
        rare=True,
    ),
    Act("renew_code", "shipping.handovers_renew_code", "renew_code", rare=True),
    Act(
        "edit_shipment",
        "shipping.regrouping_edit_shipment",
        "edit",
        (
            Input("method", "choice", group="methods", empty="unchanged", label="delivery_method"),
            Input("pickup_point", "choice", group="locations", empty="unchanged", hint="pickup_point"),
            Input("address", "address"),
        ),
        rare=True,
    ),
    Act(
        "split",
        "shipping.regrouping_split_shipment",
        "split",
        (Input("lines", "units"),),
        rare=True,
    ),
    Act(
        "merge",
        "shipping.regrouping_merge_shipments",
        "merge",
        (Input("shipment_id", "choice", required=True, group="others"),),
        rare=True,
    ),
    # The same stands against it as against cutting the shipment up.
    Act("relocate", "shipping.regrouping_relocate_shipment", "split", (LOCATION,), rare=True),
    Act("reject", "shipping.regrouping_reject_shipment", "reject", (REASON,), rare=True),
    Act("delete", "shipping.shipments_cancel_shipment", "cancel", (REASON,), tone="danger", rare=True),
)
ACTS = (
    {f"order.{act.name}": act for act in ORDER_ACTS}
    | {f"shipment.{act.name}": act for act in SHIPMENT_ACTS}
    | {f"part.{act.name}": act for act in PART_ACTS}
)


def body_of(act: Act, form: MultiDict[str, str], currency: str) -> dict[str, Any] | None:
    """What the operation is sent of a filled form; None where it takes nothing."""
    body: dict[str, Any] = dict(act.extra)
    for one in act.inputs:
        if one.name not in act.path and (value := _sent(one, form, currency)) is not UNSENT:
            body[one.name] = value
    if act.name == "refund":
        _say_what_is_refunded(body)
    if act.name == "tag":
        gone = body.get("remove")
        body = {"add": tags_of(body.get("add", "")), "remove": [gone] if gone else []}
    if act.name == "ship_unassigned" and not body["lines"]:
        body = {}  # all of it
    return body if act.inputs or act.extra else None


def _sent(one: Input, form: MultiDict[str, str], currency: str) -> Any:
    """What is sent of a field; UNSENT where nothing is."""
    text = form.get(one.name, "").strip()
    if one.kind in ROWS:
        return [row for _, row in ROWS[one.kind](form)]
    if one.kind == "check":
        return one.name in form
    if one.kind in {"address", "billing"}:
        return _address(one, form)
    if one.kind == "amount":
        return minor(text, currency) if text else UNSENT
    if one.empty and one.required:
        return text or None  # nobody
    is_sent = one.kind != "file" and (text or one.required or (one.cleared and one.name in form))
    return text if is_sent else UNSENT


def places_of(act: Act, form: MultiDict[str, str]) -> Callable[[str], str]:
    """Where on the form stands what a service calls by its place in a list: `lines.1.quantity`."""
    names = {
        f"{one.name}.{at}": name
        for one in act.inputs
        if one.kind in ROWS
        for at, (name, _) in enumerate(ROWS[one.kind](form))
    }

    def place(field: str) -> str:
        row = ".".join(field.split(".")[:2])
        if row not in names:
            return field
        return names[row].replace("-sku", "-quantity") if field.endswith(".quantity") else names[row]

    return place


def _units(form: MultiDict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each line so many; each with the name of its field."""
    for name, value in form.items():
        if name.startswith("line-") and value.strip() not in {"", "0"}:
            yield name, {"line_id": name.removeprefix("line-"), "quantity": whole(value)}


def _found(form: MultiDict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each line so many in each condition."""
    for name, value in form.items():
        if name.startswith("found-") and value.strip() not in {"", "0"}:
            line_id, _, condition = name.removeprefix("found-").rpartition("-")
            yield name, {"line_id": line_id, "condition": condition, "quantity": whole(value)}


def _wanted(form: MultiDict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """So many of each SKU."""
    for at in range(WANTED_LINES):
        if sku := form.get(f"wanted-{at}-sku", "").strip():
            quantity = form.get(f"wanted-{at}-quantity", "").strip() or "1"
            yield f"wanted-{at}-sku", {"sku": sku, "quantity": whole(quantity)}


ROWS: Mapping[str, Callable[[MultiDict[str, str]], Iterator[tuple[str, dict[str, Any]]]]] = {
    "units": _units,
    "found": _found,
    "wanted": _wanted,
}


def address_of(form: Mapping[str, str], start: str, parts: tuple[str, ...]) -> dict[str, str]:
    """An address as somebody typed it, its parts under names that start alike; a country in capitals."""
    typed = {part: form.get(f"{start}{part}", "").strip() for part in parts}
    return typed | {"country": typed["country"].upper()}


def _address(one: Input, form: MultiDict[str, str]) -> Any:
    """An address; UNSENT where none was typed, or the one that was there before."""
    typed = address_of(form, f"{one.name}.", BILLING if one.kind == "billing" else ADDRESS)
    is_same = " | ".join(typed.values()) == form.get(f"{one.name}.was")
    if not one.required and (is_same or not any(typed.values())):
        return UNSENT
    return {part: text for part, text in typed.items() if text or part in NEEDED}


def tags_of(text: str) -> list[str]:
    """Tags as people type several: with a comma between; one may have blanks in it."""
    return [tag for part in text.split(",") if (tag := part.strip())]


def _say_what_is_refunded(body: dict[str, Any]) -> None:
    what = body.pop("what", "")
    if what in {"everything", "overpayment"}:
        body[what] = True
        body.pop("amount_minor", None)
    if what == "overpayment":
        body.pop("restock", None)
