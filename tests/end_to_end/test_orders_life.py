"""An order's whole life through the real processes, also with its broker gone."""

from email import message_from_bytes
from email.policy import default
from hashlib import sha256

import pytest

from deploy.main_job import run
from shared.events.snapshots import Step

pytestmark = pytest.mark.slow


def shipments_of(shop, order):
    answer = shop.clients["shipping"].get(f"/v1/orders/{order['order_id']}/shipments")
    return answer.json()["items"] if answer.is_success else []


def test_the_main_job_runs_on_real_orders_and_proves_itself(stack):
    assert run(stack.addresses, orders=6) is True


def test_a_cancelled_order_frees_its_stock_and_takes_its_invoice_back(shop):
    order = shop.place(("TEA-250", 3), method="cash_on_delivery")
    path = f"/v1/orders/{order['order_id']}"
    shop.eventually(lambda: shipments_of(shop, order), lambda found: found and found[0]["location"])
    shop.call("orders", "POST", f"{path}/accept")
    reserved = shop.call("shipping", "GET", "/v1/stock/main/TEA-250")["reserved"]
    papers = shop.eventually(
        lambda: shop.call("documents", "GET", f"{path}/documents")["items"],
        lambda found: [
            paper for paper in found if paper["kind"] == "invoice" and paper["status"] == "stored"
        ],
    )
    [invoice] = [paper for paper in papers if paper["kind"] == "invoice"]

    shop.call("orders", "POST", f"{path}/cancel", json={"reason": "ordered twice", "confirm": True})

    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda status: status == "cancelled")
    assert shop.call("shipping", "GET", "/v1/stock/main/TEA-250")["reserved"] == reserved - 3
    papers = shop.eventually(
        lambda: shop.call("documents", "GET", f"{path}/documents")["items"],
        lambda found: [p for p in found if p["kind"] == "credit_note" and p["status"] == "stored"],
    )
    [note] = [paper for paper in papers if paper["kind"] == "credit_note"]
    assert (note["refers_to"], note["total_minor"]) == (invoice["document_id"], invoice["total_minor"])


@pytest.mark.requirement("P-09", "S3-23")
def test_a_cancelled_line_is_freed_credited_and_told_and_the_rest_goes_on(shop):
    order = shop.place(("TEA-250", 3), ("CUP-1", 1), method="cash_on_delivery")
    path = f"/v1/orders/{order['order_id']}"
    shop.eventually(lambda: shipments_of(shop, order), lambda found: found and found[0]["location"])
    shop.call("orders", "POST", f"{path}/accept")

    def papers(kind):
        found = shop.call("documents", "GET", f"{path}/documents")["items"]
        return [paper for paper in found if (paper["kind"], paper["status"]) == (kind, "stored")]

    [invoice] = shop.eventually(lambda: papers("invoice"), bool)
    reserved = shop.call("shipping", "GET", "/v1/stock/main/TEA-250")["reserved"]
    tea, _ = order["lines"]
    two = [{"line_id": tea["line_id"], "quantity": 2}]

    shop.call("orders", "POST", f"{path}/cancel", json={"reason": "too much", "confirm": True, "lines": two})

    now = shop.eventually(
        lambda: shop.call("orders", "GET", path), lambda found: found["lines"][0]["cancelled_quantity"] == 2
    )
    assert now["status"] == "accepted"
    assert now["payment"]["owed_minor"] == order["totals"]["total_minor"] - 2 * 450
    [shipment] = shipments_of(shop, order)
    assert [line["quantity"] for line in shipment["lines"]] == [1, 1]
    assert shop.call("shipping", "GET", "/v1/stock/main/TEA-250")["reserved"] == reserved - 2
    [note] = shop.eventually(lambda: papers("credit_note"), bool)
    assert (note["refers_to"], note["total_minor"]) == (invoice["document_id"], 2 * 450)
    [letter] = shop.eventually(
        lambda: [
            each
            for each in shop.call("notifications", "GET", f"{path}/notifications")["items"]
            if (each["step"], each["status"]) == (Step.CREDIT_NOTE, "sent")
        ],
        bool,
    )
    assert [each["sha256"] for each in letter["attachments"]] == [note["sha256"]]


