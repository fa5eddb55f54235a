"""Goods, stock, picking and packing over HTTP: what goes in, what comes out, who may."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from services.shipping.commands.shipments import cancel_shipment
from shared import clock
from tests.unit.shipping.steps import accepted, hear, hear_label, make_order, stock

GOODS = {
    "barcode": "4006381333931",
    "specifications": {"colour": "blue"},
    "weight_grams": 250,
    "available_on": "2030-01-02",
}


@pytest.fixture
def shipment(told):
    """Four cans of tea and a pot, assigned at WEST."""
    told(stock, "TEA-250", 5)
    told(stock, "POT-1", 2)
    [shipment] = told(hear, accepted(make_order([("TEA-250", 4), ("POT-1", 1)])))
    return shipment


def lines(shipment, **quantities):
    by_sku = {line.sku: str(line.line_id) for line in shipment.lines}
    return [
        {"line_id": by_sku[sku.replace("_", "-")], "quantity": units} for sku, units in quantities.items()
    ]


def test_goods_are_made_changed_and_read_by_their_seller_only(call):
    path = "/v1/goods/lantern/TEA-250"
    assert call("GET", path)[0] == 404
    code, made, headers = call("PUT", path, GOODS)
    assert (code, made["specifications"], made["available_on"]) == (201, {"colour": "blue"}, "2030-01-02")
    assert call("PUT", path, GOODS | {"weight_grams": 260}, If_Match=headers["ETag"])[0] == 200
    assert call("PUT", path, GOODS, If_Match=headers["ETag"])[0] == 412
    assert call("GET", path)[1]["weight_grams"] == 260
    assert call("GET", path, sellers=("other",))[0] == 404
    assert call("PUT", path, GOODS, sellers=("other",))[0] == 404
    assert call("PUT", path, GOODS, scopes=("stock:read",))[0] == 403
    assert call("PUT", path, GOODS | {"weight_grams": -1})[0] == 422
    assert call("PUT", path, GOODS | {"available_on": "soon"})[0] == 422
    assert call("PUT", path, GOODS | {"available_on": "9999-12-31"})[0] == 422  # no day to leave follows it


@pytest.mark.requirement("S1-01")
def test_availability_says_how_much_is_where_and_when_it_would_leave(call, told):
    told(stock, "TEA-250", 5, "WEST", handling_days=3)
    told(stock, "TEA-250", 2, "EAST", handling_days=1, country="FR")
    told(stock, "TEA-250", 9, "ELSEWHERE", markets=["moon"])
    [shipment] = told(hear, make_order([("TEA-250", 1)]))
    path = f"/v1/availability?seller={shipment.seller}&market={shipment.market}"

    code, answer, _ = call("GET", f"{path}&country=FR&skus=TEA-250,POT-1")

    today = clock.now().date()
    assert code == 200
    tea, pot = answer["items"]
    assert (tea["available"], tea["promised_on"]) == (6, str(today + timedelta(days=1)))
    assert [(one["location"], one["available"], one["promised_on"]) for one in tea["locations"]] == [
        ("EAST", 2, str(today + timedelta(days=1))),
        ("WEST", 4, str(today + timedelta(days=3))),
    ]
    assert (pot["available"], pot["promised_on"], pot["locations"]) == (0, None, [])
    day = today + timedelta(days=30)
    assert call("PUT", f"/v1/goods/{shipment.seller}/TEA-250", {"available_on": str(day)})[0] == 201
    _, answer, _ = call("GET", f"{path}&skus=TEA-250")
    assert date.fromisoformat(answer["items"][0]["promised_on"]) == day + timedelta(days=1)
    assert call("GET", f"{path}&skus=TEA-250", sellers=("other",))[0] == 404
    assert call("GET", path)[0] == 422
    assert call("GET", f"{path}&skus=TEA-250&country=france")[0] == 422


@pytest.mark.requirement("F-10")
def test_any_reserved_unit_and_any_change_can_be_explained(call, told, shipment):
    path = "/v1/stock/WEST/TEA-250"
    told(hear, make_order([("TEA-250", 1)], number="GB-8"))

    _, page, _ = call("GET", f"{path}/reservations?limit=1")
    _, rest, _ = call("GET", f"{path}/reservations?limit=1&cursor={page['next']}")
    _, movements, _ = call("GET", f"{path}/movements?limit=2")
    _, older, _ = call("GET", f"{path}/movements?limit=2&cursor={movements['next']}")

    assert [(one["order"], one["units"], one["picked"]) for one in page["items"] + rest["items"]] == [
        ("GB-7", 4, 0),
        ("GB-8", 1, 0),
    ]
    assert rest["next"] is None
    assert [(one["kind"], one["reserved_change"]) for one in movements["items"]] == [
        ("reserved", 1),
        ("reserved", 4),
    ]
    [counted] = older["items"]
    assert (counted["kind"], counted["reason"], counted["actor"]) == ("adjusted", "opening count", "shipping")
    assert call("GET", f"{path}/reservations", sellers=("other",))[1]["items"] == []
    assert call("GET", f"{path}/movements", sellers=("other",))[0] == 404
    assert call("GET", "/v1/stock/WEST/NOTHING/reservations")[0] == 404


@pytest.mark.requirement("F-10")
def test_what_can_not_be_sold_is_sorted_out_with_reason_and_user(call, shipment):
    path = "/v1/stock/WEST/TEA-250"
    scrap = {"quantity": 1, "reason": "wet"}

    assert call("POST", f"{path}/scraps", scrap)[1]["on_hand"] == 4
    code, refused, _ = call("POST", f"{path}/scraps", scrap)

    assert (code, refused["reason"]) == (409, "units_reserved")
    _, movements, _ = call("GET", f"{path}/movements?limit=1")
    [row] = movements["items"]
    assert (row["kind"], row["on_hand_change"], row["reason"], row["actor"]) == ("scrapped", -1, "wet", "ada")
    assert call("POST", f"{path}/scraps", {"quantity": 1})[0] == 422


@pytest.mark.requirement("P-11", "S4-05", "F-26")
def test_from_the_shelf_to_the_box(call, told, shipment):
    assert call("PUT", "/v1/stock/WEST/TEA-250/bin", {"bin": "B-02"})[1]["bin"] == "B-02"
    path = f"/v1/shipments/{shipment.id}"
    assert call("POST", f"{path}/release")[0] == 200

    code, made, _ = call("POST", "/v1/pick-lists", {"location": "WEST"})
    assert (code, [line["bin"] for line in made["lines"]]) == (201, ["", "B-02"])
    assert [(one["number"], one["readiness"]) for one in made["shipments"]] == [("GB-7-1", "amber")]
    assert call("GET", f"/v1/pick-lists/{made['pick_list_id']}")[1] == made
    assert [one["number"] for one in call("GET", "/v1/pick-lists?open=true")[1]["items"]] == [made["number"]]
    of_it, of_none = (f"/v1/pick-lists?shipment_id={one}" for one in (shipment.id, uuid4()))
    assert [one["number"] for one in call("GET", of_it)[1]["items"]] == [made["number"]]
    assert call("GET", of_none)[1]["items"] == []

    short = {"line_id": made["lines"][0]["line_id"], "units": 0}
    assert call("POST", f"{path}/picks", {"found": [short, short | {"units": 1}]})[0] == 422
    code, answer, _ = call("POST", f"{path}/picks", {})
    assert (code, answer["readiness"]) == (200, "green")
    assert call("GET", "/v1/pick-lists?open=true")[1]["items"] == []
    told(hear_label, shipment)
    code, refused, _ = call("POST", f"{path}/scans", {"code": "CUP-9"})
    assert (code, refused["reason"]) == (409, "not_in_shipment")
    assert call("POST", f"{path}/scans", {"code": "POT-1"})[0] == 200
    assert call("POST", f"{path}/pack")[1]["reason"] == "check_incomplete"
    assert call("POST", f"{path}/scans", {"code": "TEA-250", "units": 4})[0] == 200
    contents = [{"line_id": one["line_id"], "units": one["units"]} for one in answer["lines"]]
    box = {"parcel_id": answer["parcels"][0]["parcel_id"], "weight_grams": 1300, "contents": contents}
    code, packed, _ = call("PUT", f"{path}/parcels", {"parcels": [box]})
    assert (code, packed["parcels"][0]["weight_grams"]) == (200, 1300)
    assert call("PUT", f"{path}/parcels", {"parcels": [box | {"contents": contents[:1]}]})[0] == 422
    assert call("PUT", f"{path}/parcels", {"parcels": [box | {"contents": contents * 2}]})[0] == 422
    assert call("POST", f"{path}/pack")[1]["status"] == "ready"


def test_a_scan_is_taken_back(call, shipment):
    path = f"/v1/shipments/{shipment.id}"
    for step in ("release", "pick"):
        assert call("POST", f"{path}/{step}")[0] == 200
    call("POST", f"{path}/scans", {"code": "TEA-250", "units": 2})

    code, answer, _ = call("POST", f"{path}/scans/take-back", {"code": "TEA-250"})
    assert (code, [line["checked"] for line in answer["lines"] if line["sku"] == "TEA-250"]) == (200, [1])
    code, refused, _ = call("POST", f"{path}/scans/take-back", {"code": "TEA-250", "units": 2})
    assert (code, refused["reason"], refused["left"]) == (409, "more_than_checked", 1)
    assert call("POST", f"{path}/scans/take-back", {"code": "CUP-9"})[1]["reason"] == "not_in_shipment"
    assert call("POST", f"{path}/scans/take-back", {"code": "TEA-250"}, sellers=("other",))[0] == 404


@pytest.mark.requirement("P-11")
def test_what_was_found_of_many_shipments_is_noted_at_once(call, told, shipment):
    [other] = told(hear, accepted(make_order([("TEA-250", 1)], number="GB-8")))
    ids = [str(one.id) for one in (shipment, other)]
    call("POST", "/v1/shipments/bulk/release", {"shipment_ids": ids})
    made = call("POST", "/v1/pick-lists", {"location": "WEST"})[1]
    pots = next(line for line in made["lines"] if line["sku"] == "POT-1")
    found = [{"line_id": pots["line_id"], "units": 0}]
    wanted = [{"shipment_id": ids[0], "found": found}, {"shipment_id": ids[1], "found": found}]

    answer = call("POST", "/v1/shipments/bulk/picks", {"shipments": wanted}, Idempotency_Key="walk")[1]

    assert [(row["done"], row["reason"]) for row in answer["items"]] == [(True, None), (True, None)]
    lines = call("GET", f"/v1/shipments/{ids[0]}")[1]["lines"]
    assert {line["sku"]: (line["quantity"], line["picked"]) for line in lines} == {"TEA-250": (4, 4)}
    again = call("POST", "/v1/shipments/bulk/picks", {"shipments": wanted}, Idempotency_Key="walk")[1]
    assert again == answer
    [row, _] = call("POST", "/v1/shipments/bulk/picks", {"shipments": wanted})[1]["items"]
    assert row["reason"] == "already_picked"
    assert call("POST", "/v1/shipments/bulk/picks", {"shipments": wanted[:1] * 2})[0] == 422


@pytest.mark.requirement("S1-15")
def test_a_shipment_is_found_by_what_is_printed_on_its_papers(call, told, shipment):
    told(hear, make_order([("TEA-250", 1)], number="GB-71"))
    path = f"/v1/shipments/{shipment.id}"
    for step in ("release", "pick"):
        call("POST", f"{path}/{step}")
    [parcel] = call("GET", path)[1]["parcels"]

    for number in ("GB-7", "GB-7-1", parcel["tracking_number"], parcel["tracking_number"].lower()):
        [found] = call("GET", f"/v1/shipments?number={number}")[1]["items"]
        assert found["shipment_id"] == str(shipment.id), number
    for number in ("GB", "GB-7-2", "-1"):
        assert call("GET", f"/v1/shipments?number={number}")[1]["items"] == []
    assert call("GET", "/v1/shipments?number=GB-7", sellers=("other",))[1]["items"] == []


@pytest.mark.requirement("S2-01", "S2-02")
def test_the_steps_of_the_warehouse_are_counted_and_listed(call, shipment):
    counted = call("GET", "/v1/queues")[1]
    counts = {one["status"]: one for one in counted["items"]}
    assert counted["releasable"] == {"count": 1, "count_is_capped": False}
    assert counted["held_back"] == {"count": 0, "count_is_capped": False}
    assert counts["inventory_assigned"] == {
        "status": "inventory_assigned",
        "queue": "to_prepare",
        "count": 1,
        "count_is_capped": False,
    }
    assert call("GET", "/v1/queues?location=EAST")[1]["items"][1]["count"] == 0
    path = "/v1/queues/to_prepare?status=inventory_assigned"
    assert [one["number"] for one in call("GET", f"{path}&method=delivery")[1]["items"]] == ["GB-7-1"]
    for wanted, numbers in (("true", ["GB-7-1"]), ("false", [])):
        found = call("GET", f"{path}&releasable={wanted}")[1]["items"]
        assert [one["number"] for one in found] == numbers
    wrong = ["to_prepare?status=ready", "overdue?status=ready", "finalised?method=delivery"]
    wrong += ["to_prepare?status=packing&releasable=true", "in_transit?releasable=false"]
    for query in wrong:
        assert call("GET", f"/v1/queues/{query}")[0] == 422, query


@pytest.mark.requirement("S3-19")
def test_a_shipment_is_edited_cut_up_and_put_together(call, told, shipment):
    path = f"/v1/shipments/{shipment.id}"
    home = {"name": "Ada", "line1": "7 Mill Lane", "postcode": "LS1 1AA", "city": "Leeds", "country": "GB"}

    code, branch, _ = call("POST", f"{path}/split", {"lines": lines(shipment, TEA_250=1)})
    assert (code, branch["status"], branch["lines"][0]["quantity"]) == (201, "inventory_assigned", 1)
    other = f"/v1/shipments/{branch['shipment_id']}"
    code, edited, _ = call("PATCH", other, {"address": home})
    assert (code, edited["dispatch"]["address"]["city"]) == (200, "Leeds")
    assert call("PATCH", other, {"method": "express"}, If_Match='"1"')[0] == 412
    assert call("PATCH", other, {"address": home | {"country": "UK land"}})[0] == 422
    merge = {"shipment_id": branch["shipment_id"]}
    assert call("POST", f"{path}/merge", merge)[1]["reason"] == "not_alike"
    assert call("PATCH", path, {"address": home})[0] == 200
    assert call("POST", f"{path}/merge", merge)[1]["lines"][0]["quantity"] == 4
    assert call("GET", other)[1]["status"] == "cancelled"
    for body in (
        {"lines": []},
        {"lines": lines(shipment, TEA_250=9)},
        {},
        {"lines": lines(shipment, POT_1=0)},
    ):
        assert call("POST", f"{path}/split", body)[0] == 422
    assert call("POST", f"{path}/split", {"lines": lines(shipment, TEA_250=1) * 2})[0] == 422
    assert call("POST", f"{path}/split", {"lines": lines(shipment, TEA_250=1)}, sellers=("x",))[0] == 404


@pytest.mark.requirement("P-15")
def test_a_shipment_is_moved_or_turned_down(call, told, shipment):
    told(stock, "TEA-250", 5, "EAST")
    told(stock, "POT-1", 5, "EAST")
    path = f"/v1/shipments/{shipment.id}"

    code, moved, _ = call("POST", f"{path}/relocate", {"location": "EAST"})
    assert (code, moved["location"]) == (200, "EAST")
    assert call("POST", f"{path}/relocate", {"location": "MOON"})[1]["reason"] == "location_does_not_serve"
    code, turned_down, _ = call("POST", f"{path}/reject", {"reason": "too busy"})
    assert (code, turned_down["location"], turned_down["rejected_by"]) == (200, "WEST", ["EAST"])
    assert call("POST", f"{path}/reject", {})[0] == 422


@pytest.mark.requirement("S1-14")
def test_what_was_deleted_shows_as_unassigned_and_is_shipped_again(call, told, shipment):
    told(cancel_shipment, shipment.id, reason="wrong box")
    path = f"/v1/orders/{shipment.order_id}/shipments"

    unassigned = call("GET", path)[1]["unassigned"]
    code, again, _ = call("POST", path, {"lines": lines(shipment, TEA_250=4)})

    assert {line["sku"]: line["quantity"] for line in unassigned} == {"TEA-250": 4, "POT-1": 1}
    assert (code, again["status"]) == (201, "inventory_assigned")
    assert [line["sku"] for line in call("GET", path)[1]["unassigned"]] == ["POT-1"]
    assert call("POST", path, {"lines": lines(shipment, TEA_250=1)})[0] == 422
    assert call("POST", path, {})[0] == 201
    assert call("POST", path, {})[1]["reason"] == "nothing_unassigned"
    assert call("POST", f"/v1/orders/{uuid4()}/shipments", {})[0] == 404


def test_a_location_says_what_it_serves(call):
    store = {
        "name": "York",
        "country": "GB",
        "kind": "store",
        "markets": ["eu"],
        "method_kinds": ["pickup", "delivery"],
        "handling_days": 1,
        "pickup_reminder_days": 2,
        "pickup_days": 5,
        "address": {
            "name": "York store",
            "line1": "1 Market Place",
            "postcode": "YO1 8AA",
            "city": "York",
            "country": "GB",
        },
    }

    code, made, _ = call("PUT", "/v1/locations/york", store)

    assert (code, made["kind"], made["method_kinds"]) == (201, "store", ["pickup", "delivery"])
    assert (made["address"]["city"], made["pickup_reminder_days"], made["pickup_days"]) == ("York", 2, 5)
    for wrong in (
        {"kind": "moon"},
        {"method_kinds": ["drone"]},
        {"handling_days": -1},
        {"pickup_days": 0},
        {"address": {}},
    ):
        assert call("PUT", "/v1/locations/york", store | wrong)[0] == 422
