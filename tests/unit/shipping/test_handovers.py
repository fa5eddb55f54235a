"""The last step by each method, what proves it, and what happens when it fails."""

from dataclasses import replace
from functools import partial

import pytest

from services.shipping.commands import handovers
from services.shipping.commands.couriers import assign_courier
from services.shipping.commands.master_data import put_courier
from services.shipping.domain.inspection import Condition, Found
from services.shipping.domain.shipment_status import FailureReason
from services.shipping.models import StockMovement
from shared import clock
from shared.collect_codes import collect_code
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import ShipmentStatus
from tests.papers import hear_of_paper
from tests.unit.shipping.steps import accepted, advance, hear, level, stock, told
from tests.unit.shipping.ways import order_by, ready, released, shipped

S = ShipmentStatus
KEYS = ("newest", "previous")
ELSEWHERE = {"name": "Ada Okafor", "line1": "5 Mill Lane", "postcode": "HU2", "city": "Hull", "country": "GB"}


@pytest.mark.requirement("S1-06")
def test_a_delivery_is_signed_for(session):
    shipment = shipped(session)

    before = clock.now()
    handovers.deliver_shipment(session, shipment.id, name="A. Okafor")
    session.flush()

    signed = shipment.sign_off
    assert (shipment.status, signed.name, signed.recorded_by) == (S.DELIVERED, "A. Okafor", "shipping")
    assert before <= signed.at <= clock.now()


@pytest.mark.requirement("V-15")
@pytest.mark.parametrize(
    ("brought", "method", "take"),
    [
        (shipped, "delivery", handovers.deliver_shipment),
        (ready, "hand_over", handovers.hand_over_shipment),
        (released, "service-installation", handovers.sign_shipment),
        (ready, "pickup", partial(handovers.collect_shipment, keys=KEYS)),
    ],
    ids=["deliver", "hand_over", "sign", "collect"],
)
def test_a_proof_is_a_paper_that_is_stored_with_the_shipments_order(session, brought, method, take):
    shipment = brought(session) if brought is shipped else brought(session, method)
    if method == "pickup":
        take = partial(take, code=collect_code(KEYS, shipment.id, shipment.pickup.serial))
    others = hear_of_paper(session, new_id())

    for wrong in (new_id(), others):
        with pytest.raises(Invalid) as refused, session.begin_nested():
            take(session, shipment.id, name="Ada Okafor", document_id=wrong)
        assert refused.value.fields == {"document_id": "is not known as a stored document of this order"}
    session.expire_all()
    proof = hear_of_paper(session, shipment.order_id, version=2)
    take(session, shipment.id, name="Ada Okafor", document_id=proof)
    session.flush()

    assert (shipment.status, shipment.sign_off.document_id) == (S.DELIVERED, proof)


@pytest.mark.requirement("S1-06")
def test_a_service_needs_no_packing_and_is_signed_off_by_its_customer(session):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(order_by("service-installation")))
    advance(session, shipment, "release")
    assert shipment.status is S.READY

    handovers.sign_shipment(session, shipment.id, name="Ada Okafor", note="boiler runs")
    session.flush()

    assert (shipment.status, shipment.sign_off.name) == (S.DELIVERED, "Ada Okafor")
    assert told(session, shipment.order_id)[-2:] == ["shipment.ready", "shipment.delivered"]


def test_a_download_is_with_its_customer_once_there_is_an_address(session, published):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(order_by("download")))
    advance(session, shipment, "release")

    handovers.provide_shipment(session, shipment.id, download_url="https://files.example/1")

    [event] = published("shipment.delivered")
    assert event["shipments"]["shipments"][0]["download_url"] == "https://files.example/1"


@pytest.mark.requirement("S1-06")
def test_what_is_given_over_in_person_leaves_the_stock(session):
    shipment = ready(session, "hand_over")

    handovers.hand_over_shipment(session, shipment.id, name="Ada Okafor")
    session.flush()

    assert (shipment.status, level(session, "TEA-250")) == (S.DELIVERED, (3, 0))
    signed = shipment.sign_off
    assert (signed.name, signed.recorded_by, signed.at is not None) == ("Ada Okafor", "shipping", True)


@pytest.mark.parametrize("method", ["delivery", "pickup", "hand_over"])
def test_each_method_has_its_own_last_step(session, method):
    shipment = ready(session, method)
    last_steps = {"ship", "collect", "hand_over", "sign", "provide"}
    expected = {"delivery": "ship", "pickup": "collect", "hand_over": "hand_over"}[method]

    possible = {step for step in last_steps if shipment.actions[step] is None}

    assert possible == {expected}
    with pytest.raises(Refused, match="wrong_method"):
        handovers.sign_shipment(session, shipment.id, name="x")


def test_a_failed_delivery_is_sent_again_to_where_it_should_go(session, published):
    shipment = shipped(session)

    handovers.fail_shipment(session, shipment.id, reason=FailureReason.WRONG_ADDRESS)
    assert (shipment.status, shipment.queue) == (S.UNDELIVERABLE, "in_transit")
    handovers.resend_shipment(session, shipment.id, address=ELSEWHERE)
    session.flush()

    assert (shipment.status, shipment.failed_attempts) == (S.SHIPPED, 1)
    assert shipment.address["line1"] == "5 Mill Lane"
    assert published("shipment.undeliverable")[0]["reason"] == "wrong_address"
    assert told(session, shipment.order_id)[-1] == "shipment.shipped"


