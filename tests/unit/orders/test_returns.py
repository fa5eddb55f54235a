"""Returns: asked for, allowed or not, received, paid for or not, and closed; each step once and in order."""

import pytest
from sqlalchemy import select

from services.orders.commands.refunds import request_refund, settle_refund, withdraw_refund
from services.orders.commands.returns import (
    approve_return,
    dismiss_return,
    expire_return,
    refund_return,
    reject_return,
    request_return,
    withdraw_return,
)
from services.orders.domain.return_status import ACTIONS, TRANSITIONS, actions, status_after
from services.orders.models import Return
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events import codec
from shared.events.snapshots import ReturnReason, ReturnStatus
from shared.messaging.tables import jobs
from tests.unit.orders.sample_shop import HOME, came

SHIPPED = [{"method": "delivery", "shipping_minor": 500, "address": HOME}]


@pytest.fixture
def ask(session):
    """Ask to send so many units of the order's first line back."""

    def ask(order, quantity=1, **more):
        lines = [{"line_id": order.lines[0].id, "quantity": quantity}]
        return request_return(session, order.id, reason=ReturnReason.FAULTY, lines=lines, **more)

    return ask


@pytest.fixture
def approve(session, ask):
    def approve(order, quantity=1):
        return approve_return(session, order.id, ask(order, quantity).id, answer="to our workshop")

    return approve


@pytest.fixture
def receive(hear_shipments):
    def receive(order, one, **how):
        hear_shipments(order, "delivered", event="return.received", returns=[came(one, **how)])

    return receive


@pytest.mark.requirement("P-03", "S1-08")
def test_one_of_three_comes_back_from_the_wish_to_the_money(session, deliver, ask, receive, published):
    order = deliver(lines=[("TEA-250", 3)])
    line = order.lines[0]

    asked = ask(order)
    approve_return(session, order.id, asked.id, answer="to our workshop")
    receive(order, asked)
    assert (asked.status, line.returned_quantity, order.refunds) == ("received", 1, [])
    refund_return(session, order.id, asked.id)
    [refund] = order.refunds
    assert (asked.status, refund.amount_minor, refund.return_id) == ("refunded", 450, asked.id)
    settle_refund(session, order.id, refund.id, reference="BACK 1")

    assert (asked.status, asked.close_reason) == ("closed", "done")
    assert (order.payment_state, order.balance.owed_minor) == ("partly_refunded", 900)
    told = [
        published(f"return.{step}")[0]["order"]["returns"][0] for step in ("requested", "approved", "closed")
    ]
    assert [one["status"] for one in told] == ["requested", "approved", "closed"]
    [line_told] = told[2]["lines"]
    assert (line_told["received_quantity"], line_told["restocked_quantity"]) == (1, 1)
    settled = codec.decode("refund.settled", published("refund.settled")[0]).order.refunds[0]
    assert (settled.return_id, settled.credited_minor, settled.parts[0].quantity) == (asked.id, 450, 1)


@pytest.mark.requirement("S2-04", "S1-08")
def test_a_finished_order_can_still_be_sent_back_and_refunded(session, deliver, ask):
    order = deliver()
    assert order.status == "completed"
    assert (order.actions["request_return"], order.actions["refund"]) == (None, None)

    asked = ask(order)
    request_refund(session, order.id, reason="late", amount_minor=50)

    assert (asked.status, asked.number) == ("requested", f"{order.number}/R1")
    assert order.status == "completed"


@pytest.mark.parametrize(
    ("statuses", "reason"), [(["shipped"], "not_delivered"), ([], "not_delivered"), (None, "wrong_status")]
)
def test_only_what_was_delivered_can_come_back(
    place_order, accept_paid, hear_shipments, ask, statuses, reason
):
    order = place_order() if statuses is None else accept_paid()
    for status in statuses or ():
        hear_shipments(order, status)

    with pytest.raises(Refused, match=reason):
        ask(order)

    assert order.actions["request_return"].reason == reason


def test_no_unit_comes_back_twice_but_one_that_did_not_come_can(session, deliver, ask, approve, receive):
    order = deliver(lines=[("TEA-250", 3)])
    first, second = ask(order, 1), approve(order, 2)
    with pytest.raises(Refused, match="more_than_delivered"):
        ask(order)
    reject_return(session, order.id, first.id, answer="it is used")
    receive(order, second, restocked=1)

    again = ask(order, 2)

    assert [line.requested_quantity for line in again.lines] == [2]
    with pytest.raises(Refused, match="more_than_delivered"):
        ask(order)


def test_lines_are_the_orders_own_and_named_once(session, deliver):
    order = deliver()
    own, strange = ({"line_id": line_id, "quantity": 1} for line_id in (order.lines[0].id, new_id()))
    for lines, field in (([own, strange], "lines.1.line_id"), ([own, own], "lines.1.line_id")):
        with pytest.raises(Invalid, match=field):
            request_return(session, order.id, reason=ReturnReason.OTHER, lines=lines)


