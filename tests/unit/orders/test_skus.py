"""New products are called by the one alphabet of SKUs; older ones go on, and are reached."""

from urllib.parse import quote

import pytest

from services.orders.commands.drafts import create_draft
from services.orders.models import Product, ProductPrice
from shared import clock
from shared.events.snapshots import ShipmentsSnapshot, StockLevel, StockSnapshot
from shared.messaging import copies
from tests.unit.orders.sample_shop import product_details

pytestmark = pytest.mark.requirement("M-14")

OLD = ["A/B", "a,b;c", "a&b=c", "50%", "#1", "a?b"]


@pytest.fixture
def older(session):
    """A product of a name that was taken before there was an alphabet."""

    def sell(sku):
        details = product_details(name="Old", prices=[ProductPrice(market_code="gb", price_minor=450)])
        session.add(Product(seller_code="quay", sku=sku, text_folded=" old", **details))
        session.flush()
        return f"/v1/sellers/quay/products/{quote(sku, safe='')}"

    return sell


@pytest.mark.parametrize("sku", [*OLD, "a b", "Tür", "A" * 65, "0197a000-0000-7000-8000-000000000001"])
def test_a_new_product_outside_the_alphabet_is_refused_by_the_field(client, bearer, sku):
    path = f"/v1/sellers/quay/products/{quote(sku, safe='')}"

    answer = client.put(path, json={"name": "New"}, headers=bearer())

    assert answer.status_code == 422, answer.json
    assert [error["field"] for error in answer.json["errors"]] == ["sku"]
    assert client.get(path, headers=bearer()).status_code == 404


@pytest.mark.parametrize("sku", OLD)
def test_an_older_product_is_read_changed_found_and_ordered(client, bearer, older, place_order, sku):
    path = older(sku)

    changed = client.put(path, json={"name": "Old tea", "prices": {"gb": 450}}, headers=bearer())
    read = client.get(path, headers=bearer())
    order = place_order(lines=[(sku, 1)])

    assert (changed.status_code, read.status_code) == (200, 200)
    assert (read.json["sku"], read.json["name"]) == (sku, "Old tea")
    listed = client.get("/v1/sellers/quay/products", query_string={"search": "old tea"}, headers=bearer())
    assert [row["sku"] for row in listed.json["items"]] == [sku]
    found = client.get("/v1/orders", query_string={"sku": sku}, headers=bearer())
    assert [row["number"] for row in found.json["items"]] == [order.number]


def test_a_line_of_what_nobody_sells_is_refused_by_its_field(client, bearer):
    body = {
        "seller": "quay",
        "market": "gb",
        "payment_method": "transfer",
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "lines": [{"sku": "a, b", "quantity": 1}],
        "delivery_groups": [{"method": "pickup", "pickup_point": "Quay"}],
        "billing_address": {"name": "Ada", "line1": "1 Dock", "city": "Hull", "country": "GB"},
    }

    answer = client.post("/v1/orders", json=body, headers=bearer() | {"Idempotency-Key": "1"})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["lines.0.sku"]


def test_stock_of_a_sku_that_is_an_orders_id_is_kept_beside_what_is_known_of_the_order(
    session, place_order, older, hear_shipments
):
    order = place_order()
    hear_shipments(order, "packing")
    older(str(order.id))
    level = StockLevel(location="L1", on_hand=7, reserved=2, seller="*")

    told = StockSnapshot(sku=str(order.id), version=99, as_of=clock.now(), levels=(level,))
    copies.keep_newest(session, told)

    assert len(copies.newest(session, order.id, ShipmentsSnapshot).shipments) == 1
    draft = create_draft(session, seller="quay", market="gb", lines=[{"sku": str(order.id), "quantity": 1}])
    assert draft.lines[0].availability.available_units == 5
