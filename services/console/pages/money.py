"""Money: the bank's statements worked line by line, refunds paid out, who owes and who paid too much."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, render_template, request, url_for

from services.console.acting import act, given, key
from services.console.apis import read
from services.console.forms.many import done_to_each, kept_result
from services.console.markets import Masters, masters
from services.console.screens import Screen

blueprint = Blueprint("money", __name__, url_prefix="/money")

LINES_A_PAGE = 50
ORDERS_A_PAGE = 50
SUGGESTED = 5  # orders for a line of a statement
# The queue first, then what became of the others; as the API names them.
STATES = ("open", "new", "matched", "assigned", "ignored")
ORDERS = {
    "owed": {"status": ["placed", "accepted", "completed"], "payment_state": ["unpaid", "partly_paid"]},
    "overpaid": {"payment_state": ["overpaid"]},
}
# What can be done to many lines at once, by the state that they are in: the operation, and what it asks.
LINE_ACTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "open": ("set_aside", "orders.banking_ignore_line", ("reason",)),
    "ignored": ("reopen", "orders.banking_reopen_line", ()),
}
TABS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "lines": ("money.show_lines", {}),
    "statements": ("money.show_statements", {}),
    "refunds": ("money.show_refunds", {}),
    "payments": ("money.show_payments", {}),
    "owed": ("money.show_orders", {"what": "owed"}),
    "overpaid": ("money.show_orders", {"what": "overpaid"}),
    "told": ("money.show_told", {}),
}
LINE = "/lines/<uuid:line_id>"
KEPT = ("seller", "state", "statement", "cursor")  # of the list of lines, whatever is done on it


@blueprint.get("")
def show_lines() -> str:
    """Lines of a seller's account in one state, and one of them to be worked on."""
    known = masters()
    seller = request.args.get("seller") or next(iter(known.sellers), "")
    state = request.args.get("state", STATES[0])
    if state not in STATES:
        abort(404)
    statement = _uuid("statement")
    of = {"seller": seller, "statement_id": statement}
    page = {"state": state, "limit": LINES_A_PAGE, "cursor": request.args.get("cursor")}
    reads = {
        "lines": read("orders.banking_list_lines", of | page),
        "counts": read("orders.banking_count_lines", of),
    }
    if statement:
        reads["statement"] = read("orders.banking_show_statement", statement_id=statement)
    parts = g.apis.together(**(reads if seller else {}))
    if seller and parts["lines"].hidden:
        abort(403)
    items = parts["lines"].value["items"] if parts.get("lines") else []
    line = request.args.get("line", "")
    opened = next((one for one in items if one["line_id"] == line), None)
    kept: dict[str, Any] = {"seller": seller}
    kept |= {name: value for name in KEPT if (value := request.args.get(name))}
    return render_template(
        "money/lines.html",
        parts=parts,
        seller=seller,
        state=state,
        states=STATES,
        statement=statement,
        opened=opened,
        following=_following(items, opened),
        suggested=_suggested(opened) if opened and opened["state"] == "open" else {},
        acts=_line_acts(state),
        result=kept_result(),
        addressed=_addressed,
        kept=kept,
        to_line=lambda name: url_for(f"money.{name}", line_id=line, line=line, **kept),
        to_lines=url_for("money.do_to_lines", which=state, **kept) if state in LINE_ACTS else "",
        **_common(known),
    )


@blueprint.get("/statements")
def show_statements() -> str:
    """The statements that were read, newest first, and the form for another one."""
    known = masters()
    seller = request.args.get("seller") or next(iter(known.sellers), "")
    query = {"seller": seller, "cursor": request.args.get("cursor"), "limit": LINES_A_PAGE}
    parts = g.apis.together(
        **({"statements": read("orders.banking_list_statements", query)} if seller else {})
    )
    if seller and parts["statements"].hidden:
        abort(403)
    return render_template(
        "money/statements.html",
        parts=parts,
        seller=seller,
        currencies=[(one, one) for one in sorted({market["currency"] for market in known.markets.values()})],
        seller_names=known.seller_names,
        **_common(known),
    )


