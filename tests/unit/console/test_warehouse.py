"""The warehouse's pages before a shipping service: what they ask it for, and for whom they work."""

import json
import re
from uuid import uuid4

import httpx2
import pytest

from shared.access import ROLES
from tests.unit.console.conftest import answering

SHIPPING = frozenset({"shipping:read", "shipping:write"})
EMPTY = {"items": [], "next": None}
NONE = {"count": 0, "count_is_capped": False}
NOTHING_WAITS = {"items": [], "releasable": NONE, "held_back": NONE}
WRONG_STATUS = {"reason": "wrong_status", "detail": "", "facts": {"shipment_status": "packing"}}
STAGES = ("release", "pick", "record_picks", "scan", "pack_into_parcels", "pack", "print_label", "ship")


def shipment(number="GB-7-1", possible=("scan", "pack_into_parcels", "print_label", "pack"), **more):
    """As shipping answers it, as far as the pages look."""
    line = {
        "line_id": "1f1d29a5-8a0b-4a44-8f5e-000000000001",
        "sku": "TEA-250",
        "name": "Tea <b>loose</b>",
        "quantity": 2,
        "units": 2,
        "picked": 2,
        "checked": 0,
        "specifications": {"colour": "red"},
    }
    parcel = {
        "parcel_id": "1f1d29a5-8a0b-4a44-8f5e-000000000002",
        "carrier": "waybill",
        "tracking_number": "WB1",
        "weight_grams": 0,
        "length_mm": 0,
        "width_mm": 0,
        "height_mm": 0,
        "contents": [{"line_id": line["line_id"], "units": 2}],
    }
    return {
        "shipment_id": str(uuid4()),
        "order_id": str(uuid4()),
        "number": number,
        "seller": "harbour",
        "market": "gb",
        "method": "delivery",
        "kind": "delivery",
        "pickup_point": None,
        "address": {"name": "Ann Archer", "city": "Bristol", "country": "GB"},
        "status": "packing",
        "queue": "to_prepare",
        "readiness": "green",
        "location": "main",
        "lines": [line],
        "parcels": [parcel],
        "prints": 0,
        "version": 4,
        "due_at": None,
        "delivered_at": None,
        "actions": {name: None if name in possible else WRONG_STATUS for name in STAGES},
        **more,
    }


class Warehouse:
    """A console before a shipping service that knows these shipments."""

    def __init__(self, make_console, people):
        self.make_console, self.people = make_console, people
        self.shipments = [shipment(), shipment("GB-8-1", location="north")]
        self.answers = {
            ("GET", "/v1/queues"): NOTHING_WAITS,
            ("GET", "/v1/queues/{name}"): lambda _: httpx2.Response(
                200, json=EMPTY | {"items": self.shipments}
            ),
            ("GET", "/v1/locations"): EMPTY,
            ("GET", "/v1/pick-lists"): EMPTY,
            ("GET", "/v1/shipments"): lambda _: httpx2.Response(200, json=EMPTY | {"items": self.shipments}),
            ("GET", "/v1/shipments/{id}"): lambda _: httpx2.Response(200, json=self.shipments[0]),
        }

    def signed_in(self, scopes=SHIPPING):
        self.shipping = answering("shipping", self.answers)
        others = {name: answering(name, {}) for name in ("orders", "documents", "notifications")}
        file = self.people("picker", scopes)
        console = self.make_console({"shipping": self.shipping, **others}, local_people=file)
        console.post("/login", data={"person": "helen"})
        return console

    def sent(self, method="POST"):
        """What was written, by path."""
        return [
            (one.url.path, json.loads(one.content or "null"), dict(one.headers))
            for one in self.shipping.asked
            if one.method == method
        ]

    def refuse(self, method, path, **problem):
        self.answers[method, path] = lambda _: httpx2.Response(
            problem["status"], json={"detail": "", **problem}
        )

    @property
    def own(self):
        return f"/warehouse/shipments/{self.shipments[0]['shipment_id']}"


@pytest.fixture
def warehouse(make_console, people):
    return Warehouse(make_console, people)


def ticks(page):
    return re.findall(r'name="shipment" value="([^"]*)"', page.text)


