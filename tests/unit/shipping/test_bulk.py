"""Many shipments at once: each has its own result, and sent again nothing happens twice."""

from uuid import uuid4

import pytest

from services.shipping.commands import shipments as commands
from services.shipping.models import Shipment
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, make_order, run_jobs, stock

OTHERS = {"sellers": ("other",)}


@pytest.fixture
def shipments(told):
    """Three with stock and a promise, the second of an order that is held."""

    def three(session):
        stock(session, "TEA-250", 9)
        made = [one for n in range(3) for one in hear(session, accepted(make_order(number=f"GB-{n}")))]
        made[1].order.held = True
        return made

    return told(three)


def body(shipments):
    return {"shipment_ids": [str(shipment.id) for shipment in shipments]}


def test_what_one_refuses_does_not_stop_the_others(call, sessions, shipments):
    code, answer, _ = call("POST", "/v1/shipments/bulk/release", body(shipments))

    assert (code, answer["done"], answer["not_done"]) == (200, 2, 1)
    assert [(row["done"], row.get("status"), row["reason"]) for row in answer["items"]] == [
        (True, "released", None),
        (False, None, "on_hold"),
        (True, "released", None),
    ]
    with sessions() as session:
        assert [session.get(Shipment, one.id).status for one in shipments] == [
            "released",
            "inventory_assigned",
            "released",
        ]


def test_sent_again_under_its_key_it_answers_the_same_and_does_nothing(call, shipments):
    first, again = (
        call("POST", "/v1/shipments/bulk/release", body(shipments), Idempotency_Key="monday")
        for _ in range(2)
    )

    assert first[1] == again[1]
    assert call("POST", "/v1/shipments/bulk/release", body(shipments))[1]["done"] == 0


def test_the_steps_follow_each_other(call, sessions, shipments):
    free = [shipments[0], shipments[2]]
    steps = [
        call("POST", f"/v1/shipments/bulk/{step}", body(free))[1] for step in ("release", "pick", "pack")
    ]
    run_jobs(sessions)

    assert [step["done"] for step in steps] == [2, 2, 0]
    assert {row["reason"] for row in steps[2]["items"]} == {"label_not_ready"}
    refused = call("POST", "/v1/shipments/bulk/ship", body(free))[1]
    assert {row["reason"] for row in refused["items"]} == {"wrong_status"}


def test_anothers_and_unknown_shipments_are_not_there(call, shipments):
    answer = call("POST", "/v1/shipments/bulk/release", body(shipments), **OTHERS)[1]
    unknown = call("POST", "/v1/shipments/bulk/release", {"shipment_ids": [str(uuid4())]})[1]

    assert {row["reason"] for row in [*answer["items"], *unknown["items"]]} == {"not_found"}


@pytest.mark.parametrize("ids", [[], ["7"], [str(uuid4())] * 2, [str(uuid4()) for _ in range(201)]], ids=len)
def test_what_can_not_be_done_is_named(call, sessions, ids):
    code, problem, _ = call("POST", "/v1/shipments/bulk/pick", {"shipment_ids": ids})

    assert code == 422
    assert problem["errors"][0]["field"].startswith("shipment_ids")


def test_the_shipments_of_orders_are_worked_on_without_their_names(call, sessions, shipments):
    orders = [str(one.order_id) for one in shipments]
    unknown = str(uuid4())
    with sessions.begin() as session:
        commands.cancel_shipment(session, shipments[2].id, reason="torn")

    code, answer, _ = call("POST", "/v1/shipments/bulk/release", {"order_ids": [*orders, unknown]})

    assert (code, answer["done"], answer["not_done"]) == (200, 1, 3)
    assert [(row["order_id"], row["shipment_id"], row["reason"]) for row in answer["items"]] == [
        (orders[0], str(shipments[0].id), None),
        (orders[1], str(shipments[1].id), "on_hold"),
        (orders[2], None, "no_shipment"),
        (unknown, None, "no_shipment"),
    ]
    assert [row.get("number") for row in answer["items"]] == [
        shipments[0].number,
        shipments[1].number,
        None,
        None,
    ]
    theirs = call("POST", "/v1/shipments/bulk/release", {"order_ids": orders}, **OTHERS)[1]
    assert [(row["reason"], row.get("number")) for row in theirs["items"]] == [("no_shipment", None)] * 3


@pytest.mark.requirement("C-28")
def test_labels_of_many_orders_are_printed_and_say_where_they_are(call, sessions, shipments):
    ready, _, picked = shipments
    with sessions.begin() as session:
        labels = {}
        for one in (ready, picked):
            shipment = session.get(Shipment, one.id)
            advance(session, shipment, "release", "pick")
            if one is ready:
                hear_label(session, shipment)
                labels = {str(shipment.id): [str(shipment.label_document_id)]}
    wanted = {"order_ids": [str(one.order_id) for one in shipments]}

    first, again = (call("POST", "/v1/shipments/bulk/print-label", wanted)[1] for _ in range(2))

    assert [(row["done"], row["reason"]) for row in first["items"]] == [
        (True, None),
        (False, "wrong_status"),
        (False, "label_not_ready"),
    ]
    assert {row["shipment_id"]: row["label_document_ids"] for row in first["items"] if row["done"]} == labels
    assert [row["done"] for row in again["items"]] == [True, False, False]
    with sessions() as session:
        assert session.get(Shipment, ready.id).prints == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "shipment_ids"),
        ({"order_ids": []}, "order_ids"),
        ({"order_ids": [str(uuid4())] * 2}, "order_ids"),
        ({"order_ids": [str(uuid4()) for _ in range(501)]}, "order_ids"),
        ({"order_ids": [str(uuid4())], "shipment_ids": [str(uuid4())]}, "order_ids"),
    ],
)
def test_shipments_are_named_one_way(call, sessions, body, field):
    code, problem, _ = call("POST", "/v1/shipments/bulk/pick", body)

    assert code == 422
    assert [error["field"].partition(".")[0] for error in problem["errors"]] == [field]
