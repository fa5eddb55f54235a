"""Which action may start where, where it leads, and what stands against it."""

from dataclasses import replace
from itertools import product

import pytest

from services.orders.domain.order_status import (
    ACTIONS,
    TRANSITIONS,
    OrderFacts,
    actions,
    refusals,
    refuse_unless_possible,
    status_after,
)
from shared.errors import Refused
from shared.events.snapshots import OrderStatus, PaymentMethod

READY = OrderFacts(
    status=OrderStatus.PLACED,
    payment_method=PaymentMethod.TRANSFER,
    covered=True,
    holds=(),
    backorders=False,
    awaiting=(),
    goods_left=False,
    units_here=2,
    delivered=False,
    owed_minor=900,
    excess_minor=0,
    fulfilled=False,
)

# The table of the domain's description, a line per status: every move not in it is refused.
MOVES = """
draft       place placed, abandon abandoned
placed      accept accepted, refuse refused, fail failed, cancel cancelled, cancel_lines placed
accepted    cancel cancelling, cancel_lines cancelling, complete completed
cancelling  confirm_cancel cancelled, confirm_cancel_lines accepted, deny_cancel accepted
completed
cancelled
refused
failed
abandoned
"""


def moves():
    for line in MOVES.strip().splitlines():
        status, _, rest = line.partition(" ")
        yield status, dict(move.split() for move in rest.split(",") if move.strip())


@pytest.mark.parametrize(("status", "allowed"), list(moves()))
def test_every_move_leads_where_the_table_says_or_is_refused(status, allowed):
    for action in {action for action, _ in TRANSITIONS}:
        if action in allowed:
            assert status_after(action, OrderStatus(status)) == allowed[action]
        else:
            with pytest.raises(Refused, match="wrong_status"):
                status_after(action, OrderStatus(status))


def test_the_table_knows_every_status():
    assert {status for status, _ in moves()} == set(OrderStatus)


def reasons(action, **changes):
    return [refusal.reason for refusal in refusals(action, replace(READY, **changes))]


def test_an_order_that_is_paid_in_stock_and_not_held_can_be_accepted():
    assert reasons("accept") == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": OrderStatus.ACCEPTED, "covered": False}, ["wrong_status"]),
        ({"holds": ("suspicious",)}, ["on_hold"]),
        ({"covered": False}, ["payment_not_recorded"]),
        ({"awaiting": None}, ["awaiting_inventory"]),
        ({"awaiting": ("GB-1/2",)}, ["awaiting_inventory"]),
        (
            {"holds": ("suspicious",), "covered": False, "awaiting": None},
            ["on_hold", "payment_not_recorded", "awaiting_inventory"],
        ),
    ],
)
def test_what_stands_against_accepting_is_named_first_to_clear_first(changes, expected):
    assert reasons("accept", **changes) == expected


def test_the_shipments_that_lack_stock_are_named():
    [refusal] = refusals("accept", replace(READY, awaiting=("GB-1/2", "GB-1/3")))

    assert refusal.facts == {"shipments": ["GB-1/2", "GB-1/3"]}


@pytest.mark.parametrize("awaiting", [None, ("GB-1/2",)])
def test_a_market_with_backorders_accepts_what_is_not_in_stock(awaiting):
    assert reasons("accept", backorders=True, awaiting=awaiting) == []


def test_cash_on_delivery_is_accepted_before_it_is_paid():
    assert reasons("accept", payment_method=PaymentMethod.CASH_ON_DELIVERY, covered=False) == []


@pytest.mark.parametrize("method", [method for method in PaymentMethod if not method.pays_on_delivery])
def test_every_other_method_is_paid_before_it_is_accepted(method):
    assert reasons("accept", payment_method=method, covered=False) == ["payment_not_recorded"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"status": OrderStatus.ACCEPTED}, []),
        ({"status": OrderStatus.ACCEPTED, "goods_left": True}, ["already_shipped"]),
        ({"holds": ("no stock",)}, ["on_hold"]),
        ({"status": OrderStatus.CANCELLING}, ["wrong_status"]),
        ({"status": OrderStatus.COMPLETED, "goods_left": True}, ["wrong_status"]),
    ],
)
def test_what_stands_against_cancelling(changes, expected):
    assert reasons("cancel", **changes) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (status, [] if status in {"placed", "accepted", "cancelling"} else ["wrong_status"])
        for status in OrderStatus
    ],
)
def test_money_can_be_recorded_while_anything_can_be_owed(status, expected):
    assert reasons("record_payment", status=status) == expected


@pytest.mark.requirement("S4-18")
def test_recording_by_hand_is_offered_for_every_method_except_online():
    offered = {method for method in PaymentMethod if reasons("record_payment", payment_method=method) == []}

    assert offered == set(PaymentMethod) - {PaymentMethod.ONLINE}
    assert reasons("record_payment", payment_method=PaymentMethod.ONLINE) == ["recorded_by_gateway"]


@pytest.mark.parametrize("status", OrderStatus)
def test_reading_says_of_every_action_what_the_command_does(status):
    states = product((True, False), (None, (), ("GB-1/2",)), ((), ("odd",)), PaymentMethod)
    for covered, awaiting, holds, method in states:
        order = replace(
            READY, status=status, covered=covered, awaiting=awaiting, holds=holds, payment_method=method
        )
        answered = actions(order)

        assert set(answered) == set(ACTIONS)
        for action, refusal in answered.items():
            if refusal is None:
                refuse_unless_possible(action, order)
            else:
                with pytest.raises(Refused, match=refusal.reason):
                    refuse_unless_possible(action, order)