@pytest.mark.requirement("C-31")
def test_a_person_with_shippings_scopes_alone_has_every_page_of_the_warehouse(warehouse):
    console = warehouse.signed_in()

    for address in ("/", "/warehouse", "/warehouse?step=to_pack", "/warehouse/pick-lists", warehouse.own):
        page = console.get(address, follow_redirects=True)
        assert page.status_code == 200, address
        assert 'href="/warehouse"' in page.text
        assert 'class="missing"' not in page.text.replace('class="missing" id="waiting"', "")
    assert "Print labels" not in console.get("/warehouse?step=to_pack").text  # their files are not for them
    assert "Tea &lt;b&gt;loose" in page.text


@pytest.mark.requirement("C-17", "C-31")
def test_who_may_only_look_is_offered_nothing_else(warehouse):
    console = warehouse.signed_in({"shipping:read"})

    for address in ("/warehouse?step=to_pack", "/warehouse/pick-lists", warehouse.own):
        page = console.get(address).text
        assert page.count('method="post"') == 2, address  # language, signing out
        assert 'type="checkbox"' not in page
    accountant = warehouse.signed_in(ROLES["accounts"])
    assert accountant.get("/warehouse", follow_redirects=True).status_code == 403


@pytest.mark.requirement("C-01", "C-04")
def test_a_list_is_narrowed_by_what_there_is_to_choose_and_each_step_keeps_it(warehouse):
    places = [{"code": "main", "name": "Main"}, {"code": "north", "name": "North"}]
    warehouse.answers["GET", "/v1/locations"] = EMPTY | {"items": places}
    warehouse.answers["GET", "/v1/queues"] = NOTHING_WAITS | {
        "items": [
            {"status": "shipped", "queue": "in_transit", "count": 1000, "count_is_capped": True},
            {"status": "undeliverable", "queue": "in_transit", "count": 2, "count_is_capped": False},
            {"status": "released", "queue": "to_prepare", "count": 0, "count_is_capped": False},
        ]
    }
    console = warehouse.signed_in(SHIPPING | {"stock:read"})

    page = console.get("/warehouse?step=to_pack&location=north&cursor=abc").text

    listed, counted = (
        next(dict(one.url.params) for one in warehouse.shipping.asked if one.url.path == path)
        for path in ("/v1/queues/to_prepare", "/v1/queues")
    )
    assert listed == {"status": "packing", "location": "north", "limit": "50", "cursor": "abc"}
    assert counted == {"location": "north"}
    assert '<option value="north" selected>North</option>' in page
    assert 'name="seller"' not in page
    assert 'href="/warehouse?step=ready&amp;location=north"' in page
    assert "1002+</span>" in page
    assert ">0</span>" not in page
    assert 'name="location"' not in warehouse.signed_in().get("/warehouse?step=to_pack").text


@pytest.mark.parametrize(
    ("counts", "step"),
    [
        ({}, "to_pick"),
        ({"packing": 3, "released": 1}, "to_pick"),
        ({"packing": 3, "released": 0}, "to_pack"),
        ({"packing": 3, "inventory_assigned": 9, "releasable": 2}, "to_release"),
        ({"packing": 3, "inventory_assigned": 9, "releasable": 0}, "to_pack"),
        ({"inventory_assigned": 9, "releasable": 0, "held_back": 9}, "held_back"),
    ],
)
def test_whoever_names_no_step_begins_at_one_that_has_work(warehouse, counts, step):
    queue = {"queue": "to_prepare", "count_is_capped": False}
    states = {name: NONE | {"count": counts.pop(name, 0)} for name in ("releasable", "held_back")}
    items = [queue | {"status": status, "count": count} for status, count in counts.items()]
    warehouse.answers["GET", "/v1/queues"] = {"items": items, **states}

    opened = warehouse.signed_in().get("/warehouse?seller=harbour&result=r7")

    assert opened.location == f"/warehouse?step={step}&seller=harbour&result=r7"


