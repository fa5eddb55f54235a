"""The seller's home: what is in each queue, and what of it comes first."""

import pytest
from sqlalchemy import update

from services.orders.commands.orders import accept_order
from services.orders.models import Order
from services.orders.queries import lists


@pytest.fixture
def home(client, bearer):
    """The queues by name."""

    def home(claims=None, **filters):
        answer = client.get("/v1/orders/queues", query_string=filters, headers=bearer(**claims or {}))
        assert answer.status_code == 200, answer.json
        return {queue["queue"]: queue for queue in answer.json["items"]}

    return home


def numbers(queue):
    return [order["number"] for order in queue["first"]]


@pytest.mark.requirement("S2-05")
def test_each_queue_shows_how_many_are_in_it_and_the_oldest_first(session, place_order, hear_shipments, home):
    new = place_order()
    orders = {}
    for status in ("inventory_assigned", "packing", "ready", "shipped", "delivered"):
        order = orders[status] = place_order(method="cash_on_delivery")
        accept_order(session, order.id)
        hear_shipments(order, status)

    queues = home()

    assert {name: queue["count"] for name, queue in queues.items()} == {
        "To accept": 1,
        "To prepare": 2,
        "Ready to ship": 1,
        "In transit": 1,
        "Finalized": 1,
    }
    assert numbers(queues["To accept"]) == [new.number]
    assert numbers(queues["To prepare"]) == [orders["inventory_assigned"].number, orders["packing"].number]
    assert numbers(queues["In transit"]) == [orders["shipped"].number]


@pytest.mark.requirement("S2-05")
def test_an_order_is_in_the_queue_of_each_of_its_shipments(session, place_order, hear_shipments, home):
    order = place_order(lines=[("TEA-250", 1), ("MUG-1", 1)], method="cash_on_delivery")
    accept_order(session, order.id)

    hear_shipments(order, "ready", "shipped")

    assert numbers(home()["Ready to ship"]) == numbers(home()["In transit"]) == [order.number]
    assert home()["To prepare"]["count"] == 0


@pytest.mark.requirement("S2-05")
def test_the_orders_of_a_queue_are_listed_and_leave_it_as_they_move_on(
    client, bearer, session, place_order, hear_shipments
):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)

    def find(queue):
        answer = client.get("/v1/orders", query_string={"queue": queue}, headers=bearer())
        return [item["number"] for item in answer.json["items"]]

    hear_shipments(order, "ready")
    assert (find("Ready to ship"), find("In transit")) == ([order.number], [])
    hear_shipments(order, "shipped")
    assert (find("Ready to ship"), find("In transit")) == ([], [order.number])


@pytest.mark.requirement("S2-13")
def test_what_is_due_soonest_comes_first_with_its_due_time(session, place_order, home):
    slow, fast = place_order(method="cash_on_delivery"), place_order(market="eu", method="cash_on_delivery")
    later, sooner = slow.placed_at.replace(year=2031), slow.placed_at.replace(year=2030)
    for order, due_at in ((slow, later), (fast, sooner)):
        session.execute(update(Order).where(Order.id == order.id).values(acceptance_due_at=due_at))
    undated = place_order(method="cash_on_delivery")
    session.execute(update(Order).where(Order.id == undated.id).values(acceptance_due_at=None))

    queue = home()["To accept"]

    assert numbers(queue) == [fast.number, slow.number, undated.number]
    assert [
        order["acceptance_due_at"][:4] if order["acceptance_due_at"] else None for order in queue["first"]
    ] == [
        "2030",
        "2031",
        None,
    ]


@pytest.mark.requirement("S2-13")
def test_the_list_can_be_sorted_by_due_time(client, bearer, session, place_order):
    orders = [place_order(method="cash_on_delivery") for _ in range(3)]
    for order, year in zip(orders, (2032, 2030, 2031), strict=True):
        due_at = order.placed_at.replace(year=year)
        session.execute(update(Order).where(Order.id == order.id).values(acceptance_due_at=due_at))

    first = client.get("/v1/orders?sort=due_at&limit=2", headers=bearer()).json
    rest = client.get(f"/v1/orders?sort=due_at&limit=2&cursor={first['next']}", headers=bearer()).json

    found = [item["number"] for item in first["items"] + rest["items"]]
    assert found == [orders[1].number, orders[2].number, orders[0].number]


def test_a_queue_counts_to_its_cap(place_order, home, monkeypatch):
    for _ in range(3):
        place_order()
    monkeypatch.setattr(lists, "COUNTED_AT_MOST", 2)

    queue = home()["To accept"]

    assert (queue["count"], queue["count_is_capped"]) == (2, True)


@pytest.mark.requirement("S0-02")
def test_nobody_counts_anothers_orders(place_order, home):
    place_order()
    place_order(seller="dock")

    assert home({"sellers": ["dock"], "markets": ["*"]})["To accept"]["count"] == 1
    assert home({"sellers": [], "markets": ["*"]})["To accept"]["count"] == 0
    assert home(seller="quay")["To accept"]["count"] == 1
    assert home(market="eu")["To accept"]["count"] == 0
