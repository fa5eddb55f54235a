"""Shipping over HTTP: what goes in, what comes out, who may."""

from datetime import datetime
from uuid import UUID, uuid4

import pytest

from shared import clock
from tests.unit.shipping.conftest import SCOPES
from tests.unit.shipping.steps import (
    HOME,
    accepted,
    cancelling,
    hear,
    hear_label,
    make_order,
    run_jobs,
    stock,
)


@pytest.fixture
def shipment(told):
    told(stock, "TEA-250", 5)
    [shipment] = told(hear, accepted(make_order([("TEA-250", 2)])))
    return shipment


def test_the_whole_way_of_a_shipment(call, told, shipment):
    path = f"/v1/shipments/{shipment.id}"

    for step, status in [("release", "released"), ("pick", "packing")]:
        code, answer, headers = call("POST", f"{path}/{step}")
        assert (code, answer["status"]) == (200, status)
        assert headers["ETag"] == f'"{answer["version"]}"'
    code, problem, _ = call("POST", f"{path}/print-label")
    assert (code, problem["reason"]) == (409, "label_not_ready")

    label = told(hear_label, shipment)
    printed = [call("POST", f"{path}/print-label") for _ in range(2)]
    assert [(code, answer["prints"]) for code, answer, _ in printed] == [(200, 1), (200, 2)]
    assert {answer["path"] for _, answer, _ in printed} == {f"/v1/documents/{label}/content"}

    code, shipped, _ = call("POST", f"{path}/ship", {})
    assert (code, shipped["status"]) == (200, "shipped")
    [parcel] = shipped["parcels"]
    assert parcel["tracking_url"].endswith(parcel["tracking_number"])
    code, delivered, _ = call("POST", f"{path}/deliver")
    assert (code, delivered["status"]) == (200, "delivered")
    against = {refusal["reason"] for refusal in delivered["actions"].values() if refusal}
    assert against == {"already_delivered", "wrong_method"}


def test_what_a_shipment_looks_like(call, shipment):
    code, shown, headers = call("GET", f"/v1/shipments/{shipment.id}")

    assert (code, headers["ETag"].partition(".")[0]) == (200, f'"{shipment.version}')
    assert (shown["number"], shown["status"], shown["location"]) == ("GB-7-1", "inventory_assigned", "WEST")
    assert (shown["seller"], shown["market"]) == ("lantern", "eu")
    assert shown["address"]["name"] == HOME.name
    assert shown["lines"] == [
        {
            "line_id": str(shipment.lines[0].line_id),
            "sku": "TEA-250",
            "name": "Tea-250",
            "quantity": 2,
            "units": 2,
            "picked": 0,
            "checked": 0,
            "specifications": {},
        }
    ]
    assert (shown["kind"], shown["readiness"], shown["pickup_point"]) == ("delivery", "amber", None)
    assert (shown["dispatch"]["to"], shown["dispatch"]["address"]["name"]) == ("address", HOME.name)
    assert shown["actions"]["release"] is None
    assert shown["actions"]["ship"]["reason"] == "wrong_status"
    assert call("GET", f"/v1/shipments/{shipment.id}", If_None_Match=headers["ETag"])[0] == 304


def test_who_waits_for_a_shipment_by_its_tag_hears_that_its_order_was_accepted(call, told):
    told(stock, "TEA-250", 5)
    order = make_order([("TEA-250", 2)])
    [shipment] = told(hear, order)
    _, before, headers = call("GET", f"/v1/shipments/{shipment.id}")

    told(hear, accepted(order))
    code, after, _ = call("GET", f"/v1/shipments/{shipment.id}", If_None_Match=headers["ETag"])

    assert before["actions"]["release"]["reason"] == "order_not_accepted"
    assert (code, after["version"], after["actions"]["release"]) == (200, before["version"], None)


def test_the_shipments_of_an_order_with_the_answer_to_its_cancellation(call, told):
    told(stock, "TEA-250", 5)
    order = accepted(make_order([("TEA-250", 2)], [("TEA-250", 9)]))
    told(hear, order)

    code, answer, _ = call("GET", f"/v1/orders/{order.order_id}/shipments")
    assert code == 200
    assert [one["status"] for one in answer["items"]] == ["inventory_assigned", "awaiting_inventory"]
    assert answer["cancellation"] is None

    asked = cancelling(order)
    told(hear, asked)
    _, answer, _ = call("GET", f"/v1/orders/{order.order_id}/shipments")
    assert [one["status"] for one in answer["items"]] == ["cancelled"] * 2
    assert answer["cancellation"]["done"] is True
    assert datetime.fromisoformat(answer["cancellation"]["requested_at"]) == asked.cancel_requested_at


