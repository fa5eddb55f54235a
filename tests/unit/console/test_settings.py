"""Settings in the console: a form shows what it would change before it does, to who may change it."""

import io
import json
import re
from html import unescape

import httpx2
import pytest

from tests.unit.console.conftest import answering

MARKET = {
    "market": "gb",
    "name": "United Kingdom",
    "currency": "GBP",
    "time_zone": "Europe/London",
    "tax_mode": "gross",
    "tax_rates": {"standard": 2000, "reduced": 550},
    "version": 4,
    "locale": "en",
    "tax_rounding": "per_rate",
    "payment_methods": ["transfer", "online"],
    "shipping_methods": {"delivery": {"en": "Delivery", "nl": "Levering"}},
    "backorders": True,
    "invoice_on": "acceptance",
    "pay_within_seconds": 172_800,
    "accept_within_seconds": None,
    "return_days": 14,
    "return_expiry_days": 30,
    "exchange_after_return": True,
    "invoice_per": "order",
    "numbers_per": "year",
    "charges_taxed": "standard",
    "verifies": ["phone", "coupons"],
    "abandon_drafts_after_days": 30,
}
TABLE = {
    "taxes_at_destination": True,
    "same_price": "net",
    "supplies": {"reading": "digital"},
    "pickup_places": {},
    "rates": [
        {
            "place": "FR",
            "tax_class": "reduced",
            "rate_basis_points": 550,
            "exemption": "",
            "valid_from": "2026-01-01",
            "valid_until": None,
        }
    ],
}
SELLER = {
    "seller": "quay",
    "version": 3,
    "name": "Quay Tea",
    "legal_name": "Quay Tea Ltd",
    "email": "orders@quay.example",
    "phone": "",
    "address": {"name": "Quay Tea Ltd", "line1": "1 Quay", "city": "Bristol", "country": "GB"},
    "vat_number": "GB123456789",
    "registration": "",
    "website": "",
    "iban": "GB33BUKB20201555555555",
    "colour": "#1f4e5f",
    "legal_text": {"en": "All sales are final.", "es_CO": "Toda venta es firme."},
}
LOCATION = {
    "code": "quay.store",
    "version": 7,
    "may_change": True,
    "name": "The store",
    "seller": "quay",
    "country": "GB",
    "kind": "store",
    "active": True,
    "markets": ["gb", "moon"],  # one that this person's page has no name of
    "method_kinds": ["pickup"],
    "handling_days": 2,
    "pickup_reminder_days": 3,
    "pickup_days": 7,
    "priority": 100,
    "address": None,
}
COURIER = {
    "seller": "quay",
    "code": "ana",
    "version": 1,
    "name": "Ana",
    "phone": "",
    "email": "",
    "active": True,
}
OWN = "/settings/locations/quay.store"
ADDRESS = dict.fromkeys(("name", "company", "line1", "line2", "postcode", "city", "region", "phone"), "")
ADDRESS |= {"name": "The shop", "line1": "1 Quay", "city": "Bristol", "country": "GB"}
FILLED = {
    "name": "The store",
    "seller": "quay",
    "country": "gb",
    "kind": "store",
    "active": "yes",
    "markets": ["gb", "moon"],
    "method_kinds": ["pickup"],
    "handling_days": "2",
    "pickup_reminder_days": "3",
    "pickup_days": "7",
    "priority": "100",
    "key": "k1",
    "version": "7",
}
LOGO = "/v1/sellers/quay/logo"