@pytest.mark.requirement("F-15")
def test_what_is_taken_back_goes_to_stock_only_as_far_as_it_can_be_sold(session):
    shipment = shipped(session, units=4)
    handovers.fail_shipment(session, shipment.id, reason=FailureReason.REFUSED)
    line_id = shipment.lines[0].line_id
    found = [
        Found(line_id=line_id, condition=Condition.SELLABLE, quantity=2),
        Found(line_id=line_id, condition=Condition.DAMAGED, quantity=1),
    ]

    handovers.take_back_shipment(session, shipment.id, location="WEST", found=found)
    session.flush()

    assert (shipment.status, shipment.queue) == (S.RETURNED, None)
    assert level(session, "TEA-250") == (3, 0)  # 5, less 4 that left, and 2 of them again
    kinds = session.query(StockMovement.kind, StockMovement.on_hand_change).order_by(StockMovement.position)
    assert [(str(kind), change) for kind, change in kinds][-3:] == [
        ("returned", 2),
        ("returned", 1),
        ("scrapped", -1),
    ]
    with pytest.raises(Refused, match="already_shipped"):
        handovers.take_back_shipment(session, shipment.id, location="WEST", found=found)


@pytest.mark.parametrize(
    ("quantity", "known", "field"),
    [(3, True, "found.0.quantity"), (1, False, "found.0.line_id")],
)
def test_no_more_comes_back_than_left(session, quantity, known, field):
    shipment = shipped(session)
    handovers.fail_shipment(session, shipment.id, reason=FailureReason.LOST)
    line_id = shipment.lines[0].line_id if known else new_id()
    found = [Found(line_id=line_id, condition=Condition.SELLABLE, quantity=quantity)]

    with pytest.raises(Invalid) as refused:
        handovers.take_back_shipment(session, shipment.id, location="WEST", found=found)

    assert set(refused.value.fields) == {field}


@pytest.fixture
def courier(session):
    rui = {"name": "Rui Costa", "phone": "+44 1", "email": "rui@couriers.example"}
    put_courier(session, "lantern", "rui", **rui, active=True)
    put_courier(session, "lantern", "old", name="Old Tom", phone="", active=False)
    put_courier(session, "other", "eve", name="Eve", phone="", active=True)
    session.flush()


@pytest.mark.requirement("S4-06")
def test_a_courier_is_assigned_and_takes_the_shipment(session, courier, published):
    shipment = ready(session)

    assign_courier(session, shipment.id, courier="rui", note="ring twice")
    advance(session, shipment, "ship")

    assert (shipment.courier, shipment.courier_note, shipment.status) == ("rui", "ring twice", S.SHIPPED)
    told = published("shipment.updated")[-1]["shipments"]
    assert told["people"]["couriers"][str(shipment.id)]["note"] == "ring twice"
    assert "ring twice" not in str(told["shipments"])


def couriers_told(published):
    return [
        [
            (one["code"], one["email"], one["assigned_at"])
            for one in event["shipments"]["people"]["couriers"].values()
        ]
        for event in published("shipment.updated")
    ]


def test_an_assignment_is_told_and_another_note_is_no_other(session, courier, published):
    put_courier(session, "lantern", "ana", name="Ana", phone="", email="ana@couriers.example", active=True)
    shipment = ready(session)

    for code, note in (("rui", ""), ("rui", "ring twice"), ("ana", ""), (None, ""), ("rui", "")):
        assign_courier(session, shipment.id, courier=code, note=note)

    first, noted, second, nobody, again = couriers_told(published)[-5:]
    assert first == noted
    assert first[0][:2] == ("rui", "rui@couriers.example")
    assert second[0][:2] == ("ana", "ana@couriers.example")
    assert nobody == []
    assert again[0][2] > first[0][2]


def test_who_has_delivered_is_not_named_any_more(session, courier, published):
    shipment = ready(session)
    assign_courier(session, shipment.id, courier="rui")

    advance(session, shipment, "ship", "deliver")

    assert published("shipment.shipped")[-1]["shipments"]["people"]["couriers"]
    assert not published("shipment.delivered")[-1]["shipments"]["people"]["couriers"]


def test_only_an_active_courier_of_the_seller_is_assigned(session, courier):
    shipment = ready(session)

    for code in ("eve", "nobody"):
        with pytest.raises(NotFound):
            assign_courier(session, shipment.id, courier=code)
    with pytest.raises(Refused, match="courier_not_active"):
        assign_courier(session, shipment.id, courier="old")
    assign_courier(session, shipment.id, courier=None)
    assert shipment.courier is None


def test_a_shipment_to_be_collected_has_no_courier(session, courier):
    shipment = ready(session, "pickup")

    with pytest.raises(Refused, match="wrong_method"):
        assign_courier(session, shipment.id, courier="rui")


def test_nothing_ships_before_it_is_ready_whoever_carries_it(session):
    shipment = released(session)

    with pytest.raises(Refused, match="wrong_status"):
        handovers.deliver_shipment(session, shipment.id)
    assert shipment.actions["fail"].reason == "wrong_status"


@pytest.mark.requirement("S4-06")
@pytest.mark.parametrize(("method", "to_collect"), [("cash_on_delivery", 950), ("transfer", 0)])
def test_a_courier_collects_what_is_still_owed_in_cash(session, method, to_collect):
    order = order_by("delivery")
    payment = replace(
        order.payment,
        method=method,
        owed_minor=1200,
        received_minor=300,
        refunded_minor=50,
        covered=False,
    )

    [shipment] = hear(session, replace(order, payment=payment))

    assert (shipment.order.to_collect_minor, shipment.order.currency) == (to_collect, order.currency)
