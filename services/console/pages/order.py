"""An order's page: its head, and five tabs that are each an address."""

import hashlib
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from services.console.acting import act, key, passed_on, version
from services.console.apis import SERVICES, Away, Part, Read, read
from services.console.forms.conflicts import since, since_in_shipping, write_to_order
from services.console.forms.order import (
    choices,
    order_values,
    part_form,
    reads_for,
    shipment_values,
    unassigned_values,
)
from services.console.forms.order_acts import (
    ACTS,
    ADDRESS,
    BILLING,
    CONDITIONS,
    NEEDED,
    ORDER_ACTS,
    RETURN_DECISIONS,
    SHIP_UNASSIGNED,
    SHIPMENT_ACTS,
    SHIPMENT_STEPS,
    WANTED_LINES,
    Act,
    body_of,
    places_of,
)
from services.console.markets import masters
from services.console.screens import Screen
from services.console.typed import minor
from shared.web import payloads
from shared.web.problems import Problem

PAGES = {
    "details": "order.show_details",
    "shipment": "order.show_shipments",
    "messages": "order.show_messages",
    "history": "order.show_history",
    "documents": "order.show_documents",
}

blueprint = Blueprint("order", __name__, url_prefix="/orders/<uuid:order_id>")


@blueprint.get("")
def show_details(order_id: UUID) -> Any:
    """What was ordered, by whom, for how much, and what was paid."""
    return show("details", order_id)


@blueprint.get("/shipment")
def show_shipments(order_id: UUID) -> Any:
    """Where the goods are, and what comes back."""
    return show("shipment", order_id)


@blueprint.get("/messages")
def show_messages(order_id: UUID) -> Any:
    """What was written, to whom, and what became of it."""
    return show("messages", order_id)


@blueprint.get("/history")
def show_history(order_id: UUID) -> Any:
    """All that happened, by day."""
    return show("history", order_id)


@blueprint.get("/documents")
def show_documents(order_id: UUID) -> Any:
    """All papers."""
    return show("documents", order_id)


def show(tab: str, order_id: UUID) -> Any:
    """A tab; 304 where the browser shows the same already."""
    g.shown_at = _tab(tab, order_id) if request.method == "POST" else None
    parts = g.apis.together(**_reads(tab, order_id))
    order = parts.pop("order")
    if tab == "shipment" and isinstance(order.fault, Away) and parts["shipments"]:
        return _show_goods(order_id, parts, order)
    if order.fault:
        raise order.fault
    if order.hidden:
        if tab == "shipment" and not parts["shipments"].hidden:
            return _show_goods(order_id, parts)
        raise Problem(403, g.words("faults.403"))
    shown = payloads.encode([g.language, order.value, *map(_state, parts.values())])
    mark = f'"{hashlib.sha256(shown).hexdigest()[:32]}"'
    if request.headers.get("X-Fragment") and request.headers.get("If-None-Match") == mark:
        return Response(status=304, headers={"ETag": mark})
    known = masters()
    shipments = parts["shipments"].value["items"] if parts["shipments"] else []
    page = render_template(
        f"order/{tab}.html",
        tab=tab,
        pages=PAGES,
        order=order.value,
        parts=parts,
        shipments=shipments,
        masters=known,
        zone=known.zone(order.value["market"]),
        looked_at=request.args.get("look", ""),
        order_acts=ORDER_ACTS,
        order_values=order_values(parts, order.value["currency"]),
        next_step=_next_step(order.value, shipments),
        under_way=_under_way(order.value, shipments, parts),
        days=_days(parts.get("history")),
        print_id=request.args.get("print", ""),
        **_forms(order.value, parts),
    )
    answer = Response(page)
    answer.headers["ETag"] = mark
    return answer


def _show_goods(order_id: UUID, parts: dict[str, Part], order: Part | None = None) -> Any:
    """The shipments alone, for who picks and packs and reads no orders, and while orders is away."""
    shipments = parts["shipments"].value["items"] if parts["shipments"] else []
    if parts["shipments"] and not shipments:
        raise Problem(404, g.words("faults.404"))
    known = masters()
    return render_template(
        "order/goods.html",
        order={"order_id": order_id, "currency": ""},
        order_part=Part(hidden=True) if order is None else order,
        parts=parts,
        shipments=shipments,
        masters=known,
        zone=known.zone(shipments[0]["market"] if shipments else ""),
        **_forms(None, parts),
    )


