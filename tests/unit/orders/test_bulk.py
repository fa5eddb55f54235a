"""The same done to many orders: each on its own, with a result of its own."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from services.orders.commands import placing
from services.orders.commands.orders import accept_order, place_hold
from services.orders.models import HistoryEntry, Order
from shared.db import new_id
from shared.events.snapshots import OrderStatus
from tests.unit.orders.sample_shop import order_wanted


@pytest.fixture
def orders(sessions):
    """Orders that are really there, to be accepted at once."""

    def place(count, method="cash_on_delivery", **wanted):
        with sessions.begin() as session:
            wanted = order_wanted(method=method, **wanted)
            return [placing.place_order(session, **wanted).id for _ in range(count)]

    return place


@pytest.fixture
def act(committing_client, bearer):
    """Do something to many orders, and answer what became of them."""

    def act(action, order_ids, claims=None, key=None, **more):
        headers = bearer(**claims or {}) | ({"Idempotency-Key": key} if key else {})
        body = {"order_ids": [str(one) for one in order_ids]} | more
        return committing_client.post(f"/v1/orders/bulk/{action}", json=body, headers=headers)

    return act


def statuses(sessions):
    with sessions() as session:
        return dict(session.execute(select(Order.status, func.count()).group_by(Order.status)).all())


@pytest.mark.requirement("P-27", "F-35")
def test_of_five_hundred_orders_three_fail_each_with_its_reason_and_the_rest_are_done(sessions, orders, act):
    good = orders(497)
    [unpaid] = orders(1, method="transfer")
    [twice] = orders(1)
    with sessions.begin() as session:
        accept_order(session, twice)
    unknown = uuid4()

    answer = act("accept", [*good[:200], unpaid, twice, unknown, *good[200:]])

    assert answer.status_code == 200
    assert (answer.json["done"], answer.json["not_done"]) == (497, 3)
    failed = [(row["order_id"], row["reason"]) for row in answer.json["items"] if not row["done"]]
    assert failed == [
        (str(unpaid), "payment_not_recorded"),
        (str(twice), "wrong_status"),
        (str(unknown), "not_found"),
    ]
    assert ["number" in row for row in answer.json["items"] if not row["done"]] == [True, True, False]
    assert all(row["status"] == "accepted" for row in answer.json["items"] if row["done"])
    assert statuses(sessions) == {OrderStatus.ACCEPTED: 498, OrderStatus.PLACED: 1}


@pytest.mark.requirement("F-35")
def test_no_step_is_skipped_and_each_row_says_what_has_to_come_first(sessions, orders, act):
    fresh, held = orders(2)
    [unpaid] = orders(1, method="transfer")
    [unverified] = orders(1, coupons=["NO-SUCH-COUPON"])
    with sessions.begin() as session:
        place_hold(session, held, "suspicious")

    rows = act("accept", [fresh, held, unpaid, unverified]).json["items"]

    assert [(row["done"], row["reason"], row["facts"]) for row in rows] == [
        (True, None, {}),
        (False, "on_hold", {"holds": ["suspicious"]}),
        (False, "payment_not_recorded", {}),
        (False, "on_hold", {"holds": ["verification"]}),
    ]
    assert statuses(sessions) == {OrderStatus.ACCEPTED: 1, OrderStatus.PLACED: 3}


@pytest.mark.requirement("P-27")
def test_each_kind_of_action_is_done_to_all(sessions, orders, act):
    some = orders(4)

    tagged = act("tag", some, add=["gift"])
    cancelled = act("cancel", some[:1], reason="sold out", confirm=True)
    refused = act("refuse", some[3:], reason="sold out")
    held = act("hold", some[1:3], reason="suspicious")

    assert [answer.json["done"] for answer in (tagged, cancelled, refused, held)] == [4, 1, 1, 2]
    assert statuses(sessions) == {
        OrderStatus.CANCELLED: 1,
        OrderStatus.REFUSED: 1,
        OrderStatus.PLACED: 2,
    }
    again = act("accept", some[1:3])
    assert [row["reason"] for row in again.json["items"]] == ["on_hold", "on_hold"]


def test_sent_again_under_its_key_nothing_is_done_twice(sessions, orders, act):
    some, unknown = orders(3), uuid4()

    first = act("accept", [*some, unknown], key="k1")
    again = act("accept", [*some, unknown], key="k1")
    other = act("accept", some, key="k1")

    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert (other.status_code, other.json["reason"]) == (409, "idempotency_key_reused")
    with sessions() as session:
        accepted = select(func.count()).select_from(HistoryEntry).where(HistoryEntry.action == "accept")
        assert session.scalar(accepted) == 3


def test_a_request_that_broke_off_goes_on_where_it_stopped(sessions, orders, act):
    some = orders(2)
    body = act("accept", some, key="k1").json
    with sessions.begin() as session:  # as if it had died before it could answer
        session.execute(text("delete from idempotency_keys where key = 'k1'"))

    again = act("accept", some, key="k1")

    assert again.json == body
    assert again.json["done"] == 2


def test_two_that_act_on_the_same_orders_do_each_once(sessions, orders, act):
    some = orders(10)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda ids: act("accept", ids).json, [some, some[::-1]]))

    assert sum(answer["done"] for answer in answers) == 10
    reasons = {row["reason"] for answer in answers for row in answer["items"] if not row["done"]}
    assert reasons == {"wrong_status"}


@pytest.mark.requirement("S0-02")
def test_another_sellers_orders_are_not_there_in_bulk_either(sessions, orders, act):
    mine, theirs = orders(1), orders(1, seller="dock")

    answer = act("accept", mine + theirs, {"sellers": ["quay"], "markets": ["*"]})

    assert [row["reason"] for row in answer.json["items"]] == [None, "not_found"]
    assert "number" not in answer.json["items"][1]
    assert statuses(sessions) == {OrderStatus.ACCEPTED: 1, OrderStatus.PLACED: 1}


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("accept", {"order_ids": []}, "order_ids"),
        ("accept", {"order_ids": ["x"]}, "order_ids.0"),
        ("accept", {"order_ids": [str(new_id())] * 2}, "order_ids"),
        ("accept", {"order_ids": [str(new_id()) for _ in range(501)]}, "order_ids"),
        ("cancel", {"order_ids": [str(new_id())]}, "reason"),
        ("tag", {"order_ids": [str(new_id())]}, "add"),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_is_done(client, bearer, action, body, field):
    answer = client.post(f"/v1/orders/bulk/{action}", json=body, headers=bearer())

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("action", "scopes"),
    [("accept", ("orders:write",)), ("cancel", ("orders:accept",)), ("tag", ("orders:read",))],
)
def test_each_action_wants_its_own_scope(client, bearer, action, scopes):
    body = {"order_ids": [str(new_id())], "reason": "x"}

    answer = client.post(f"/v1/orders/bulk/{action}", json=body, headers=bearer(scopes=scopes))

    assert answer.status_code == 403
