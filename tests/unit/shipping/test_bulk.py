"""Many shipments at once: each has its own result, and sent again nothing happens twice."""

from uuid import uuid4

import pytest

from services.shipping.models import Shipment
from tests.unit.shipping.steps import accepted, hear, make_order, run_jobs, stock

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
