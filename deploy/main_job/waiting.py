"""Open work left by the demo: orders at each stage, and decisions for people to make."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from functools import partial
from itertools import islice
from typing import Any

from deploy.main_job.calls import Calls, correlation
from deploy.main_job.catalogue import seller_of
from deploy.main_job.life import Life, handle, items_of, may, place, wait_until_possible
from deploy.main_job.sales import Product, Sale

SELLER = "harbour"
COUNTER = "harbour-counter"  # goods leave it on the day they are ordered: what waits there is late at once
FEW_LINES = 5
LATE, LABELLED = "overdue", "with labels to print"
REFERENCE = "waiting-{}"
AMOUNT, BANK_ID = "23.40", "demo-1"
LINK_KEY = re.compile(r"token=([\w.-]+)")

# How many orders are left at each stage, how they are paid, and how far the warehouse has come with them.
STAGES: Mapping[str, tuple[int, str, Sequence[str]]] = {
    "to accept": (2, "cash_on_delivery", ()),
    "to pay": (2, "transfer", ()),
    "on hold": (1, "cash_on_delivery", ()),
    LATE: (1, "cash_on_delivery", ()),
    LABELLED: (10, "cash_on_delivery", ("release", "pick")),
    "ready to ship": (2, "cash_on_delivery", ("release", "pick", "pack")),
    "in transit": (1, "cash_on_delivery", ("release", "pick", "pack", "ship")),
}
# Why they are not accepted yet, and where the warehouse has the shipments of the others.
NOT_ACCEPTED = {"to accept": None, "to pay": "payment_not_recorded", "on hold": "on_hold"}
STATUSES = {LABELLED: "packing", "ready to ship": "ready", "in transit": "shipped"}
ORDERS = sum(count for count, _, _ in STAGES.values())


def spare(sales: Iterable[Sale]) -> list[Sale]:
    """The first small sales of one seller to known customers, enough for the work to leave."""
    # Whose a guest's order is goes by its reference, which is another one here.
    known = (sale for sale in sales if sale.customer and seller_of(sale) == SELLER)
    small = (sale for sale in known if len(sale.lines) <= FEW_LINES)
    return list(islice(small, ORDERS))


def leave(
    calls: Calls, sales: Sequence[Sale], products: Mapping[str, Product], lives: Sequence[Life]
) -> dict[str, tuple[int, int]]:
    """Leave the work; returns for each kind how much was left, and how much of it is visible.

    Raises CallRefused, Overdue, Stopped.
    """
    stages = [stage for stage, (count, _, _) in STAGES.items() for _ in range(count)]
    open_counter(calls)
    with calls.threads() as pool:
        numbers = range(1, len(sales) + 1)
        ids = list(pool.map(partial(_leave_at, calls, products), numbers, stages, sales))
    orders = {stage: [one for at, one in zip(stages, ids, strict=False) if at == stage] for stage in STAGES}
    asks = orders["to pay"][0]
    whose = next((life for life in lives if life.seller == SELLER), lives[0])
    _write(calls, asks)
    _receive_money(calls)
    _send_back(calls, whose)
    return {
        stage: (len(those), sum(_is_seen(calls, stage, one) for one in those))
        for stage, those in orders.items()
    } | {
        "message to answer": (1, _listed(calls, "notifications", "/v1/conversations/unanswered", asks)),
        "return to decide": (1, _listed(calls, "orders", "/v1/returns?status=requested", whose.id)),
        "bank line that fits nowhere": (1, _lines(calls)),
    }


def is_left(calls: Calls) -> bool:
    """Whether an earlier run has already left its work."""
    found = calls.get("orders", "/v1/orders", seller=SELLER, reference=REFERENCE.format(1))["items"]
    return bool(found)


def open_counter(calls: Calls) -> None:
    """Create the location that ships goods on the day they are ordered."""
    counter = {"name": "The counter on the quay", "seller": SELLER, "country": "GB", "handling_days": 0}
    calls.put("shipping", f"/v1/locations/{COUNTER}", counter)


def _leave_at(calls: Calls, products: Mapping[str, Product], number: int, stage: str, sale: Sale) -> str:
    """Place an order and take it to this stage; returns its id."""
    correlation.set(f"demo-waiting-{number}")
    _, method, steps = STAGES[stage]
    order = place(calls, replace(sale, reference=REFERENCE.format(number)), products, method)
    path = f"/v1/orders/{order['order_id']}"
    if stage == "on hold":
        calls.post("orders", f"{path}/holds", {"reason": "Is the house number right?"})
    if stage not in NOT_ACCEPTED:
        wait_until_possible(calls, "orders", path, "accept", order["number"])
        calls.post("orders", f"{path}/accept")
        [shipment] = items_of(calls, "shipping", f"{path}/shipments")
        handle(calls, shipment, *steps)
        if stage == LABELLED:
            at = f"/v1/shipments/{shipment['shipment_id']}"
            wait_until_possible(calls, "shipping", at, "print_label", shipment["number"])
        if stage == LATE:
            _move_to_counter(calls, shipment)
    order_id: str = order["order_id"]
    return order_id


def _move_to_counter(calls: Calls, shipment: dict[str, Any]) -> None:
    for line in shipment["lines"]:
        goods = {"quantity": line["quantity"], "reason": "brought over from the warehouse"}
        calls.post("shipping", f"/v1/stock/{COUNTER}/{line['sku']}/receipts", goods)
    path = f"/v1/shipments/{shipment['shipment_id']}/relocate"
    calls.post("shipping", path, {"location": COUNTER})


def _write(calls: Calls, order_id: str) -> None:
    """A customer with a question: follow the link in the first e-mail, and write."""
    path = f"/v1/orders/{order_id}/notifications"
    sent = calls.wait(
        "the customer has an e-mail",
        lambda: [one for one in items_of(calls, "notifications", path) if one["step"] == "confirmation"],
        lambda emails: bool(emails) and emails[0]["status"] == "sent",
    )
    content = calls.content("notifications", f"/v1/emails/{sent[0]['email_id']}/content")
    text = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert text is not None
    found = LINK_KEY.search(text.get_content())
    assert found is not None
    question = {"text": "Hello, could this be sent to my neighbour at number 12 if I am out?"}
    calls.post("notifications", f"/v1/customer/messages?token={found[1]}", question)


def _receive_money(calls: Calls) -> None:
    """The bookkeeper: import the bank statement, with one line that lacks details."""
    line = f"{datetime.now(UTC):%Y-%m-%d},{AMOUNT},thank you for the lovely cups,J. Bennett,{BANK_ID}"
    statement = f"date,amount,text,payer,id\n{line}\n".encode()
    calls.post_bytes("orders", f"/v1/bank-statements?seller={SELLER}&currency=GBP", statement, "text/csv")


def _send_back(calls: Calls, life: Life) -> None:
    """Customer service: request a return for a customer on the phone."""
    order = calls.get("orders", f"/v1/orders/{life.id}")
    wanted = {
        "reason": "damaged",
        "note": "The box was crushed, and one piece is chipped.",
        "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}],
    }
    calls.post("orders", f"/v1/orders/{life.id}/returns", wanted)


def _is_seen(calls: Calls, stage: str, order_id: str) -> bool:
    """Whether an order appears in a list of waiting work."""
    order = calls.get("orders", f"/v1/orders/{order_id}")
    refusal = order["actions"]["accept"] or {}
    if stage in NOT_ACCEPTED:
        return bool(refusal.get("reason") == NOT_ACCEPTED[stage])
    [shipment] = items_of(calls, "shipping", f"/v1/orders/{order_id}/shipments")
    if stage == LATE:
        return bool(shipment["overdue"])
    return bool(shipment["status"] == STATUSES[stage] and (stage != LABELLED or may(shipment, "print_label")))


def _listed(calls: Calls, service: str, path: str, order_id: str) -> int:
    found: int = calls.wait(
        f"{path} names the order",
        lambda: sum(one["order_id"] == order_id for one in calls.get(service, path)["items"]),
        bool,
    )
    return found


def _lines(calls: Calls) -> int:
    lines = calls.get("orders", "/v1/bank-lines", seller=SELLER, state="open")["items"]
    return sum(line["text"].startswith("thank you for the lovely") for line in lines)
