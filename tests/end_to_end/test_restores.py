"""Services restored from their backups: what they forgot is told to them again, and the others follow."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.databases import SERVICES
from shared import stores
from tests.chaos.databases import Databases
from tests.chaos.invariants import Scene, copies, operate
from tests.chaos.measures import seconds_until_rest
from tests.object_store import store_at
from tests.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.requirement("K-04")]


@pytest.mark.requirement("V-24")
def test_restored_services_hear_again_what_they_forgot(stack, shop, kept_at, tmp_path):
    orders = [accepted(shop) for _ in range(3)]  # some of what they lead to is on its way in the backups
    saved = back_up(stack, tmp_path, "shipping", "notifications", "documents")
    orders += [accepted(shop) for _ in range(2)]
    came_to_rest(stack, "events")
    # What orders itself was asked after its backup, no backup brings back.
    saved |= back_up(stack, tmp_path, "orders")

    restore(stack, shop, {service: saved[service] for service in ("shipping", "notifications")})
    for order_id in orders:
        for_the_warehouse(shop, order_id, "release", "pick")
    came_to_rest(stack, "events", "jobs")  # no e-mail waits for a paper that documents will have forgotten
    numbers = invoice_numbers(shop, orders)
    assert len(set(numbers.values())) == len(orders)
    store = store_at(kept_at)
    for digest in [digest for digest, _ in stores.stored(store)]:
        store.erase(digest)  # all papers are lost
    restore(stack, shop, {service: saved[service] for service in ("orders", "documents")})

    came_to_rest(stack, "events", "jobs")
    path = "/v1/operations/reconciliation"
    assert [shop.call(service, "GET", path)["differences"] for service in SERVICES] == [[]] * len(SERVICES)
    assert list(copies(Scene(stack, Databases(stack), ledger=None))) == []
    assert invoice_numbers(shop, orders) == numbers  # those that customers hold
    checked = [operate(stack, *check) for check in (("documents", "verify"), ("shipping", "check-stock"))]
    assert [(run.returncode, run.stderr) for run in checked] == [(0, ""), (0, "")]
    goes_out(shop, orders[-1], "pack", "ship", "deliver")
    goes_out(shop, accepted(shop), "release", "pick", "pack", "ship", "deliver")


def invoice_numbers(shop, orders):
    """The number of each order's invoice."""
    papers = {
        order: shop.call("documents", "GET", f"/v1/orders/{order}/documents")["items"] for order in orders
    }
    return {
        order: next(paper["number"] for paper in found if paper["kind"] == "invoice")
        for order, found in papers.items()
    }


def accepted(shop):
    order_id = shop.place(("TEA-250", 1))["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    return order_id


def for_the_warehouse(shop, order_id, *actions):
    """Handle an order's shipment, each step as soon as it may."""
    path = f"/v1/orders/{order_id}/shipments"
    shop.eventually(lambda: shop.clients["shipping"].get(path), lambda answer: answer.is_success)
    for action in actions:
        [shipment] = shop.eventually(
            lambda: shop.call("shipping", "GET", path)["items"],
            lambda found, action=action: found and found[0]["actions"][action] is None,
        )
        body = {} if action == "ship" else None
        shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/{action}", json=body)


def goes_out(shop, order_id, *actions):
    """The rest of an order's way, through all four services."""
    for_the_warehouse(shop, order_id, *actions)
    shop.call("orders", "POST", f"/v1/orders/{order_id}/payments", json={"reference": "cash"})
    path = f"/v1/orders/{order_id}"
    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda now: now == "completed")
    shop.eventually(
        lambda: {
            email["step"]: email["status"]
            for email in shop.call("notifications", "GET", f"{path}/notifications")["items"]
        },
        lambda now: (
            now.keys() >= {"accepted", "shipped", "invoice"} and set(now.values()) <= {"sent", "merged"}
        ),
    )


def came_to_rest(stack, *what):
    assert seconds_until_rest(Databases(stack), PATIENCE_SECONDS, *what) is not None


def back_up(stack, folder, *services):
    """Take backups, all at once; answers each by its service."""
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda service: operate(stack, service, "backup", str(folder)), services))
    assert [run.stderr for run in runs if run.returncode] == []
    return {
        service: Path(run.stdout.strip().partition("saved in ")[2])
        for service, run in zip(services, runs, strict=True)
    }


def restore(stack, shop, saved):
    """Bring services back to their backups as an operator does, by what the command says."""
    own = [name for name in stack.processes if name.partition(".")[0] in saved]
    stack.stop_process(*own)
    with ThreadPoolExecutor() as pool:
        verbs = ((stack, service, "restore", str(backup), "--replace") for service, backup in saved.items())
        runs = list(pool.map(lambda verb: operate(*verb), verbs))
    assert [run.stderr for run in runs if run.returncode] == []
    stack.start_process(*own)
    stack.wait_until_healthy()
    for service, run in zip(saved, runs, strict=True):
        [since] = re.findall(r"resync --since (\S+)", run.stdout)
        shop.call(service, "POST", "/v1/operations/resync", json={"since": f"{since}Z"})