@pytest.fixture
def services():
    written = []

    def write(request):
        written.append(request)
        return httpx2.Response(200, json={})

    def refuse(request):
        body = json.loads(request.content)
        wrong = [
            *(
                f"tax_rates.{code}.value"
                for code, rate in body["tax_rates"].items()
                if not isinstance(rate, int)
            ),
            *(f"shipping_methods.{code}.key" for code in body["shipping_methods"] if " " in code),
        ]
        errors = [{"field": name, "reason": "is wrong"} for name in wrong]
        return httpx2.Response(422, json={"status": 422, "errors": errors}) if wrong else None

    def refuse_rates(request):
        rates = json.loads(request.content)["rates"]
        wrong = [at for at, rate in enumerate(rates) if not isinstance(rate["rate_basis_points"], int)]
        errors = [{"field": f"rates.{at}.rate_basis_points", "reason": "is wrong"} for at in wrong]
        return httpx2.Response(422, json={"status": 422, "errors": errors}) if wrong else None

    orders = answering(
        "orders",
        {
            ("GET", "/v1/markets"): {"items": [MARKET], "next": None},
            ("GET", "/v1/markets/gb"): MARKET,
            ("GET", "/v1/markets/gb/tax-table"): lambda _: httpx2.Response(
                200, json=TABLE, headers={"ETag": '"9"'}
            ),
            ("PUT", "/v1/markets/gb/tax-table"): lambda request: refuse_rates(request) or write(request),
            ("PUT", "/v1/markets/bare/tax-table"): write,
            ("GET", "/v1/markets/bare"): MARKET | {"market": "bare", "name": "Bare"},
            ("PUT", "/v1/markets/gb"): lambda request: refuse(request) or write(request),
            ("GET", "/v1/sellers"): {"items": [SELLER], "next": None},
            ("GET", "/v1/sellers/quay"): SELLER,
            ("PUT", "/v1/sellers/{seller}"): write,
        },
    )
    shipping = answering(
        "shipping",
        {
            ("GET", "/v1/locations"): {"items": [LOCATION], "next": None},
            ("GET", "/v1/locations/quay.store"): LOCATION,
            ("GET", "/v1/locations/main"): LOCATION | {"code": "main", "seller": "*", "may_change": False},
            ("GET", "/v1/locations/away"): lambda _: httpx2.Response(503, json={}),
            ("PUT", "/v1/locations/{code}"): write,
            ("GET", "/v1/couriers"): {"items": [COURIER], "next": None},
            ("GET", "/v1/couriers/quay/ana"): COURIER,
            ("PUT", "/v1/couriers/quay/{code}"): write,
        },
    )
    documents = answering(
        "documents",
        {
            ("GET", LOGO): lambda _: httpx2.Response(
                200,
                stream=httpx2.ByteStream(b"picture"),
                headers={"ETag": '"abc"', "Content-Type": "image/png"},
            ),
            ("PUT", LOGO): write,
            ("DELETE", LOGO): write,
        },
    )
    return {"orders": orders, "shipping": shipping, "documents": documents}, written


@pytest.fixture
def written(services):
    """All that the services were asked to do."""
    return services[1]


@pytest.fixture
def sign_in(make_console, services, people):
    """The console, for somebody with these scopes."""

    def sign(*scopes):
        found = people(scopes=[*scopes, "catalogue:read", "shipping:read", "stock:read", "documents:read"])
        console = make_console(services[0], local_people=found)
        console.post("/login", data={"person": "helen"})
        return console

    return sign


def mark_in(page):
    return re.search(r'name="reviewed" value="(\w+)"', page.text)[1]


def rows_of(page):
    return re.findall(r"<tr><th scope=\"row\".*?</tr>", page.text)


def test_a_change_of_a_location_is_shown_before_it_is_made(sign_in, written):
    console = sign_in("stock:write")
    changed = FILLED | {"priority": "1", "address.name": "The store", "address.city": "Bristol"}

    look = console.post(OWN, data=changed)

    assert look.status_code == 200
    assert written == []
    assert ["Priority" in row for row in rows_of(look)] == [True, False, False]
    assert "Address: City" in rows_of(look)[2]

    done = console.post(OWN, data=changed | {"reviewed": mark_in(look)})

    assert (done.status_code, done.location) == (303, OWN)
    [sent] = written
    body = json.loads(sent.content)
    assert (body["priority"], body["country"], body["markets"]) == (1, "GB", ["gb", "moon"])
    assert body["address"]["city"] == "Bristol"
    assert (sent.headers["If-Match"], sent.headers["Idempotency-Key"]) == ('"7"', "k1")


