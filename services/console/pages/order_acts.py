"""What a person can do to an order and what belongs to it: the forms, and how each becomes a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import get_currency_precision
from werkzeug.datastructures import MultiDict


@dataclass(frozen=True)
class Input:
    """One field of a form; its words are fields.<name>."""

    name: str
    kind: str = "text"  # text, textarea, choice, check, amount, units, url, datetime-local, number
    required: bool = False
    group: str = ""  # of a choice: the group of words whose codes are chosen from; or what the page knows
    hint: str = ""


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


REASON = Input("reason", "textarea", required=True)
DELIVERED_TO = (Input("name"), Input("note", "textarea"))

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
# The steps of a shipment in their order, then what else may happen to it.
SHIPMENT_STEPS = ("release", "pick", "pack", "ship", "hand_over", "provide", "collect", "deliver", "sign")
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
        "fail",
        "shipping.handovers_fail_shipment",
        "fail",
        (Input("reason", "choice", required=True, group="fail_reason"),),
    ),
    Act("renew_code", "shipping.handovers_renew_code", "renew_code"),
    Act(
        "split",
        "shipping.regrouping_split_shipment",
        "split",
        (Input("lines", "units"),),
    ),
    Act(
        "merge",
        "shipping.regrouping_merge_shipments",
        "merge",
        (Input("shipment_id", "choice", required=True, group="others"),),
    ),
    Act(
        "relocate",
        "shipping.regrouping_relocate_shipment",
        "relocate",
        (Input("location", required=True),),
    ),
    Act("delete", "shipping.shipments_cancel_shipment", "cancel", (REASON,), tone="danger"),
)
ACTS = {f"order.{act.name}": act for act in ORDER_ACTS} | {
    f"shipment.{act.name}": act for act in SHIPMENT_ACTS
}


def body_of(act: Act, form: MultiDict[str, str], currency: str) -> dict[str, Any] | None:
    """What the operation is sent of a filled form; None where it takes nothing."""
    body: dict[str, Any] = dict(act.extra)
    for one in act.inputs:
        text = form.get(one.name, "").strip()
        if one.kind == "units":
            body[one.name] = [
                {"line_id": name.removeprefix("line-"), "quantity": _whole(value)}
                for name, value in form.items()
                if name.startswith("line-") and value.strip() not in {"", "0"}
            ]
        elif one.kind == "check":
            body[one.name] = one.name in form
        elif one.kind == "amount":
            if text:
                body[one.name] = minor(text, currency)
        elif one.kind != "file" and (text or one.required):
            body[one.name] = text
    if act.name == "refund":
        _say_what_is_refunded(body)
    if act.name == "tag":
        gone = body.get("remove")
        body = {"add": tags_of(body.get("add", "")), "remove": [gone] if gone else []}
    return body if act.inputs or act.extra else None


def minor(text: str, currency: str) -> Any:
    """An amount as people type it, in minor units; what is none as it is, for the service to refuse."""
    try:
        return int(Decimal(text.replace(",", ".")).scaleb(get_currency_precision(currency)))
    except (InvalidOperation, ValueError):
        return text


def tags_of(text: str) -> list[str]:
    """Tags as people type several: with a comma between; one may have blanks in it."""
    return [tag for part in text.split(",") if (tag := part.strip())]


def _whole(text: str) -> Any:
    return int(text) if text.strip().isdecimal() else text


def _say_what_is_refunded(body: dict[str, Any]) -> None:
    what = body.pop("what", "")
    if what in {"everything", "overpayment"}:
        body[what] = True
        body.pop("amount_minor", None)
    if what == "overpayment":
        body.pop("restock", None)
