"""The payment gateway's calls: let in by their signature alone, counted once."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from tests.unit.orders.sample_shop import GATEWAY_SECRET, stored


def call_of(order, **changes):
    data = {"order_id": str(order.id), "amount_minor": 900, "currency": "GBP", "reference": "pi_1"} | changes
    return {"type": "payment.succeeded", "timestamp": "2026-11-21T10:00:00Z", "data": data}


@pytest.fixture
def order(place_order):
    return place_order(method="online")


@pytest.fixture
def send(client):
    """Send a call, signed as the gateway signs, or otherwise where a test says so."""

    def send(call, *, webhook_id="msg_1", off=timedelta(), secret=GATEWAY_SECRET, signed=None, **headers):
        body = call if isinstance(call, str) else json.dumps(call)
        at = datetime.now(UTC) + off
        signature = Webhook(secret).sign(webhook_id, at, signed or body)
        known = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        return client.post(
            "/v1/gateway/payments",
            data=body,
            headers={name: value for name, value in (known | headers).items() if value is not None},
            content_type="application/json",
        )

    return send


def test_a_signed_call_is_recorded_as_the_gateways(session, send, order):
    answer = send(call_of(order))

    assert answer.status_code == 200
    assert (answer.json["recorded_by"], answer.json["method"]) == ("gateway", "online")
    assert stored(session, order.id).payment_state == "paid"


def test_a_repeated_call_is_answered_like_the_first_and_counts_once(session, send, order, published):
    first, again = send(call_of(order)), send(call_of(order))

    assert (again.status_code, again.json) == (200, first.json)
    assert stored(session, order.id).received_minor == 900
    assert len(published("payment.recorded")) == 1


@pytest.mark.requirement("V-16")
def test_a_payment_is_counted_by_its_own_reference_under_whatever_id_it_is_told(session, send, order):
    first, again = send(call_of(order)), send(call_of(order), webhook_id="msg_2")
    other = send(call_of(order, reference="pi_2", amount_minor=1), webhook_id="msg_1")

    assert (again.status_code, again.json) == (200, first.json)
    assert (other.status_code, other.json["amount_minor"]) == (200, 1)
    assert stored(session, order.id).received_minor == 901


@pytest.mark.requirement("V-16")
def test_what_is_told_otherwise_is_taken_shown_and_decided_over_http(client, bearer, send, order):
    send(call_of(order))

    told = send(call_of(order, amount_minor=950))

    assert told.status_code == 202
    assert (told.json["why"], told.json["amount_minor"], told.json["state"]) == (
        "amount_differs",
        950,
        "open",
    )
    payments = f"/v1/orders/{order.id}/payments"
    assert client.get(payments, headers=bearer()).json["discrepancies"] == [told.json]
    path = "/v1/payment-discrepancies"
    assert client.get(path, headers=bearer()).json["items"] == [told.json]
    assert client.get(path, headers=bearer(sellers=["dock"])).json["items"] == []
    ignore = f"{path}/{told.json['discrepancy_id']}/ignore"
    reason = {"reason": "the fee of the bank"}
    assert client.post(ignore, json=reason, headers=bearer(sellers=["dock"])).status_code == 404
    assert client.post(ignore, json=reason, headers=bearer()).json["state"] == "ignored"
    assert client.get(path, headers=bearer()).json["items"] == []
    ignored = client.get(path, query_string={"state": "ignored"}, headers=bearer()).json["items"]
    assert [one["reason"] for one in ignored] == [reason["reason"]]
    assert client.get(payments, headers=bearer()).json["discrepancies"] == []


def test_one_of_several_signatures_is_enough(send, order):
    body = json.dumps(call_of(order))
    at = datetime.now(UTC).replace(microsecond=0)
    ours = Webhook(GATEWAY_SECRET).sign("msg_1", at, body)

    answer = send(
        body,
        **{
            "webhook-signature": f"v1,c29tZXRoaW5n v2,x {ours}",
            "webhook-timestamp": str(int(at.timestamp())),
        },
    )

    assert answer.status_code == 200


OTHER_SECRET = "whsec_" + b64encode(b"somebody else's secret").decode()


@pytest.mark.requirement("K-05")
def test_while_the_secret_is_changed_either_is_good_and_no_third(app, send, order, monkeypatch):
    known = app.extensions["settings"]
    both = replace(known, gateway_secret=f"{OTHER_SECRET},{GATEWAY_SECRET}")
    third = "whsec_" + b64encode(b"nobody's at all").decode()

    monkeypatch.setitem(app.extensions, "settings", both)

    secrets = (GATEWAY_SECRET, OTHER_SECRET, third)
    assert [send(call_of(order), secret=secret).status_code for secret in secrets] == [200, 200, 401]


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": OTHER_SECRET},
        {"signed": "{}"},
        {"off": timedelta(minutes=-6)},
        {"off": timedelta(minutes=6)},
        {"webhook-id": "msg_2"},
        {"webhook-id": None},
        {"webhook_id": "m" * 301},
        {"webhook_id": "ann@example.com"},
        {"webhook_id": "msg.1"},
        {"webhook-timestamp": None},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "nan"},
        {"webhook-signature": None},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1,é"},
        {"Authorization": "Bearer x", "webhook-signature": ""},
    ],
    ids=str,
)
@pytest.mark.requirement("V-18")
def test_a_call_that_is_not_the_gateways_is_refused(session, send, order, published, forged):
    answer = send(call_of(order), **forged)

    assert answer.status_code == 401
    assert published("payment.recorded") == []


def test_a_body_that_is_no_text_is_refused(client):
    answer = client.post(
        "/v1/gateway/payments",
        data=b"\xff",
        headers={"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"},
        content_type="application/json",
    )

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "POUND"}, "data.currency"),
        ({"amount_minor": 0}, "data.amount_minor"),
        ({"amount_minor": "900"}, "data.amount_minor"),
        ({"order_id": "7"}, "data.order_id"),
        ({"reference": ""}, "data.reference"),
    ],
)
def test_a_wrong_field_is_named(send, order, changes, field):
    answer = send(call_of(order, **changes))

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_an_unknown_order_is_not_there(send, order):
    answer = send(call_of(order, order_id="01a1fffb-98da-746f-822c-ee408a753bc2"))

    assert answer.status_code == 404


def test_what_else_a_gateway_says_is_passed_over(send, order):
    assert send(call_of(order, fee_minor=12) | {"livemode": True}).status_code == 200