@pytest.mark.requirement("C-21")
def test_what_a_second_person_left_alone_stays_as_the_first_made_it(sign_in, written, services):
    console = sign_in("stock:write")
    shown = unescape(re.search(r'name="before" value="([^"]*)"', console.get(OWN).text)[1])
    theirs = LOCATION | {"version": 8, "name": "The shop", "priority": 5, "address": ADDRESS}
    services[0]["shipping"].answers["GET", "/v1/locations/quay.store"] = theirs

    look = console.post(OWN, data=FILLED | {"before": shown, "priority": "1"})

    told = re.findall(r"<li><strong>(.*?)</strong>: (.*?) → (.*?)</li>", look.text)
    assert ("Name", "The store", "The shop") in told
    assert ("Priority", "100", "5") in told
    assert ["Priority" in row for row in rows_of(look)] == [True]
    assert 'name="name" type="text" value="The shop"' in look.text
    assert 'name="version" value="8"' in look.text
    filled = dict(re.findall(r'name="(address\.\w+)" type="text" value="([^"]*)"', look.text))
    assert filled["address.city"] == "Bristol"

    # And the same where the first is done only as the second saves.
    theirs |= {"version": 9, "handling_days": 4}
    refusal = httpx2.Response(412, json={"status": 412, "current_version": 9})
    services[0]["shipping"].answers["PUT", "/v1/locations/{code}"] = lambda _: refusal
    sent = {**FILLED, **filled, "name": "The shop", "priority": "1", "version": "8"}
    carried = unescape(re.search(r'name="before" value="([^"]*)"', look.text)[1])
    stale = console.post(OWN, data=sent | {"before": carried, "reviewed": mark_in(look)})

    assert stale.status_code == 412
    assert "Somebody changed this while you had it open" in stale.text
    assert re.search(r'name="handling_days"[^>]* value="4"', stale.text)
    assert re.search(r'name="priority"[^>]* value="1"', stale.text)
    assert ["Priority" in row for row in rows_of(stale)] == [True]


def test_what_is_changed_after_the_look_is_looked_at_again(sign_in, written):
    console = sign_in("stock:write")
    mark = mark_in(console.post(OWN, data=FILLED | {"priority": "1"}))

    again = console.post(OWN, data=FILLED | {"priority": "11", "reviewed": mark})

    assert again.status_code == 200
    assert written == []


def test_what_stays_is_shown_and_no_field_and_unknown_markets_stay_ticked(sign_in):
    page = sign_in("stock:write").get(OWN).text

    assert 'type="hidden" name="seller" value="quay"' in page
    assert '<select id="location-seller"' not in page
    assert re.search(r'name="markets" value="moon" checked', page)


def test_a_new_location_that_is_there_already_is_not_overwritten_unseen(sign_in, written):
    console = sign_in("stock:write")

    look = console.post("/settings/new/location", data=FILLED | {"location": "quay.store", "name": "Other"})

    assert written == []
    assert "There is one of this name already" in look.text
    assert f'action="{OWN}"' in look.text
    assert 'name="version" value="7"' in look.text

    made = console.post("/settings/new/location", data=FILLED | {"location": "quay.new"})

    assert (made.status_code, made.location) == (303, "/settings/locations/quay.new")
    assert len(written) == 1


def test_nothing_is_made_where_nobody_knows_whether_it_is_there(sign_in, written):
    answer = sign_in("stock:write").post("/settings/new/location", data=FILLED | {"location": "away"})

    assert answer.status_code == 503
    assert written == []
    assert 'value="The store"' in answer.text