def _forms(order: dict[str, Any] | None, parts: dict[str, Part]) -> dict[str, Any]:
    """What templates need for the forms of an order's page."""
    opened = _opened()
    unassigned = parts["shipments"].value["unassigned"] if parts["shipments"] else []
    return {
        "opened": opened,
        "part_form": part_form(order, parts, opened),
        "shipment_acts": SHIPMENT_ACTS,
        "ship_unassigned": SHIP_UNASSIGNED,
        "unassigned": unassigned,
        "unassigned_values": unassigned_values(unassigned),
        "choices": lambda shipment, market: choices(parts, shipment, market),
        "shipment_values": shipment_values,
        "address_parts": {"address": ADDRESS, "billing": BILLING},
        "needed_parts": NEEDED,
        "return_decisions": RETURN_DECISIONS,
        "conditions": CONDITIONS,
        "wanted_lines": range(WANTED_LINES),
        "services": SERVICES,
    }


def _reads(tab: str, order_id: UUID) -> dict[str, Any]:
    reads = {
        "order": read("orders.orders_show_order", order_id=order_id),
        "shipments": read("shipping.shipments_list_order_shipments", order_id=order_id),
        "conversation": read("notifications.messages_get_conversation", order_id=order_id),
    }
    reads |= {
        name: Read(one.operation, {"order_id": order_id}, one.query)
        for name, one in reads_for(_opened()).items()
    }
    if tab == "details":
        reads["transactions"] = read("orders.payments_list_transactions", order_id=order_id)
        reads["notes"] = read("orders.notes_list_notes", {"limit": 100}, order_id=order_id)
    elif tab == "shipment":
        reads["coming"] = read("shipping.returns_list_order_returns", order_id=order_id)
    elif tab == "messages":
        reads["messages"] = read("notifications.messages_list_messages", {"limit": 100}, order_id=order_id)
        reads["emails"] = read("notifications.emails_list_notifications", order_id=order_id)
    elif tab == "history":
        query = {"limit": 100, "cursor": request.args.get("cursor")}
        reads["history"] = read("orders.history_show_history", query, order_id=order_id)
    elif tab == "documents":
        reads["documents"] = read("documents.documents_list_documents", order_id=order_id)
        if made := _uuid(request.args.get("print", "")):
            reads["print"] = read("documents.prints_get_print", print_id=made)
    return reads


@blueprint.post("/do/<name>")
def do_to_order(order_id: UUID, name: str) -> Any:
    """Do something to the order."""
    wanted = ACTS.get(f"order.{name}")
    if wanted is None:
        return redirect(url_for("order.show_details", order_id=order_id), 303)
    tab = request.form.get("tab", wanted.tab)

    def do() -> Any:
        more: dict[str, Any] = {}
        if name == "pay" and (file := request.files.get("file")) and file.filename:
            stored = g.apis.upload(
                "documents.uploads_upload_document",
                {"kind": "payment_proof"},
                {"file": (file.filename, file.stream, file.mimetype)},
                key=f"{key()}-file",
                order_id=order_id,
            )
            more["document_id"] = stored["document_id"]
        currency = request.form.get("currency", "EUR")
        body = body_of(wanted, request.form, currency)
        if body is not None:
            body |= more
        return write_to_order(wanted.operation, body, order_id)

    return act(
        name,
        do,
        lambda: show(tab, order_id),
        lambda answer: _after(wanted, answer, order_id, tab),
        said=f"done.{name}",
        changes=lambda _: since(order_id),
        place=places_of(wanted, request.form),
    )


