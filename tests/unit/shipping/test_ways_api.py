"""The ways to the customer over HTTP: what goes in, what comes out, who may."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from services.shipping import queries
from services.shipping.commands.master_data import put_carrier
from services.shipping.commands.tracking import enter_tracking
from shared import clock
from shared.collect_codes import collect_code
from shared.customer_tokens import make_token
from tests.unit.shipping.conftest import CARRIER_SECRET, SELLERS_SECRET
from tests.unit.shipping.steps import HOME, accepted, hear, make_order
from tests.unit.shipping.test_returns import hear_return, with_return
from tests.unit.shipping.ways import another_parcel, of_seller, ready, shipped

KEYS = ("a", "b")
OTHERS = {"sellers": ("other",)}


@pytest.fixture
def carrier_says(app, sessions):
    """Send a call, signed as the carrier signs, or otherwise where a test says so."""

    def send(
        parcel,
        status,
        *,
        carrier="waybill",
        seller=None,
        secret=CARRIER_SECRET,
        call_id="msg_1",
        off=0,
        **data,
    ):
        said = {"tracking_number": parcel.tracking_number, "status": status} | data
        said.setdefault("at", clock.now().isoformat())
        call = {"type": "tracking.updated", "timestamp": clock.now().isoformat(), "data": said}
        body = json.dumps(call | {"sequence": 7})
        at = datetime.now(UTC) + timedelta(minutes=off)
        return app.test_client().post(
            f"/v1/carriers/{carrier}{f'/sellers/{seller}' if seller else ''}/events",
            data=body,
            content_type="application/json",
            headers={
                "webhook-id": call_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": Webhook(secret).sign(call_id, at, body),
            },
        )

    return send


def test_a_signed_call_moves_the_parcel_and_repeated_does_no_harm(call, told, carrier_says):
    shipment = told(shipped)
    [parcel] = shipment.parcels
    at = clock.now().isoformat()

    answers = [carrier_says(parcel, "delivered", at=at, place="Hull") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert answers[0].json["tracking_status"] == "delivered"
    _, shown, _ = call("GET", f"/v1/shipments/{shipment.id}")
    assert shown["status"] == "delivered"
    assert [event["place"] for event in shown["parcels"][0]["events"]] == ["Hull"]


@pytest.mark.requirement("K-05")
def test_while_a_carrier_s_secret_is_changed_either_is_good(app, told, carrier_says, monkeypatch):
    [parcel] = told(shipped).parcels
    known = app.extensions["settings"]
    entries = (*known.carrier_secrets, f"waybill={SELLERS_SECRET}")
    monkeypatch.setitem(app.extensions, "settings", replace(known, carrier_secrets=entries))

    third = "whsec_" + b64encode(b"nobody's at all").decode()
    secrets = (CARRIER_SECRET, SELLERS_SECRET, third)
    answers = [carrier_says(parcel, "delivered", secret=secret).status_code for secret in secrets]

    assert answers == [200, 200, 401]


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "whsec_" + b64encode(b"somebody else's secret").decode()},
        {"carrier": "unknown"},
        {"off": -6},
        {"off": 6},
    ],
    ids=str,
)
def test_a_call_that_is_not_the_carriers_is_refused(call, told, carrier_says, forged):
    shipment = told(shipped)

    answer = carrier_says(shipment.parcels[0], "delivered", **forged)

    assert answer.status_code == 401
    assert call("GET", f"/v1/shipments/{shipment.id}")[1]["status"] == "shipped"


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ({"status": "teleported"}, 422, "data.status"),
        ({"at": "2026-03-04T10:00"}, 422, "data.at"),
        ({"at": "2999-01-01T00:00:00Z"}, 422, "at"),
        ({"at": "0001-01-01T00:00:00+01:00"}, 422, "at"),
        ({"tracking_number": ""}, 422, "data.tracking_number"),
        ({"tracking_number": "unknown"}, 404, None),
    ],
)
def test_what_a_carrier_says_wrongly_is_named(told, carrier_says, data, code, field):
    [parcel] = told(shipped).parcels

    answer = carrier_says(parcel, **({"status": "delivered"} | data))

    assert answer.status_code == code
    assert field is None or answer.json["errors"][0]["field"] == field


@pytest.mark.requirement("S0-07", "P-02")
def test_numbers_of_two_carriers_are_entered(call, told):
    def two_parcels(session):
        put_carrier(
            session, "dhl", name="DHL", tracking_link="https://d.example/{number}", stalled_after_days=5
        )
        shipment = ready(session)
        another_parcel(session, shipment)
        return shipment

    shipment = told(two_parcels)
    path = f"/v1/shipments/{shipment.id}"
    first, second = shipment.parcels

    code, shown, _ = call(
        "PUT", f"{path}/parcels/{second.id}/tracking", {"carrier": "dhl", "tracking_number": "JD1"}
    )

    assert code == 200
    assert [(one["carrier"], one["tracking_url"]) for one in shown["parcels"]] == [
        ("waybill", first.tracking_url),
        ("dhl", "https://d.example/JD1"),
    ]
    code, problem, _ = call("POST", f"{path}/ship", {"carrier": "dhl"})
    assert (code, problem["errors"][0]["field"]) == (422, "carrier")
    assert call("POST", f"{path}/ship", {})[1]["status"] == "shipped"


@pytest.mark.requirement("M-16")
@pytest.mark.parametrize("way", ["tracking", "ship"])
def test_a_tracking_number_is_one_however_it_is_written(call, told, carrier_says, way):
    def with_dhl(session):
        put_carrier(
            session, "dhl", name="DHL", tracking_link="https://d.example/{number}", stalled_after_days=5
        )
        return ready(session)

    shipment = told(with_dhl)
    [parcel] = shipment.parcels
    path = f"/v1/shipments/{shipment.id}"
    entered = {"carrier": "dhl", "tracking_number": " jd00 12\u00a034x"}
    if way == "tracking":
        code, shown, _ = call("PUT", f"{path}/parcels/{parcel.id}/tracking", entered)
    else:
        code, shown, _ = call("POST", f"{path}/ship", entered)

    said = carrier_says(parcel, "delivered", carrier="dhl", tracking_number="Jd00 1234 x")

    [parcel] = shown["parcels"]
    assert code == 200
    assert (parcel["tracking_number"], parcel["tracking_url"]) == (
        "JD001234X",
        "https://d.example/JD001234X",
    )
    assert (said.status_code, said.json["tracking_number"]) == (200, "JD001234X")


@pytest.mark.requirement("M-16")
def test_a_tracking_number_of_blanks_is_none(call, told, carrier_says):
    shipment = told(ready)
    [parcel] = shipment.parcels
    path = f"/v1/shipments/{shipment.id}/parcels/{parcel.id}/tracking"
    link = "https://acme.example/1"

    code, problem, _ = call("PUT", path, {"carrier": "acme", "tracking_number": "   ", "tracking_url": link})

    assert (code, problem["errors"][0]["field"]) == (422, "tracking_number")
    assert carrier_says(parcel, "delivered", tracking_number="  ").status_code == 422


@pytest.mark.requirement("V-06")
def test_a_sellers_own_account_with_a_carrier_signs_with_a_secret_of_its_own(call, told, carrier_says):
    def of_two(session):
        made = []
        for place, seller in enumerate(("first", "second")):
            shipment = shipped(session, units=1, number=f"GB-{place}", **of_seller(seller))
            [parcel] = shipment.parcels
            enter_tracking(
                session,
                shipment.id,
                parcel.id,
                carrier="dhl",
                tracking_number="X1",
                tracking_url="https://w.example/X1",
            )
            made.append(shipment)
        return made

    first, second = told(of_two)
    [parcel] = first.parcels
    named = {"carrier": "dhl", "tracking_number": "X1"}

    assert carrier_says(parcel, "delivered", seller="first", **named).status_code == 401  # with the other's
    answer = carrier_says(parcel, "delivered", seller="first", secret=SELLERS_SECRET, **named)
    assert carrier_says(parcel, "in_transit", secret=SELLERS_SECRET, **named).status_code == 401
    others = carrier_says(parcel, "in_transit", **named)

    assert (answer.status_code, answer.json["parcel_id"]) == (200, str(parcel.id))
    assert (others.status_code, others.json["parcel_id"]) == (200, str(second.parcels[0].id))
    assert call("GET", f"/v1/shipments/{first.id}")[1]["status"] == "delivered"
    assert call("GET", f"/v1/shipments/{second.id}")[1]["status"] == "shipped"


@pytest.mark.requirement("P-16")
def test_wrong_codes_are_counted_though_they_are_refused(call, told):
    shipment = told(ready, "pickup")
    code = collect_code(KEYS, shipment.id, 1)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    path = f"/v1/shipments/{shipment.id}/collect"

    tried = [call("POST", path, {"code": wrong, "name": "Eve"}) for _ in range(6)]

    assert [(status, problem["reason"]) for status, problem, _ in tried] == [
        *[(409, "wrong_code")] * 5,
        (409, "code_locked"),
    ]
    assert [problem.get("tries_left") for _, problem, _ in tried] == [4, 3, 2, 1, 0, None]
    assert call("POST", path, {"code": code, "name": "Ada"})[1]["reason"] == "code_locked"
    assert call("POST", f"/v1/shipments/{shipment.id}/renew-code")[0] == 200
    renewed = {"code": collect_code(KEYS, shipment.id, 2), "name": "Ada"}
    status, shown, _ = call("POST", path, renewed)
    assert (status, shown["status"], shown["sign_off"]["name"]) == (200, "delivered", "Ada")


def test_a_wrong_try_sent_twice_counts_once(call, told):
    shipment = told(ready, "pickup")
    wrong = f"{(int(collect_code(KEYS, shipment.id, 1)) + 1) % 10**6:06d}"
    path = f"/v1/shipments/{shipment.id}/collect"

    for _ in range(2):
        status, problem, _ = call("POST", path, {"code": wrong, "name": "Eve"}, Idempotency_Key="once")
        assert (status, problem["tries_left"]) == (409, 4)


@pytest.fixture
def customer(app):
    """Ask as the customer of an order."""

    def ask(order_id, keys=KEYS, lifetime=timedelta(days=1)):
        token = make_token(keys, order_id, clock.now() + lifetime)
        answer = app.test_client().get(f"/v1/customer/tracking?token={token}")
        return answer.status_code, answer.get_json()

    return ask


@pytest.mark.requirement("S4-13", "S4-14", "P-16")
def test_the_customer_follows_what_is_to_be_collected(call, told, customer):
    shipment = told(ready, "pickup", locale="es")

    status, shown = customer(shipment.order_id)

    [one] = shown["shipments"]
    assert (status, shown["locale"]) == (200, "es")
    assert [step["label"] for step in one["timeline"]] == [
        "Pedido aceptado",
        "Orden en preparación",
        "Lista para ser recogida",
        "Finalizado despacho",
    ]
    assert [step["at"] is not None for step in one["timeline"]] == [True, True, True, False]
    assert one["collect_code"] == collect_code(KEYS, shipment.id, 1)
    collected = {"code": one["collect_code"], "name": "Ada"}
    assert call("POST", f"/v1/shipments/{shipment.id}/collect", collected)[0] == 200
    assert customer(shipment.order_id)[1]["shipments"][0]["collect_code"] is None


@pytest.mark.requirement("S4-12", "S2-11")
def test_the_customer_follows_parcels_and_sees_no_staff(told, customer, carrier_says):
    shipment = told(shipped, locale="en-GB")
    carrier_says(shipment.parcels[0], "out_for_delivery", place="Hull", note="driver Rui")

    _, shown = customer(shipment.order_id)

    [one] = shown["shipments"]
    [parcel] = one["parcels"]
    assert one["timeline"][2]["label"] == "Order shipped"
    assert (one["number"], parcel["carrier"]) == ("GB-7-1", "waybill")
    assert [(line["sku"], line["name"] != "", line["quantity"]) for line in one["lines"]] == [
        ("TEA-250", True, 2)
    ]
    assert parcel["tracking_url"].endswith(parcel["tracking_number"])
    assert [(event["status"], event["place"]) for event in parcel["events"]] == [("out_for_delivery", "Hull")]
    assert "Rui" not in str(shown)


@pytest.mark.requirement("S4-12")
def test_staff_see_a_shipments_products_parcels_and_what_their_carriers_said(call, told, carrier_says):
    shipment = told(shipped)
    carrier_says(shipment.parcels[0], "out_for_delivery", place="Hull", note="driver Rui")

    _, shown, _ = call("GET", f"/v1/shipments/{shipment.id}")

    [line], [parcel] = shown["lines"], shown["parcels"]
    assert (line["sku"], line["name"] != "", line["quantity"]) == ("TEA-250", True, 2)
    assert (parcel["carrier"], parcel["tracking_number"] != "") == ("waybill", True)
    [said] = parcel["events"]
    assert (said["status"], said["place"], said["note"]) == ("out_for_delivery", "Hull", "driver Rui")


def test_a_link_opens_its_own_order_for_its_own_time(told, customer):
    order_id = told(shipped).order_id

    assert customer(order_id, keys=("theirs",))[0] == 401
    assert customer(order_id, lifetime=timedelta(seconds=-1))[0] == 401
    assert customer(uuid4())[0] == 404


@pytest.mark.requirement("S4-06")
def test_a_courier_gets_all_that_a_delivery_needs(call, told):
    def cash_order(session):
        shipment = ready(session)
        shipment.order.to_collect_minor = 1250
        return shipment

    shipment = told(cash_order)
    rui = "/v1/couriers/lantern/rui"
    code, wrong, _ = call("PUT", rui, {"name": "Rui Costa", "email": "rui at home"})
    assert (code, [error["field"] for error in wrong["errors"]]) == (422, ["email"])
    assert call("PUT", rui, {"name": "Rui Costa", "phone": "+44 1"})[0] == 201
    assert call("PUT", rui, {"name": "Rui Costa", "phone": "+44 2"})[0] == 200
    path = f"/v1/shipments/{shipment.id}/courier"
    code, shown, _ = call("PUT", path, {"courier": "rui", "note": "ring twice"})
    assert (code, shown["courier"]) == (200, "rui")

    code, sheet, _ = call("GET", f"{rui}/deliveries")

    [delivery] = sheet["items"]
    assert (delivery["address"]["name"], delivery["address"]["line1"]) == (HOME.name, HOME.line1)
    assert (delivery["note"], delivery["number"]) == ("ring twice", "GB-7-1")
    assert delivery["to_collect_minor"] == 1250
    assert [line["quantity"] for line in delivery["lines"]] == [2]
    assert (delivery["kind"], delivery["market"], delivery["version"]) == ("delivery", "eu", shown["version"])
    assert delivery["actions"] == shown["actions"]
    assert call("GET", f"{rui}/deliveries", **OTHERS)[0] == 404
    assert call("PUT", rui, {"name": "Eve"}, **OTHERS)[0] == 404


def test_carriers_are_the_operators(call):
    dhl = {"name": "DHL", "tracking_link": "https://d.example/{number}"}

    assert call("PUT", "/v1/carriers/dhl", dhl)[0] == 403
    assert call("PUT", "/v1/carriers/dhl", dhl, scopes=("admin",))[0] == 201
    for link in ("https://d", "https://d.example/{number}\n"):
        wrong = dhl | {"tracking_link": link}
        code, problem, _ = call("PUT", "/v1/carriers/dhl", wrong, scopes=("admin",))
        assert (code, problem["errors"][0]["field"]) == (422, "tracking_link")
    code, shown, _ = call("GET", "/v1/carriers")
    assert [carrier["code"] for carrier in shown["items"]] == ["dhl", "waybill"]


def set_time_zone(session, shipment, time_zone):
    queries.order_state(session, shipment.order_id).time_zone = time_zone


@pytest.mark.requirement("S1-07")
def test_an_appointment_is_made_in_the_markets_time(call, told):
    shipment = told(shipped)
    day = (clock.now() + timedelta(days=2)).date().isoformat()
    path = f"/v1/shipments/{shipment.id}/appointments/installation"

    code, shown, _ = call("PUT", path, {"starts": f"{day}T10:00", "ends": f"{day}T12:00"})
    _, agenda, _ = call("GET", "/v1/appointments?limit=1")

    assert (code, shown["appointments"][0]["times_scheduled"]) == (200, 1)
    [entry] = agenda["items"]
    assert (entry["starts"], entry["number"], entry["time_zone"]) == (
        f"{day}T10:00:00",
        "GB-7-1",
        shipment.order.time_zone,
    )
    about = (entry["seller"], entry["market"], entry["location"], entry["address"]["name"])
    assert about == ("lantern", "eu", "WEST", HOME.name)
    assert (entry["version"], entry["actions"]) == (shown["version"], shown["actions"])
    for query, found in (("location=WEST&seller=lantern", 1), ("location=EAST", 0), ("seller=other", 0)):
        assert len(call("GET", f"/v1/appointments?{query}")[1]["items"]) == found, query
    assert call("GET", "/v1/appointments", **OTHERS)[1]["items"] == []
    code, problem, _ = call("PUT", path, {"starts": f"{day}T10:00+02:00", "ends": f"{day}T12:00"})
    assert (code, problem["errors"][0]["field"]) == (422, "starts")
    assert call("PUT", path.replace("installation", "party"), {})[0] == 404
    last_day = {"starts": "9999-12-31T10:00", "ends": "9999-12-31T12:00"}
    assert call("PUT", path, last_day)[0] == 200
    told(set_time_zone, shipment, "America/Lima")
    code, problem, _ = call("PUT", path, last_day | {"ends": "9999-12-31T23:00"})
    assert (code, problem["errors"][0]["field"]) == (422, "ends")
    assert call("POST", f"{path}/sign", {"name": "Ada"})[1]["appointments"][0]["signed_by"] == "Ada"


@pytest.mark.requirement("P-03")
def test_a_return_is_received_over_http_once(call, told):
    def approved(session):
        order = accepted(make_order([("TEA-250", 3)]))
        hear(session, order)
        return hear_return(session, with_return(order, quantity=2))

    told(ready)
    expected = told(approved)
    path = f"/v1/returns/{expected.id}"
    came = {
        "location": "WEST",
        "found": [{"line_id": str(expected.lines[0].line_id), "condition": "sellable", "quantity": 1}],
    }

    assert [one["return_id"] for one in call("GET", "/v1/returns")[1]["items"]] == [str(expected.id)]
    assert call("GET", path, **OTHERS)[0] == 404
    assert call("POST", f"{path}/receive", came, **OTHERS)[0] == 404
    code, shown, _ = call("POST", f"{path}/receive", came)
    assert (code, shown["status"], shown["lines"][0]["restocked"]) == (200, "received", 1)
    code, problem, _ = call("POST", f"{path}/receive", came)
    assert (code, problem["reason"]) == (409, "already_received")
    assert call("GET", "/v1/returns")[1]["items"] == []
    of_order = call("GET", f"/v1/orders/{expected.order_id}/returns")[1]["items"]
    assert [one["status"] for one in of_order] == ["received"]


@pytest.mark.requirement("P-03")
def test_a_return_is_found_by_whatever_number_comes_back_with_the_goods(call, told):
    def approved(session):
        shipment = shipped(session, number="GB-70")
        order = with_return(accepted(make_order([("TEA-250", 2)], number="GB-71")), quantity=1)
        hear(session, order)
        return shipment, hear_return(session, order)

    shipment, expected = told(approved)
    [other] = call("GET", f"/v1/orders/{expected.order_id}/shipments")[1]["items"]
    number = shipment.parcels[0].tracking_number

    def found(query):
        return [one["return_id"] for one in call("GET", f"/v1/returns?{query}")[1]["items"]]

    for given in ("GB-71", other["number"]):
        assert found(f"number={given}") == [str(expected.id)], given
    for given in ("GB-70", "GB-7", number):
        assert found(f"number={given}") == [], given
    assert found("number=GB-71&status=received") == []
    assert call("GET", "/v1/returns?number=GB-71", **OTHERS)[1]["items"] == []


@pytest.mark.requirement("P-16")
def test_what_waits_to_be_collected_is_a_list_of_its_own(call, told):
    fetched, sent = told(lambda session: (ready(session, "pickup", number="GB-80"), ready(session)))

    def waiting(kind):
        page = call("GET", f"/v1/queues/ready_to_ship?kind={kind}&location=WEST")[1]
        return [one["shipment_id"] for one in page["items"]]

    assert waiting("pickup") == [str(fetched.id)]
    assert waiting("delivery") == [str(sent.id)]
    counts = {one["status"]: one["count"] for one in call("GET", "/v1/queues?kind=pickup")[1]["items"]}
    assert counts["ready"] == 1
    for name, query in (("ready_to_ship", "kind=pigeon"), ("finalised", "kind=pickup")):
        code, problem, _ = call("GET", f"/v1/queues/{name}?{query}")
        assert (code, problem["errors"][0]["field"]) == (422, "kind")


@pytest.mark.requirement("S2-13")
def test_the_queues_are_paged(call, told):
    def three(session):
        return [ready(session, number=f"GB-{n}", units=1) for n in range(3)]

    shipments = told(three)

    found, cursor = [], None
    while cursor is not None or not found:
        query = f"limit=2{f'&cursor={cursor}' if cursor else ''}"
        code, shown, _ = call("GET", f"/v1/queues/ready_to_ship?{query}")
        assert code == 200
        found += [one["shipment_id"] for one in shown["items"]]
        cursor = shown["next"]
    assert found == [str(one.id) for one in shipments]
    assert call("GET", "/v1/queues/overdue")[1]["items"] == []
    assert call("GET", "/v1/queues/forgotten")[0] == 404
    assert call("GET", "/v1/queues/ready_to_ship?location=EAST")[1]["items"] == []


def test_another_sellers_shipment_has_no_last_step(call, told):
    shipment = told(shipped)
    path = f"/v1/shipments/{shipment.id}"
    at_once = {
        "deliver": {},
        "hand-over": {"name": "E"},
        "sign": {"name": "E"},
        "provide": {"download_url": "https://e.example"},
        "collect": {"name": "E", "code": "1"},
        "renew-code": None,
        "fail": {"reason": "lost"},
        "resend": {},
        "take-back": {"location": "WEST", "found": []},
    }

    answers = {step: call("POST", f"{path}/{step}", body, **OTHERS)[0] for step, body in at_once.items()}
    answers["courier"] = call("PUT", f"{path}/courier", {"courier": None}, **OTHERS)[0]

    assert set(answers.values()) == {404}