def test_what_has_no_code_says_so_at_its_field_and_keeps_what_was_typed(sign_in, written):
    answer = sign_in("stock:write").post("/settings/new/location", data=FILLED | {"location": " "})

    assert answer.status_code == 422
    assert 'id="location-location-wrong">is needed' in answer.text
    assert 'value="The store"' in answer.text
    assert written == []


@pytest.mark.parametrize("address", ["/settings/locations/main", OWN, "/settings/couriers/quay/ana"])
def test_who_may_not_change_it_sees_it_without_a_form(sign_in, address):
    console = sign_in("stock:write") if address.endswith("main") else sign_in()

    page = console.get(address).text

    assert ("Ana" if "couriers" in address else "The store") in page
    assert "You may see this, and not change it" in page
    assert "data-guarded" not in page


def test_a_form_of_a_new_one_is_for_who_may_make_it(sign_in):
    console = sign_in("stock:write")

    assert console.get("/settings/new/location").status_code == 200
    for form in ("seller", "carrier", "courier"):
        assert console.get(f"/settings/new/{form}").status_code == 403


def test_a_sellers_texts_in_other_languages_stay_and_its_account_is_written_together(sign_in, written):
    console = sign_in("admin")
    page = console.get("/settings/sellers/quay")
    assert 'name="legal_text.es_CO"' in page.text
    address = {f"address.{name}": value for name, value in SELLER["address"].items()}
    changed = {
        **{name: SELLER[name] for name in ("name", "legal_name", "email", "vat_number", "colour")},
        **address,
        "iban": "gb94 bukb 1020 1593 7371 92",
        "legal_text.en": "",
        "legal_text.es_CO": "Toda venta es firme.",
        "version": "3",
    }

    look = console.post("/settings/sellers/quay", data=changed)
    assert ["GB94BUKB10201593737192" in row for row in rows_of(look)] == [True, False]
    assert "Legal text: English" in rows_of(look)[1]
    console.post("/settings/sellers/quay", data=changed | {"reviewed": mark_in(look)})

    body = json.loads(written[0].content)
    assert body["legal_text"] == {"es_CO": "Toda venta es firme."}
    assert body["iban"] == "GB94BUKB10201593737192"


def test_a_logo_is_shown_sent_in_and_removed(sign_in, written):
    console = sign_in("documents:issue")
    page = console.get("/settings/sellers/quay").text
    assert '<img class="logo" src="/settings/sellers/quay/logo?v=abc"' in page
    assert console.get("/settings/sellers/quay/logo").data == b"picture"

    own = "/settings/sellers/quay/logo"
    sent = console.post(own, data={"key": "k2", "file": (io.BytesIO(b"new picture"), "logo.png")})
    gone = console.post(own, data={"key": "k3", "remove": "yes"})

    assert (sent.location, gone.location) == ("/settings/sellers/quay", "/settings/sellers/quay")
    assert [request.method for request in written] == ["PUT", "DELETE"]
    assert b"new picture" in written[0].content
    assert written[0].headers["Idempotency-Key"] == "k2"


def test_a_page_of_a_seller_does_without_its_logo_where_nobody_tells_it(make_console, services, people):
    there = {name: service for name, service in services[0].items() if name != "documents"}
    console = make_console(there, local_people=people(scopes=["catalogue:read", "documents:read"]))
    console.post("/login", data={"person": "helen"})

    page = console.get("/settings/sellers/quay")

    assert page.status_code == 200
    assert "Quay Tea Ltd" in page.text
    assert 'class="logo"' not in page.text


def test_a_courier_is_changed_under_the_seller_that_took_them_on(sign_in, written):
    console = sign_in("shipping:write")
    own = "/settings/couriers/quay/ana"
    changed = {"name": "Ana", "phone": "+44 117 496 0100", "version": "1"}

    look = console.post(own, data=changed)
    assert len(rows_of(look)) == 2  # the number, and that nothing new is assigned
    console.post(own, data=changed | {"reviewed": mark_in(look)})

    [sent] = written
    assert sent.url.path == "/v1/couriers/quay/ana"
    assert json.loads(sent.content)["active"] is False


