"""The invented people: the same every time, and at home in their countries."""

import re
from dataclasses import replace

import pytest

from deploy.main_job.catalogue import PAYMENT_METHODS, SELLERS, payment_method_of, seller_of
from deploy.main_job.people import COUNTRIES, customer_of
from deploy.main_job.sales import MARKETS, read

SALES = read().sales
POSTCODES = {
    "GB": r"[A-Z]{1,2}\d{1,2} \d[A-Z]{2}",
    "IE": r"[A-Z]\d{2} \d{3}[A-Z]",
    "DE": r"\d{5}",
    "FR": r"\d{5}",
    "ES": r"\d{5}",
    "NL": r"\d{4} [A-Z]{2}",
    "BE": r"\d{4}",
    "PT": r"\d{4}-\d{3}",
    "IT": r"\d{5}",
    "AT": r"\d{4}",
    "FI": r"\d{5}",
}


def test_every_country_with_a_market_has_people():
    assert set(COUNTRIES) == set(MARKETS)


@pytest.mark.parametrize("country", COUNTRIES)
def test_people_are_at_home_in_their_country(country):
    sale = next(sale for sale in SALES if sale.country == country)

    customer = customer_of(sale, "harbour")

    assert re.fullmatch(POSTCODES[customer.country], customer.postcode)
    assert customer.phone.startswith("+")
    assert "#" not in customer.phone + customer.line1
    assert customer.name.split()[0] in COUNTRIES[country].first_names


def test_a_customer_is_the_same_person_in_every_order():
    sale = next(sale for sale in SALES if sale.customer)

    assert customer_of(sale, "fern") == customer_of(replace(sale, reference="1", lines=()), "fern")


def test_nobody_shares_an_address_for_mail():
    people = {}
    for sale in SALES:
        people.setdefault(customer_of(sale, "fern").email, set()).add(sale.customer or sale.reference)

    assert all(len(who) == 1 for who in people.values())
    assert all(re.fullmatch(r"[a-z0-9.-]+@customers\.example", email) for email in people)


def test_a_guest_is_not_a_known_customer():
    guest = next(sale for sale in SALES if not sale.customer)

    assert not customer_of(guest, "fern").is_known


def test_spaniards_are_written_to_in_spanish():
    assert {customer_of(sale, "olmo").locale for sale in SALES if sale.country == "Spain"} == {"es"}
    assert {customer_of(sale, "olmo").locale for sale in SALES if sale.country != "Spain"} == {"en"}


def test_payment_methods_are_spread_over_the_orders():
    methods = [payment_method_of(sale) for sale in SALES]

    for method in PAYMENT_METHODS:
        assert 0.3 < methods.count(method) / len(methods) < 0.37


def test_a_customer_keeps_to_one_seller():
    sellers = {}
    for sale in SALES:
        sellers.setdefault((sale.customer or sale.reference, sale.market), set()).add(seller_of(sale))

    assert all(len(those) == 1 for those in sellers.values())
    assert {seller_of(sale) for sale in SALES} == set(SELLERS)
