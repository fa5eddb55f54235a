"""Returns: expected once approved, received and inspected once, restocked only if sellable."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping import consumers
from services.shipping.commands.handovers import deliver_shipment
from services.shipping.commands.returns import receive_return
from services.shipping.domain.inspection import Condition, Found, ReturnStatus, inspected
from services.shipping.models import ExpectedReturn
from shared.access import Actor, actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused, Stale
from shared.events.snapshots import Return, ReturnLine
from shared.messaging.order_locks import lock_order
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, later, level, make_order, stock

C = Condition


def with_return(order, quantity=1, status="approved", return_id=None):
    """The order's next version, in which so many of its first line come back."""
    [line, *_] = order.lines
    one = Return(
        return_id=return_id or new_id(),
        status=status,
        reason="too big",
        lines=(ReturnLine(line_id=line.line_id, sku=line.sku, requested_quantity=quantity),),
    )
    others = [known for known in order.returns if known.return_id != one.return_id]
    return later(order, returns=(*others, one))


def hear_return(session, order):
    lock_order(session, order.order_id)
    consumers.bring_shipments_in_line(session, order)
    consumers.expect_returns(session, order)
    session.flush()
    return session.get(ExpectedReturn, order.returns[-1].return_id)


@pytest.fixture
def order(session):
    """Three of a SKU whose sales unit holds two, delivered; four are left in stock."""
    stock(session, "TEA-250", 10)
    order = accepted(make_order([("TEA-250", 3, 2)]))
    [shipment] = hear(session, order)
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack", "ship")
    deliver_shipment(session, shipment.id)
    session.flush()
    assert level(session, "TEA-250") == (4, 0)
    return order


def found(expected, *conditions):
    line_id = expected.lines[0].line_id
    return [Found(line_id=line_id, condition=condition, quantity=1) for condition in conditions]


@pytest.mark.requirement("P-03", "S2-04")
def test_one_of_three_comes_back_and_goes_to_stock_only_when_it_is_here(session, order, published):
    expected = hear_return(session, with_return(order))
    assert (expected.status, level(session, "TEA-250")) == (ReturnStatus.EXPECTED, (4, 0))

    receive_return(session, expected.id, location="WEST", found=found(expected, C.SELLABLE))
    session.flush()

    assert (expected.status, level(session, "TEA-250")) == (ReturnStatus.RECEIVED, (6, 0))
    [event] = published("return.received")
    line = {
        "line_id": str(order.lines[0].line_id),
        "sku": "TEA-250",
        "requested_quantity": 1,
        "received_quantity": 1,
        "restocked_quantity": 1,
        "scrapped_quantity": 0,
    }
    assert (event["return_id"], event["lines"]) == (str(expected.id), [line])
    assert event["shipments"]["returns"][0]["lines"] == [line]


@pytest.mark.requirement("P-03", "F-15")
def test_what_can_not_be_sold_again_is_scrapped(session, order, published):
    expected = hear_return(session, with_return(order, quantity=3))

    receive_return(
        session, expected.id, location="WEST", found=found(expected, C.SELLABLE, C.USED, C.DAMAGED)
    )

    assert level(session, "TEA-250") == (6, 0)
    [line] = published("return.received")[0]["lines"]
    assert (line["received_quantity"], line["restocked_quantity"], line["scrapped_quantity"]) == (3, 1, 2)


@pytest.mark.requirement("P-03", "F-15")
def test_nothing_is_received_twice(session, order, published):
    expected = hear_return(session, with_return(order, quantity=2))
    receive_return(session, expected.id, location="WEST", found=found(expected, C.SELLABLE))

    with pytest.raises(Refused, match="already_received"):
        receive_return(session, expected.id, location="WEST", found=found(expected, C.SELLABLE))

    assert level(session, "TEA-250") == (6, 0)
    assert len(published("return.received")) == 1


@pytest.mark.requirement("P-03")
def test_more_than_is_expected_is_not_received(session, order):
    expected = hear_return(session, with_return(order, quantity=1))

    with pytest.raises(Invalid, match="more than expected"):
        receive_return(session, expected.id, location="WEST", found=found(expected, C.SELLABLE, C.USED))


def test_an_empty_box_is_received_as_nothing(session, order, published):
    expected = hear_return(session, with_return(order))

    receive_return(session, expected.id, location="WEST", found=[], note="an empty box")

    assert published("return.received")[0]["lines"][0]["received_quantity"] == 0
    assert level(session, "TEA-250") == (4, 0)


def test_approval_heard_again_late_or_before_the_order_changes_nothing(session, order):
    first = with_return(order)
    closed = with_return(first, status="closed", return_id=first.returns[0].return_id)

    assert hear_return(session, closed) is None
    again = later(closed, returns=first.returns)
    expected = hear_return(session, again)
    hear_return(session, again)

    assert (expected.status, session.query(ExpectedReturn).count()) == (ReturnStatus.EXPECTED, 1)


def test_a_closed_return_is_no_longer_expected_a_received_one_stays_so(session, order):
    one = with_return(order)
    return_id = one.returns[0].return_id
    expected = hear_return(session, one)
    closed = hear_return(session, with_return(one, status="closed", return_id=return_id))

    with pytest.raises(Refused, match="return_closed"):
        receive_return(session, return_id, location="WEST", found=found(expected, C.SELLABLE))
    assert closed.status is ReturnStatus.CLOSED

    two = with_return(later(one), quantity=2)
    received = hear_return(session, two)
    receive_return(session, received.id, location="WEST", found=found(received, C.SELLABLE))
    hear_return(session, with_return(two, status="closed", return_id=received.id))
    assert received.status is ReturnStatus.RECEIVED


def test_a_return_of_an_order_not_heard_of_before_is_expected(session):
    order = with_return(replace(accepted(make_order()), status="completed"))

    expected = hear_return(session, order)

    assert expected.status is ReturnStatus.EXPECTED


def test_who_decided_on_an_older_state_is_told(session, order):
    expected = hear_return(session, with_return(order))
    session.info["actor"] = actor_of(session).expecting(expected.version + 1, expected.id)

    with pytest.raises(Stale):
        receive_return(session, expected.id, location="WEST", found=[])


def test_another_seller_has_neither_the_return_nor_the_shelf(session, order):
    expected = hear_return(session, with_return(order))
    session.info["actor"] = Actor(name="eve", sellers=frozenset({"other"}), markets=frozenset({"*"}))
    with pytest.raises(NotFound, match="return"):
        receive_return(session, expected.id, location="WEST", found=[])

    session.info["actor"] = Actor(name="ana", sellers=frozenset({"lantern"}), markets=frozenset({"*"}))
    with pytest.raises(NotFound, match="location"):
        receive_return(session, expected.id, location="WEST", found=found(expected, C.SELLABLE))


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(C), st.integers(1, 4)), max_size=6))
def test_findings_add_up_and_never_exceed_what_is_expected(rows):
    ids = [new_id() for _ in range(2)]
    expected = dict.fromkeys(ids, 5)
    all_found = [
        Found(line_id=[*ids, new_id()][place], condition=condition, quantity=quantity)
        for place, condition, quantity in rows
    ]

    try:
        sums = inspected(expected, all_found)
    except Invalid:
        by_line = [sum(one.quantity for one in all_found if one.line_id == line_id) for line_id in ids]
        assert max(by_line) > 5 or any(place == 2 for place, _, _ in rows)
    else:
        assert sum(sums.values()) == sum(one.quantity for one in all_found)
        assert all(sum(n for (line, _), n in sums.items() if line == line_id) <= 5 for line_id in ids)
