"""The life of one order, driven by API calls for what people do; the rest is waited for."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from standardwebhooks import Webhook

from deploy.main_job.calls import CallRefused, Calls, correlation
from deploy.main_job.catalogue import SHIPPING_METHOD, payment_method_of, seller_of
from deploy.main_job.people import Customer, customer_of
from deploy.main_job.sales import Product, Sale

EMAILS = Counter(("new_order", "confirmation", "payment_received", "accepted", "delivery_note", "invoice"))
EMAILS_OF_SHIPMENT = Counter(("shipped", "delivered"))
PAPERS = Counter({"invoice": 1, "delivery_note": 1})  # of an order to one address; and a label a shipment


class Stage(StrEnum):
    """How far an order has come."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    TOLD = "documents and e-mails sent"


class WentWrong(Exception):  # noqa: N818 - reads as what happened
    """A background task was given up; says what and why."""


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail that the system reports as sent."""

    message_id: str  # the left side of the Message-ID
    step: str
    deliveries: int  # attempts that a mail server answered with yes
    is_merged: bool  # what it had to say went out with another, for it happened within seconds
    attached: tuple[str, ...]  # the SHA-256 of each


@dataclass(frozen=True, slots=True)
class Paper:
    """A stored document."""

    id: str
    kind: str
    number: str
    total_minor: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Life:
    """What is known about an order at the end."""

    reference: str
    id: str
    number: str
    seller: str
    market: str
    currency: str
    method: str
    sold_minor: int  # what the data says
    ordered_minor: int
    paid_minor: int
    papers: tuple[Paper, ...]
    emails: tuple[Email, ...]
    happenings: int  # entries of its history: its own changes, and the events of the other services
    unfollowed: int  # of these, what the orders service could not follow
    seconds: float

    @property
    def invoices(self) -> list[Paper]:
        """Its invoices; there should be one."""
        return [paper for paper in self.papers if paper.kind == "invoice"]


def live(calls: Calls, sale: Sale, products: Mapping[str, Product], tell: Callable[[Stage], None]) -> Life:
    """Take an order from the sale to its end; `tell` is called at each stage.

    Raises CallRefused (409 already_placed for a sale that is an order already), Overdue, WentWrong, Stopped.
    """
    began = time.monotonic()
    correlation.set(f"demo-{sale.reference}")
    order = place(calls, sale, products)
    order_id, number, method = order["order_id"], order["number"], order["payment"]["method"]
    tell(Stage.PLACED)
    if method == "online":
        _pay_online(calls, order)
    elif method == "transfer":
        _record_payment(calls, order, f"transfer of {number}")

    path = f"/v1/orders/{order_id}"
    wait_until_possible(calls, "orders", path, "accept", number)
    calls.post("orders", f"{path}/accept", key=f"demo:{sale.reference}:accept")
    tell(Stage.ACCEPTED)

    shipments = [
        handle(calls, shipment, "release", "pick", "pack", "ship")
        for shipment in items_of(calls, "shipping", f"{path}/shipments")
    ]
    tell(Stage.SHIPPED)
    for shipment in shipments:
        handle(calls, shipment, "deliver")
    tell(Stage.DELIVERED)
    if method == "cash_on_delivery":
        _record_payment(calls, order, f"cash for {number}")

    order = calls.wait(
        f"{number} is completed",
        lambda: calls.get("orders", path),
        lambda now: bool(now["status"] == "completed"),
    )
    tell(Stage.COMPLETED)
    papers = _stored_papers(calls, order, PAPERS + Counter(label=len(shipments)))
    emails = _sent_emails(calls, order, EMAILS + Counter([*EMAILS_OF_SHIPMENT] * len(shipments)))
    history = _whole_history(calls, order, sum(not email.is_merged for email in emails))
    tell(Stage.TOLD)
    return Life(
        reference=sale.reference,
        id=order_id,
        number=number,
        seller=order["seller"],
        market=order["market"],
        currency=order["currency"],
        method=method,
        sold_minor=sale.total_minor,
        ordered_minor=order["totals"]["total_minor"],
        paid_minor=order["payment"]["received_minor"] - order["payment"]["refunded_minor"],
        papers=papers,
        emails=emails,
        happenings=len(history),
        unfollowed=sum(entry["state"] == "dead" for entry in history),
        seconds=time.monotonic() - began,
    )


def _whole_history(calls: Calls, order: Mapping[str, Any], emails: int) -> list[dict[str, Any]]:
    """An order's full history, once it has this many e-mails and nothing is pending."""
    history: list[dict[str, Any]] = calls.wait(
        f"{order['number']} knows of its e-mails",
        lambda: calls.get("orders", f"/v1/orders/{order['order_id']}/history?limit=100")["items"],
        lambda now: (
            sum(entry["action"] == "email.sent" for entry in now) >= emails
            and all(entry["state"] != "pending" for entry in now)
        ),
    )
    return history


