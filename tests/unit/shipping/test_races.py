"""What happens at once: two orders never get one unit, an order is never both cancelled and shipped.

A deadlock ends in an error that fails the test.
"""

import random
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.shipping import queries
from services.shipping.commands import handovers, picking, sourcing
from services.shipping.commands import shipments as commands
from services.shipping.commands.returns import receive_return
from services.shipping.commands.stock import receive_stock, set_stock, tell_changed_stock
from services.shipping.commands.tracking import hear_scan
from services.shipping.domain.inspection import Condition, Found
from services.shipping.domain.shipment_status import MOST_WRONG_CODES
from services.shipping.models import OrderState, Shipment
from shared import clock
from shared.collect_codes import collect_code
from shared.errors import Refused
from shared.events.snapshots import ShipmentStatus, TrackingStatus
from tests.unit.shipping.steps import (
    accepted,
    advance,
    cancelling,
    hear,
    hear_label,
    later,
    level,
    make_order,
    run_jobs,
    stock,
    told,
)
from tests.unit.shipping.test_returns import hear_return, with_return
from tests.unit.shipping.ways import ready
from tests.waiting import PATIENCE_SECONDS

S = ShipmentStatus

ROUNDS = 200
CLIENTS = 8
KEYS = ("newest", "previous")


def at_once(*actions):
    """Do all of it at the same moment; answers what each returned or raised."""
    start = threading.Barrier(len(actions))

    def act(action):
        start.wait()
        try:
            return action()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(act, actions))


@pytest.fixture
def transaction(sessions):
    """A function done in a transaction of its own when it is called."""

    def later_on(function, *arguments, **named):
        def run():
            with sessions.begin() as session:
                return function(session, *arguments, **named)

        return run

    return later_on


@pytest.mark.requirement("F-09", "P-14")
@pytest.mark.parametrize("round_number", range(5))
def test_of_many_orders_for_the_last_unit_exactly_one_gets_it(sessions, transaction, round_number):
    with sessions.begin() as session:
        stock(session, "TEA-250", 1)
    orders = [make_order([("TEA-250", 1)]) for _ in range(CLIENTS)]

    at_once(*(transaction(hear, order) for order in orders))

    with sessions() as session:
        statuses = [one.status for one in session.scalars(select(Shipment)).unique()]
        assert sorted(statuses) == [S.AWAITING_INVENTORY] * (CLIENTS - 1) + [S.INVENTORY_ASSIGNED]
        assert level(session, "TEA-250") == (1, 1)
        events = [event for order in orders for event in told(session, order.order_id)]
        assert events.count("shipment.inventory_assigned") == 1
        assert events.count("shipment.awaiting_inventory") == CLIENTS - 1


@pytest.mark.requirement("F-09", "F-12")
def test_orders_over_hot_skus_neither_deadlock_nor_oversell(sessions, transaction):
    skus = [f"HOT-{number}" for number in range(8)]
    with sessions.begin() as session:
        for sku in skus:
            stock(session, sku, 20, "WEST")
            stock(session, sku, 20, "EAST")
    chosen = random.Random(7)

    def order():
        # In any order of SKUs, and one of them twice: what would deadlock if locks were taken as lines come.
        lines = [(sku, chosen.randint(1, 3)) for sku in chosen.sample(skus, 4)]
        return make_order([*lines, lines[0]], [(chosen.choice(skus), 1)])

    for _ in range(12):
        orders = [order() for _ in range(CLIENTS - 2)]
        at_once(
            *(transaction(hear, one) for one in orders),
            transaction(receive_stock, "WEST", chosen.choice(skus), quantity=1, reason=""),
            transaction(set_stock, "EAST", "NEW", on_hand=chosen.randint(0, 5), reason="count"),
        )
        at_once(*(transaction(hear, later(one, status="cancelled")) for one in orders[::2]))
        run_jobs(sessions)

    with sessions() as session:
        assert queries.stock_drift(session) == []