def test_shipments_are_listed_newest_first_page_by_page(call, told):
    told(stock, "TEA-250", 3)
    shipments = [told(hear, make_order([("TEA-250", 1)]))[0] for _ in range(5)]

    pages, cursor = [], ""
    while True:
        _, page, _ = call("GET", f"/v1/shipments?limit=2{cursor and '&cursor=' + cursor}")
        pages.append([one["shipment_id"] for one in page["items"]])
        cursor = page["next"]
        if cursor is None:
            break

    newest_first = [str(one.id) for one in reversed(shipments)]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    _, waiting, _ = call("GET", "/v1/shipments?status=awaiting_inventory")
    assert [one["shipment_id"] for one in waiting["items"]] == newest_first[:2]
    assert call("GET", "/v1/shipments?status=lost")[0] == 422
    assert call("GET", "/v1/shipments?cursor=nonsense")[0] == 422


@pytest.mark.parametrize("bounds", [{"sellers": ["rival"]}, {"markets": ["gb"]}, {"sellers": []}])
def test_anothers_shipments_are_not_there(call, shipment, bounds):
    for method, path in [
        ("GET", f"/v1/shipments/{shipment.id}"),
        ("GET", f"/v1/orders/{shipment.order_id}/shipments"),
        ("POST", f"/v1/shipments/{shipment.id}/release"),
    ]:
        assert call(method, path, **bounds)[0] == 404
    assert call("GET", "/v1/shipments", **bounds)[1]["items"] == []
    assert call("GET", "/v1/shipments", sellers=["lantern"], markets=["eu"])[1]["items"] != []
    assert call("GET", f"/v1/shipments/{uuid4()}")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/shipments", "shipping:read"),
        ("GET", "/v1/stock", "stock:read"),
        ("GET", "/v1/locations", "stock:read"),
        ("POST", f"/v1/shipments/{UUID(int=7)}/release", "shipping:write"),
        ("PUT", "/v1/stock/WEST/TEA-250", "stock:write"),
        ("POST", "/v1/stock/WEST/TEA-250/receipts", "stock:write"),
        ("PUT", "/v1/locations/WEST", "stock:write"),
    ],
)
def test_each_route_wants_its_scope(call, method, path, needed):
    others = [scope for scope in SCOPES if scope != needed]

    assert call(method, path, {}, scopes=others)[0] == 403
    assert call(method, path, {}, scopes=[needed])[0] != 403


@pytest.mark.requirement("P-25")
def test_a_receipt_sent_twice_with_its_key_is_taken_in_once(call):
    call("PUT", "/v1/locations/WEST", {"name": "West", "country": "GB"})
    receipt = ("POST", "/v1/stock/WEST/TEA-250/receipts", {"quantity": 3})

    first = call(*receipt, Idempotency_Key="lorry-7")
    again = call(*receipt, Idempotency_Key="lorry-7")

    assert first[:2] == again[:2]
    assert (first[0], first[1]["on_hand"]) == (201, 3)
    other = call("POST", receipt[1], {"quantity": 4}, Idempotency_Key="lorry-7")
    assert other[0] == 409
    assert call("GET", "/v1/stock/WEST/TEA-250")[1]["on_hand"] == 3


