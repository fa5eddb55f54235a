"""Whom an order is from is put right at any time, and links that went to a wrong address are closed."""

import pytest
from sqlalchemy import select

from services.orders.commands import erasure
from services.orders.commands.customers import correct_customer
from services.orders.commands.editing import edit_order
from services.orders.commands.orders import cancel_order
from services.orders.models import Customer, HistoryEntry, OrderWord
from shared.errors import Refused
from tests.unit.orders.sample_shop import placing_body, stored

RIGHT = {"name": "Ada Okafor-Lind", "email": "ada@example.org", "phone": "+44 1482 111111"}


@pytest.mark.requirement("M-35")
def test_an_accepted_orders_customer_is_put_right_and_all_others_are_told(session, accept_paid, published):
    order = accept_paid()
    placed = order.customer

    correct_customer(session, order.id, reason="misheard", **RIGHT)

    order = stored(session, order.id)
    assert {name: getattr(order.customer, name) for name in RIGHT} == RIGHT
    assert (order.customer.company, order.status) == (placed.company, "accepted")
    told = published("order.updated")[-1]["order"]
    assert told["people"]["customer"]["email"] == "ada@example.org"
    assert told["version"] == order.version
    assert session.get(Customer, order.customer_id).email == "ada@example.com"
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "correct_customer")).one()
    assert (entry.before, entry.after) == (
        {f"customer_{name}": getattr(placed, name) for name in RIGHT},
        {f"customer_{name}": value for name, value in RIGHT.items()},
    )
    assert (entry.actor, entry.detail) == (session.info["actor"].name, {"reason": "misheard"})


@pytest.mark.requirement("M-35")
def test_it_is_found_by_the_right_email_and_no_longer_by_the_wrong_one(session, accept_paid):
    order = accept_paid()

    correct_customer(session, order.id, reason="misheard", email="ada@example.org")

    emails = select(OrderWord.word).where(OrderWord.order_id == order.id, OrderWord.kind == "email")
    assert session.scalars(emails).all() == ["ada@example.org"]


@pytest.mark.requirement("M-35")
@pytest.mark.parametrize(
    ("correction", "closed"),
    [
        ({"email": "ada@example.org"}, 1),
        ({"email": "ada@example.org", "keep_links": True}, 0),
        ({"email": "ada@example.com", "phone": "+44 1"}, 0),
        ({"name": "A. Okafor"}, 0),
    ],
)
def test_another_email_closes_the_links_that_went_to_the_wrong_one(session, accept_paid, correction, closed):
    order = accept_paid()

    correct_customer(session, order.id, reason="misheard", **correction)

    assert stored(session, order.id).link_serial == closed


@pytest.mark.requirement("M-35")
def test_an_edit_of_the_email_closes_them_too(session, place_order):
    order = place_order()

    edit_order(session, order.id, reason="misheard", customer={"email": "ada@example.org"})

    assert stored(session, order.id).link_serial == 1


@pytest.mark.requirement("M-35")
def test_what_differs_in_nothing_changes_nothing(session, accept_paid, published):
    order = accept_paid()
    version, told = order.version, len(published("order.updated"))

    correct_customer(session, order.id, reason="again", email="ada@example.com")

    assert (stored(session, order.id).version, len(published("order.updated"))) == (version, told)


@pytest.mark.requirement("M-35")
def test_an_erased_person_is_not_filled_in_again_and_no_correction_names_them(session, place_order):
    order = place_order()
    correct_customer(session, order.id, reason="Ada said so", **RIGHT)
    cancel_order(session, order.id, reason="twice")
    erasure.erase_person(session, order.id)

    with pytest.raises(Refused, match="person_erased"):
        correct_customer(session, order.id, reason="misheard", **RIGHT)

    for entry in session.scalars(select(HistoryEntry).where(HistoryEntry.order_id == order.id)):
        session.refresh(entry)
        said = str((entry.before, entry.after, entry.detail)).lower()
        assert "ada" not in said, entry.action
        assert "1482" not in said, entry.action


@pytest.mark.requirement("M-35")
def test_the_second_of_two_who_correct_is_stopped_and_bad_input_is_named(client, bearer):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    address = f"/v1/orders/{order['order_id']}/correct-customer"
    seen = {"If-Match": f'"{order["version"]}"'}

    first = client.post(address, json={"reason": "x", "phone": "1"}, headers=bearer() | seen)
    second = client.post(address, json={"reason": "x", "phone": "2"}, headers=bearer() | seen)
    wrong = {
        name: client.post(address, json={"reason": "x"} | body, headers=bearer())
        for name, body in {
            "reason": {},
            "email": {"email": "nobody"},
            "name": {"name": ""},
            "vat_number": {"vat_number": "GB1"},
        }.items()
    }

    assert (first.status_code, first.json["customer"]["phone"], second.status_code) == (200, "1", 412)
    assert {name: answer.json["errors"][0]["field"] for name, answer in wrong.items()} == {
        name: name for name in wrong
    }