@pytest.mark.requirement("F-12", "P-11")
def test_whatever_staff_and_orders_do_at_once_nobody_deadlocks_and_the_books_are_right(sessions, transaction):
    skus = [f"HOT-{number}" for number in range(4)]
    with sessions.begin() as session:
        for sku in skus:
            stock(session, sku, 60, "WEST")
            stock(session, sku, 60, "EAST")
    chosen = random.Random(11)

    for _ in range(8):
        orders = [accepted(make_order([(sku, 2) for sku in chosen.sample(skus, 3)])) for _ in range(CLIENTS)]
        ids = []
        for order in orders:
            with sessions.begin() as session:
                [shipment] = hear(session, order)
                if shipment.status is S.INVENTORY_ASSIGNED:
                    advance(session, shipment, "release")
                    ids.append((shipment.id, {shipment.lines[0].line_id: 1}))
        chosen.shuffle(ids)
        if len(ids) < 6:
            break
        backwards = [one for one, _ in reversed(ids)]

        at_once(
            transaction(picking.make_pick_list, location="WEST", shipment_ids=[one for one, _ in ids[:5]]),
            transaction(picking.make_pick_list, location="WEST", shipment_ids=backwards[:5]),
            transaction(sourcing.reject_shipment, ids[-1][0], reason="no"),
            transaction(commands.cancel_shipment, ids[0][0], reason="no"),
            transaction(hear, cancelling(orders[0])),
            transaction(receive_stock, "WEST", chosen.choice(skus), quantity=1, reason=""),
            transaction(tell_changed_stock),
            transaction(tell_changed_stock),
        )
        at_once(*(transaction(picking.record_picks, one, found=found) for one, found in ids))
        run_jobs(sessions)

    with sessions() as session:
        assert queries.stock_drift(session) == []


def test_stock_that_comes_while_an_order_finds_none_is_not_overlooked(sessions, transaction):
    order = make_order([("NEW", 1)])
    with sessions.begin() as session:
        stock(session, "OTHER", 1)

    with ThreadPoolExecutor(1) as pool:
        with sessions.begin() as session:
            hear(session, order)  # has found nothing, and has not committed that it waits
            receipt = pool.submit(transaction(receive_stock, "WEST", "NEW", quantity=1, reason=""))
            wait({receipt}, timeout=0.5)  # it may not end before the other's commit
        receipt.result(timeout=PATIENCE_SECONDS)
    run_jobs(sessions)

    with sessions() as session:
        assert told(session, order.order_id)[-1] == "shipment.inventory_assigned"


def test_two_jobs_for_one_sku_serve_each_shipment_once(sessions, transaction):
    orders = [make_order([("TEA-250", 1)]) for _ in range(10)]
    with sessions.begin() as session:
        stock(session, "TEA-250", 0)
        for order in orders:
            hear(session, order)
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=10, reason="")

    with sessions() as session:
        waiting = [one.id for one in session.scalars(select(Shipment)).unique()]
    for shipment_id in waiting:
        at_once(*(transaction(sourcing.assign_stock, shipment_id) for _ in range(2)))

    with sessions() as session:
        assert level(session, "TEA-250") == (10, 10)
        assert [told(session, order.order_id).count("shipment.inventory_assigned") for order in orders] == [
            1
        ] * 10


def test_an_order_is_never_both_cancelled_and_shipped(sessions, transaction):
    outcomes = []
    with sessions.begin() as session:
        stock(session, "TEA-250", ROUNDS)

    for _ in range(ROUNDS):
        order = accepted(make_order([("TEA-250", 1)]))
        with sessions.begin() as session:
            [shipment] = hear(session, order)
            advance(session, shipment, "release", "pick")
            hear_label(session, shipment)
            advance(session, shipment, "pack")

        at_once(transaction(hear, cancelling(order)), transaction(commands.ship_shipment, shipment.id))

        with sessions() as session:
            state = session.get(OrderState, order.order_id)
            [shipment] = state.shipments
            events = told(session, order.order_id)
        outcomes.append((state.cancel_done, shipment.status, events[-1]))

    assert set(outcomes) <= {
        (True, S.CANCELLED, "shipment.cancelled"),
        (False, S.SHIPPED, "shipment.cancel_refused"),
    }
    shipped = sum(status is S.SHIPPED for _, status, _ in outcomes)
    with sessions() as session:
        assert level(session, "TEA-250") == (ROUNDS - shipped, 0)
        assert queries.stock_drift(session) == []


def reasons(outcomes):
    return sorted(outcome.reason for outcome in outcomes if isinstance(outcome, Refused))