@pytest.mark.requirement("C-18")
def test_what_is_held_back_says_why_and_leads_back_there(warehouse):
    first = warehouse.shipments[0]
    refusal = {"reason": "order_not_accepted", "detail": "", "facts": {"order_status": "placed"}}
    first |= {"status": "inventory_assigned", "actions": first["actions"] | {"release": refusal}}
    console = warehouse.signed_in()

    page = console.get("/warehouse?step=held_back").text

    [asked] = [dict(one.url.params) for one in warehouse.shipping.asked if "to_prepare" in one.url.path]
    assert (asked["status"], asked["releasable"]) == ("inventory_assigned", "false")
    assert "The order was not accepted yet." in page
    assert 'href="/warehouse?step=held_back"' in console.get(warehouse.own).text
    first["actions"]["release"] = None
    assert 'href="/warehouse?step=to_release"' in console.get(warehouse.own).text


@pytest.mark.requirement("C-24")
def test_the_ticked_are_sent_as_shipments_and_each_refused_is_named(warehouse):
    first, second = warehouse.shipments
    row = {"done": True, "reason": None, "detail": None, "facts": {}, "number": first["number"]}
    refused = {"done": False, "reason": "wrong_status", "detail": "", "facts": {}}
    items = [row | {"shipment_id": first["shipment_id"]}, refused | {"shipment_id": second["shipment_id"]}]
    warehouse.answers["POST", "/v1/shipments/bulk/pack"] = {"done": 1, "not_done": 1, "items": items}
    console = warehouse.signed_in()
    page = console.get("/warehouse?step=to_pack&location=main")
    form = {"key": "k", "shipment": ticks(page), "back": "/warehouse?step=to_pack&location=main"}

    answers = [console.post("/warehouse/bulk/pack", data=form) for _ in range(2)]

    sent = warehouse.sent()
    assert sent[0][1] == {"shipment_ids": [one["shipment_id"] for one in warehouse.shipments]}
    assert len({headers["idempotency-key"] for _, _, headers in sent}) == 1
    assert answers[0].location.startswith("/warehouse?step=to_pack&location=main&result=")
    shown = console.get(answers[0].location).text
    assert "1 done" in shown
    assert f"Open the shipment: {second['number']}" in shown
    assert shown.count(" checked") == 1
    elsewhere = console.post("/warehouse/bulk/pack", data=form | {"back": "//evil.example/warehouse"})
    assert elsewhere.location.startswith("/warehouse?result=")


def test_slips_are_asked_for_by_shipment(warehouse, make_console, people):
    made = {"print_id": str(uuid4()), "orders": [], "shipments": []}
    documents = answering("documents", {("POST", "/v1/prints"): made})
    shipping = answering("shipping", warehouse.answers)
    console = make_console(
        {"shipping": shipping, "documents": documents}, local_people=people("picker", ROLES["picker"])
    )
    console.post("/login", data={"person": "helen"})
    page = console.get("/warehouse?step=to_pack")

    console.post("/warehouse/bulk/slips", data={"key": "k", "shipment": ticks(page)})

    [asked] = [json.loads(one.content) for one in documents.asked if one.method == "POST"]
    pairs = [{name: one[name] for name in ("order_id", "shipment_id")} for one in warehouse.shipments]
    assert asked == {"kind": "documents", "paper": "packing_slip", "shipments": pairs}


@pytest.mark.requirement("P-11")
def test_a_pick_list_is_made_at_each_location_and_who_stands_against_it_is_named(warehouse):
    made = {"pick_list_id": str(uuid4())}
    warehouse.answers["POST", "/v1/pick-lists"] = lambda _: httpx2.Response(201, json=made)
    console = warehouse.signed_in()
    both = ticks(console.get("/warehouse?step=to_pick"))

    one = console.post("/warehouse/bulk/pick_list", data={"key": "k", "shipment": both[:1]})
    two = console.post("/warehouse/bulk/pick_list", data={"key": "k", "shipment": both})

    assert one.location == f"/warehouse/pick-lists/{made['pick_list_id']}"
    assert two.location == "/warehouse/pick-lists"
    assert [body["location"] for _, body, _ in warehouse.sent()] == ["main", "main", "north"]
    keys = [headers["idempotency-key"] for _, _, headers in warehouse.sent()]
    assert len(set(keys)) == 3
    warehouse.refuse("POST", "/v1/pick-lists", status=409, reason="wrong_status", shipment="GB-8-1")
    refused = warehouse.signed_in().post("/warehouse/bulk/pick_list", data={"key": "k", "shipment": both})
    assert refused.status_code == 409
    assert "GB-8-1: Not possible at this stage." in refused.text
    assert ticks(refused) == both


