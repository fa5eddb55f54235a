"""Address books change entry by entry; orders keep what they were placed with."""

import threading
from uuid import uuid4

import pytest

from services.orders.commands.erasure import erase_customer
from services.orders.commands.placing import place_order as place
from tests.unit.orders.sample_shop import HOME, order_wanted, stored

MILL = {"name": "Ada Okafor", "line1": "1 Mill Lane", "city": "Leeds", "country": "GB"}
QUAY = MILL | {"line1": "3 Quay Row", "city": "Hull"}
FARM = MILL | {"line1": "Hill Farm", "city": "York"}
DOCK = {"sellers": ["dock"]}


@pytest.fixture
def book(client, bearer, place_order):
    """Calls on the address book of a customer who has an order."""

    class Book:
        order = place_order(method="cash_on_delivery")
        path = f"/v1/customers/{order.customer_id}/addresses"

        def call(self, method, entry="", body=None, **claims):
            path = f"{self.path}/{entry}" if entry else self.path
            return client.open(path, method=method, json=body, headers=bearer(**claims))

        def add(self, address, **more):
            return self.call("POST", body={"address": address} | more)

        def towns(self):
            return [entry["address"]["city"] for entry in self.call("GET").json]

    return Book()


@pytest.mark.requirement("S3-33")
def test_entries_are_added_changed_and_removed_and_orders_stay(book, session):
    before = stored(session, book.order.id).delivery_groups[0].address
    version = book.order.version
    first = book.add(MILL)
    book.add(QUAY)
    changed = book.call("PUT", first.json["address_id"], {"address": FARM})
    assert (first.status_code, changed.status_code) == (201, 200)
    assert book.towns() == ["York", "Hull"]

    removed = book.call("DELETE", first.json["address_id"])

    assert (removed.status_code, book.towns()) == (204, ["Hull"])
    order = stored(session, book.order.id)
    assert (order.delivery_groups[0].address, order.version) == (before, version)


def test_the_default_is_the_first(book):
    book.add(MILL)
    quay = book.add(QUAY, default=True)
    farm = book.add(FARM)
    assert book.towns() == ["Hull", "Leeds", "York"]

    book.call("PUT", farm.json["address_id"], {"address": FARM, "default": True})
    assert book.towns() == ["York", "Hull", "Leeds"]

    book.call("DELETE", farm.json["address_id"])
    assert book.call("GET").json[0]["address_id"] == quay.json["address_id"]


def test_an_address_book_ends_at_fifty_entries(book):
    statuses = [book.add(MILL).status_code for _ in range(51)]

    assert statuses == [201] * 50 + [409]
    assert book.add(MILL).json["reason"] == "address_book_full"


def test_another_sellers_address_book_is_not_there(book):
    entry = book.add(MILL).json["address_id"]

    assert book.call("GET", **DOCK).status_code == 404
    assert book.call("POST", body={"address": MILL}, **DOCK).status_code == 404
    assert book.call("PUT", entry, {"address": FARM}, **DOCK).status_code == 404
    assert book.call("DELETE", entry, **DOCK).status_code == 404
    assert book.call("DELETE", uuid4()).status_code == 404
    assert book.towns() == ["Leeds"]


def test_an_erased_persons_book_stays_empty(book, session):
    book.add(MILL)
    erase_customer(session, book.order.customer_id)

    again = book.add(MILL)

    assert (again.status_code, again.json["reason"]) == (409, "person_erased")
    assert book.towns() == []


@pytest.fixture
def readdress(client, bearer):
    def readdress(order, address=MILL, **more):
        group = str(order.delivery_groups[0].id)
        body = {"delivery_group_id": group, "address": address} | more
        return client.post(f"/v1/orders/{order.id}/addresses", headers=bearer(), json=body)

    return readdress


@pytest.mark.requirement("S3-32")
def test_an_orders_new_address_is_kept_in_the_book_only_if_asked(book, readdress, published):
    alone = readdress(book.order)
    assert alone.status_code == 200
    assert book.towns() == []

    kept = readdress(book.order, FARM, add_to_address_book=True)

    assert book.towns() == ["York"]
    assert kept.json["delivery_groups"][0]["address"]["city"] == "York"
    told = published("order.updated")
    towns = [next(iter(event["order"]["people"]["delivery"].values()))["city"] for event in told]
    assert towns == ["Leeds", "York"]


def test_a_promised_order_goes_where_it_was_to_go(book, readdress, client, bearer):
    client.post(f"/v1/orders/{book.order.id}/accept", headers=bearer())

    refused = readdress(book.order, add_to_address_book=True)

    assert (refused.status_code, refused.json["reason"]) == (409, "wrong_status")
    assert book.towns() == []


def test_only_a_delivery_of_the_order_can_be_sent_elsewhere(book, readdress, place_order):
    group = {"method": "pickup", "shipping_minor": 0, "pickup_point": "WEST"}
    fetched = place_order(delivery_groups=[group], billing_address=HOME)

    for answer in (readdress(fetched), readdress(book.order, delivery_group_id=str(uuid4()))):
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "delivery_group_id")


def test_two_entries_added_at_once_are_both_there(sessions, committing_client, bearer):
    with sessions.begin() as session:
        order = place(session, **order_wanted())
    path = f"/v1/customers/{order.customer_id}/addresses"
    barrier, statuses = threading.Barrier(4), []

    def add():
        barrier.wait()
        answer = committing_client.application.test_client().post(
            path, headers=bearer(), json={"address": MILL, "default": True}
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [201] * 4
    assert len(committing_client.get(path, headers=bearer()).json) == 4
