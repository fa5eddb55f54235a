"""The customer follows an order by its link, on a page that names nobody."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from services.orders.commands.orders import accept_order
from services.orders.commands.placing import place_order
from shared import clock
from shared.customer_tokens import make_token
from shared.db import new_id
from shared.events.snapshots import ConversationSnapshot, DocumentsSnapshot, Paper, ShipmentsSnapshot
from shared.messaging import copies
from tests.unit.orders.sample_shop import HOME, order_wanted, stored

PAGE = "/v1/customer/order"
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
PICKUP = [{"method": "pickup", "shipping_minor": 0, "pickup_point": "WEST", "address": HOME}]


@pytest.fixture
def look(client):
    def look(order, path=PAGE, keys=("key",), days=1, **headers):
        token = make_token(keys, order.id, clock.now() + timedelta(days=days))
        return client.get(path, query_string={"token": token}, headers=BROWSER | headers)

    return look


@pytest.fixture
def accepted(session, place_order):
    def accepted(**wanted):
        order = place_order(method="cash_on_delivery", **wanted)
        accept_order(session, order.id)
        return order

    return accepted


@pytest.fixture
def hear_delivered(session):
    """Have an order's shipments delivered a moment ago."""

    def hear(order):
        known = copies.newest(session, order.id, ShipmentsSnapshot)
        here = tuple(replace(one, delivered_at=clock.now()) for one in known.shipments)
        copies.keep_newest(session, replace(known, version=known.version + 1, shipments=here))
        return order

    return hear


def steps(page):
    """The steps on a page, each with whether it is reached."""
    _, _, found = page.text.partition('<ol class="steps">')
    items = re.findall(r'<li( class="reached")?>([^<]+)<', found.partition("</ol>")[0])
    return {words.strip(): bool(reached) for reached, words in items}


@pytest.mark.requirement("S4-02", "S4-13", "S4-14", "P-35")
def test_the_customer_sees_how_far_what_is_sent_is(accepted, hear_shipments, look):
    order = accepted(locale="es")

    seen = [steps(look(order))]
    for status in ("released", "shipped", "delivered"):
        hear_shipments(order, status)
        seen.append(steps(look(order)))

    words = ["Pedido aceptado", "Orden en preparación", "Orden enviada", "Finalizado despacho"]
    assert [list(page) for page in seen] == [words] * 4
    assert [sum(page.values()) for page in seen] == [1, 2, 3, 4]


@pytest.mark.requirement("S4-13", "S4-14")
def test_what_is_fetched_is_ready_for_pickup_never_sent(accepted, hear_shipments, look):
    order = accepted(locale="es", delivery_groups=PICKUP)

    seen = []
    for status in ("released", "ready", "delivered"):
        hear_shipments(order, status)
        seen.append(look(order))

    assert [sum(steps(page).values()) for page in seen] == [2, 3, 4]
    assert all("Lista para ser recogida" in steps(page) for page in seen)
    assert not any("enviada" in page.text for page in seen)


def test_each_delivery_has_its_own_steps(session, hear_shipments, look):
    wanted = order_wanted(method="cash_on_delivery")
    wanted["delivery_groups"] += PICKUP
    wanted["lines"].append({"sku": "MUG-1", "quantity": 1, "delivery_group": 1})
    order = stored(session, place_order(session, **wanted).id)
    accept_order(session, order.id)
    hear_shipments(order, "shipped", lines=[(order.lines[0], 2)])

    deliveries = look(order, f"{PAGE}/progress").json["deliveries"]

    assert [[step["step"] for step in one["steps"]] for one in deliveries] == [
        ["accepted", "preparing", "sent", "finished"],
        ["accepted", "preparing", "ready_for_pickup", "finished"],
    ]
    assert [sum(step["reached"] for step in one["steps"]) for one in deliveries] == [3, 1]


@pytest.mark.requirement("P-35")
def test_the_page_names_nobody_and_runs_nothing(accepted, hear_shipments, look):
    order = accepted(lines=(("TEA-250", 2),))
    hear_shipments(order, "shipped", tracking_number="<script>alert(1)</script>")

    page, progress = look(order), look(order, f"{PAGE}/progress")

    for answer in (page, progress):
        assert not re.search("Ada|Okafor|ada@example|Quay Row|HU1|1482", answer.text)
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.mimetype == "text/html"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_only_a_link_to_the_web_can_be_followed(accepted, hear_shipments, session, look):
    order = accepted()
    snapshot = hear_shipments(order, "shipped")
    [shipment] = snapshot.shipments

    pages = []
    for version, link in enumerate(("https://track.example/1", "javascript:alert(1)"), start=100):
        parcel = replace(shipment.parcels[0], tracking_url=link)
        gone = replace(shipment, parcels=(parcel,), shipped_at=clock.now())
        copies.keep_newest(session, replace(snapshot, version=version, shipments=(gone,)))
        pages.append(look(order).text)

    assert 'href="https://track.example/1"' in pages[0]
    assert "javascript:" not in pages[1]


