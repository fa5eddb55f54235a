"""POST /v1/orders/{id}/lifecycle runs the command that leads to a word, or names the step that does."""

import pytest

from services.orders.domain.shown_statuses import Lifecycle
from tests.unit.orders.sample_shop import placing_body, stored


@pytest.fixture
def lead(client, bearer):
    """Place an order, and try to take it somewhere."""
    order = client.post("/v1/orders", json=placing_body(), headers=bearer()).json

    def lead(to, **more):
        address = f"/v1/orders/{order['order_id']}/lifecycle"
        return client.post(address, json={"to": to, **more}, headers=bearer())

    lead.order_id = order["order_id"]
    return lead


@pytest.mark.requirement("S1-12")
@pytest.mark.parametrize("word", ["Ready to ship", "Partially Shipped", "Partially Closed", "Returned"])
def test_what_the_goods_say_nobody_sets(lead, word):
    refused = lead(word)

    assert (refused.status_code, refused.json["reason"]) == (409, "derived_from_shipments")
    assert refused.json["step"]


@pytest.mark.requirement("S1-12")
@pytest.mark.parametrize("word", ["Open", "open", "closed", "Shipped", "", None, 7])
def test_any_other_word_is_no_target(lead, word):
    refused = lead(word)

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "to")


@pytest.mark.requirement("S1-12")
def test_there_are_eight_targets(lead):
    answers = {word: lead(word.value, reason="why not", confirm=True).status_code for word in Lifecycle}

    assert [word for word, status in answers.items() if status == 422] == ["Open"]
    assert len(answers) == 9


def test_cancelled_with_reason_and_confirmation(lead):
    unexplained, unconfirmed = lead("Canceled"), lead("Canceled", reason="twice")
    done = lead("Canceled", reason="twice", confirm=True)

    assert (unexplained.status_code, unexplained.json["errors"][0]["field"]) == (422, "reason")
    assert unconfirmed.json["reason"] == "not_confirmed"
    assert (done.status_code, done.json["status"], done.json["lifecycle"]) == (200, "cancelled", "Canceled")


def test_failed_is_the_sellers_refusal(lead):
    assert lead("Failed").status_code == 422
    assert lead("Failed", reason="no longer made").json["status"] == "refused"
    assert lead("Failed", reason="no longer made").json["reason"] == "wrong_status"


def test_closed_only_where_all_is_delivered_and_paid(client, bearer, session, lead, hear_shipments):
    address = f"/v1/orders/{lead.order_id}"
    assert lead("Closed").json["reason"] == "wrong_status"
    client.post(f"{address}/payments", json={"reference": "TRF 1"}, headers=bearer())
    client.post(f"{address}/accept", headers=bearer())

    refused = lead("Closed")
    hear_shipments(stored(session, lead.order_id), "delivered")

    assert refused.json["reason"] == "derived_from_shipments"
    assert client.get(address, headers=bearer()).json["lifecycle"] == "Closed"


def test_an_order_is_no_draft_to_be_abandoned(lead):
    assert lead("Abandoned").json["reason"] == "wrong_status"


@pytest.mark.requirement("S1-12")
def test_a_draft_is_abandoned(client, bearer):
    draft = client.post("/v1/drafts", json={"seller": "quay", "market": "gb"}, headers=bearer()).json
    address = f"/v1/orders/{draft['draft_id']}/lifecycle"

    abandoned = client.post(address, json={"to": "Abandoned"}, headers=bearer())
    other = client.post(address, json={"to": "Closed"}, headers=bearer())

    assert (abandoned.status_code, abandoned.json["lifecycle"]) == (200, "Abandoned")
    assert abandoned.json["status"] == "abandoned"
    assert other.status_code == 404


def test_nobody_leads_another_sellers_order(client, bearer, lead):
    for word in ("Closed", "Canceled", "Returned"):
        body = {"to": word, "reason": "mine", "confirm": True}
        answer = client.post(
            f"/v1/orders/{lead.order_id}/lifecycle", json=body, headers=bearer(sellers=["dock"])
        )
        assert answer.status_code == 404
