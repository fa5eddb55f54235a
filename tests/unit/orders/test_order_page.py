"""The order's page shows what a seller needs to see of it."""

from dataclasses import replace

import pytest

from services.orders.commands.payments import record_payment
from tests.unit.orders.sample_shop import HOME


@pytest.fixture
def show(client, bearer):
    """What the page of an order shows, and what it lists below."""

    def show(order, part=""):
        return client.get(f"/v1/orders/{order.id}{part}", headers=bearer()).json

    return show


@pytest.mark.requirement("S4-08")
def test_the_page_shows_number_city_and_payment_method(place_order, show):
    order = place_order(method="cash_on_delivery")

    page = show(order)

    assert page["number"] == order.number
    assert [group["address"]["city"] for group in page["delivery_groups"]] == ["Hull"]
    assert page["payment"]["method"] == "cash_on_delivery"


@pytest.mark.requirement("S4-09")
def test_the_page_shows_transactions_value_and_payment_mode(session, place_order, show):
    order = place_order()
    record_payment(session, order.id, reference="TRF 4711", amount_minor=300)

    page, payments = show(order), show(order, "/payments")

    assert (page["totals"]["total_minor"], page["currency"]) == (900, "GBP")
    assert (page["payment"]["method"], page["payment"]["state"]) == ("transfer", "partly_paid")
    assert [(one["reference"], one["amount_minor"], one["method"]) for one in payments["items"]] == [
        ("TRF 4711", 300, "transfer")
    ]
    assert payments["pending"] == {"method": "transfer", "amount_minor": 600}


@pytest.mark.requirement("S4-10")
def test_the_page_shows_the_customers_name_telephone_email_and_addresses(place_order, show):
    billing, delivery = replace(HOME, line1="1 Bill Street"), replace(HOME, line1="2 Ship Street")
    order = place_order(
        billing_address=billing,
        delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": delivery}],
    )

    page = show(order)

    assert page["customer"]["name"] == "Ada Okafor"
    assert page["customer"]["phone"] == "+44 1482 000000"
    assert page["customer"]["email"] == "ada@example.com"
    assert page["billing_address"]["line1"] == "1 Bill Street"
    assert [group["address"]["line1"] for group in page["delivery_groups"]] == ["2 Ship Street"]
