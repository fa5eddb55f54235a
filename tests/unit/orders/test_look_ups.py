"""Finding the customer and the products that go into an order."""

from uuid import UUID

import pytest

from services.orders import queries
from services.orders.commands.customers import put_customer
from services.orders.commands.master_data import put_product, put_seller
from tests.plans import plans
from tests.unit.orders.sample_shop import product_details, seller_details


@pytest.fixture
def people(session):
    """Customers of two sellers."""

    def put(number, seller, name, email, phone=""):
        put_customer(
            session,
            UUID(int=number),
            seller=seller,
            addresses=[],
            name=name,
            email=email,
            phone=phone,
            company="",
            vat_number="",
        )

    put_seller(session, "dock", **seller_details())
    put(1, "quay", "Ada Okafor", "ada@example.com", "+44 117 496-0108")
    put(2, "quay", "Bo Lind", "bo.lind@mail.example")
    put(3, "quay", "100% Tea_Room", "tea@rooms.example")
    put(4, "dock", "Adam Dock", "adam@dock.example")


@pytest.mark.requirement("S3-13")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("Ada Okafor", [1]),
        ("kaf", [1]),
        ("OKAFOR", [1]),
        ("ind@mail", [2]),
        (".example", [3, 2]),
        ("o", [3, 2, 1]),
        ("100%", [3]),
        ("0% t", [3]),
        ("a_r", [3]),
        ("%", [3]),
        ("\\", []),
        ("Adam", []),
    ],
)
def test_a_customer_is_found_by_any_part_of_name_or_e_mail(client, bearer, people, search, found):
    answer = client.get("/v1/customers", query_string={"search": search}, headers=bearer(sellers=["quay"]))

    assert [UUID(item["customer_id"]).int for item in answer.json["items"]] == found


@pytest.mark.requirement("S3-13")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("+44 117 496 0108", [1]),
        ("0117 4960108", [1]),
        ("(0117) 496", [1]),
        ("960", [1]),
        ("96", []),
        ("0118", []),
        ("117 496 0108 x", []),
    ],
)
def test_a_customer_is_found_by_a_part_of_the_telephone(client, bearer, people, search, found):
    answer = client.get("/v1/customers", query_string={"search": search}, headers=bearer())

    assert [UUID(item["customer_id"]).int for item in answer.json["items"]] == found


def test_customers_are_of_the_seller_that_is_named(client, bearer, people):
    def listed(**wanted):
        items = client.get("/v1/customers", query_string=wanted, headers=bearer()).json["items"]
        return [UUID(item["customer_id"]).int for item in items]

    assert listed() == [4, 3, 2, 1]
    assert listed(seller="dock") == [4]
    assert listed(seller="quay", search="ada") == [1]
    assert listed(seller="nobody") == []


def test_a_telephone_is_looked_up_in_its_index(session):
    with plans(session, off=("seqscan", "indexscan"), of=r"^SELECT customers\.") as seen:
        queries.customers(session, 8, None, "0117 496")

    [plan] = seen
    assert "Bitmap Index Scan on ix_customers_phone" in plan


@pytest.mark.requirement("S3-14")
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("TEA-250", ["TEA-250"]),
        ("tea-250", ["TEA-250"]),
        ("EA-25", []),
        ("ssa", ["TEA-250"]),
        ("strong", ["TEA-250"]),
        ("as", []),
        ("%%%", []),
        ("___", []),
        ("mug", ["MUG-1"]),
        ("old tea", []),
    ],
)
def test_products_are_found_by_whole_sku_or_part_of_name_or_description(
    client, bearer, session, search, found
):
    put_product(session, "quay", "TEA-250", **product_details(name="Assam", description="A strong one"))
    put_product(session, "quay", "MUG-1", **product_details(name="Mug"))
    put_product(session, "quay", "OLD-1", **product_details(name="Old tea", active=False))

    answer = client.get("/v1/sellers/quay/products", query_string={"search": search}, headers=bearer())

    assert [item["sku"] for item in answer.json["items"]] == found