@blueprint.post("/do/<name>/<uuid:about>")
def do_to_part(order_id: UUID, name: str, about: UUID) -> Any:
    """Do something to a part of the order: a delivery, a payment, a refund, a return, a paper."""
    wanted = ACTS.get(f"part.{name}")
    if wanted is None:
        return redirect(url_for("order.show_details", order_id=order_id), 303)
    body = body_of(wanted, request.form, request.form.get("currency", "EUR"))
    if wanted.is_in_body and body is not None:
        body[wanted.about] = str(about)
    return act(
        f"{name}-{about}",
        lambda: write_to_order(wanted.operation, body, order_id, **{wanted.about: about}),
        lambda: show(wanted.tab, order_id),
        lambda answer: _after(wanted, answer, order_id),
        said=f"done.{name}",
        changes=lambda _: since(order_id),
        place=places_of(wanted, request.form),
    )


@blueprint.post("/shipments/unassigned")
def ship_unassigned(order_id: UUID) -> Any:
    """Make a shipment of what is in none."""
    return act(
        SHIP_UNASSIGNED.name,
        lambda: g.apis.write(
            SHIP_UNASSIGNED.operation,
            body_of(SHIP_UNASSIGNED, request.form, ""),
            key=key(),
            order_id=order_id,
        ),
        lambda: show("shipment", order_id),
        lambda _: _tab("shipment", order_id),
        said="done.ship_unassigned",
        place=places_of(SHIP_UNASSIGNED, request.form),
    )


@blueprint.post("/shipments/<uuid:shipment_id>/<name>")
def do_to_shipment(order_id: UUID, shipment_id: UUID, name: str) -> Any:
    """Do something to one of its shipments."""
    wanted = ACTS.get(f"shipment.{name}")
    if wanted is None:
        return redirect(_tab("shipment", order_id), 303)
    return act(
        f"{name}-{shipment_id}",
        lambda: g.apis.write(
            wanted.operation,
            body_of(wanted, request.form, ""),
            key=key(),
            version=version(),
            shipment_id=shipment_id,
            **{part: request.form.get(part, "") for part in wanted.path},
        ),
        lambda: show(request.form.get("tab", "shipment"), order_id),
        lambda _: _tab(request.form.get("tab", "shipment"), order_id),
        said=f"done.{name}",
        changes=lambda _: since_in_shipping(order_id),
        place=places_of(wanted, request.form),
    )


@blueprint.post("/shipments/<uuid:shipment_id>/parcels/<uuid:parcel_id>/tracking")
def enter_tracking(order_id: UUID, shipment_id: UUID, parcel_id: UUID) -> Any:
    """Enter or correct who carries a parcel, and under which number."""
    names = ("carrier", "tracking_number", "tracking_url")
    body = {name: text for name in names if (text := request.form.get(name, "").strip()) or name == "carrier"}
    return act(
        f"tracking-{parcel_id}",
        lambda: g.apis.write(
            "shipping.tracking_enter_tracking",
            body,
            version=version(),
            shipment_id=shipment_id,
            parcel_id=parcel_id,
        ),
        lambda: show("shipment", order_id),
        lambda _: _tab("shipment", order_id),
        said="done.tracking",
        changes=lambda _: since_in_shipping(order_id),
    )


@blueprint.post("/holds/<uuid:hold_id>/release")
def release_hold(order_id: UUID, hold_id: UUID) -> Any:
    """Lift one hold."""
    return act(
        "release_hold",
        lambda: write_to_order("orders.holds_release_hold", None, order_id, hold_id=hold_id),
        lambda: show("details", order_id),
        lambda _: _tab("details", order_id),
        said="done.release_hold",
        changes=lambda _: since(order_id),
    )


@blueprint.post("/refunds/<uuid:refund_id>/settle")
def settle_refund(order_id: UUID, refund_id: UUID) -> Any:
    """Note that a refund was paid out."""
    return act(
        f"settle-{refund_id}",
        lambda: g.apis.write(
            "orders.refunds_settle_refund",
            {"reference": request.form.get("reference", "")},
            key=key(),
            order_id=order_id,
            refund_id=refund_id,
        ),
        lambda: show("details", order_id),
        lambda _: _tab("details", order_id),
        said="done.settle",
    )


