"""What can be done to many orders or shipments at once, and the lists on which they are ticked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Response, abort, current_app, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from services.console.acting import fault_of
from services.console.apis import BULK_SECONDS, Away, Part, Refused, read
from services.console.forms.order_acts import REASON, Input, tags_of

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
    steps: tuple[str, ...] = ()  # of the warehouse, on whose lists it is offered

    @property
    def operations(self) -> tuple[str, ...]:
        """All that it takes."""
        return (self.operation, PRINT) if self.name == "labels" else (self.operation,)

    def body(self, form: MultiDict[str, str], named: Mapping[str, Any]) -> dict[str, Any]:
        """What the operation is sent of a filled form, for those that are named."""
        given = {one.name: form.get(one.name, "").strip() for one in self.inputs}
        if self.name == "tag":
            return {**named} | {name: tags_of(text) for name, text in given.items()}
        return {**named, **given, **self.extra}


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


def do(act: BulkAct, form: MultiDict[str, str], named: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Do it to each: a row for each order or shipment, and the prints that were asked for.

    Raises Refused and Away; sent again under its key it goes on where it stopped.
    """
    body = act.body(form, named)
    answer: dict[str, Any] = g.apis.write(act.operation, body, key=key, seconds=BULK_SECONDS)
    prints = []
    if act.name == "labels":
        labels = [label for row in answer["items"] if row["done"] for label in row["label_document_ids"]]
        for start in range(0, len(labels), MOST):
            wanted = {"kind": "documents", "document_ids": labels[start : start + MOST]}
            prints.append(g.apis.write(PRINT, wanted, key=f"{key}.{start}")["print_id"])
    elif act.operation == PRINT:
        prints.append(answer["print_id"])
        rows = answer["orders"] or answer["shipments"]
        done = sum(row["done"] for row in rows)
        answer = {"items": rows, "done": done, "not_done": len(rows) - done}
    return answer | {"act": act.name, "prints": prints}


def key_of(shown: str, ticked: Sequence[str]) -> str:
    """The key of a form that was shown once and may be sent, after Back, for others too."""
    return hashlib.sha256(" ".join([shown, *sorted(ticked)]).encode()).hexdigest()


@dataclass(frozen=True)
class BulkList:
    """A list whose rows are ticked, to do the same to each; `ask_bulk` and `do_bulk` are its views."""

    blueprint: str
    listed: str  # the endpoint of the list
    label: str  # the key of its name
    words: str  # the group of the words of what is done
    tick: str  # what a ticked row is sent as
    ticked: str  # the key of the name of its box
    acts: Mapping[str, BulkAct]

    def act(self, name: str) -> BulkAct:
        """One of what can be done; there is no page of any other."""
        wanted = self.acts.get(name)
        if wanted is None:
            abort(404)
        return wanted

    def back(self) -> str:
        """The address of the list that something was asked for on; of nothing else."""
        given, own = request.values.get("back", ""), url_for(self.listed)
        return given if given == own or given.startswith(f"{own}?") else own

    def ask(
        self, wanted: BulkAct, ticked: list[str], found: dict[str, Any] | None = None, status: int = 200
    ) -> Any:
        """What is about to be done, and to how many; with what it needs to know."""
        if not ticked:
            flash(f"{self.words}.none")
            return redirect(self.back(), 303)
        g.shown_at = self.back() if request.method == "POST" else None
        page = render_template(
            "parts/bulk.html", list=self, act=wanted, ticked=ticked, found=found, most=MOST, back=self.back()
        )
        return Response(page, status)

    def do(
        self, wanted: BulkAct, ticked: list[str], named: Mapping[str, Any], known: Mapping[str, Any]
    ) -> Any:
        """Do it to each that is named; the list that it was asked for on then says what became of each.

        `known` is what the list has said of each, by the id of its row.
        """
        key = key_of(request.form.get("key", ""), ticked)
        try:
            result = do(wanted, request.form, named, key)
        except (Refused, Away) as error:
            g.fault = fault_of("bulk", error)
            return self.ask(wanted, ticked, status=g.fault.status)
        result["items"] = [row | known.get(row.get("shipment_id", ""), {}) for row in result["items"]]
        kept = current_app.extensions["console.sessions"].keep_result(g.person.subject, result)
        back = urlsplit(self.back())
        query = {name: values for name, values in parse_qs(back.query).items() if name != "result"}
        query |= {"result": [kept]}
        return redirect(f"{back.path}?{urlencode(query, doseq=True)}#result", 303)


def result_of_bulk() -> dict[str, Any] | None:
    """What became of a bulk, for whoever asked for it."""
    place = request.args.get("result")
    if not place:
        return None
    found: dict[str, Any] | None = current_app.extensions["console.sessions"].result(g.person.subject, place)
    return found


def prints_of(result: Mapping[str, Any] | None) -> dict[str, Part]:
    """How far the files are that a bulk asked for."""
    wanted = (result or {}).get("prints", ())
    found: dict[str, Part] = g.apis.together(
        **{one: read("documents.prints_get_print", print_id=one) for one in wanted}
    )
    return found
