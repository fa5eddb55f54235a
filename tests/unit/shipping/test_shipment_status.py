"""A shipment goes from state to state by the table, and says why not where it can't."""

import itertools

import pytest

from services.shipping.domain.shipment_status import (
    ACTIONS,
    OPEN,
    TRANSITIONS,
    ShipmentFacts,
    actions,
    refusal,
    refuse_unless_possible,
    status_after,
)
from shared.errors import Refused
from shared.events.snapshots import LEFT, MethodKind, ShipmentStatus

S = ShipmentStatus


def facts(status, **changes):
    known = {
        "order_status": "accepted",
        "covered": True,
        "cash_on_delivery": False,
        "held": False,
        "accepted": True,
        "kind": MethodKind.DELIVERY,
        "label_stored": True,
        "picked": True,
        "check_open": False,
    }
    return ShipmentFacts(status=status, **(known | changes))


def reason(action, shipment):
    against = refusal(action, shipment)
    return against and against.reason


@pytest.mark.requirement("S3-31")
def test_no_step_may_be_skipped():
    path = [S.INVENTORY_ASSIGNED, S.RELEASED, S.PACKING, S.READY, S.SHIPPED, S.DELIVERED]
    steps = ["release", "pick", "pack", "ship", "deliver"]

    for step, status in itertools.product(steps, path):
        is_next = path.index(status) == steps.index(step)
        assert (reason(step, facts(status)) is None) == is_next
        if is_next:
            assert status_after(step, status, MethodKind.DELIVERY) is path[path.index(status) + 1]


@pytest.mark.requirement("S3-18", "S3-30")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"order_status": "placed"}, "order_not_accepted"),
        ({"order_status": "cancelling"}, "cancel_requested"),
        ({"held": True}, "on_hold"),
        ({"covered": False}, "payment_not_recorded"),
        ({"covered": False, "cash_on_delivery": True}, None),
        ({"order_status": "placed", "held": True, "covered": False}, "order_not_accepted"),
    ],
)
def test_release_needs_a_promised_order_that_is_paid_for_and_not_held(changes, expected):
    assert reason("release", facts(S.INVENTORY_ASSIGNED, **changes)) == expected


def test_a_hold_binds_only_the_release():
    held = [facts(status, held=True) for status in (S.RELEASED, S.PACKING, S.READY, S.SHIPPED)]

    assert [
        reason(step, shipment)
        for step, shipment in zip(("pick", "pack", "ship", "deliver"), held, strict=True)
    ] == ([None] * 4)


@pytest.mark.parametrize("action", ["pack", "print_label"])
def test_packing_ends_only_when_the_label_is_there(action):
    assert reason(action, facts(S.PACKING, label_stored=False)) == "label_not_ready"
    assert reason(action, facts(S.PACKING)) is None


@pytest.mark.parametrize("status", S)
def test_whatever_has_not_left_can_be_cancelled_and_nothing_else(status):
    assert (reason("cancel", facts(status)) is None) == (status in OPEN)
    assert OPEN | LEFT | {S.CANCELLED} == set(S)


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("release", S.AWAITING_INVENTORY, "awaiting_inventory"),
        ("release", S.RELEASED, "wrong_status"),
        ("ship", S.PACKING, "wrong_status"),
        ("cancel", S.SHIPPED, "already_shipped"),
        ("cancel", S.UNDELIVERABLE, "already_shipped"),
        ("deliver", S.DELIVERED, "already_delivered"),
        ("pick", S.CANCELLED, "shipment_cancelled"),
    ],
)
def test_a_refusal_says_what_happened(action, status, expected):
    assert reason(action, facts(status)) == expected


@pytest.mark.parametrize("status", S)
def test_the_command_refuses_with_the_reason_that_reads_show(status):
    for shipment in (facts(status), facts(status, held=True, covered=False, label_stored=False)):
        shown = actions(shipment)
        assert set(shown) == set(ACTIONS)
        for action, against in shown.items():
            if against is None:
                refuse_unless_possible(action, shipment)
            else:
                with pytest.raises(Refused, match=f"^{against.reason}: {against.detail}$"):
                    refuse_unless_possible(action, shipment)


def test_nothing_leads_out_of_a_final_state_or_back():
    order = [*sorted(OPEN - {S.AWAITING_INVENTORY}, key=list(S).index), S.SHIPPED, S.DELIVERED]

    led = {(status, reached) for (_, status), reached in TRANSITIONS.items() if status is not reached}
    assert not [status for status, _ in led if status in {S.CANCELLED, S.DELIVERED, S.RETURNED}]
    for (action, status), reached in TRANSITIONS.items():
        if status in order and reached in order and action != "unassign":
            assert order.index(reached) >= order.index(status)
