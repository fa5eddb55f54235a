"""What was typed into the form of a draft, as the API takes it, and what the page makes of answers."""

import json
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from werkzeug.datastructures import MultiDict

from services.console.forms.drafts import body_of, marks_of, places_of, said_of, values_of, without
from services.console.words import words_in
from tests.unit.console.conftest import answering

ROOT = Path(__file__).parents[3]
DRAFT_ID = str(uuid4())
ADDRESS = {
    "name": "Ada Okafor",
    "company": "",
    "line1": "1 Quay Street",
    "line2": "",
    "postcode": "BS1 4QA",
    "city": "Bristol",
    "region": "",
    "country": "GB",
    "phone": "",
}
LINE = {
    "sku": "TEA-250",
    "name": "Assam",
    "own_name": None,
    "page_url": "",
    "quantity": 2,
    "sales_coefficient": 1,
    "delivery_group": 0,
    "unit_price_minor": 450,
    "list_price_minor": 450,
    "price_set_by": None,
    "discount_minor": 0,
    "total_minor": 900,
    "tax_rate_basis_points": 2000,
    "tax_minor": 150,
    "tax_treatment": None,
    "availability": None,
}
TOTALS = dict.fromkeys(
    ("lines_minor", "fees_minor", "shipping_minor", "discounts_minor", "tax_added_minor", "total_minor"), 900
)
ACTIONS = dict.fromkeys(("change", "place", "abandon", "delete"))
DRAFT = {
    "draft_id": DRAFT_ID,
    "version": 3,
    "status": "draft",
    "order_id": None,
    "actions": ACTIONS,
    "lacks": [],
    "notices": [],
    "unverified": [],
    "seller": "harbour",
    "market": "gb",
    "currency": "GBP",
    "channel": "call",
    "locale": None,
    "external_reference": None,
    "remark": "",
    "customer_id": None,
    "customer": dict.fromkeys(("name", "email", "phone", "company", "vat_number"), ""),
    "billing_address": None,
    "delivery_groups": [],
    "lines": [LINE],
    "fees": [],
    "discounts": [],
    "coupons": [],
    "charges": [],
    "totals": TOTALS | {"tax": []},
    "tax_reasons": [],
    "payment_method": None,
    "reorder_of": None,
    "created_by": "ada@shop.example",
    "created_at": "2026-11-20T10:00:00Z",
    "updated_by": "olu@shop.example",
    "updated_at": "2026-11-20T10:00:00Z",
}
OWN = f"/drafts/{DRAFT_ID}"
ONE = f"/v1/drafts/{DRAFT_ID}"


def typed(**changes):
    """The form as it is shown, with some of it typed over."""
    return MultiDict(values_of(DRAFT, "GB") | changes)


def test_a_form_that_nobody_touched_holds_what_the_draft_holds():
    draft = DRAFT | {
        "customer": DRAFT["customer"] | {"name": "Ada", "email": "ada@example.com"},
        "billing_address": ADDRESS,
        "delivery_groups": [
            {
                "method": "delivery",
                "shipping_minor": 395,
                "address": ADDRESS,
                "pickup_point": None,
                "requested_on": "2026-12-24",
            },
            {
                "method": "pickup",
                "shipping_minor": 0,
                "address": None,
                "pickup_point": "main",
                "requested_on": None,
            },
        ],
        "lines": [
            LINE,
            LINE
            | {"unit_price_minor": 399, "price_set_by": "olu", "discount_minor": 50, "delivery_group": 1},
            LINE | {"sku": "OLD-1", "own_name": "Tea for Ada", "unit_price_minor": None},
        ],
        "fees": [{"name": "Wrapping", "amount_minor": 200, "tax_class": "reduced"}],
        "discounts": [{"name": "Sorry", "amount_minor": 100}],
        "coupons": [{"code": "SPRING"}, {"code": "TEA"}],
        "payment_method": "transfer",
        "remark": "Ring\ntwice",
    }

    assert body_of(values_of(draft, "GB"), "GBP") == {
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "billing_address": {name: text for name, text in ADDRESS.items() if name != "phone"},
        "delivery_groups": [
            {
                "method": "delivery",
                "shipping_minor": 395,
                "address": ADDRESS,
                "requested_on": "2026-12-24",
            },
            {"method": "pickup", "pickup_point": "main"},
        ],
        "lines": [
            {"sku": "TEA-250", "quantity": 2, "delivery_group": 0},
            {
                "sku": "TEA-250",
                "quantity": 2,
                "delivery_group": 1,
                "unit_price_minor": 399,
                "discount_minor": 50,
            },
            {"sku": "OLD-1", "quantity": 2, "delivery_group": 0, "name": "Tea for Ada"},
        ],
        "fees": [{"name": "Wrapping", "amount_minor": 200, "tax_class": "reduced"}],
        "discounts": [{"name": "Sorry", "amount_minor": 100}],
        "coupons": ["SPRING", "TEA"],
        "payment_method": "transfer",
        "channel": "call",
        "remark": "Ring\ntwice",
    }