def test_what_stock_has_come_to_is_told_by_the_agent(shop):
    shop.call("shipping", "PUT", "/v1/stock/main/NEWS", json={"on_hand": 7, "reason": "counted"})

    told = shop.eventually(
        lambda: shop.call("shipping", "GET", "/v1/operations/events?type=stock.changed"),
        lambda events: "NEWS" in {event["subject"] for event in events},
    )

    [event] = [event for event in told if event["subject"] == "NEWS"]
    content = shop.call("shipping", "GET", f"/v1/operations/events/{event['event_id']}")
    assert content["envelope"]["data"]["stock"]["levels"] == [
        {"seller": "*", "location": "main", "on_hand": 7, "reserved": 0}
    ]


def test_one_correlation_id_leads_from_the_request_to_the_last_email(shop, stack):
    body = shop.order_body(("CUP-1", 1))
    correlation = "checkout-of-ann"

    answer = shop.clients["orders"].post("/v1/orders", json=body, headers={"X-Correlation-Id": correlation})

    order_id = answer.json()["order_id"]
    assert answer.headers["X-Correlation-Id"] == correlation
    letters = shop.eventually(
        lambda: shop.clients["notifications"].get(f"/v1/orders/{order_id}/notifications"),
        lambda found: found.is_success and {e["status"] for e in found.json()["items"]} == {"sent"},
    ).json()["items"]
    assert {letter["correlation_id"] for letter in letters} == {correlation}
    assert {letter["step"] for letter in letters} == {Step.NEW_ORDER, Step.CONFIRMATION}
    path = f"/v1/operations/traces/{correlation}"
    steps = [shop.call(service, "GET", path) for service in ("orders", "shipping", "notifications")]
    assert all(steps)


def test_the_invoice_that_is_sent_is_the_one_that_is_stored(shop, stack):
    order = shop.place(("CUP-1", 2), method="cash_on_delivery", locale="es")
    path = f"/v1/orders/{order['order_id']}"
    shop.eventually(lambda: shipments_of(shop, order), bool)
    shop.call("orders", "POST", f"{path}/accept")

    letters = shop.eventually(
        lambda: shop.clients["notifications"].get(f"{path}/notifications").json().get("items", []),
        lambda found: any(e["step"] == Step.INVOICE and e["status"] == "sent" for e in found),
    )

    [letter] = [letter for letter in letters if letter["step"] == Step.INVOICE]
    assert letter["locale"] == "es"
    assert "factura" in letter["subject"].lower()
    [kept] = [
        mail
        for mail in (
            message_from_bytes(file.read_bytes(), policy=default)
            for file in stack.servers.mail.mailbox.folder.glob("*.eml")
        )
        if letter["message_id"] in mail["Message-ID"]
    ]
    [attached] = kept.iter_attachments()
    assert sha256(attached.get_content()).hexdigest() == letter["attachments"][0]["sha256"]


@pytest.mark.requirement("F-03", "F-38")
def test_with_the_broker_gone_events_flow_and_with_it_back_the_jobs_run(shop, stack):
    stack.stop_process("valkey")
    try:
        order = shop.place(("TEA-250", 1), method="cash_on_delivery")
        shop.eventually(lambda: shipments_of(shop, order), bool)
        shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
    finally:
        stack.start_process("valkey")

    def letters_now():  # nothing, as long as notifications has not heard of the order
        answer = shop.clients["notifications"].get(f"/v1/orders/{order['order_id']}/notifications")
        return answer.json()["items"] if answer.is_success else []

    letters = shop.eventually(
        letters_now, lambda found: any(e["step"] == Step.INVOICE and e["status"] == "sent" for e in found)
    )

    assert len({letter["message_id"] for letter in letters}) == len(letters)
