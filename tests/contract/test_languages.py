"""A language is one file: as soon as it is there, all that customers, couriers and sellers read speaks it."""

import json
import re
import shutil
from dataclasses import replace
from io import BytesIO
from itertools import repeat

import pytest
from flask import Flask
from pypdf import PdfReader

from services.documents import einvoices
from services.documents import rendering as papers
from services.documents.domain.papers import Content, PrintKind
from services.documents.domain.printed_shipments import PrintedShipment
from services.notifications import rendering as emails
from services.notifications.domain.order_snapshots import CustomerSecrets, OrderSnapshots
from services.orders import rendering as order_pages
from services.orders.api.schemas.values import known_locale
from services.orders.domain.shown_statuses import TimelineStep as OrderStep
from services.shipping.domain.timeline import Milestones, timeline
from services.shipping.domain.timeline import TimelineStep as ShipmentStep
from shared import wording
from shared.events.snapshots import MethodKind, OrderStatus, PaperKind, Step
from shared.web.customer_link import ClosedLink
from tests.unit.documents.sample_orders import MADRID, invoice_of, order, shipments
from tests.unit.notifications.snapshot_samples import placed_order

SAID = "\N{SECTION SIGN}"  # before all that the new language says
NUMBER = "IT-ACME-2026-000001"


@pytest.fixture
def italian(tmp_path, monkeypatch):
    """Italian, in one file beside the others: English with a mark before each text."""
    shutil.copytree(wording.FOLDER, tmp_path, dirs_exist_ok=True)
    texts = wording.Words.read(wording.FOLDER / "en.toml").texts
    written = [f"{key} = {json.dumps(SAID + text)}" for key, text in texts.items()]
    (tmp_path / "it.toml").write_text("\n".join(written), "utf-8")
    caches = (wording.languages, wording.words_in, wording.locale_of, wording._all_words)
    monkeypatch.setattr(wording, "FOLDER", tmp_path)
    for cached in caches:
        cached.cache_clear()
    yield "it"
    for cached in caches:
        cached.cache_clear()


def text_of(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.requirement("M-39")
def test_orders_and_markets_may_be_in_it(italian):
    known_locale(italian)

    assert italian in wording.languages()


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize(
    "kind",
    [
        PaperKind.INVOICE,
        PaperKind.DELIVERY_NOTE,
        PaperKind.PACKING_SLIP,
        PaperKind.ORDER_PRINTOUT,
        PaperKind.PAYMENT_RECEIPT,
        PaperKind.LABEL,
    ],
)
def test_papers_are_in_it(kind, italian):
    placed = order(2, market="net", locale=italian)
    [shipment] = shipments(placed).shipments
    content = invoice_of(placed, group_id=shipment.group_id, shipment=shipment, address=MADRID)

    text = text_of(papers.render(kind, content, NUMBER, placed.placed_at.date()).pdf)

    assert f"{SAID}Order" in text
    assert not re.search(r"(?<!§)\b(Invoice|Deliver to|Qty|Total net)\b", text)


@pytest.mark.requirement("M-39")
def test_lists_for_the_warehouse_and_couriers_are_in_it_where_it_is_the_markets(italian):
    placed = order(2)
    placed = replace(placed, market=replace(placed.market, locale=italian))
    [shipment] = shipments(placed).shipments
    stop = PrintedShipment(order=placed, shipment=shipment, address=MADRID)

    for kind in PrintKind:
        if kind in {PrintKind.PICK_LIST, PrintKind.COURIER_SHEET}:
            text = text_of(papers.render_shipments(kind, [stop], placed.placed_at).pdf)
            assert f"{SAID}Printed" in text


@pytest.mark.requirement("M-39")
def test_the_terms_of_e_invoices_are_in_it(italian):
    placed = order(2, market="eu", locale=italian, method="transfer", covered=False)

    xml = einvoices.xml_of(PaperKind.INVOICE, invoice_of(placed), NUMBER, placed.placed_at.date())

    assert f"{SAID}{SAID}Payment due: {SAID}on receipt" in xml.decode()


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("step", [Step.CONFIRMATION, Step.ACCEPTED, Step.NEW_ORDER, Step.CANCELLED])
def test_e_mails_are_in_it(step, italian):
    placed = placed_order()

    said = emails.render(step, italian, None, OrderSnapshots(order=placed), CustomerSecrets())

    assert said.subject.startswith(SAID)
    assert f"{SAID}Order number" in said.text
    assert f"{SAID}Order number" in said.html


@pytest.mark.requirement("M-39")
def test_the_page_of_messages_is_in_it(italian):
    placed = replace(placed_order(), locale=italian)

    page = emails.render_page(
        "messages",
        placed,
        style="",
        messages=[],
        wrong="",
        typed="",
        longest=9,
        key="",
        action="/",
        link_to=0,
    )

    assert f"{SAID}Messages about your order" in page


@pytest.mark.requirement("M-39")
def test_the_page_of_an_order_is_in_it_and_so_is_where_its_goods_are(italian):
    placed = replace(placed_order(), locale=italian)
    seen = {
        "number": placed.number,
        "order_version": 1,
        "status": OrderStatus.PLACED,
        "locale": italian,
        "market_locale": "en",
        "currency": "EUR",
        "time_zone": "Europe/Rome",
        "placed_at": placed.placed_at,
        "total_minor": 1234567,
        "seller": placed.seller,
        "messages": {"count": 0, "answered": False},
        **dict(zip(("deliveries", "papers", "returns", "returnable"), repeat(()))),
    }

    page = order_pages.order_page(seen, "", lambda *_: "/", action="/")

    assert f"{SAID}Your order {placed.number}" in page
    assert "12.345,67\N{NO-BREAK SPACE}€" in page
    passed = Milestones(
        kind=MethodKind.DELIVERY,
        accepted_at=None,
        released_at=None,
        ready_at=None,
        shipped_at=None,
        delivered_at=None,
    )
    assert all(step.label.startswith(SAID) for step in timeline(passed, italian))


@pytest.mark.requirement("S4-13")
def test_the_customers_steps_go_by_the_same_codes_in_both_services():
    assert [step.value for step in OrderStep] == [step.value for step in ShipmentStep if step != "ready"]


@pytest.mark.requirement("M-39")
def test_who_has_a_dead_link_and_reads_it_is_told_in_it(italian):
    app = Flask(__name__)
    headers = {"Accept": "text/html", "Accept-Language": f"{italian}-IT, {italian};q=0.9, en;q=0.5"}

    with app.test_request_context(headers=headers):
        page = ClosedLink(401, "this link is too old").answer().get_data(as_text=True)

    assert f'<html lang="{italian}">' in page
    assert f"{SAID}This link does not work" in page


@pytest.mark.requirement("M-39")
def test_without_its_file_the_markets_language_stands_in():
    placed = order(2, market="net", locale="it")

    text = text_of(papers.render(PaperKind.DELIVERY_NOTE, _delivery(placed)).pdf)

    assert "Albarán" in text
    assert emails.render(
        Step.ACCEPTED, "it", None, OrderSnapshots(order=placed_order()), CustomerSecrets()
    ).subject.startswith("Su")


def _delivery(placed):
    return Content(order=placed, group_id=placed.delivery_groups[0].group_id, address=MADRID)