def test_stock_is_counted_received_and_shown(call, told, sessions):
    code, place, _ = call("PUT", "/v1/locations/WEST", {"name": "West", "country": "GB", "priority": 1})
    assert (code, place["seller"], place["version"]) == (201, "*", 1)
    assert call("PUT", "/v1/locations/WEST", {"name": "West end", "country": "GB", "priority": 1})[0] == 200
    assert call("GET", "/v1/locations/WEST")[1]["name"] == "West end"
    assert [one["code"] for one in call("GET", "/v1/locations")[1]["items"]] == ["WEST"]

    code, level, headers = call("PUT", "/v1/stock/WEST/TEA-250", {"on_hand": 2, "reason": "opening count"})
    assert (code, level["on_hand"], level["available"]) == (200, 2, 2)
    [waits] = told(hear, make_order([("TEA-250", 4)]))
    assert call("PUT", "/v1/stock/WEST/TEA-250", {"on_hand": 1, "reason": "x"}, If_Match='"0"')[0] == 412

    call("POST", "/v1/stock/WEST/TEA-250/receipts", {"quantity": 3}, If_Match=headers["ETag"])
    run_jobs(sessions)
    _, level, _ = call("GET", "/v1/stock/WEST/TEA-250")
    assert (level["on_hand"], level["reserved"], level["available"]) == (5, 4, 1)
    assert abs((clock.now() - datetime.fromisoformat(level["as_of"])).total_seconds()) < 60
    assert call("GET", f"/v1/shipments/{waits.id}")[1]["status"] == "inventory_assigned"

    code, problem, _ = call("PUT", "/v1/stock/WEST/TEA-250", {"on_hand": 3, "reason": "x"})
    assert (code, problem["reason"], problem["reserved"]) == (409, "units_reserved", 4)
    call("PUT", "/v1/stock/WEST/POT-1", {"on_hand": 2, "reason": "opening count"})
    _, first, _ = call("GET", "/v1/stock?limit=1")
    _, rest, _ = call("GET", f"/v1/stock?cursor={first['next']}")
    assert [one["sku"] for one in first["items"] + rest["items"]] == ["POT-1", "TEA-250"]
    assert call("GET", "/v1/stock?sku=POT-1&location=WEST")[1]["items"][0]["on_hand"] == 2


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/stock/WEST/TEA-250", {"on_hand": -1, "reason": "count"}, "on_hand"),
        ("/v1/stock/WEST/TEA-250", {"on_hand": 1}, "reason"),
        ("/v1/stock/WEST/TEA-250", {"on_hand": 1.5, "reason": "count"}, "on_hand"),
        ("/v1/locations/WEST", {"name": "West", "country": "gb"}, "country"),
        ("/v1/locations/WEST", {"name": "West", "country": "GB\n"}, "country"),
        ("/v1/locations/WEST", {"name": "West", "country": "GB", "priority": 1.5}, "priority"),
        ("/v1/locations/WEST", {"name": "", "country": "GB"}, "name"),
        ("/v1/locations/WEST", {"name": "West", "country": "GB", "colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_named(call, told, path, body, field):
    told(stock, "TEA-250", 1)

    code, problem, _ = call("PUT", path, body)

    assert (code, [error["field"] for error in problem["errors"]]) == (422, [field])


@pytest.mark.parametrize(
    "body",
    [
        {"carrier": "Parcelforce"},
        {"carrier": "Parcelforce", "tracking_number": "1", "tracking_url": "javascript:alert(1)"},
        {"tracking_number": "WB00000000012"},
    ],
)
def test_a_hand_over_that_cannot_be_tracked_is_bad_input(call, told, shipment, body):
    path = f"/v1/shipments/{shipment.id}"
    call("POST", f"{path}/release")
    call("POST", f"{path}/pick")
    told(hear_label, shipment)
    call("POST", f"{path}/pack")

    assert call("POST", f"{path}/ship", body)[0] == 422
    assert call("GET", path)[1]["status"] == "ready"


def test_a_shipment_is_cancelled_by_hand_with_a_reason(call, shipment):
    path = f"/v1/shipments/{shipment.id}/cancel"

    assert call("POST", path, {})[0] == 422
    code, answer, _ = call("POST", path, {"reason": "damaged"})

    assert (code, answer["status"], answer["cancel_reason"]) == (200, "cancelled", "damaged")
    assert call("POST", path, {"reason": "damaged"})[1]["reason"] == "shipment_cancelled"


def test_who_decided_on_an_older_version_is_told_the_current_one(call, shipment):
    code, problem, _ = call("POST", f"/v1/shipments/{shipment.id}/release", If_Match='"1"')

    assert code == 412
    assert problem["current_version"] == shipment.version


def test_a_name_that_no_database_holds_is_not_there(call):
    assert call("GET", "/v1/locations/%00")[0] in {404, 422}
    assert call("GET", f"/v1/stock/WEST/{'X' * 101}")[0] == 404
