"""What a customer writes at checkout stays with the order, for those who pick, pack and answer."""

import pytest
from sqlalchemy import select

from services.orders.api.schemas.orders import LONGEST_REMARK
from services.orders.commands import drafts
from services.orders.models import OrderWord
from shared.events.snapshots import People
from tests.unit.orders.sample_shop import placing_body, stored

REMARK = "Please ring twice.\nThe dog is kind: Zebedee."


@pytest.mark.requirement("M-38")
def test_a_remark_is_given_at_placing_shown_and_told(client, bearer, published):
    placed = client.post("/v1/orders", json=placing_body(remark=REMARK), headers=bearer())
    plain = client.post("/v1/orders", json=placing_body(), headers=bearer())

    assert placed.json["remark"] == REMARK
    assert plain.json["remark"] == ""
    found = client.get(f"/v1/orders/{placed.json['order_id']}", headers=bearer()).json
    assert found["remark"] == REMARK
    assert [event["order"]["people"]["remark"] for event in published("order.placed")] == [REMARK, ""]


@pytest.mark.requirement("M-38")
@pytest.mark.parametrize(
    ("remark", "why"),
    [
        ("x" * (LONGEST_REMARK + 1), f"{LONGEST_REMARK}"),
        ("ring\x07", "control or similar characters"),
        (None, "null"),
        (["ring"], "Not a valid string"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/drafts"])
def test_a_remark_has_bounds(client, bearer, path, remark, why):
    body = placing_body() if path == "/v1/orders" else {"seller": "quay", "market": "gb"}

    refused = client.post(path, json=body | {"remark": remark}, headers=bearer())

    assert refused.status_code == 422
    assert why in str(refused.json["errors"])


@pytest.mark.requirement("M-38")
def test_a_draft_keeps_the_remark_and_its_order_has_it(client, bearer):
    begun = client.post("/v1/drafts", json=placing_body(remark=REMARK), headers=bearer()).json
    own = f"/v1/drafts/{begun['draft_id']}"
    change = {name: value for name, value in placing_body().items() if name not in {"seller", "market"}}

    without = client.put(own, json=change, headers=bearer() | {"If-Match": '"1"'}).json
    again = client.put(own, json=change | {"remark": REMARK}, headers=bearer() | {"If-Match": '"2"'}).json
    order = client.post(f"{own}/place", json={}, headers=bearer() | {"If-Match": '"3"'}).json

    assert [one["remark"] for one in (begun, without, again, order)] == [REMARK, "", REMARK, REMARK]


@pytest.mark.requirement("M-38")
def test_ordering_again_does_not_repeat_it(session, place_order):
    quoted = drafts.reorder(session, place_order(remark=REMARK).id)

    assert "remark" not in quoted.contents


@pytest.mark.requirement("M-38")
def test_no_search_finds_an_order_by_it(session, place_order, client, bearer):
    order = place_order(remark=REMARK)

    words = session.scalars(select(OrderWord.word).where(OrderWord.order_id == order.id)).all()
    assert words
    assert not [word for word in words if "zebedee" in word.lower()]
    for sought in ("Zebedee", "zebedee", "Please ring"):
        assert client.get("/v1/orders", query_string={"search": sought}, headers=bearer()).json["items"] == []


@pytest.mark.requirement("M-38")
def test_a_snapshot_told_before_remarks_were_has_none(session, place_order):
    assert People().remark == ""
    assert stored(session, place_order().id).remark == ""