def test_invoice_and_messages_are_reached_by_the_same_link(accepted, session, look):
    order = accepted()
    about = {"order_id": order.id, "number": order.number, "version": 1}
    papers = [
        Paper(document_id=new_id(), kind=kind, status=status, part="order", number=f"N-{place}")
        for place, (kind, status) in enumerate(
            [("invoice", "stored"), ("invoice", "numbered"), ("delivery_note", "stored")]
        )
    ]
    copies.keep_newest(session, DocumentsSnapshot(**about, currency="GBP", papers=tuple(papers)))
    talk = ConversationSnapshot(**about, messages=3, seller_wrote_at=clock.now())
    copies.keep_newest(session, talk)

    page = look(order)

    links = re.findall(r'href="([^"]+)"', page.text)
    assert [link.partition("/v1/customer/")[2].partition("?")[0] for link in links] == [
        f"documents/{papers[0].document_id}/content",
        "messages/page",
    ]
    assert all("?token=" in link for link in links)
    assert "Invoice N-0" in page.text
    assert "Messages (3)" in page.text
    assert "Quay has written to you" in page.text


@pytest.mark.requirement("P-35")
@pytest.mark.parametrize(
    ("language", "title"),
    [("es-CL", "Este enlace no funciona"), ("de", "Dieser Link"), ("fr", "Ce lien"), ("pl", "This link")],
)
def test_a_link_that_is_old_or_forged_opens_a_plain_page_for_people(place_order, look, language, title):
    order = place_order()

    for closed in ({"days": -1}, {"keys": ("another",)}):
        page = look(order, **closed, **{"Accept-Language": language})

        assert (page.status_code, page.mimetype) == (401, "text/html")
        assert title in page.text
        assert order.number not in page.text


def test_a_program_is_told_of_a_closed_link_as_of_any_problem(place_order, look):
    answer = look(place_order(), days=-1, Accept="application/json")

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json["detail"] == "this link has expired"


@pytest.mark.parametrize("locale", ["en", "es", "de", "fr", "pl"])
def test_an_order_that_is_not_accepted_has_no_steps_yet(place_order, look, locale):
    page = look(place_order(locale=locale))

    assert page.status_code == 200
    assert steps(page) == {}


def form_of(page):
    """Where the form goes, with the fields that it comes with."""
    names = re.findall(r'<input [^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
    return unescape(re.search(r'action="([^"]+)"', page.text)[1]), dict(names) | {
        "reason": "damaged",
        "note": "",
    }


@pytest.mark.requirement("P-03")
def test_the_customer_asks_on_the_page_to_send_something_back(client, session, deliver, hear_delivered, look):
    order = hear_delivered(deliver())
    action, fields = form_of(look(order))
    line = f"line-{order.lines[0].id}"

    sent = client.post(action, data=fields | {line: "1", "note": "a <b>crack</b>"})
    twice = client.post(action, data=fields | {line: "1"})
    page = client.get(sent.headers["Location"], headers=BROWSER)

    assert (sent.status_code, twice.status_code) == (303, 412)
    [one] = stored(session, order.id).returns
    assert (one.by_customer, one.note, one.lines[0].requested_quantity) == (True, "a <b>crack</b>", 1)
    assert f"Return {one.number}: waiting for Quay" in page.text
    assert 'max="1"' in page.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 422),
        ({"line": "-1"}, 422),
        ({"line": "x"}, 422),
        ({"line": "9"}, 409),
        ({"line": "1", "reason": "?"}, 422),
        ({"line": "1", "note": "x" * 1001}, 422),
        ({"line": "1", "order_version": ""}, 422),
        ({"line-x": "1"}, 422),
        ({f"line-{new_id()}": "1"}, 422),
    ],
)
def test_what_is_wrong_with_the_form_is_said_on_the_page(
    client, session, deliver, hear_delivered, look, changes, status
):
    order = hear_delivered(deliver())
    action, fields = form_of(look(order))
    line = f"line-{order.lines[0].id}"

    answer = client.post(
        action, data=fields | {line if name == "line" else name: value for name, value in changes.items()}
    )

    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert 'role="alert"' in answer.text
    assert stored(session, order.id).returns == []


def test_nothing_can_be_sent_back_before_it_is_here(client, accepted, look):
    order = accepted()
    page = look(order)

    assert "<form" not in page.text


def test_the_form_wants_the_link(client, deliver):
    deliver()

    assert client.post(PAGE, query_string={"token": "x"}, data={}).status_code == 401