@blueprint.post("/discrepancies/<uuid:discrepancy_id>/<any(record, ignore):name>")
def decide_discrepancy(order_id: UUID, discrepancy_id: UUID, name: str) -> Any:
    """Count what the gateway told, or set it aside."""
    form = request.form
    amount = minor(form.get("amount_minor", "").strip(), form.get("currency", "EUR"))
    operation, body = {
        "record": ("orders.discrepancies_record_discrepancy", {"amount_minor": amount}),
        "ignore": ("orders.discrepancies_ignore_discrepancy", {"reason": form.get("reason", "")}),
    }[name]
    return act(
        f"{name}-{discrepancy_id}",
        lambda: g.apis.write(operation, body, key=key(), discrepancy_id=discrepancy_id),
        lambda: show("details", order_id),
        lambda _: _tab("details", order_id),
        said="done.discrepancy",
    )


@blueprint.post("/returns/<uuid:return_id>/<any(approve, reject, withdraw, dismiss):name>")
def decide_return(order_id: UUID, return_id: UUID, name: str) -> Any:
    """Decide about what a customer wants to send back, or end it without anything."""
    operation, field = RETURN_DECISIONS[name]
    text = request.form.get(field, "").strip() if field else ""
    body = {field: text} if field and (text or name != "approve") else ({} if field else None)
    return act(
        f"{name}-{return_id}",
        lambda: g.apis.write(operation, body, key=key(), order_id=order_id, return_id=return_id),
        lambda: show("shipment", order_id),
        lambda _: _tab("shipment", order_id),
        said="done.return_decided",
    )


@blueprint.post("/messages/write")
def write_message(order_id: UUID) -> Any:
    """Write to the customer, or for colleagues alone."""
    body: dict[str, Any] = {"text": request.form.get("text", ""), "internal": "internal" in request.form}
    return act(
        "write",
        lambda: g.apis.write("notifications.messages_post_message", body, key=key(), order_id=order_id),
        lambda: show("messages", order_id),
        lambda _: _tab("messages", order_id),
        said="done.write",
    )


@blueprint.post("/messages/read")
def mark_read(order_id: UUID) -> Any:
    """Note that what the customer wrote was read."""
    return act(
        "mark_read",
        lambda: g.apis.write("notifications.messages_mark_read", key=key(), order_id=order_id),
        lambda: show("messages", order_id),
        lambda _: _tab("messages", order_id),
        said="done.mark_read",
    )


@blueprint.post("/messages/no-answer-needed")
def need_no_answer(order_id: UUID) -> Any:
    """Take the order out of the queue of the unanswered."""
    return act(
        "no_answer",
        lambda: g.apis.write("notifications.messages_need_no_answer", key=key(), order_id=order_id),
        lambda: show("messages", order_id),
        lambda _: _tab("messages", order_id),
        said="done.no_answer",
    )


@blueprint.get("/emails/<uuid:email_id>")
def email(order_id: UUID, email_id: UUID) -> Response:  # noqa: ARG001 - the address says whose it is
    """An e-mail as its reader saw it, to be shown in a frame."""
    return passed_on(g.apis.stream("notifications.emails_show_email", email_id=email_id))


@blueprint.post("/emails/<uuid:email_id>/resend")
def resend_email(order_id: UUID, email_id: UUID) -> Any:
    """Send an e-mail once more."""
    return act(
        f"resend-{email_id}",
        lambda: g.apis.write("notifications.emails_resend_email", key=key(), email_id=email_id),
        lambda: show("messages", order_id),
        lambda _: _tab("messages", order_id),
        said="done.resend",
    )


@blueprint.post("/documents/<any(upload, make, invoice, send, 'try-again'):name>")
def do_to_documents(order_id: UUID, name: str) -> Any:
    """Have a paper made, sent to the customer or tried again; put a file to them."""
    form, about = request.form, request.form.get("document_id", "")
    kind = {"kind": form.get("kind", "")}

    def do() -> Any:
        if name == "upload":
            file = request.files.get("file")
            sent = {"file": (file.filename or "file", file.stream, file.mimetype)} if file else {}
            upload = "documents.uploads_upload_document"
            return g.apis.upload(upload, kind, sent, key=key(), order_id=order_id)
        operation, body, path = {
            "make": ("documents.documents_request_document", kind, "order_id"),
            "invoice": ("documents.documents_issue_invoices", None, "order_id"),
            "send": ("notifications.emails_send_paper", {"document_id": about}, "order_id"),
            "try-again": ("documents.documents_try_again", None, "document_id"),
        }[name]
        which = {path: order_id if path == "order_id" else about}
        return g.apis.write(operation, body, key=key(), **which)

    return act(
        name,
        do,
        lambda: show("documents", order_id),
        lambda _: _tab("documents", order_id),
        said=f"done.{name.replace('-', '_')}",
    )


