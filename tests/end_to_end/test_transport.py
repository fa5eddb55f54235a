"""The broker in the hands of an attacker: it carries whatever is put there, and nothing of it is believed."""

import re

import httpx2
import pytest
from celery import Celery
from sqlalchemy import create_engine, text

from deploy.flower import QUEUES
from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from shared.messaging.sealing import Sealer
from tests.end_to_end.test_looking import total
from tests.samples import envelope

pytestmark = pytest.mark.slow


@pytest.fixture
def push(stack):
    """Put a task of shipping on its queue, as whoever can write to the broker."""
    with Celery(broker=stack.servers.broker_url, set_as_current=False) as app:
        app.conf.task_ignore_result = True

        def send(event_type, event):
            arguments = {"order": "GB-1", "event": event}
            app.send_task(f"shipping.{event_type}", kwargs=arguments, queue="shipping.events")

        yield send


@pytest.fixture
def heard(stack):
    """The events about an order that shipping has taken in, by way and type."""
    engine = create_engine(stack.servers.database_url("shipping"))

    def rows(order_id):
        with engine.connect() as connection:
            found = connection.execute(
                text("select via, type from inbox where subject = :subject order by received_at"),
                {"subject": order_id},
            )
            return [tuple(row) for row in found]

    yield rows
    engine.dispose()


@pytest.mark.requirement("V-05")
def test_a_forged_task_on_the_broker_is_not_believed(shop, stack, push, heard, tmp_path):
    order = shop.place(("CUP-1", 1), method="transfer")
    order_id = order["order_id"]
    [shipment] = shop.eventually(
        lambda: shop.clients["shipping"].get(f"/v1/orders/{order_id}/shipments").json().get("items"), bool
    )
    told = heard(order_id)
    made_up = envelope("order.accepted") | {"subject": order_id}
    made_up["data"]["order"] |= {"order_id": order_id, "status": "accepted", "version": 1_000_000}
    strangers = Keys(tmp_path)
    public = strangers.message_public_keys(SERVICES).split(",")

    push("order.accepted", made_up)
    push(
        "order.accepted",
        Sealer("orders", strangers.message_keys("orders").split(","), public).seal("shipping", [made_up]),
    )
    # A service that has been taken over speaks for itself alone.
    push("order.accepted", stack_sealer(stack, "documents").seal("shipping", [made_up]))

    shop.eventually(
        lambda: total(stack, ["shipping.worker"], "waybill_events_refused_total", via="push"),
        lambda refused: refused == 3,
    )
    assert heard(order_id) == told
    answer = shop.clients["shipping"].post(f"/v1/shipments/{shipment['shipment_id']}/release")
    assert answer.status_code == 409


@pytest.mark.requirement("V-05")
def test_what_its_teller_sealed_is_believed_and_comes_by_push(shop, heard):
    order = shop.place(("CUP-1", 1), method="transfer")

    shop.eventually(
        lambda: heard(order["order_id"]), lambda rows: rows and rows[0] == ("push", "order.placed")
    )


def stack_sealer(stack, service):
    """What a process of the service seals with."""
    told = stack.processes[f"{service}.worker"].environment
    return Sealer(service, told["MESSAGE_KEYS"].split(","), told["MESSAGE_PUBLIC_KEYS"].split(","))


@pytest.mark.requirement("V-05")
def test_flower_sees_workers_queues_and_tasks_though_it_may_only_look(shop, stack):
    order = shop.place(("CUP-1", 1))

    def shown(path):
        return httpx2.get(f"{stack.flower_url}/{path}").raise_for_status().text

    shop.eventually(
        lambda: shown(
            f"tasks/datatable?draw=1&start=0&length=100&search[value]=kwargs:{order['number']}"
            "&order[0][column]=0&order[0][dir]=asc&columns[0][data]=name"
        ),
        lambda table: "shipping.order.placed" in table,
    )
    assert {f"{name}@" for name in (*SERVICES, "rendering")} <= set(re.findall(r"\w+@", shown("workers")))
    assert all(queue in shown("broker") for queue in QUEUES)
    log = (stack.folder / "logs" / "flower.log").read_text()
    assert "No permissions" not in log
    assert "Traceback" not in log