def place(calls: Calls, sale: Sale, products: Mapping[str, Product], method: str = "") -> dict[str, Any]:
    """The shop: place a sale's order, paid by this method or the sale's own."""
    seller = seller_of(sale)
    customer = customer_of(sale, seller)
    person = {"name": customer.name, "email": customer.email, "phone": customer.phone}
    address = _address(customer)
    if customer.is_known:
        card = person | {"seller": seller, "addresses": [address]}
        calls.put("orders", f"/v1/customers/{customer.id}", card)
    wanted = {
        "seller": seller,
        "market": sale.market,
        "customer": {"id": str(customer.id)} if customer.is_known else person,
        "delivery_groups": [
            {"method": SHIPPING_METHOD, "shipping_minor": sale.shipping_minor, "address": address}
        ],
        "lines": [
            {"sku": line.sku, "quantity": line.quantity}
            # The price of the day, where it is not the catalogue's.
            | (
                {}
                if line.unit_price_minor == products[line.sku].price_minor
                else {"unit_price_minor": line.unit_price_minor}
            )
            for line in sale.lines
        ],
        "payment_method": method or payment_method_of(sale),
        "locale": customer.locale,
        "external_reference": sale.reference,
    }
    key = f"demo:{sale.reference}:place"
    placed: dict[str, Any] = calls.post("orders", "/v1/orders", wanted, key=key)
    return placed


def _address(customer: Customer) -> dict[str, str]:
    return {
        "name": customer.name,
        "line1": customer.line1,
        "city": customer.city,
        "postcode": customer.postcode,
        "country": customer.country,
        "phone": customer.phone,
    }


def _pay_online(calls: Calls, order: dict[str, Any]) -> None:
    """The payment gateway: a call signed by Standard Webhooks, repeatable by its id."""
    now = datetime.now(UTC)
    body = json.dumps(
        {
            "type": "payment.succeeded",
            "timestamp": now.isoformat(),
            "data": {
                "order_id": order["order_id"],
                "amount_minor": order["payment"]["owed_minor"],
                "currency": order["currency"],
                "reference": f"gateway-{order['number']}",
            },
        }
    )
    call_id = f"demo-{order['number']}"
    headers = {
        "webhook-id": call_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(calls.addresses.gateway_secret).sign(call_id, now, body),
    }
    calls.post_signed("orders", "/v1/gateway/payments", body.encode(), headers)


def _record_payment(calls: Calls, order: dict[str, Any], reference: str) -> None:
    """The bookkeeper or courier: record that the money has arrived."""
    path = f"/v1/orders/{order['order_id']}/payments"
    calls.post("orders", path, {"reference": reference}, key=f"demo:{order['number']}:payment")


def handle(calls: Calls, shipment: dict[str, Any], *actions: str) -> dict[str, Any]:
    """The warehouse: take each step as soon as possible; returns the final shipment."""
    path = f"/v1/shipments/{shipment['shipment_id']}"
    for action in actions:
        if not may(shipment, action):
            wait_until_possible(calls, "shipping", path, action, shipment["number"])
        body: dict[str, Any] | None = {} if action == "ship" else None
        shipment = calls.post(
            "shipping", f"{path}/{action}", body, key=f"demo:{shipment['shipment_id']}:{action}"
        )
    return shipment


def wait_until_possible(calls: Calls, service: str, path: str, action: str, number: str) -> None:
    """Wait until a service allows an action on the resource at this path."""
    calls.wait(f"{number}: {action}", lambda: calls.get(service, path), lambda now: may(now, action))


def may(thing: dict[str, Any], action: str) -> bool:
    """Whether a response says that an action is allowed now."""
    return action in thing["actions"] and thing["actions"][action] is None


def _stored_papers(calls: Calls, order: dict[str, Any], expected: Counter[str]) -> tuple[Paper, ...]:
    path = f"/v1/orders/{order['order_id']}/documents"

    def read() -> list[dict[str, Any]]:
        papers = items_of(calls, "documents", path)
        for paper in papers:
            if paper["status"] == "failed":
                raise WentWrong(f"{paper['kind']} of {order['number']}: {paper['failure']}")
        return papers

    papers = calls.wait(
        f"the documents of {order['number']} are stored",
        read,
        lambda now: _counted(now, "kind", "stored") >= expected,
    )
    return tuple(
        Paper(
            paper["document_id"], paper["kind"], paper["number"] or "", paper["total_minor"], paper["sha256"]
        )
        for paper in papers
    )


def _sent_emails(calls: Calls, order: dict[str, Any], expected: Counter[str]) -> tuple[Email, ...]:
    path = f"/v1/orders/{order['order_id']}/notifications"

    def read() -> list[dict[str, Any]]:
        emails = items_of(calls, "notifications", path)
        for email in emails:
            if email["status"] == "failed":
                raise WentWrong(f"{email['step']} e-mail of {order['number']}: {email['error']}")
        return emails

    emails = calls.wait(
        f"the e-mails of {order['number']} are sent",
        read,
        lambda now: _counted(now, "step", "sent") + _counted(now, "step", "merged") >= expected,
    )
    return tuple(
        Email(
            message_id=email["message_id"],
            step=email["step"],
            deliveries=sum(attempt["outcome"] == "sent" for attempt in email["attempts"]),
            is_merged=email["status"] == "merged",
            attached=tuple(attachment["sha256"] for attachment in email["attachments"]),
        )
        for email in emails
    )


def items_of(calls: Calls, service: str, path: str) -> list[dict[str, Any]]:
    """A service's records for an order; empty until it knows the order."""
    try:
        items: list[dict[str, Any]] = calls.get(service, path)["items"]
    except CallRefused as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise
        return []
    return items


def _counted(things: list[dict[str, Any]], name: str, status: str) -> Counter[str]:
    return Counter(thing[name] for thing in things if thing["status"] == status)