@pytest.mark.requirement("S3-16")
@pytest.mark.parametrize(
    ("price", "sent"),
    [("4.50", None), ("", None), ("4,25", 425), ("0", 0), ("free", "free")],
)
def test_a_price_is_named_where_another_than_the_shown_one_was_typed(price, sent):
    [line] = body_of(typed(**{"line-0-price": price}), "GBP")["lines"]

    assert line.get("unit_price_minor") == sent


def test_an_address_is_named_after_who_orders_and_a_country_alone_is_none():
    person = {"customer-name": "Ada", "customer-email": "ada@example.com"}

    assert "delivery_groups" not in body_of(typed(**person), "GBP")
    group = body_of(typed(**person, **{"group-0-line1": "1 Quay Street", "group-0-country": "gb"}), "GBP")
    address = group["delivery_groups"][0]["address"]
    assert (address["name"], address["line1"], address["country"]) == ("Ada", "1 Quay Street", "GB")


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("customer", "customer-find"),
        ("customer.email", "customer-email"),
        ("lines", "product-find"),
        ("lines.2.quantity", "line-2-quantity"),
        ("lines.2.unit_price_minor", "line-2-price"),
        ("lines.2.sku", "line-2-quantity"),
        ("delivery_groups", "group-0-method"),
        ("delivery_groups.1", "group-1-method"),
        ("delivery_groups.1.method", "group-1-method"),
        ("delivery_groups.1.address", "group-1-line1"),
        ("delivery_groups.1.address.city", "group-1-city"),
        ("delivery_groups.1.shipping_minor", "group-1-shipping"),
        ("billing_address", "billing-line1"),
        ("billing_address.country", "billing-country"),
        ("discounts.0.amount_minor", "discount-1-amount"),
        ("fees.0.name", "fee-0-name"),
        ("coupons.0", "coupons"),
        ("payment_method", "payment_method"),
    ],
)
def test_what_is_said_of_a_field_stands_at_that_field(field, place):
    form = typed(**{"discount-0-name": "", "discount-0-amount": "", "discount-1-name": "Sorry"})
    form["discount-1-amount"] = "1"
    form["fee-0-name"] = "Wrapping"

    assert places_of(form)(field) == place


@pytest.mark.parametrize(
    ("field", "left"),
    [
        ("customer.email", {"customer": {"name": "Ada"}}),
        ("delivery_groups.0.address.country", {"delivery_groups": [{"address": {"line1": "1 Quay"}}]}),
        ("locale", {"locale": None}),
        ("lines.0.quantity", None),
        ("coupons.0", None),
        ("elsewhere.0.name", None),
    ],
)
def test_what_cannot_be_taken_is_left_out_where_nothing_else_hangs_on_it(field, left):
    body = {
        "customer": {"name": "Ada", "email": "ada@"},
        "delivery_groups": [{"address": {"line1": "1 Quay", "country": "XX"}}],
        "lines": [{"sku": "TEA-250", "quantity": "two"}],
        "coupons": ["A B"],
        "locale": "xx",
    }

    wanted = (
        None if left is None else {name: part for name, part in (body | left).items() if part is not None}
    )
    assert without(body, [field]) == wanted
    assert body["customer"]["email"] == "ada@"


def test_what_a_draft_lacks_is_called_alike_in_every_row():
    words = words_in("es")
    city = {"field": "delivery_groups.12.address.city", "reason": "is required"}

    assert said_of(city, words) == "La ciudad"
    assert said_of({"field": "customer.name", "reason": "is required"}, words) == "El nombre del cliente"
    assert said_of({"field": "lines.0.new", "reason": "is odd"}, words) == "is odd"


@pytest.mark.requirement("C-21")
def test_a_part_has_another_mark_when_it_changed_and_not_when_stock_or_prices_did():
    before = marks_of(DRAFT)
    stock = marks_of(DRAFT | {"lines": [LINE | {"total_minor": 1, "unit_price_minor": 500}]})
    more = marks_of(DRAFT | {"lines": [LINE | {"quantity": 3}], "remark": "Ring"})

    assert stock == before
    assert {name for name, mark in more.items() if before[name] != mark} == {"lines", "remark"}