@blueprint.post("/statements")
def import_statement() -> Any:
    """Take over a statement; the page that follows says what became of each of its lines."""
    file = request.files.get("file")
    query = given("seller", "currency")
    content = file.stream.read() if file else b""
    return act(
        "statement",
        lambda: g.apis.send("orders.banking_import_statement", content, "text/csv", query=query, key=key()),
        show_statements,
        lambda made: url_for("money.show_lines", seller=made["seller"], statement=made["statement_id"]),
        said="done.statement",
        place=lambda field: "file" if field == "statement" else field,
    )


@blueprint.post(f"{LINE}/assign")
def assign(line_id: UUID) -> Any:
    """Record a line as a payment of an order."""
    body = {"order_id": request.form.get("order_id", "")}
    return _to_line("assign", line_id, "orders.banking_assign_line", body)


@blueprint.post(f"{LINE}/set-aside")
def set_aside(line_id: UUID) -> Any:
    """Set a line aside that is no order's."""
    body = {"reason": request.form.get("reason", "")}
    return _to_line("set_aside", line_id, "orders.banking_ignore_line", body)


@blueprint.post(f"{LINE}/reopen")
def reopen(line_id: UUID) -> Any:
    """Put a line back into the queue that was set aside."""
    return _to_line("reopen", line_id, "orders.banking_reopen_line", None)


@blueprint.post(f"{LINE}/take-back")
def take_back(line_id: UUID) -> Any:
    """Strike out the payment that a line was recorded as; the line waits again."""
    return act(
        "take_back_line",
        lambda: g.apis.write(
            "orders.payments_void_payment",
            {"reason": request.form.get("reason", "")},
            key=key(),
            order_id=request.form.get("order_id", ""),
            payment_id=request.form.get("payment_id", ""),
        ),
        show_lines,
        lambda _: _addressed(line=str(line_id), state="open", cursor=None),
        said="done.reopen",
    )


@blueprint.post("/lines/<any(open, ignored):which>")
def do_to_lines(which: str) -> Any:
    """Do the same to all ticked lines, each by itself."""
    name, operation, inputs = LINE_ACTS[which]
    body = {one: request.form.get(one, "") for one in inputs} or None
    return done_to_each(
        name,
        request.form.getlist("line_id"),
        lambda line_id, own_key: g.apis.write(operation, body, key=own_key, line_id=line_id),
        show_lines,
        lambda: _addressed(line=None),
        inputs=inputs,
    )


@blueprint.get("/refunds")
def show_refunds() -> str:
    """Refunds that wait to be paid out, by the way the money goes back."""
    method = request.args.get("method", "")
    query = {"method": method, "cursor": request.args.get("cursor"), "limit": LINES_A_PAGE}
    parts = g.apis.together(refunds=read("orders.refunds_list_refunds_to_pay", query))
    if parts["refunds"].hidden:
        abort(403)
    return render_template(
        "money/refunds.html",
        refunds=parts["refunds"],
        method=method,
        opened=request.args.get("refund", ""),
        result=kept_result(),
        **_common(masters()),
    )


@blueprint.post("/refunds/<uuid:refund_id>")
def settle(refund_id: UUID) -> Any:
    """Note that a refund was paid out."""
    return act(
        f"settle-{refund_id}",
        lambda: _settle(str(refund_id), request.form.get("order_id", ""), key()),
        show_refunds,
        lambda _: _refunds(),
        said="done.settle",
    )


@blueprint.post("/refunds")
def settle_many() -> Any:
    """Note that all ticked refunds were paid out, by one payment order to the bank."""
    of_order = dict(one.split("@", 1) for one in request.form.getlist("refund_id") if "@" in one)
    return done_to_each(
        "settle",
        list(of_order),
        lambda refund_id, own_key: _settle(refund_id, of_order[refund_id], own_key),
        show_refunds,
        _refunds,
        inputs=("reference",),
    )


@blueprint.get("/payments")
def show_payments() -> str:
    """What was recorded as received, the newest first."""
    seller = request.args.get("seller", "")
    query = {"seller": seller, "cursor": request.args.get("cursor"), "limit": LINES_A_PAGE}
    parts = g.apis.together(payments=read("orders.payments_list_received", query))
    if parts["payments"].hidden:
        abort(403)
    return render_template(
        "money/payments.html", payments=parts["payments"], seller=seller, **_common(masters())
    )