@pytest.mark.requirement("P-11")
def test_lists_of_the_oldest_that_are_made_at_once_share_out_what_is_released(sessions, transaction):
    with sessions.begin() as session:
        stock(session, "TEA-250", 4)
        for _ in range(4):
            [shipment] = hear(session, accepted(make_order([("TEA-250", 1)])))
            advance(session, shipment, "release")

    def listed(session):
        made = picking.make_pick_list(session, location="WEST", shipment_ids=())
        return [line.shipment_id for line in made.lines]

    outcomes = at_once(*(transaction(listed) for _ in range(3)))

    taken = [shipment_id for ids in outcomes if not isinstance(ids, Refused) for shipment_id in ids]
    assert len(taken) == len(set(taken)) == 4
    assert set(reasons(outcomes)) == {"nothing_to_pick"}


@pytest.mark.requirement("P-16")
def test_of_many_who_show_the_code_at_once_one_is_given_the_goods(sessions, transaction):
    with sessions.begin() as session:
        shipment = ready(session, "pickup", units=2)
    code = collect_code(KEYS, shipment.id, shipment.pickup.serial)

    outcomes = at_once(
        *(
            transaction(handovers.collect_shipment, shipment.id, code=code, keys=KEYS, name=f"Client {place}")
            for place in range(CLIENTS)
        )
    )

    assert reasons(outcomes) == ["already_delivered"] * (CLIENTS - 1)
    [given] = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    with sessions() as session:
        assert queries.shipment(session, shipment.id).sign_off.name == given.sign_off.name
        assert told(session, shipment.order_id).count("shipment.delivered") == 1
        assert level(session, "TEA-250") == (3, 0)
        assert queries.stock_drift(session) == []


@pytest.mark.requirement("P-16")
def test_wrong_codes_tried_at_once_are_counted_one_by_one(sessions, transaction):
    with sessions.begin() as session:
        shipment = ready(session, "pickup")
    code = collect_code(KEYS, shipment.id, shipment.pickup.serial)
    wrong = f"{(int(code) + 1) % 10**6:06d}"

    outcomes = at_once(
        *(
            transaction(handovers.collect_shipment, shipment.id, code=wrong, keys=KEYS, name="Eve")
            for _ in range(CLIENTS)
        )
    )

    assert outcomes.count(None) == MOST_WRONG_CODES
    assert reasons(outcomes) == ["code_locked"] * (CLIENTS - MOST_WRONG_CODES)


@pytest.mark.requirement("P-03")
def test_of_many_who_receive_a_return_at_once_one_takes_it_in(sessions, transaction):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        order = accepted(make_order([("TEA-250", 3)]))
        hear(session, order)
        expected = hear_return(session, with_return(order, quantity=2))
        sellable = [Found(line_id=expected.lines[0].line_id, condition=Condition.SELLABLE, quantity=2)]

    outcomes = at_once(
        *(transaction(receive_return, expected.id, location="WEST", found=sellable) for _ in range(CLIENTS))
    )

    assert reasons(outcomes) == ["already_received"] * (CLIENTS - 1)
    with sessions() as session:
        assert told(session, order.order_id).count("return.received") == 1
        assert level(session, "TEA-250") == (7, 3)
        assert queries.stock_drift(session) == []


@pytest.mark.requirement("F-08")
def test_scans_that_come_at_once_hand_a_shipment_over_once_and_deliver_it_once(sessions, transaction):
    with sessions.begin() as session:
        shipment = ready(session)
    [parcel] = shipment.parcels
    begun_at = clock.now() - timedelta(hours=1)
    steps = (TrackingStatus.COLLECTED, TrackingStatus.IN_TRANSIT, TrackingStatus.DELIVERED)

    at_once(
        *(
            transaction(
                hear_scan,
                "waybill",
                tracking_number=parcel.tracking_number,
                status=status,
                at=begun_at + timedelta(minutes=place),
            )
            for place, status in enumerate(steps)
            for _ in range(2)
        )
    )

    with sessions() as session:
        events = told(session, shipment.order_id)
        assert [events.count(name) for name in ("shipment.shipped", "shipment.delivered")] == [1, 1]
        assert queries.shipment(session, shipment.id).status is S.DELIVERED
        assert level(session, "TEA-250") == (3, 0)
