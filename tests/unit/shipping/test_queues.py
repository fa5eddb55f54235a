"""The queues: each shipment in one, what is due first before the rest."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from services.shipping import queries
from services.shipping.commands import handovers
from services.shipping.commands.master_data import put_carrier, put_goods
from services.shipping.commands.shipments import print_label
from services.shipping.commands.tracking import enter_tracking, hear_scan
from services.shipping.domain.queues import PENDING, Queue, queue_of
from services.shipping.domain.shipment_status import FailureReason
from shared import clock
from shared.access import Actor
from shared.db import new_id
from shared.events.snapshots import Hold, PaymentMethod, ShipmentStatus, TrackingStatus
from tests.plans import plans
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, later, make_order, stock
from tests.unit.shipping.ways import ready, released, shipped

S = ShipmentStatus


@pytest.mark.requirement("S2-02", "S2-03", "S2-04")
@pytest.mark.parametrize(
    ("status", "queue"),
    [
        (S.AWAITING_INVENTORY, Queue.TO_PREPARE),
        (S.INVENTORY_ASSIGNED, Queue.TO_PREPARE),
        (S.RELEASED, Queue.TO_PREPARE),
        (S.PACKING, Queue.TO_PREPARE),
        (S.READY, Queue.READY_TO_SHIP),
        (S.SHIPPED, Queue.IN_TRANSIT),
        (S.UNDELIVERABLE, Queue.IN_TRANSIT),
        (S.DELIVERED, Queue.FINALISED),
        (S.RETURNED, None),
        (S.CANCELLED, None),
    ],
)
def test_each_status_has_its_queue(status, queue):
    assert queue_of(status) is queue


@pytest.mark.requirement("S2-02")
def test_what_is_packed_is_ready_to_ship_until_it_leaves(session):
    def in_queue():
        return [one.id for one in all_of(session, Queue.READY_TO_SHIP)]

    shipment = released(session)
    advance(session, shipment, "pick")
    assert in_queue() == []

    hear_label(session, shipment)
    advance(session, shipment, "pack")
    assert in_queue() == [shipment.id]

    advance(session, shipment, "ship")
    assert in_queue() == []
    assert [one.id for one in all_of(session, Queue.IN_TRANSIT)] == [shipment.id]


def all_of(session, queue, **wanted):
    """A queue, page by page, and each page one long."""
    found, after = [], None
    while rows := queries.queue_page(session, queue, after=after, limit=1, **wanted):
        [shipment] = rows
        found.append(shipment)
        after = (shipment.queue_at, shipment.id)
    return found


@pytest.mark.requirement("S2-01")
def test_printing_the_label_moves_a_shipment_out_of_what_is_to_be_prepared(session):
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(make_order()))
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    assert all_of(session, Queue.TO_PREPARE) == [shipment]

    print_label(session, shipment.id)
    session.flush()

    assert all_of(session, Queue.TO_PREPARE) == []
    assert all_of(session, Queue.READY_TO_SHIP) == [shipment]


@pytest.mark.requirement("S2-13")
def test_what_is_due_first_comes_first_and_what_was_finished_last(session):
    stock(session, "TEA-250", 50)
    shipments = [one for n in range(4) for one in hear(session, accepted(make_order(number=f"GB-{n}")))]
    for days, shipment in zip([3, 1, 4, 2], shipments, strict=True):
        shipment.created_at -= timedelta(days=days)
        advance(session, shipment, "release")

    assert all_of(session, Queue.TO_PREPARE) == [shipments[place] for place in (2, 0, 3, 1)]

    for place in (1, 3, 0):
        advance(session, shipments[place], "pick")
        hear_label(session, shipments[place])
        advance(session, shipments[place], "pack", "ship", "deliver")
    assert all_of(session, Queue.FINALISED) == [shipments[place] for place in (0, 3, 1)]


def overdue(session):
    found, after = [], None
    while rows := queries.overdue_page(session, after=after, limit=2):
        found += rows
        after = (rows[-1].queue_at, rows[-1].id)
    return found


@pytest.mark.requirement("S2-12")
def test_a_shipment_without_progress_for_its_carriers_days_is_flagged(session):
    shipment = ready(session)
    put_carrier(
        session, "slow", name="Slow", tracking_link="https://s.example/{number}", stalled_after_days=9
    )
    [parcel] = shipment.parcels
    enter_tracking(session, shipment.id, parcel.id, carrier="slow", tracking_number="1")
    advance(session, shipment, "ship")
    assert shipment.due_at == shipment.shipped_at + timedelta(days=9)
    assert (shipment.overdue, overdue(session)) == (False, [])

    shipment.shipped_at -= timedelta(days=20)
    said = clock.now() - timedelta(days=10)
    hear_scan(session, "slow", tracking_number="1", status=TrackingStatus.IN_TRANSIT, at=said)
    session.flush()

    assert (shipment.overdue, overdue(session)) == (True, [shipment])
    hear_scan(session, "slow", tracking_number="1", status=TrackingStatus.OUT_FOR_DELIVERY, at=clock.now())
    session.flush()
    assert (shipment.overdue, overdue(session)) == (False, [])


@pytest.mark.requirement("S2-13")
def test_overdue_is_what_is_late_in_any_queue_the_latest_first(session):
    late = [
        released(session, number="GB-1", units=1),
        ready(session, number="GB-2", units=1),
        shipped(session, number="GB-3", units=1),
        shipped(session, number="GB-4", units=1),
    ]
    handovers.fail_shipment(session, late[3].id, reason=FailureReason.NOBODY_THERE)
    ready(session, number="GB-5", units=1)
    for days, shipment in zip([2, 4, 3, 1], late, strict=True):
        shipment.queue_at = clock.now() - timedelta(days=days)
    session.flush()

    assert overdue(session) == [late[place] for place in (1, 2, 0, 3)]
    assert {shipment.queue for shipment in late} == set(PENDING)


def test_what_was_sent_again_has_its_carriers_time_anew(session):
    shipment = shipped(session)
    shipment.shipped_at -= timedelta(days=30)
    handovers.fail_shipment(session, shipment.id, reason=FailureReason.NOBODY_THERE)

    handovers.resend_shipment(session, shipment.id)

    assert shipment.due_at == shipment.shipped_at + timedelta(days=5)
    assert not shipment.overdue


def test_nobody_sees_anothers_queue(session):
    shipment = released(session)
    shipment.queue_at = clock.now() - timedelta(days=1)
    session.flush()

    for actor in (
        Actor(name="eve", sellers=frozenset({"other"}), markets=frozenset({"*"})),
        Actor(name="eve", sellers=frozenset({"*"}), markets=frozenset({"other"})),
    ):
        session.info["actor"] = actor
        assert (all_of(session, Queue.TO_PREPARE), overdue(session)) == ([], [])


@pytest.mark.requirement("S2-01")
def test_a_queue_is_narrowed_to_a_step_of_the_work_a_seller_a_place_and_a_way(session):
    first, second = released(session, number="GB-1", units=1), released(session, number="GB-2", units=1)
    advance(session, second, "pick")

    assert all_of(session, Queue.TO_PREPARE, status=S.RELEASED) == [first]
    assert all_of(session, Queue.TO_PREPARE, status=S.PACKING, seller=second.seller) == [second]
    assert all_of(session, Queue.TO_PREPARE, status=S.READY) == []
    assert all_of(session, Queue.TO_PREPARE, seller="other") == []
    assert all_of(session, Queue.TO_PREPARE, location="EAST") == []
    assert all_of(session, Queue.TO_PREPARE, method=first.method, location=first.location) == [first, second]
    assert all_of(session, Queue.TO_PREPARE, method="other") == []


@pytest.mark.requirement("S2-01", "S2-02", "S2-03")
def test_each_step_says_how_much_waits_there_up_to_a_cap(session, monkeypatch):
    monkeypatch.setattr("services.shipping.queries.queues.COUNTED_AT_MOST", 1)
    for number in ("GB-1", "GB-2", "GB-3"):
        released(session, number=number, units=1)
    ready(session, number="GB-4", units=1)

    counts, *_ = queries.pending_counts(session)
    assert (counts[S.RELEASED], counts[S.READY], counts[S.PACKING]) == (2, 1, 0)  # one more than is counted
    assert next(iter(counts)) is S.AWAITING_INVENTORY
    assert queries.pending_counts(session, seller="other") == (dict.fromkeys(counts, 0), 0, 0)
    session.info["actor"] = Actor(name="eve", sellers=frozenset({"other"}), markets=frozenset({"*"}))
    assert queries.pending_counts(session) == (dict.fromkeys(counts, 0), 0, 0)


HOLD = Hold(hold_id=new_id(), reason="verification", owner="ada", held_at=clock.now())
ON_DELIVERY = {"method": PaymentMethod.CASH_ON_DELIVERY, "pays_on_delivery": True}


def pay_later(order):
    return replace(order.payment, covered=False)


OF_AN_ORDER = {
    "placed": lambda order: order,
    "paid": accepted,
    "unpaid": lambda order: accepted(order, payment=pay_later(order)),
    "on delivery": lambda order: accepted(order, payment=replace(pay_later(order), **ON_DELIVERY)),
    "held": lambda order: accepted(order, holds=(HOLD,)),
    "to be cancelled": lambda order: accepted(order, status="cancelling"),
    "LATER-1": accepted,
    "TODAY-1": accepted,
}


@pytest.mark.requirement("S2-01", "P-11")
def test_what_can_be_released_is_what_release_would_not_refuse(session):
    today = clock.now().date()
    for sku, day in (("TEA-250", None), ("LATER-1", today + timedelta(days=2)), ("TODAY-1", today)):
        stock(session, sku, 50)
        put_goods(session, "lantern", sku, barcode="", specifications={}, weight_grams=0, available_on=day)
    for name, becomes in OF_AN_ORDER.items():
        order = make_order([(name if name.endswith("-1") else "TEA-250", 1)], number=name)
        hear(session, order)
        hear(session, becomes(order))
    session.expire_all()

    can = all_of(session, Queue.TO_PREPARE, releasable=True)
    can_not = all_of(session, Queue.TO_PREPARE, releasable=False)

    assert {one.order.number for one in can} == {"paid", "on delivery", "TODAY-1"}
    assert {one.order.number for one in [*can, *can_not]} == OF_AN_ORDER.keys()
    assert all(one.actions["release"] is None for one in can)
    assert all(one.actions["release"] is not None for one in can_not)
    assert queries.pending_counts(session)[1:] == (3, 5)

    for shipment in can:
        advance(session, shipment, "release")
    assert all_of(session, Queue.TO_PREPARE, releasable=True) == []


@pytest.mark.requirement("S2-01")
def test_what_stands_against_releasing_goes_and_comes_with_its_order(session):
    stock(session, "TEA-250", 50)
    promised = accepted(make_order())
    held = later(promised, holds=(HOLD,))
    on_again = later(held, holds=())
    struck_out = later(on_again, payment=pay_later(on_again))
    [shipment] = hear(session, promised)
    version = shipment.version

    def can_go(order):
        hear(session, order)
        return all_of(session, Queue.TO_PREPARE, releasable=True) == [shipment]

    assert [can_go(one) for one in (promised, held, on_again, struck_out)] == [True, False, True, False]
    assert shipment.version == version  # nobody who looks at it is sent away for that


@pytest.mark.parametrize(
    ("sellers", "filters", "index"),
    [
        ({"*"}, {}, "queue"),
        ({"lantern"}, {}, "(seller_)?queue"),
        ({"*"}, {"seller": "lantern", "status": S.UNDELIVERABLE}, "(seller_)?queue"),
        ({"*"}, {"location": "WEST"}, "location_queue"),
        ({"*"}, {"location": "WEST", "method": "delivery"}, "location_queue"),
        ({"*"}, {"location": "WEST", "kind": "pickup"}, "location_queue"),
    ],
)
def test_a_queue_is_read_along_its_index(session, sellers, filters, index):
    plan = plan_of_page(session, sellers, Queue.IN_TRANSIT, filters)

    assert re.search(rf"using ix_shipments_{index} ", plan)
    assert "->  Sort" not in plan


def test_what_can_be_released_is_read_along_its_own_index(session):
    for seller in ("*", "lantern"):
        plan = plan_of_page(session, {seller}, Queue.TO_PREPARE, {"releasable": True})
        assert "using ix_shipments_let_go " in plan
        assert "->  Sort" not in plan


def plan_of_page(session, sellers, queue, filters):
    session.info["actor"] = Actor(name="ana", sellers=frozenset(sellers), markets=frozenset({"*"}))
    with plans(session, off=("seqscan", "sort"), of="^SELECT[^;]*queue_at[^;]*ORDER BY") as seen:
        queries.queue_page(session, queue, after=None, limit=50, **filters)

    [plan] = seen
    return plan