@pytest.mark.requirement("C-25", "C-24")
def test_of_510_that_wait_at_a_step_the_first_500_are_named_confirmed_and_done_once(warehouse):
    waiting = [shipment(f"GB-{at}-1") for at in range(510)]

    def page_of(asked):
        start = int(asked.url.params.get("cursor", 0))
        following = str(start + 100) if start + 100 < len(waiting) else None
        return httpx2.Response(200, json={"items": waiting[start : start + 100], "next": following})

    warehouse.answers["GET", "/v1/queues/{name}"] = page_of
    done = {"done": 500, "not_done": 0, "items": []}
    warehouse.answers["POST", "/v1/shipments/bulk/release"] = done
    console = warehouse.signed_in()
    back = "/warehouse?step=to_release&location=north"
    sent = {"key": "k", "back": back, "everything": "yes", "shipment": ticks(console.get(back))[:1]}

    led = console.post("/warehouse/bulk/release", data=sent)
    asked = console.get(led.location)
    answers = [
        console.post("/warehouse/bulk/release", data={"key": "k", "back": back, "shipment": ticks(asked)})
        for _ in range(2)
    ]

    assert led.status_code == 303
    assert "500+ match; these are the first 500" in asked.text
    queries = [
        dict(one.url.params) for one in warehouse.shipping.asked if "/queues/to_prepare" in one.url.path
    ]
    of_step = {"status": "inventory_assigned", "releasable": "true"}
    assert queries[1] == of_step | {"location": "north", "limit": "100"}
    wanted = {"shipment_ids": [one["shipment_id"] for one in waiting[:500]]}
    assert [body for _, body, _ in warehouse.sent()] == [wanted, wanted]
    assert len({headers["idempotency-key"] for _, _, headers in warehouse.sent()}) == 1
    assert answers[0].location.startswith(f"{back}&result=")


@pytest.mark.requirement("P-11")
def test_more_shipments_than_one_pick_list_takes_are_on_several(warehouse):
    warehouse.answers["POST", "/v1/pick-lists"] = {"pick_list_id": str(uuid4())}
    all_of_them = [f"{uuid4()}/{uuid4()}/main/GB-{at}-1" for at in range(120)]

    made = warehouse.signed_in().post("/warehouse/bulk/pick_list", data={"key": "k", "shipment": all_of_them})

    assert made.location == "/warehouse/pick-lists"
    assert [len(body["shipment_ids"]) for _, body, _ in warehouse.sent()] == [50, 50, 20]
    assert len({headers["idempotency-key"] for _, _, headers in warehouse.sent()}) == 3


@pytest.mark.parametrize("ticked", [[], ["x"], ["a/b"]])
def test_of_nothing_ticked_nothing_is_asked(warehouse, ticked):
    console = warehouse.signed_in()

    answer = console.post("/warehouse/bulk/release", data={"key": "k", "shipment": ticked})

    assert (answer.status_code, answer.location) == (303, "/warehouse")
    assert "Choose some shipments first." in console.get("/warehouse", follow_redirects=True).text
    assert warehouse.sent() == []
    assert console.post("/warehouse/bulk/burn", data={"key": "k"}).status_code == 404


@pytest.mark.requirement("S1-15")
def test_a_number_opens_the_one_shipment_that_is_still_here_or_asks_which(warehouse):
    first, second = warehouse.shipments
    console = warehouse.signed_in()
    assert "There are several" in console.get("/warehouse/find?code=GB-7").text

    second["queue"] = None
    answer = console.get("/warehouse/find?code= GB-7 ")

    assert (answer.status_code, answer.location) == (303, warehouse.own)
    assert dict(warehouse.shipping.asked[-1].url.params)["number"] == "GB-7"
    assert console.get("/warehouse/find?code=").location == "/warehouse"
    warehouse.shipments = []
    assert console.get("/warehouse/find?code=X").status_code == 404
    assert first["number"] not in console.get("/warehouse/find?code=X").text