def filled_market(page):
    """The form of a market as a browser would send it."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        parts = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if parts.get("type") != "checkbox" or " checked" in tag:
            found.setdefault(parts.get("name"), []).append(parts.get("value", ""))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        found[name] = re.findall(r'value="([^"]*)" selected', options)
    return found


def test_a_market_that_nothing_was_changed_of_is_sent_as_it_was(sign_in, written):
    console = sign_in("admin")
    form = filled_market(console.get("/settings/markets/gb").text)

    look = console.post("/settings/markets/gb", data=form)
    assert "Nothing would change" in look.text
    console.post("/settings/markets/gb", data=form | {"reviewed": mark_in(look)})

    [sent] = written
    assert json.loads(sent.content) == {
        name: value for name, value in MARKET.items() if name not in {"market", "version"}
    }
    assert sent.headers["If-Match"] == '"4"'


def test_rates_are_typed_in_percent_deadlines_in_hours_and_methods_by_language(sign_in, written):
    console = sign_in("admin")
    form = filled_market(console.get("/settings/markets/gb").text)
    assert (form["pay_within_seconds"], form["pay_within_seconds.unit"]) == (["2"], ["days"])
    form |= {
        "rate.1.code": "",  # reduced goes
        "rate.1.percent": "",
        "rate.0.percent": "21,5",
        "pay_within_seconds": "36",
        "pay_within_seconds.unit": "hours",
        "method.1.code": "express",
        "method.1.name.en": "Fast",
        "payment_methods": ["transfer"],
    }

    look = console.post("/settings/markets/gb", data=form)

    told = " ".join(rows_of(look))
    for words in ("20 %", "21.5 %", "2 days", "36 hours", "English: Fast", "Bank transfer, Online"):
        assert words in told
    assert len(rows_of(look)) == 5
    assert written == []
    console.post("/settings/markets/gb", data=form | {"reviewed": mark_in(look)})
    body = json.loads(written[0].content)
    assert body["tax_rates"] == {"standard": 2150}
    assert body["pay_within_seconds"] == 36 * 3600
    assert body["shipping_methods"]["express"] == {"en": "Fast"}
    assert body["shipping_methods"]["delivery"] == {"en": "Delivery", "nl": "Levering"}


def test_what_is_wrong_in_a_row_of_a_market_stands_at_it(sign_in):
    console = sign_in("admin")
    form = filled_market(console.get("/settings/markets/gb").text)
    form |= {"rate.1.percent": "much", "method.1.code": "Very fast", "method.1.name.en": "Fast"}
    form["reviewed"] = mark_in(console.post("/settings/markets/gb", data=form))

    answer = console.post("/settings/markets/gb", data=form)

    assert answer.status_code == 422
    assert 'id="market-rate.1.percent-wrong"' in answer.text
    assert 'id="market-method.1.code-wrong"' in answer.text
    assert 'value="much"' in answer.text


def test_a_markets_table_of_taxes_is_shown_to_who_may_change_nothing(sign_in):
    page = sign_in().get("/settings/markets/gb").text

    assert "Levering" in page
    assert '<form method="post" action="/settings' not in page
    taxes = page[page.index('id="taxes"') :]
    assert "FR" in taxes
    assert "5.5" in taxes
    assert "what the seller keeps" in taxes
    assert "None: orders are taxed by the rates above" in sign_in().get("/settings/markets/bare").text


TAXES = "/settings/markets/gb/taxes"
TAXES_FILLED = {
    "taxes_at_destination": "yes",
    "same_price": "net",
    "supplies": "reading: digital",
    "rates": "FR; reduced; 5.5; 2026-01-01",
    "version": "9",
}


def test_a_table_of_taxes_that_nothing_was_changed_of_is_sent_as_it_was(sign_in, written):
    console = sign_in("admin")
    page = console.get(TAXES).text
    assert ">FR; reduced; 5.5; 2026-01-01</textarea>" in page
    assert 'name="version" value="9"' in page

    look = console.post(TAXES, data=TAXES_FILLED)
    assert "Nothing would change" in look.text
    console.post(TAXES, data=TAXES_FILLED | {"reviewed": mark_in(look)})

    [sent] = written
    assert json.loads(sent.content) == TABLE
    assert sent.headers["If-Match"] == '"9"'


def test_a_change_of_a_table_of_taxes_is_shown_rate_by_rate_before_it_is_made(sign_in, written):
    console = sign_in("admin")
    lines = (
        "FR; reduced; 5.5; 2026-01-01; 2027-01-01\nFR; reduced; 7,5; 2027-01-01\nGB; zero; 0; ; ; VATEX-EU-O"
    )
    changed = TAXES_FILLED | {"rates": lines, "same_price": "gross", "supplies": ""}

    look = console.post(TAXES, data=changed)

    rows = rows_of(look)
    assert written == []
    assert len(rows) == 5
    for words in ("what customers pay", "downloads", "5.5 % - 2027-01-01", "7.5 %", "0 % VATEX-EU-O"):
        assert any(words in row for row in rows), words
    done = console.post(TAXES, data=changed | {"reviewed": mark_in(look)})
    assert done.location == "/settings/markets/gb#taxes"
    rates = json.loads(written[0].content)["rates"]
    assert [rate["rate_basis_points"] for rate in rates] == [550, 750, 0]
    assert [rate["valid_until"] for rate in rates] == ["2027-01-01", None, None]
    assert rates[2]["exemption"] == "VATEX-EU-O"


def test_what_is_wrong_in_a_table_of_taxes_names_its_line_and_loses_nothing(sign_in, written):
    console = sign_in("admin")
    wrong = TAXES_FILLED | {"rates": "FR; reduced; 5.5\n\nDE; standard; much"}
    wrong["reviewed"] = mark_in(console.post(TAXES, data=wrong))

    answer = console.post(TAXES, data=wrong)

    assert answer.status_code == 422
    assert 'id="taxes-rates-wrong">line 3, Percent: is wrong' in answer.text
    assert "DE; standard; much</textarea>" in answer.text
    assert written == []


def test_a_market_without_a_table_of_taxes_gets_one_at_its_own_version(sign_in, written):
    console = sign_in("admin")
    own = "/settings/markets/bare/taxes"
    assert 'name="version" value="4"' in console.get(own).text
    look = console.post(own, data=TAXES_FILLED | {"version": "4"})

    console.post(own, data=TAXES_FILLED | {"version": "4", "reviewed": mark_in(look)})

    assert written[0].headers["If-Match"] == '"4"'
    assert sign_in().get(own).status_code == 403


@pytest.mark.parametrize("typed", ["1e30", "9" * 40, "20.555", "-1", "NaN"])
def test_a_number_that_is_none_is_shown_as_it_was_typed_and_left_to_the_service(sign_in, written, typed):
    console = sign_in("admin")
    form = filled_market(console.get("/settings/markets/gb").text)
    form |= {"rate.1.percent": typed, "return_days": typed, "pay_within_seconds": typed}

    look = console.post("/settings/markets/gb", data=form)
    taxes = console.post(TAXES, data=TAXES_FILLED | {"rates": f"FR; reduced; {typed}"})

    assert (look.status_code, taxes.status_code) == (200, 200)
    assert f"<strong>{typed}</strong>" in look.text
    assert f"{typed} %" in taxes.text
    assert console.post("/settings/markets/gb", data=form | {"reviewed": mark_in(look)}).status_code == 422
    assert written == []