def test_a_rejected_return_says_why_and_is_over(session, deliver, ask, published):
    order = deliver()
    asked = ask(order)

    reject_return(session, order.id, asked.id, answer="it is used")

    assert (asked.status, asked.answer) == ("rejected", "it is used")
    assert published("return.rejected")[0]["reason"] == "it is used"
    with pytest.raises(Refused, match="wrong_status"):
        approve_return(session, order.id, asked.id)


@pytest.mark.requirement("P-03")
def test_only_what_came_is_given_back(session, deliver, approve, receive):
    order = deliver(lines=[("TEA-250", 3)])
    approved = approve(order, 3)

    receive(order, approved, restocked=1, scrapped=1)
    refund_return(session, order.id, approved.id)

    [line] = approved.lines
    assert (line.received_quantity, line.restocked_quantity, line.scrapped_quantity) == (2, 1, 1)
    assert order.lines[0].returned_quantity == 2
    assert order.refunds[0].amount_minor == 900


def test_hearing_of_what_came_again_changes_nothing(session, deliver, approve, receive):
    order = deliver(lines=[("TEA-250", 3)])
    approved = approve(order, 2)
    receive(order, approved)
    version = order.version

    receive(order, approved)

    assert (order.version, order.lines[0].returned_quantity) == (version, 2)


def test_part_of_what_came_and_its_shipping_are_given_back_less_a_deduction(
    session, deliver, approve, receive
):
    order = deliver(lines=[("TEA-250", 3)], delivery_groups=SHIPPED)
    approved = approve(order, 3)
    receive(order, approved)

    refund_return(
        session,
        order.id,
        approved.id,
        lines=[{"line_id": order.lines[0].id, "quantity": 2}],
        shipping_minor=500,
        deducted_minor=400,
    )

    [refund] = order.refunds
    assert (refund.amount_minor, refund.credited_minor) == (1000, 1000)
    assert sum(part.gross_minor for part in refund.parts) == 1000


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"lines": 4}, "more_than_returned"),
        ({"deducted_minor": 901}, "nothing_left"),
        ({"shipping_minor": 1}, "more_than_left"),
    ],
)
def test_more_than_came_is_not_given_back(session, deliver, approve, receive, wanted, reason):
    order = deliver(lines=[("TEA-250", 4)])
    approved = approve(order, 2)
    receive(order, approved)
    if "lines" in wanted:
        wanted = {"lines": [{"line_id": order.lines[0].id, "quantity": wanted["lines"]}]}

    with pytest.raises(Refused, match=reason):
        refund_return(session, order.id, approved.id, **wanted)


def test_without_the_goods_money_goes_back_for_a_reason_only(session, deliver, approve):
    order = deliver()
    approved = approve(order)

    with pytest.raises(Invalid, match="reason"):
        refund_return(session, order.id, approved.id)
    refund_return(session, order.id, approved.id, reason="not worth the postage")

    assert (approved.status, order.refunds[0].reason) == ("refunded", "not worth the postage")
    assert order.lines[0].returned_quantity == 0


@pytest.mark.requirement("S0-15", "P-03")
def test_a_refund_with_goods_to_be_sold_again_expects_them(session, deliver, receive, published):
    order = deliver(lines=[("TEA-250", 3)])
    lines = [{"line_id": order.lines[0].id, "quantity": 2}]

    refund = request_refund(session, order.id, reason="ordered twice", lines=lines, restock=True)
    [expected] = order.returns
    assert (expected.status, expected.id, len(published("return.approved"))) == (
        "approved",
        refund.return_id,
        1,
    )
    settle_refund(session, order.id, refund.id, reference="BACK 1")
    assert expected.status == "approved"
    receive(order, expected)

    assert (expected.status, order.lines[0].returned_quantity) == ("closed", 2)
    assert len(order.refunds) == 1


@pytest.mark.requirement("P-03")
def test_goods_that_were_refunded_to_be_sold_again_are_not_refunded_once_more(session, deliver):
    order = deliver(lines=[("TEA-250", 3)])
    lines = [{"line_id": order.lines[0].id, "quantity": 1}]
    refund = request_refund(session, order.id, reason="ordered twice", lines=lines, restock=True)
    [expected] = order.returns

    with pytest.raises(Refused, match="already_refunded"):
        refund_return(session, order.id, expected.id, reason="not worth the postage")
    assert (expected.actions["refund"].reason, len(order.refunds)) == ("already_refunded", 1)

    withdraw_refund(session, order.id, refund.id, reason="the goods first")
    assert expected.actions["refund"] is None
    refund_return(session, order.id, expected.id, reason="not worth the postage")
    assert order.balance.owed_minor == 900


