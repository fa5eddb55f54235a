"""What can be done to many orders at once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import g, url_for
from werkzeug.datastructures import MultiDict

from services.console.apis import BULK_SECONDS
from services.console.pages.order_acts import REASON, Input, tags_of

MOST = 500  # orders, as the APIs take them; and papers in one file
PRINT = "documents.prints_make_print"


@dataclass(frozen=True)
class BulkAct:
    """One button of the bulk bar."""

    name: str  # its words are bulk.<name>
    operation: str
    inputs: tuple[Input, ...] = ()
    tone: str = ""  # danger: can't be undone
    extra: Mapping[str, Any] = field(default_factory=dict)  # sent along

    @property
    def operations(self) -> tuple[str, ...]:
        """All that it takes."""
        return (self.operation, PRINT) if self.name == "labels" else (self.operation,)

    def body(self, form: MultiDict[str, str], order_ids: Sequence[str]) -> dict[str, Any]:
        """What the operation is sent of a filled form."""
        given = {one.name: form.get(one.name, "").strip() for one in self.inputs}
        if self.name == "tag":
            return {"order_ids": order_ids} | {name: tags_of(text) for name, text in given.items()}
        return {"order_ids": order_ids, **given, **self.extra}


ACTS: Mapping[str, BulkAct] = {
    act.name: act
    for act in (
        BulkAct("accept", "orders.bulk_accept_orders"),
        BulkAct("release", "shipping.bulk_release_shipments"),
        BulkAct("labels", "shipping.bulk_print_labels"),
        BulkAct("slips", PRINT, extra={"kind": "documents", "paper": "packing_slip"}),
        BulkAct("hold", "orders.bulk_hold_orders", (Input("reason", required=True, hint="hold_reason"),)),
        BulkAct("tag", "orders.bulk_tag_orders", (Input("add", hint="tags"), Input("remove", hint="tags"))),
        BulkAct("refuse", "orders.bulk_refuse_orders", (REASON,), "danger"),
        BulkAct("cancel", "orders.bulk_cancel_orders", (REASON,), "danger", {"confirm": True}),
    )
}


# Where the next step of a reason is done: a page of the order, and the form that is to be open on it.
NEXT: Mapping[str, tuple[str, str]] = {
    "payment_not_recorded": ("order.show_details", "pay"),
    "on_hold": ("order.show_details", ""),
    "order_not_accepted": ("order.show_details", ""),
    "not_accepted": ("order.show_details", ""),
    "awaiting_inventory": ("order.show_shipments", ""),
    "label_not_ready": ("order.show_shipments", ""),
    "not_released": ("order.show_shipments", ""),
    "not_picked": ("order.show_shipments", ""),
    "check_incomplete": ("order.show_shipments", ""),
    "already_shipped": ("order.show_shipments", ""),
    "no_shipment": ("order.show_shipments", ""),
    "no_such_paper": ("order.show_documents", ""),
    "not_stored": ("order.show_documents", ""),
}


# A label wants its goods picked: what is to be done before, by the stage that the shipment is at.
BEFORE_A_LABEL = {"inventory_assigned": "not_released", "released": "not_picked"}


def next_step(act: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """What to do about a row that was not done, as the key of its words, and where."""
    reason = row["reason"]
    if act == "labels" and reason == "wrong_status":
        reason = BEFORE_A_LABEL.get(row.get("facts", {}).get("shipment_status", ""), reason)
    endpoint, form = NEXT.get(reason, ("order.show_details", ""))
    is_for_others = form == "pay" and not g.apis.may("orders.payments_record_payment")
    words = "next.open" if is_for_others or reason not in NEXT else f"next.{reason}"
    if not form or is_for_others:
        return words, url_for(endpoint, order_id=row["order_id"])
    return words, f"{url_for(endpoint, order_id=row['order_id'], act=form)}#act"


def do(act: BulkAct, form: MultiDict[str, str], order_ids: Sequence[str]) -> dict[str, Any]:
    """Do it to each: a row for each order or each of its shipments, and the prints that were asked for.

    Raises Refused and Away; sent again under its key it goes on where it stopped.
    """
    key = key_of(form.get("key", ""), order_ids)
    answer: dict[str, Any] = g.apis.write(
        act.operation, act.body(form, order_ids), key=key, seconds=BULK_SECONDS
    )
    prints = []
    if act.name == "labels":
        labels = [label for row in answer["items"] if row["done"] for label in row["label_document_ids"]]
        for start in range(0, len(labels), MOST):
            wanted = {"kind": "documents", "document_ids": labels[start : start + MOST]}
            prints.append(g.apis.write(PRINT, wanted, key=f"{key}.{start}")["print_id"])
    elif act.operation == PRINT:
        prints.append(answer["print_id"])
        done = sum(row["done"] for row in answer["orders"])
        answer = {"items": answer["orders"], "done": done, "not_done": len(order_ids) - done}
    return answer | {"act": act.name, "prints": prints}


def key_of(shown: str, order_ids: Sequence[str]) -> str:
    """The key of a form that was shown once and may be sent, after Back, for other orders too."""
    return hashlib.sha256(" ".join([shown, *sorted(order_ids)]).encode()).hexdigest()