@pytest.fixture
def orders():
    """The service, with what was put and a draft that may be another's by now."""
    state = {"draft": DRAFT, "refusal": None, "put": []}

    def put(request):
        state["put"].append(json.loads(request.content))
        if state["refusal"]:
            status, problem = state["refusal"]
            return httpx2.Response(status, json={"status": status, "detail": "no", **problem})
        return httpx2.Response(200, json=state["draft"])

    transport = answering(
        "orders",
        {
            ("GET", ONE): lambda _: httpx2.Response(200, json=state["draft"]),
            ("PUT", ONE): put,
            ("GET", "/v1/markets"): {
                "items": [
                    {
                        "market": "gb",
                        "name": "United Kingdom",
                        "currency": "GBP",
                        "time_zone": "Europe/London",
                        "shipping_methods": {"delivery": {"en": "Delivery"}},
                        "payment_methods": ["transfer"],
                    }
                ],
                "next": None,
            },
            ("GET", "/v1/sellers"): {
                "items": [{"seller": "harbour", "name": "Harbour", "address": ADDRESS}],
                "next": None,
            },
            ("GET", "/v1/sellers/harbour/products"): {
                "items": [{"sku": "TEA-250", "name": "Assam", "page_url": "", "prices": {"gb": 450}}],
                "next": None,
            },
        },
    )
    transport.state = state
    return transport


@pytest.fixture
def signed_in(make_console, orders):
    """Somebody signed in, with every service away but orders."""
    console = make_console({"orders": orders})
    console.post("/login", data={"person": "helen"})
    return console


def shown(**changes):
    return {
        **typed(**changes).to_dict(),
        "currency": "GBP",
        "key": str(uuid4()),
        "version": "3",
        "total": "900",
    }


@pytest.mark.requirement("C-45", "S1-01")
def test_without_the_warehouse_products_are_found_without_their_stock(signed_in):
    found = signed_in.get("/drafts/products?seller=harbour&market=gb&search=assam")
    page = signed_in.get(OWN)

    assert (found.status_code, page.status_code) == (200, 200)
    assert "Assam" in found.text
    assert "£4.50" in found.text
    assert "in stock" not in found.text
    assert 'name="group-0-pickup_point"' in page.text  # typed, where places can't be listed


@pytest.mark.requirement("S3-14")
def test_two_letters_ask_nobody(signed_in, orders):
    asked = len(orders.asked)

    assert signed_in.get("/drafts/products?seller=harbour&market=gb&search=as").status_code == 204
    assert signed_in.get("/drafts/customers?seller=harbour&search=%20a%20").status_code == 204
    assert len(orders.asked) == asked


@pytest.mark.requirement("C-21")
@pytest.mark.parametrize("refusal", [(412, {}), (409, {"reason": "already_placed"})], ids=["stale", "placed"])
def test_who_saves_what_another_has_placed_is_led_to_the_order(signed_in, orders, refusal):
    orders.state["refusal"] = refusal
    orders.state["draft"] = DRAFT | {"order_id": DRAFT_ID, "status": "placed"}

    answer = signed_in.post(OWN, data=shown() | {"do": "save"})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/orders/{DRAFT_ID}")


@pytest.mark.requirement("C-21")
def test_a_stale_form_says_who_changed_which_part_and_goes_by_the_new_version(signed_in, orders):
    was = json.dumps(marks_of(DRAFT))
    orders.state["refusal"] = (412, {})
    orders.state["draft"] = DRAFT | {"version": 4, "remark": "Ring", "coupons": []}

    answer = signed_in.post(OWN, data=shown(**{"customer-name": "Ada"}) | {"do": "save", "was": was})

    assert answer.status_code == 412
    assert "olu@shop.example</strong> changed the cart (Remark of the customer)" in answer.text
    assert 'name="version" value="4"' in answer.text
    assert 'value="Ada"' in answer.text


def test_the_same_sent_twice_is_put_under_one_key_and_something_else_under_another(signed_in, orders):
    form = shown()
    for changes in ({}, {}, {"remark": "Ring"}):
        signed_in.post(OWN, data=form | changes | {"do": "save"})

    keys = [one.headers["Idempotency-Key"] for one in orders.asked if one.method == "PUT"]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.requirement("C-20")
def test_what_is_kept_by_itself_goes_without_what_was_refused(signed_in, orders):
    error = {"field": "customer.email", "reason": "must be an e-mail address"}
    orders.state["refusal"] = (422, {"errors": [error]})

    answer = signed_in.post(
        OWN,
        data=shown(**{"customer-name": "Ada", "customer-email": "ada@"}),
        headers={"X-Fragment": "1"},
    )

    first, second = orders.state["put"]
    assert first["customer"] == {"name": "Ada", "email": "ada@"}
    assert second["customer"] == {"name": "Ada"}
    assert answer.status_code == 422


def test_what_somebody_makes_up_is_no_error_of_ours(signed_in):
    for verb in ("remove:9", "remove:x", "remove-group:7", "add-group", "nothing:at:all", "use:0:0"):
        answer = signed_in.post(OWN, data=shown() | {"do": verb})
        assert answer.status_code in {303, 404, 409, 422}, verb
    assert signed_in.post(OWN, data={"do": "place", "was": "[", "total": "x"}).status_code in {303, 404, 422}