def test_what_is_packed_next_is_what_is_picked_already(warehouse):
    red, green = warehouse.shipments
    red["readiness"] = "amber"
    console = warehouse.signed_in()

    answer = console.get("/warehouse/shipments/next?location=main")

    assert answer.location == f"/warehouse/shipments/{green['shipment_id']}"
    last = console.get(f"/warehouse/shipments/next?after={green['shipment_id']}")
    assert last.location == f"/warehouse/shipments/{red['shipment_id']}"
    warehouse.shipments = [green]
    none = console.get(f"/warehouse/shipments/next?after={green['shipment_id']}")
    assert none.location == "/warehouse?step=to_pick"


@pytest.mark.requirement("C-39", "C-40")
def test_a_scan_is_sent_under_its_own_key_and_a_refused_one_leaves_no_field_to_scan_into(warehouse):
    path = "/v1/shipments/{id}/scans"
    warehouse.answers["POST", path] = warehouse.shipments[0]
    console = warehouse.signed_in()

    answer = console.post(f"{warehouse.own}/scan", data={"key": "k.1", "code": " TEA-250 "})

    [(_, body, headers)] = warehouse.sent()
    assert (body, headers["idempotency-key"]) == ({"code": "TEA-250"}, "k.1")
    assert answer.location == f"{warehouse.own}?last=TEA-250"
    warehouse.shipments[0]["lines"][0]["checked"] = 1
    assert "Take back" in console.get(answer.location).text
    assert 'name="code"' in console.get(warehouse.own).text
    warehouse.refuse("POST", path, status=409, reason="not_in_shipment", detail="no <i>")
    refused = warehouse.signed_in().post(f"{warehouse.own}/scan", data={"key": "k.2", "code": "<b>"})
    assert refused.status_code == 409
    assert "&lt;b&gt;: It is not in this shipment." in refused.text
    assert 'name="code"' not in refused.text.partition('id="bench"')[0]
    assert warehouse.signed_in().get(f"{warehouse.own}/scan").location == warehouse.own


def test_the_paper_of_the_next_shipment_opens_it_but_not_in_the_middle_of_this_one(warehouse):
    first, second = warehouse.shipments
    warehouse.refuse("POST", "/v1/shipments/{id}/scans", status=409, reason="not_in_shipment")
    only = EMPTY | {"items": [second]}
    warehouse.answers["GET", "/v1/shipments"] = only
    console = warehouse.signed_in()
    place, form = f"{warehouse.own}/scan", {"key": "k", "code": second["number"]}

    for checked, answered in ((0, 303), (1, 409), (2, 303)):
        first["lines"][0]["checked"] = checked
        answer = console.post(place, data=form)
        assert answer.status_code == answered, checked
        if answered == 303:
            assert answer.location == f"/warehouse/shipments/{second['shipment_id']}"
    warehouse.answers["GET", "/v1/shipments"] = EMPTY
    assert warehouse.signed_in().post(place, data=form).status_code == 409


@pytest.mark.requirement("C-20")
def test_parcels_are_sent_with_what_is_in_each_and_a_refused_field_is_marked(warehouse):
    line_id = warehouse.shipments[0]["lines"][0]["line_id"]
    path = "/v1/shipments/{id}/parcels"
    errors = [{"field": "parcels.1.weight_grams", "reason": "Not a valid integer."}]
    warehouse.refuse("PUT", path, status=422, errors=errors)
    console = warehouse.signed_in()
    assert console.get(f"{warehouse.own}?parcels=2").text.count("<fieldset") == 2
    filled = {
        "key": "k",
        "parcels.0.parcel_id": "p1",
        "parcels.0.weight_grams": "900",
        f"parcels.0.contents.{line_id}": "1",
        "parcels.1.parcel_id": "",
        "parcels.1.weight_grams": "1.5 kg",
        "parcels.1.length_mm": "",
        f"parcels.1.contents.{line_id}": "1",
    }

    refused = console.post(f"{warehouse.own}/parcels", data=filled)

    [(_, body, _)] = warehouse.sent("PUT")
    contents = [{"line_id": line_id, "units": 1}]
    assert body == {
        "parcels": [
            {"parcel_id": "p1", "weight_grams": 900, "contents": contents},
            {"parcel_id": None, "weight_grams": "1.5 kg", "length_mm": 0, "contents": contents},
        ]
    }
    assert refused.status_code == 422
    assert 'value="1.5 kg"' in refused.text
    assert 'id="parcels-parcels.1.weight_grams-wrong"' in refused.text
    assert refused.text.count("<fieldset") == 2


