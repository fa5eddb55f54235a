"""A database restored from its backup: what the service forgot is told to it again."""

import os
import subprocess
from datetime import UTC, datetime

import pytest

from deploy.local.databases import SERVICES
from tests.chaos.databases import Databases
from tests.chaos.invariants import operate
from tests.chaos.measures import seconds_until_rest

pytestmark = pytest.mark.slow

REST_SECONDS = 120


@pytest.mark.parametrize("service", SERVICES)
def test_a_restored_service_hears_again_what_it_forgot(stack, shop, tmp_path, service):
    orders = [accepted(shop) for _ in range(2)]
    came_to_rest(stack)
    orders += [accepted(shop) for _ in range(2)]  # some of what they lead to is on its way at this moment
    taken_at = datetime.now(UTC)
    backup = back_up(stack, service, tmp_path / "backup")
    # The others go on. What the service itself was asked after its backup, no backup brings back.
    if service != "orders":
        orders += [accepted(shop) for _ in range(2)]
    if service != "shipping":
        for order_id in orders:
            for_the_warehouse(shop, order_id, "release", "pick")
    came_to_rest(stack)

    restore(stack, service, backup)
    resync = operate(stack, service, "resync", "--since", f"{taken_at:%Y-%m-%dT%H:%M:00}")

    assert resync.returncode == 0, resync.stderr
    came_to_rest(stack)
    compared = {each: operate(stack, each, "reconcile") for each in SERVICES}
    assert {each: run.stdout for each, run in compared.items() if run.returncode} == {}
    goes_out(shop, accepted(shop))


def accepted(shop):
    order_id = shop.place(("TEA-250", 1))["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    return order_id


def for_the_warehouse(shop, order_id, *actions):
    """Handle an order's shipment, each step as soon as it may."""
    path = f"/v1/orders/{order_id}/shipments"
    shop.eventually(lambda: shop.clients["shipping"].get(path), lambda answer: answer.is_success, 60)
    for action in actions:
        [shipment] = shop.eventually(
            lambda: shop.call("shipping", "GET", path)["items"],
            lambda found, action=action: found and found[0]["actions"][action] is None,
            60,
        )
        body = {} if action == "ship" else None
        shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/{action}", json=body)


def goes_out(shop, order_id):
    """An order's whole way, through all four services."""
    for_the_warehouse(shop, order_id, "release", "pick", "pack", "ship", "deliver")
    shop.call("orders", "POST", f"/v1/orders/{order_id}/payments", json={"reference": "cash"})
    path = f"/v1/orders/{order_id}"
    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda now: now == "completed", 60)
    shop.eventually(
        lambda: {
            email["step"]: email["status"]
            for email in shop.call("notifications", "GET", f"{path}/notifications")["items"]
        },
        lambda now: (
            now.keys() >= {"accepted", "shipped", "invoice"} and set(now.values()) <= {"sent", "merged"}
        ),
        60,
    )


def came_to_rest(stack):
    assert seconds_until_rest(Databases(stack), REST_SECONDS, "events", "jobs") is not None


def back_up(stack, service, file):
    server = stack.servers.postgres
    url = server.superuser_url(service)
    subprocess.run([server.binaries / "pg_dump", "--format=custom", f"--file={file}", url], check=True)
    return file


def restore(stack, service, backup):
    own = [name for name in stack.processes if name.startswith(f"{service}.")]
    for name in own:
        stack.stop_process(name)
    server = stack.servers.postgres
    url = server.superuser_url(service)
    subprocess.run(
        [server.binaries / "pg_restore", "--clean", "--if-exists", "--single-transaction", "-d", url, backup],
        check=True,
        env=os.environ | {"PGOPTIONS": "-c lock_timeout=30s"},
    )
    for name in own:
        stack.start_process(name)
    stack.wait_until_healthy()