@blueprint.post("/documents/print")
def print_papers(order_id: UUID) -> Any:
    """Have the ticked papers put together in one file, which is there in seconds."""
    wanted = {"kind": "documents", "document_ids": request.form.getlist("document_ids")}
    return act(
        "print",
        lambda: g.apis.write("documents.prints_make_print", wanted, key=key()),
        lambda: show("documents", order_id),
        lambda made: f"{url_for(PAGES['documents'], order_id=order_id, print=made['print_id'])}#print",
    )


@blueprint.get("/documents/<uuid:document_id>/content")
def paper(order_id: UUID, document_id: UUID) -> Response:  # noqa: ARG001 - the address says whose it is
    """The bytes of a paper."""
    return passed_on(g.apis.stream("documents.documents_get_content", document_id=document_id))


def _after(done: Act, answer: Any, order_id: UUID, tab: str = "") -> str:
    """Where an act leads: an exchange to the new order, ordering again to its cart, the rest to its tab."""
    if done.name == "reorder":
        return url_for("drafts.show", draft_id=answer["draft_id"])
    if done.name == "exchange_return":
        return url_for("order.show_details", order_id=answer["order_id"])
    return _tab(tab or done.tab, order_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _tab(tab: str, order_id: UUID) -> str:
    return url_for(PAGES.get(tab, PAGES["details"]), order_id=order_id)


def _opened() -> str:
    """The form that somebody asked for: of a refused one, that."""
    fault = g.get("fault")
    return str(fault.form) if fault else request.args.get("act", "")


def _state(part: Part) -> Any:
    return part.value if part else [part.hidden, type(part.fault).__name__]


def _next_step(order: dict[str, Any], shipments: list[dict[str, Any]]) -> tuple[str, Any] | None:
    """The one thing to do next, as the services' `actions` have it: of the order, or of a shipment."""
    actions = order["actions"]
    if actions.get("accept", True) is None:
        return "order", next(one for one in ORDER_ACTS if one.name == "accept")
    waits = actions.get("accept") or {}
    if waits.get("reason") == "payment_not_recorded" and actions.get("record_payment", True) is None:
        return "order", next(one for one in ORDER_ACTS if one.name == "pay")
    for step in SHIPMENT_STEPS:
        for shipment in shipments:
            if step in shipment["actions"] and shipment["actions"][step] is None:
                return "shipment", (shipment, next(one for one in SHIPMENT_ACTS if one.name == step))
    return None


def _under_way(order: dict[str, Any], shipments: list[dict[str, Any]], parts: dict[str, Part]) -> bool:
    """Whether something is being done that ends by itself, soon."""
    papers = parts["documents"].value["items"] if parts.get("documents") else []
    emails = parts["emails"].value["items"] if parts.get("emails") else []
    return bool(
        order["status"] == "cancelling"
        or (order["awaiting"] is None and order["status"] == "placed")
        or any(paper["status"] in {"due", "numbered"} and not paper["unprintable"] for paper in papers)
        or any(email["status"] == "queued" for email in emails)
        or (parts.get("print") and parts["print"].value["status"] == "due")
        or any(
            refusal and refusal["reason"] == "label_not_ready"
            for shipment in shipments
            for refusal in shipment["actions"].values()
        )
    )


def _days(history: Part | None) -> list[tuple[str, list[Any]]]:
    """A page of the history by the day it happened on."""
    days: dict[str, list[Any]] = {}
    for entry in history.value["items"] if history else ():
        days.setdefault(entry["at"][:10], []).append(entry)
    return list(days.items())


SCREEN = Screen(blueprint, "order.show_details", "orders.orders_show_order", within="orders")