def test_goods_that_are_not_with_the_customer_are_not_refunded_to_be_restocked(
    session, accept_paid, hear_shipments
):
    order = accept_paid()
    hear_shipments(order, "shipped")
    lines = [{"line_id": order.lines[0].id, "quantity": 1}]

    with pytest.raises(Refused, match="not_delivered"):
        request_refund(session, order.id, reason="ordered twice", lines=lines, restock=True)


def test_a_refund_that_ended_a_return_is_not_withdrawn(session, deliver, approve, receive):
    order = deliver()
    approved = approve(order)
    receive(order, approved)
    refund_return(session, order.id, approved.id)

    with pytest.raises(Refused, match="belongs_to_return"):
        withdraw_refund(session, order.id, order.refunds[0].id, reason="oh")


def test_what_came_ruined_ends_without_money(session, deliver, approve, receive, published):
    order = deliver()
    approved = approve(order)
    receive(order, approved, restocked=0, scrapped=1)

    dismiss_return(session, order.id, approved.id, reason="it was worn")

    assert (approved.status, approved.close_reason, order.refunds) == ("closed", "dismissed", [])
    assert len(published("return.closed")) == 1


def test_goods_that_never_came_are_given_up_by_a_job(session, deliver, approve, published):
    order = deliver()
    approved = approve(order)
    [due] = session.scalars(select(jobs.c.run_at).where(jobs.c.kind == "return_expiry")).all()
    assert due == approved.expires_at

    for _ in range(2):
        expire_return(session, order.id, approved.id)

    assert (approved.status, approved.close_reason) == ("closed", "expired")
    assert len(published("return.closed")) == 1


@pytest.mark.parametrize("given_up_by", [withdraw_return, expire_return])
def test_goods_that_come_after_all_are_received(session, deliver, approve, receive, given_up_by):
    order = deliver()
    approved = approve(order)
    given_up_by(session, order.id, approved.id)

    receive(order, approved)

    assert (approved.status, approved.closed_at, order.lines[0].returned_quantity) == ("received", None, 1)
    refund_return(session, order.id, approved.id)


def test_a_return_that_was_paid_for_does_not_expire(session, deliver):
    order = deliver()
    lines = [{"line_id": order.lines[0].id, "quantity": 1}]
    request_refund(session, order.id, reason="ordered twice", lines=lines, restock=True)

    expire_return(session, order.id, order.returns[0].id)

    assert order.returns[0].status == "approved"


def test_an_unknown_return_is_not_there(session, deliver):
    order = deliver()
    with pytest.raises(NotFound):
        approve_return(session, order.id, new_id())


@pytest.mark.parametrize("status", ReturnStatus)
def test_reading_says_of_every_action_what_the_command_does(status):
    answered = actions(status)

    assert set(answered) == set(ACTIONS)
    for action, refusal in answered.items():
        if refusal is None:
            assert status_after(action, status) is TRANSITIONS[action, status]
        else:
            with pytest.raises(Refused, match=refusal.reason):
                status_after(action, status)


def test_returns_are_listed_by_what_is_to_be_done_oldest_first(client, bearer, session, deliver, ask):
    asked = [ask(deliver()) for _ in range(3)]
    approve_return(session, asked[1].order_id, asked[1].id)
    first = client.get("/v1/returns?status=requested&limit=1", headers=bearer()).json

    second = client.get(f"/v1/returns?status=requested&cursor={first['next']}", headers=bearer()).json

    assert [one["return_id"] for one in first["items"] + second["items"]] == [
        str(asked[0].id),
        str(asked[2].id),
    ]
    assert second["next"] is None
    for stranger in ({"sellers": ["dock"], "markets": ["*"]}, {"sellers": ["*"], "markets": ["eu"]}):
        assert client.get("/v1/returns", headers=bearer(**stranger)).json["items"] == []


def test_a_return_goes_its_way_over_the_api(client, bearer, session, deliver, receive):
    order = deliver()
    address = f"/v1/orders/{order.id}/returns"
    body = {"reason": "damaged", "lines": [{"line_id": str(order.lines[0].id), "quantity": 1}]}

    asked = client.post(address, json=body, headers=bearer())
    one = f"{address}/{asked.json['return_id']}"
    early = client.post(f"{one}/dismiss", json={"reason": "worn"}, headers=bearer())
    client.post(f"{one}/approve", json={}, headers=bearer())
    receive(order, session.scalars(select(Return)).one())
    refunded = client.post(f"{one}/refund", json={"deducted_minor": 50}, headers=bearer())
    shown = client.get(f"/v1/orders/{order.id}", headers=bearer()).json

    assert (asked.status_code, asked.json["status"], asked.json["actions"]["approve"]) == (
        201,
        "requested",
        None,
    )
    assert (early.status_code, early.json["reason"]) == (409, "wrong_status")
    assert (refunded.status_code, refunded.json["status"]) == (200, "refunded")
    assert shown["refunds"][0]["amount_minor"] == 400
    assert shown["returns"] == client.get(address, headers=bearer()).json == [refunded.json]