@pytest.mark.requirement("C-21")
def test_of_two_who_pack_one_shipment_the_second_sees_what_the_first_made_of_its_parcels(warehouse):
    path = "/v1/shipments/{id}/parcels"
    first = warehouse.shipments[0]
    stale = {"status": 412, "reason": "stale", "current_version": 9}

    def put(asked):
        is_newest = asked.headers["If-Match"] == '"9"'
        return httpx2.Response(200, json=first) if is_newest else httpx2.Response(412, json=stale)

    warehouse.answers["PUT", path] = put
    console = warehouse.signed_in()
    page = console.get(warehouse.own).text
    form = dict(re.findall(r'name="(key|version|parcels(?:\.[^"]+)?|was\.[^"]+)"[^>]* value="([^"]*)"', page))
    mine = form | {"parcels.0.weight_grams": "700"}

    first |= {"version": 9, "lines": [first["lines"][0] | {"checked": 2}]}  # by their own scans
    assert console.post(f"{warehouse.own}/parcels", data=mine).status_code == 303
    assert [headers["if-match"] for _, _, headers in warehouse.sent("PUT")] == ['"4"', '"9"']

    first["parcels"] = [first["parcels"][0] | {"weight_grams": 500, "length_mm": 300}]
    refused = console.post(f"{warehouse.own}/parcels", data=mine)

    assert refused.status_code == 412
    assert "Somebody changed this" in refused.text
    assert 'name="parcels.0.weight_grams" type="number" value="700"' in refused.text
    assert "Meanwhile it became: 500" in refused.text
    assert 'name="parcels.0.length_mm" type="number" value="300"' in refused.text
    again = dict(re.findall(r'name="(version|parcels)" value="([^"]*)"', refused.text))
    assert again["version"] == "9"
    assert again["parcels"] != form["parcels"]


@pytest.mark.parametrize(("asked", "shown"), [("3", 3), ("0", 1), ("x", 1), ("999", 20), ("-1", 1)])
def test_there_are_as_many_parcels_on_the_form_as_are_asked_for_within_reason(warehouse, asked, shown):
    page = warehouse.signed_in().get(f"{warehouse.own}?parcels={asked}")

    assert (page.status_code, page.text.count("<fieldset")) == (200, shown)


def test_what_has_not_changed_is_not_sent_again(warehouse):
    console = warehouse.signed_in()
    mark = console.get(warehouse.own).headers["ETag"]
    asking = {"X-Fragment": "1", "If-None-Match": mark}

    assert console.get(warehouse.own, headers=asking).status_code == 304
    warehouse.shipments[0]["version"] += 1
    assert console.get(warehouse.own, headers=asking).status_code == 200


@pytest.mark.requirement("C-19", "C-45")
def test_with_shipping_away_each_page_says_so(make_console, people):
    console = make_console(local_people=people("picker", SHIPPING))
    console.post("/login", data={"person": "helen"})

    for address in ("/warehouse", "/warehouse/pick-lists", f"/warehouse/shipments/{uuid4()}"):
        page = console.get(address, follow_redirects=True)
        assert page.status_code in {200, 503}, address
        assert "Shipping can&#39;t be reached now." in page.text, address


@pytest.mark.requirement("C-20")
@pytest.mark.parametrize("typed", ["9" * 5000, "٣", "many"])
def test_what_is_no_number_of_anything_is_left_for_the_service_to_refuse(warehouse, typed):
    console = warehouse.signed_in()
    warehouse.refuse("PUT", "/v1/shipments/{id}/parcels", status=422)
    form = {"key": "k", "parcels.0.weight_grams": typed, f"parcels.{'9' * 5000}.weight_grams": "1"}

    shown = console.get(f"{warehouse.own}?parcels={typed}")
    refused = console.post(f"{warehouse.own}/parcels", data=form)

    assert shown.status_code == 200
    assert refused.status_code == 422
    assert [body["parcels"] for _, body, _ in warehouse.sent("PUT")] == [
        [{"contents": [], "weight_grams": typed}]
    ]
