"""Counter, couriers, agenda and what comes back before a shipping service: what they ask it for, and when."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest

from shared import clock
from shared.access import ROLES
from tests.unit.console.conftest import answering
from tests.unit.console.test_warehouse import EMPTY, WRONG_STATUS, shipment

PICKER = frozenset({"shipping:read", "shipping:write", "stock:read", "catalogue:read"})
KEEPER = frozenset({"shipping:read", "stock:read", "stock:write"})
LINES = [
    {"line_id": str(uuid4()), "sku": sku, "name": name, "quantity": 3}
    for sku, name in (("A", "Tea"), ("B", "Cup"))
]
PAGES = ("counter", "couriers", "couriers/harbour/rui", "agenda", "returns")
LONDON = {"market": "gb", "time_zone": "Europe/London", "shipping_methods": {}}
LIMA = {"market": "pe", "time_zone": "America/Lima", "shipping_methods": {}}
RUI = {"seller": "harbour", "code": "rui", "name": "Rui Costa", "phone": "+44 1", "email": "", "active": True}


def fetched(possible=("collect", "renew_code", "cancel"), **more):
    """A shipment that waits at a counter."""
    names = ("collect", "hand_over", "renew_code", "cancel", "take_back")
    return shipment(
        status="ready",
        queue="ready_to_ship",
        kind="pickup",
        method="pickup",
        address=None,
        pickup_point="main",
        pickup={"collect_by": clock.now().isoformat(), "reminded_at": None, "wrong_tries": 0},
        sign_off=None,
        courier=None,
        failure="",
        undeliverable_at=clock.now().isoformat(),
        **more,
    ) | {"actions": {name: None if name in possible else WRONG_STATUS for name in names}}


class Yard:
    """A console before a shipping service with something to fetch, to bring and to take back."""

    def __init__(self, make_console, people):
        self.make_console, self.people = make_console, people
        self.waiting = fetched()
        self.parcel = fetched(("take_back",)) | {"status": "undeliverable", "lines": LINES}
        self.expected = {
            "return_id": str(uuid4()),
            "order_id": str(uuid4()),
            "order_number": "GB-9",
            "status": "expected",
            "location": None,
            "lines": LINES,
            "version": 2,
            "expected_at": clock.now().isoformat(),
        }
        self.agenda = []
        self.answers = {
            ("GET", "/v1/queues/{name}"): EMPTY | {"items": [self.waiting]},
            ("GET", "/v1/couriers"): EMPTY | {"items": [RUI]},
            ("GET", "/v1/couriers/{seller}/{code}"): RUI,
            ("GET", "/v1/couriers/{seller}/{code}/deliveries"): EMPTY,
            ("GET", "/v1/appointments"): lambda _: httpx2.Response(200, json=EMPTY | {"items": self.agenda}),
            ("GET", "/v1/returns"): EMPTY | {"items": [self.expected]},
            ("GET", f"/v1/returns/{self.expected['return_id']}"): self.expected,
            ("GET", f"/v1/shipments/{self.parcel['shipment_id']}"): self.parcel,
            ("GET", "/v1/shipments/{id}"): self.waiting,
            ("GET", "/v1/shipments"): EMPTY | {"items": [self.waiting]},
            ("GET", "/v1/locations"): EMPTY
            | {
                "items": [
                    {"code": "main", "name": "Main", "may_change": False},
                    {"code": "harbour.leeds", "name": "Leeds", "may_change": True},
                ]
            },
        }

    def signed_in(self, scopes=PICKER, markets=()):
        self.shipping = answering("shipping", self.answers)
        orders = answering("orders", {("GET", "/v1/markets"): EMPTY | {"items": list(markets)}})
        others = {name: answering(name, {}) for name in ("documents", "notifications")}
        file = self.people("picker", scopes)
        console = self.make_console(
            {"shipping": self.shipping, "orders": orders, **others}, local_people=file
        )
        console.post("/login", data={"person": "helen"})
        return console

    def sent(self):
        return [
            (one.url.path, json.loads(one.content or "null"), one.headers.get("Idempotency-Key"))
            for one in self.shipping.asked
            if one.method in {"POST", "PUT"}
        ]

    def refuse(self, method, path, **problem):
        self.answers[method, path] = lambda _: httpx2.Response(
            problem["status"], json={"detail": "", **problem}
        )


@pytest.fixture
def yard(make_console, people):
    return Yard(make_console, people)


@pytest.mark.requirement("C-31")
@pytest.mark.parametrize("role", ["picker", "stock_keeper"])
def test_a_person_with_a_role_of_the_warehouse_has_each_of_its_pages(yard, role):
    console = yard.signed_in(ROLES[role])

    for name in PAGES:
        page = console.get(f"/warehouse/{name}")
        assert page.status_code == 200, name
        assert "The service could not" not in page.text, name
    assert ("open=receive_return" in page.text) is (role == "stock_keeper")
    nobody = yard.signed_in({"orders:read"})
    assert {nobody.get(f"/warehouse/{name}").status_code for name in PAGES} == {403}


@pytest.mark.requirement("P-16", "C-20")
def test_a_wrong_code_is_said_without_a_hint_and_another_one_is_another_try(yard):
    yard.refuse(
        "POST", "/v1/shipments/{id}/collect", status=409, reason="wrong_code", detail="", tries_left=4
    )
    console = yard.signed_in()
    address = f"/warehouse/counter/{yard.waiting['shipment_id']}/collect"
    form = {"key": "k1", "code": "000001", "name": "Ann Archer"}

    page = console.post(address, data=form)
    console.post(address, data=form)
    console.post(address, data=form | {"code": "000002"})

    assert page.status_code == 409
    assert "This is not the code." in page.text
    assert 'value="Ann Archer"' in page.text
    # Focus is where the next code is typed.
    [focused] = re.findall(r"<[^>]* data-focus[^>]*>", page.text)
    assert 'id="collect-code"' in focused
    assert "000001" not in page.text
    first, again, other = yard.sent()
    assert first == again
    assert first[1] == {"code": "000001", "name": "Ann Archer"}
    assert other[2] not in {None, first[2]}


@pytest.mark.requirement("P-16")
def test_what_nobody_fetched_goes_back_on_the_shelf_at_the_version_it_was_shown_at(yard):
    yard.answers["POST", "/v1/shipments/{id}/cancel"] = yard.waiting
    console = yard.signed_in()
    address = f"/warehouse/counter/{yard.waiting['shipment_id']}"
    page = console.get(address).text
    assert "Back on the shelf" in page

    done = console.post(
        f"{address}/put_back?location=main", data={"key": "k", "version": "4", "reason": "Not fetched"}
    )

    assert (done.status_code, done.headers["Location"]) == (303, "/warehouse/counter?location=main")
    assert [one[1] for one in yard.sent()] == [{"reason": "Not fetched"}]
    assert [one.headers["If-Match"] for one in yard.shipping.asked if one.method == "POST"] == ['"4"']


@pytest.mark.requirement("S4-06", "C-24")
def test_each_ticked_shipment_is_given_to_the_courier_by_itself_and_the_refused_stay_ticked(yard):
    good, bad = yard.waiting, fetched() | {"number": "GB-8-1"}
    yard.answers["GET", "/v1/queues/{name}"] = EMPTY | {"items": [good, bad]}
    yard.answers["PUT", f"/v1/shipments/{bad['shipment_id']}/courier"] = lambda _: httpx2.Response(
        409, json={"status": 409, "detail": "", "reason": "shipment_cancelled"}
    )
    yard.answers["PUT", "/v1/shipments/{id}/courier"] = good
    console = yard.signed_in()
    ids = [good["shipment_id"], bad["shipment_id"]]
    form = {"key": "k", "shipment": ids, "courier": "rui", "note": "Ring", f"label-{ids[1]}": "GB-8-1"}

    done = console.post("/warehouse/couriers/assign?seller=harbour&cursor=c2", data=form)
    assert "cursor=c2" in done.headers["Location"]
    page = console.get(done.headers["Location"]).text

    assert [one[1] for one in yard.sent()] == [{"courier": "rui", "note": "Ring"}] * 2
    assert len({one[2] for one in yard.sent()}) == 2
    assert re.search(rf'value="{ids[1]}"[^>]* checked', page)
    assert not re.search(rf'value="{ids[0]}"[^>]* checked', page)
    assert "1 done" in page


def test_an_appointment_stands_on_the_day_that_its_markets_clocks_show(yard):
    day = (clock.now() + timedelta(days=3)).date()
    late = f"{day}T23:30:00"  # in Lima: in London the next day has begun
    entry = {
        "shipment_id": str(uuid4()),
        "number": "PE-1-1",
        "kind": "delivery",
        "starts": late,
        "ends": late,
        "time_zone": "America/Lima",
        "address": None,
        "location": "main",
        "status": "ready",
        "version": 3,
        "actions": {"schedule": None},
        "note": "",
        "times_scheduled": 1,
        "courier": None,
        "signed_at": None,
    }
    yard.agenda = [entry, entry | {"number": "PE-2-1", "starts": f"{day + timedelta(days=7)}T00:10:00"}]
    console = yard.signed_in(markets=(LONDON, LIMA))

    page = console.get(f"/warehouse/agenda?day={day}&location=main").text

    [section] = re.findall(rf'id="day-{day}".*?</section>', page, re.DOTALL)
    assert "PE-1-1" in section
    assert "PE-2-1" not in page
    [asked] = [one.url.params for one in yard.shipping.asked if one.url.path == "/v1/appointments"]
    assert asked["location"] == "main"
    assert asked["until"].startswith(f"{day + timedelta(days=7)}T00:00:00-05:00")
    assert asked["since"].startswith(f"{day}T00:00:00+0")
    for wrong in ("soon", "9999-12-31", "0001-01-01"):
        assert console.get(f"/warehouse/agenda?day={wrong}").status_code == 200


@pytest.mark.requirement("P-03")
@pytest.mark.parametrize("name", ["receive_return", "take_back"])
def test_what_becomes_of_each_unit_is_said_before_anything_is_done(yard, name):
    about, kind = {
        "receive_return": (yard.expected["return_id"], "returns"),
        "take_back": (yard.parcel["shipment_id"], "shipments"),
    }[name]
    path = {"returns": "receive", "shipments": "take-back"}[kind]
    yard.answers["POST", f"/v1/{kind}/{{id}}/{path}"] = {}
    console = yard.signed_in(KEEPER)
    address = f"/warehouse/returns?open={name}-{about}"
    tea, cup = (line["line_id"] for line in LINES)
    form = {
        "key": "k",
        "version": "2",
        "location": "harbour.leeds",
        f"found-{tea}-sellable": "2",
        f"found-{cup}-damaged": "3",
    }
    shown = console.get(address).text
    assert 'value="harbour.leeds"' in shown
    assert 'value="main"' not in shown

    summary = console.post(address, data=form)

    assert yard.sent() == []
    said = " ".join(re.sub(r"<[^>]+>|\N{MULTIPLICATION SIGN}", " ", summary.text).split())
    assert "2 Tea A : back to stock at Leeds" in said
    assert "3 Cup B : is scrapped (Damaged)" in said
    assert f"1 Tea A : {'has not come' if name == 'receive_return' else 'is missing, and lost'}" in said
    done = console.post(address, data=form | {"sure": "yes"})
    assert (done.status_code, done.headers["Location"]) == (303, "/warehouse/returns")
    [(sent_to, body, _)] = yard.sent()
    assert sent_to == f"/v1/{kind}/{about}/{path}"
    assert body["location"] == "harbour.leeds"
    assert [(one["line_id"], one["condition"], one["quantity"]) for one in body["found"]] == [
        (tea, "sellable", 2),
        (cup, "damaged", 3),
    ]


@pytest.mark.requirement("C-20")
def test_more_than_is_expected_is_the_services_to_refuse_and_stands_at_its_field(yard):
    yard.refuse(
        "POST",
        "/v1/returns/{id}/receive",
        status=422,
        errors=[{"field": "found.0.quantity", "reason": "is more than expected: 3"}],
    )
    console = yard.signed_in(KEEPER)
    address = f"/warehouse/returns?open=receive_return-{yard.expected['return_id']}"
    name = f"found-{LINES[0]['line_id']}-used"

    page = console.post(address, data={"key": "k", "location": "harbour.leeds", name: "4"})

    assert page.status_code == 422
    assert re.search(rf'name="{name}" value="4"[^>]* aria-invalid="true"', page.text)
    assert "is more than expected: 3" in page.text
    for wrong in ("receive_return-x", "burn-1"):
        assert console.get(f"/warehouse/returns?open={wrong}").status_code in {200, 404}
    assert console.post("/warehouse/returns?open=burn-1").status_code == 404


@pytest.mark.requirement("C-20")
def test_who_was_not_the_first_at_a_delivery_is_told_and_keeps_the_name_of_who_signed(yard):
    delivery = fetched(()) | {
        "kind": "delivery",
        "status": "shipped",
        "currency": "GBP",
        "to_collect_minor": 0,
        "appointments": [],
        "note": "",
        "failed_attempts": 0,
    }
    names = ("ship", "deliver", "sign", "fail", "resend")
    delivery["actions"] = {name: None if name in {"deliver", "fail"} else WRONG_STATUS for name in names}
    yard.answers["GET", "/v1/couriers/{seller}/{code}/deliveries"] = EMPTY | {"items": [delivery]}
    yard.refuse("POST", "/v1/shipments/{id}/deliver", status=412)
    console = yard.signed_in()
    run = "/warehouse/couriers/harbour/rui"
    assert "/set-off" not in console.get(run).text
    form = {"key": "k", "version": "4", "name": "Bo Larsen", "note": ""}

    page = console.post(f"{run}/{delivery['shipment_id']}/deliver", data=form)

    assert page.status_code == 412
    [card] = re.findall(r"<details[^>]* open>.*?</details>", page.text, re.DOTALL)
    assert 'value="Bo Larsen"' in card
    [sent] = [one for one in yard.shipping.asked if one.method == "POST"]
    assert (sent.headers["If-Match"], json.loads(sent.content)) == ('"4"', {"name": "Bo Larsen"})
    yard.answers["POST", "/v1/shipments/{id}/deliver"] = delivery
    assert console.post(f"{run}/{delivery['shipment_id']}/deliver", data=form).headers["Location"] == run