@blueprint.get("/<any(owed, overpaid):what>")
def show_orders(what: str) -> str:
    """Orders that are still to be paid, or that too much was paid for, oldest first."""
    seller = request.args.get("seller", "")
    query = ORDERS[what] | {
        "seller": seller,
        "sort": "placed_at",
        "limit": ORDERS_A_PAGE,
        "cursor": request.args.get("cursor"),
        "count": True,
    }
    parts = g.apis.together(orders=read("orders.lists_list_orders", query))
    if parts["orders"].hidden:
        abort(403)
    return render_template(
        "money/orders.html", what=what, orders=parts["orders"], seller=seller, **_common(masters())
    )


@blueprint.get("/told")
def show_told() -> str:
    """What the payment service told and a person has to decide."""
    query = {"cursor": request.args.get("cursor"), "limit": LINES_A_PAGE}
    parts = g.apis.together(told=read("orders.discrepancies_list_discrepancies", query))
    if parts["told"].hidden:
        abort(403)
    return render_template("money/told.html", told=parts["told"], **_common(masters()))


def _to_line(name: str, line_id: UUID, operation: str, body: Any) -> Any:
    """Do something to a line, and go on to the one behind it."""
    return act(
        name,
        lambda: g.apis.write(operation, body, key=key(), line_id=line_id),
        show_lines,
        lambda _: _addressed(line=request.form.get("following") or None),
        said=f"done.{name}",
    )


def _settle(refund_id: str, order_id: str, own_key: str | None) -> Any:
    return g.apis.write(
        "orders.refunds_settle_refund",
        {"reference": request.form.get("reference", "")},
        key=own_key,
        order_id=order_id,
        refund_id=refund_id,
    )


def _suggested(line: Mapping[str, Any]) -> dict[str, Any]:
    """Orders that a line may be for: what it names, unpaid ones of that total, and what was looked for."""
    owing = ORDERS["owed"] | {"seller": line["seller"], "limit": SUGGESTED}
    amount = line["amount_minor"]
    reads = {
        "as_much": read(
            "orders.lists_list_orders", owing | {"min_total_minor": amount, "max_total_minor": amount}
        )
    }
    if line["number"]:
        named = {"number": line["number"], "seller": line["seller"], "limit": 1}
        reads["named"] = read("orders.lists_list_orders", named)
    if text := request.args.get("find", "").strip():
        found = {"search": text, "seller": line["seller"], "limit": SUGGESTED}
        reads["found"] = read("orders.lists_list_orders", found)
    parts: dict[str, Any] = g.apis.together(**reads)
    return {name: parts[name] for name in ("found", "named", "as_much") if name in parts}


def _following(lines: list[dict[str, Any]], opened: Mapping[str, Any] | None) -> str:
    """The line behind the opened one; of the last one the first."""
    if opened is None or len(lines) < 2:  # noqa: PLR2004 - there is no other one
        return ""
    ids = [line["line_id"] for line in lines]
    following: str = ids[(ids.index(opened["line_id"]) + 1) % len(ids)]
    return following


def _line_acts(state: str) -> list[tuple[str, tuple[str, ...]]]:
    name, operation, inputs = LINE_ACTS.get(state, ("", "", ()))
    return [(name, inputs)] if operation and g.apis.may(operation) else []


def _addressed(**changes: Any) -> str:
    """The list of lines as it is shown, with some of it changed."""
    query: dict[str, Any] = {name: request.args.get(name) for name in (*KEPT, "line")} | changes
    return url_for("money.show_lines", **{name: value for name, value in query.items() if value})


def _refunds() -> str:
    query: dict[str, Any] = {
        name: value for name in ("method", "cursor") if (value := request.args.get(name))
    }
    return url_for("money.show_refunds", **query)


def _common(known: Masters) -> dict[str, Any]:
    """What each of these pages has: its tabs, and whose accounts there are."""
    tabs = [(name, url_for(endpoint, **named)) for name, (endpoint, named) in TABS.items()]
    return {"tabs": tabs, "masters": known}


def _uuid(name: str) -> str | None:
    """What the address names, as far as it can be an id."""
    try:
        return str(UUID(request.args.get(name, "")))
    except ValueError:
        return None


SCREEN = Screen(blueprint, "money.show_lines", "orders.banking_list_lines", "nav.money", "landmark")
