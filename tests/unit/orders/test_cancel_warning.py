"""Cancelling asks for care: a reason, a confirmation, and a word about the customer first."""

import pytest

from shared.events.snapshots import ConversationSnapshot
from shared.messaging import copies
from tests.unit.orders.sample_shop import placing_body, stored


@pytest.mark.requirement("S2-07")
def test_cancelling_over_the_api_asks_for_reason_and_confirmation_and_warns(client, bearer, session):
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json
    address = f"/v1/orders/{order['order_id']}/cancel"

    unexplained = client.post(address, json={"confirm": True}, headers=bearer())
    unconfirmed = client.post(address, json={"reason": "ordered twice"}, headers=bearer())
    _write_to_customer(session, order)
    contacted = client.post(address, json={"reason": "ordered twice"}, headers=bearer())
    unchanged = client.get(f"/v1/orders/{order['order_id']}", headers=bearer()).json
    done = client.post(address, json={"reason": "ordered twice", "confirm": True}, headers=bearer())

    assert (unexplained.status_code, unexplained.json["errors"][0]["field"]) == (422, "reason")
    assert (unconfirmed.status_code, unconfirmed.json["reason"]) == (409, "not_confirmed")
    assert unconfirmed.json["warnings"] == ["customer_not_contacted"]
    assert (contacted.json["reason"], contacted.json["warnings"]) == ("not_confirmed", [])
    assert unchanged["version"] == order["version"]
    assert (done.json["status"], done.json["cancellation"]["reason"]) == ("cancelled", "ordered twice")


def _write_to_customer(session, order):
    row = stored(session, order["order_id"])
    copies.keep_newest(
        session,
        ConversationSnapshot(
            order_id=row.id, number=row.number, version=1, messages=1, seller_wrote_at=row.placed_at
        ),
    )
