"""Prints: many papers as one file, lists over shipments; kept a day, forgotten with their people."""

import re
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from pypdf import PdfReader
from sqlalchemy import select, text

from services.documents import einvoices, queries, rendering
from services.documents.commands import papers as commands
from services.documents.domain.papers import Content, PrintKind
from services.documents.domain.printed_shipments import PrintedShipment, picks
from services.documents.messaging import messaging
from services.documents.queries import papers_in_line
from services.documents.wording import Wording
from shared import stores
from shared.db import new_id
from shared.events.snapshots import PaperKind, Parcel
from shared.messaging import copies, jobs
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import jobs as job_rows
from tests.unit.documents.sample_orders import LONDON, MADRID, invoice_of, order, shipments
from tests.unit.documents.test_rendering import pages

BACKOFF = Backoff(0.0, 0.0)


@pytest.fixture
def run(sessions):
    """Do the jobs of a kind that wait, due or not."""

    def run(kind):
        with sessions.begin() as session:
            session.execute(text("update jobs set run_at = now() where kind = :kind"), {"kind": kind})
        with sessions() as session:
            ids = session.scalars(select(job_rows.c.id).where(job_rows.c.kind == kind)).all()
        for job_id in ids:
            jobs.run(sessions, messaging.jobs, job_id, BACKOFF)

    return run


@pytest.fixture
def packing(sessions, app):
    """An order of which documents knows a shipment being packed."""

    def packing(placed):
        goods = shipments(placed)
        with sessions.begin() as session:
            lock_order(session, placed.order_id)
            copies.keep_newest(session, placed)
            copies.keep_newest(session, goods)
            commands.issue_due_papers(session, placed, goods)
        return {"order_id": str(placed.order_id), "shipment_id": str(goods.shipments[0].shipment_id)}

    return packing


@pytest.mark.requirement("S1-13", "S2-10")
def test_documents_are_printed_as_one_file_as_they_were_stored(client, headers, packing, run, sessions):
    placed = order(3)
    packing(placed)
    run("paper")
    with sessions() as session:
        of_kind = {paper.kind.value: paper for paper in papers_in_line(session, placed.order_id)}
    wanted = [str(of_kind[kind].id) for kind in ("invoice", "packing_slip", "label", "label")]

    asked = client.post("/v1/prints", json={"kind": "documents", "document_ids": wanted}, headers=headers())
    path = f"/v1/prints/{asked.json['print_id']}"
    early = client.get(f"{path}/content", headers=headers())
    run("print")

    assert asked.status_code == 201, asked.json
    assert early.json["reason"] == "not_stored"
    made = client.get(path, headers=headers()).json
    assert made["status"] == "stored"
    whole = client.get(f"{path}/content", headers=headers()).data
    assert sha256(whole).hexdigest() == made["sha256"]
    invoice, slip, label, again = pages(whole)
    assert of_kind["invoice"].number in invoice
    assert "Packing slip" in slip
    assert label == again
    assert "Deliver to" in label


@pytest.mark.requirement("C-28")
def test_the_slips_of_many_orders_are_one_file_in_their_order_and_who_has_none_is_named(
    client, headers, packing, run, sessions
):
    first, second, bare = order(3), order(2, number="GB-000050"), order(1, number="GB-000051")
    for placed in (first, second):
        packing(placed)
    run("paper")
    with sessions.begin() as session:
        lock_order(session, bare.order_id)
        copies.keep_newest(session, bare)
    unknown = str(new_id())
    ids = [str(second.order_id), str(bare.order_id), str(first.order_id), unknown]
    wanted = {"kind": "documents", "order_ids": ids, "paper": "packing_slip"}

    asked = client.post("/v1/prints", json=wanted, headers=headers())
    run("print")
    whole = client.get(f"/v1/prints/{asked.json['print_id']}/content", headers=headers()).data

    assert asked.status_code == 201, asked.json
    assert asked.json["orders"] == [
        {"order_id": ids[0], "number": "GB-000050", "done": True, "reason": None},
        {"order_id": ids[1], "number": "GB-000051", "done": False, "reason": "no_such_paper"},
        {"order_id": ids[2], "number": "GB-000042", "done": True, "reason": None},
        {"order_id": unknown, "done": False, "reason": "no_such_paper"},
    ]
    assert ["GB-000050" in page for page in pages(whole)] == [True, False]
    none = client.post("/v1/prints", json=wanted | {"order_ids": ids[1:2]}, headers=headers())
    assert (none.status_code, none.json["reason"]) == (409, "no_such_paper")
    theirs = client.post("/v1/prints", json=wanted, headers=headers(sellers=["other"]))
    assert (theirs.status_code, theirs.json["reason"]) == (409, "no_such_paper")
    # What a picker may not read is printed for none, through whatever door it is asked for.
    invoices = wanted | {"paper": "invoice"}
    picker = client.post("/v1/prints", json=invoices, headers=headers(scopes=["labels:read"]))
    assert (picker.status_code, picker.json["reason"]) == (409, "no_such_paper")


@pytest.mark.requirement("C-28")
def test_the_slips_of_shipments_are_of_these_alone_in_their_order(client, headers, packing, run):
    first, second = packing(order(3)), packing(order(2, number="GB-000050"))
    run("paper")
    elsewhere = {"order_id": first["order_id"], "shipment_id": str(new_id())}  # of the first order too
    wanted = {"kind": "documents", "shipments": [second, elsewhere, first], "paper": "packing_slip"}

    asked = client.post("/v1/prints", json=wanted, headers=headers(scopes=["labels:read"]))
    run("print")

    assert asked.status_code == 201, asked.json
    assert asked.json["orders"] == []
    assert asked.json["shipments"] == [
        second | {"done": True, "reason": None},
        elsewhere | {"done": False, "reason": "no_such_paper"},
        first | {"done": True, "reason": None},
    ]
    path = f"/v1/prints/{asked.json['print_id']}/content"
    whole = client.get(path, headers=headers(scopes=["labels:read"])).data
    assert ["GB-000050" in page for page in pages(whole)] == [True, False]
    for theirs in (headers(sellers=["other"]), headers(markets=["other"])):
        none = client.post("/v1/prints", json=wanted, headers=theirs)
        assert (none.status_code, none.json["reason"]) == (409, "no_such_paper")


@pytest.mark.requirement("M-19")
def test_what_is_packed_anew_or_not_sent_is_printed_no_more_but_kept(
    client, headers, packing, run, sessions, operate, folder
):
    placed = order(3)
    packing(placed)
    run("paper")
    goods = shipments(placed)

    def hear(parcels=(), version=1, status="packing"):
        heard = shipments(placed, status, version)
        heard = replace(heard, shipments=(replace(heard.shipments[0], parcels=parcels),))
        with sessions.begin() as session:
            lock_order(session, placed.order_id)
            commands.issue_due_papers(session, placed, copies.keep_newest(session, heard))
        run("paper")
        answered = client.get(f"/v1/orders/{placed.order_id}/documents", headers=headers()).json["items"]
        packed = [paper for paper in answered if paper["kind"] in {"label", "packing_slip"}]
        return [paper["document_id"] for paper in packed], [paper["status"] for paper in packed]

    boxes = tuple(
        Parcel(parcel_id=UUID(int=place), carrier="", tracking_number="", tracking_url="", lines=(line,))
        for place, line in enumerate(goods.shipments[0].lines)
    )
    (slip, label), before = hear(version=2)
    _, cut_anew = hear(boxes, version=3)
    asked = client.post("/v1/prints", json={"kind": "documents", "document_ids": [label]}, headers=headers())
    content = client.get(f"/v1/documents/{slip}/content", headers=headers())
    _, as_it_was = hear(version=4)
    _, voided = hear(version=5, status="cancelled")

    assert before == ["stored", "stored"]
    assert cut_anew == ["superseded", "superseded", "stored", "stored"]
    assert (asked.status_code, asked.json["reason"]) == (409, "superseded")
    assert (content.status_code, content.json["reason"]) == (409, "superseded")
    assert as_it_was == ["stored", "stored", "superseded", "superseded"]
    assert voided == ["superseded"] * 4
    with sessions() as session:
        kept = {paper.sha256 for paper in papers_in_line(session, placed.order_id)}
        assert queries.needed_hashes(session, kept) == kept
    assert operate("verify").exit_code == 0


@pytest.mark.requirement("M-19")
def test_what_is_cut_anew_while_a_label_is_made_is_superseded_as_it_is_stored(sessions, packing, run):
    placed = order(1)
    packing(placed)
    box = Parcel(parcel_id=UUID(int=1), carrier="", tracking_number="", tracking_url="")
    heard = shipments(placed, version=2)
    heard = replace(heard, shipments=(replace(heard.shipments[0], parcels=(box,)),))
    with sessions.begin() as session:
        lock_order(session, placed.order_id)
        commands.issue_due_papers(session, placed, copies.keep_newest(session, heard))

    run("paper")

    with sessions() as session:
        labels = [
            paper for paper in papers_in_line(session, placed.order_id) if paper.kind is PaperKind.LABEL
        ]
    assert [label.status for label in labels] == ["superseded", "stored"]


@pytest.mark.requirement("M-19")
@pytest.mark.parametrize(
    ("language", "units", "per_case", "shown"),
    [
        *(("en", 8, 12, "8 single"), ("en", 24, 12, "2"), ("en", 20, 12, "1 + 8 single")),
        *(("en", 3, 1, "3"), ("en", 0, 6, "0")),
        *(("es", 13, 12, "1 + 1 suelta"), ("es", 14, 12, "1 + 2 sueltas"), ("de", 13, 12, "1 + 1 einzeln")),
    ],
)
def test_a_slip_tells_whole_cases_and_single_units(language, units, per_case, shown):
    said = Wording(Locale(language), "GBP", ZoneInfo("UTC"))

    assert said.packed(units, per_case) == shown


@pytest.mark.requirement("S1-13")
@pytest.mark.parametrize("count", [100, 500])
def test_hundreds_of_labels_are_one_file(packing, count):
    placed = order()
    [shipment] = shipments(placed).shipments
    content = Content(order=placed, group_id=shipment.group_id, address=LONDON, shipment=shipment)
    whole = rendering.put_together([rendering.render(PaperKind.LABEL, content).pdf] * count).pdf

    assert len(PdfReader(BytesIO(whole)).pages) == count


@pytest.mark.requirement("S4-20")
def test_an_order_is_printed_as_it_is_then(client, headers, packing, run):
    placed = order(3)
    packing(placed)
    path = f"/v1/orders/{placed.order_id}/documents"

    first = client.post(path, json={"kind": "order_printout"}, headers=headers())
    again = client.post(path, json={"kind": "order_printout"}, headers=headers())
    run("paper")

    assert (first.status_code, again.json) == (201, first.json)
    content = client.get(f"/v1/documents/{first.json['document_id']}/content", headers=headers())
    [page] = pages(content.data)
    customer, totals, payment = placed.people.customer, placed.totals, placed.payment
    places = [placed.people.billing, *placed.people.delivery.values()]
    said = {
        *(placed.number, customer.name, customer.email, customer.phone, "Accepted"),
        *(part for place in places for part in (place.name, place.line1, place.postcode, place.city)),
        *(part for line in placed.lines for part in (line.sku, line.name, figure(line.total_minor))),
        *(fee.name for fee in placed.fees),
        *(group.method_name for group in placed.delivery_groups),
        *("Online payment", figure(totals.total_minor), figure(payment.received_minor)),
        *(figure(row.tax_minor) for row in totals.tax),
    }
    text = " ".join(page.split())
    assert [part for part in said if part and part not in text] == []


def figure(minor):
    """An amount of pounds as a paper shows it."""
    return f"{minor / 100:,.2f}"


def test_a_receipt_of_nothing_is_refused(client, headers, packing):
    placed = order(covered=False)
    packing(placed)
    path = f"/v1/orders/{placed.order_id}/documents"

    refused = client.post(path, json={"kind": "payment_receipt"}, headers=headers())
    wrong = client.post(path, json={"kind": "invoice"}, headers=headers())

    assert (refused.status_code, refused.json["reason"]) == (409, "nothing_received")
    assert wrong.status_code == 422


def test_only_whoever_asked_sees_a_print(client, headers, keys, packing):
    shipment = packing(order())
    asked = client.post("/v1/prints", json={"kind": "pick_list", "shipments": [shipment]}, headers=headers())
    other = {"Authorization": f"Bearer {keys.token('bo', scopes=['documents:read'])}"}

    assert client.get(f"/v1/prints/{asked.json['print_id']}", headers=other).status_code == 404
    assert client.get(f"/v1/prints/{asked.json['print_id']}/content", headers=other).status_code == 404


SHIPMENT = {"order_id": str(new_id()), "shipment_id": str(new_id())}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "documents"}, "document_ids"),
        ({"kind": "documents", "document_ids": []}, "document_ids"),
        ({"kind": "documents", "document_ids": [str(new_id())] * 501}, "document_ids"),
        ({"kind": "documents", "order_ids": [str(new_id())]}, "paper"),
        ({"kind": "documents", "order_ids": [str(new_id())] * 2, "paper": "label"}, "order_ids"),
        ({"kind": "documents", "document_ids": [str(new_id())], "paper": "label"}, "paper"),
        (
            {"kind": "documents", "shipments": [{"order_id": str(new_id()), "shipment_id": "x"}]},
            "shipments.0.shipment_id",
        ),
        ({"kind": "documents", "shipments": [SHIPMENT]}, "paper"),
        (
            {"kind": "documents", "shipments": [SHIPMENT], "order_ids": [str(new_id())], "paper": "label"},
            "shipments",
        ),
        ({"kind": "pick_list", "order_ids": [str(new_id())], "paper": "label"}, "shipments"),
        ({"kind": "pick_list", "document_ids": [str(new_id())]}, "shipments"),
        ({"kind": "posters", "document_ids": [str(new_id())]}, "kind"),
    ],
)
def test_a_print_of_the_wrong_things_is_named(client, headers, app, body, field):
    answer = client.post("/v1/prints", json=body, headers=headers())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_what_can_not_be_printed_says_why(client, headers, packing, sessions):
    placed = order()
    shipment = packing(placed)
    theirs = headers(sellers=["other"])
    with sessions() as session:
        note = papers_in_line(session, placed.order_id)[0]
    unknown = shipment | {"shipment_id": str(new_id())}

    due = {"kind": "documents", "document_ids": [str(note.id)]}
    assert client.post("/v1/prints", json=due, headers=headers()).json["reason"] == "not_stored"
    for body in (due, {"kind": "pick_list", "shipments": [shipment]}):
        assert client.post("/v1/prints", json=body, headers=theirs).status_code == 404
    missing = {"kind": "pick_list", "shipments": [unknown]}
    assert client.post("/v1/prints", json=missing, headers=headers()).status_code == 404


def test_a_print_is_forgotten_after_a_day_and_with_its_people(client, headers, packing, run, sessions, store):
    kept, erased = order(), order(number="GB-000043")
    asked = [
        client.post("/v1/prints", json={"kind": "courier_sheet", "shipments": [each]}, headers=headers()).json
        for each in (packing(kept), packing(erased))
    ]
    run("print")
    with sessions() as session:
        [first, _] = session.scalars(
            select(job_rows.c.run_at).where(job_rows.c.kind == "forget_print").order_by(job_rows.c.run_at)
        ).all()
        made = (
            session.execute(text("select requested_at from prints order by requested_at")).scalars().first()
        )
    with sessions.begin() as session:
        lock_order(session, erased.order_id)
        commands.erase_people(session, erased.order_id)
    run("removal")
    left = {digest for digest, _ in stores.stored(store)}
    still = client.get(f"/v1/prints/{asked[0]['print_id']}", headers=headers()).json
    run("forget_print")
    run("removal")

    assert first - made == timedelta(days=1)
    assert client.get(f"/v1/prints/{asked[1]['print_id']}", headers=headers()).status_code == 404
    assert left == {still["sha256"]}
    assert client.get(f"/v1/prints/{asked[0]['print_id']}", headers=headers()).status_code == 404
    assert list(stores.stored(store)) == []


def stop(placed, address=LONDON, location="main"):
    [shipment] = shipments(placed).shipments
    return PrintedShipment(order=placed, shipment=replace(shipment, location=location), address=address)


def test_a_pick_list_goes_by_the_shelves_and_sums_what_orders_share():
    first, second = order(2), order(3, number="GB-000050")

    listed = picks([stop(first), stop(second), stop(order(1), location="a")])

    assert [(pick.location, pick.sku, pick.units) for pick in listed] == [
        ("a", "22423", 1),
        ("main", "22423", 2),
        ("main", "47566", 3),
        ("main", "85123A", 4),
    ]
    assert listed[1].shipments == [("GB-000042-1", 1), ("GB-000050-1", 1)]
    [page] = pages(
        rendering.render_shipments(PrintKind.PICK_LIST, [stop(first), stop(second)], first.placed_at).pdf
    )
    assert "Pick list" in page
    assert "GB-000050-1 \N{MULTIPLICATION SIGN} 2" in page


def shelved(one, **told):
    """A stop whose lines are told with more, by SKU."""
    lines = tuple(replace(line, **told.get(f"sku_{line.sku}", {})) for line in one.shipment.lines)
    return replace(one, shipment=replace(one.shipment, lines=lines))


@pytest.mark.requirement("P-11")
@pytest.mark.parametrize(("locale", "says"), [("en", "Location"), ("es", "Ubicación")])
def test_a_pick_list_names_bin_barcode_and_specifications_in_the_order_of_the_bins(locale, says):
    placed = order(3)
    placed = replace(placed, market=replace(placed.market, locale=locale))
    known = shelved(
        stop(placed),
        sku_22423={"bin": "C-01"},
        sku_47566={"bin": "B-02", "barcode": "4006381333931"},
        sku_85123A={"bin": "A-07", "specifications": {"colour": "blue", "care": "fragile"}},
    )

    [page] = pages(rendering.render_shipments(PrintKind.PICK_LIST, [known], placed.placed_at).pdf)

    said = [says, "A-07", "85123A", "care: fragile", "colour: blue", "B-02", "4006381333931", "C-01", "22423"]
    places = [page.index(each) for each in said]
    assert places == sorted(places)


def test_a_couriers_sheet_tells_where_to_go_whom_to_call_and_what_to_collect():
    paid = order(1)
    placed = order(2, market="net", method="cash_on_delivery", covered=False, address=MADRID, locale="es")

    [page] = pages(
        rendering.render_shipments(PrintKind.COURIER_SHEET, [stop(placed, MADRID)], placed.placed_at).pdf
    )

    assert stop(paid).to_collect_minor == 0
    for said in ("Hoja de reparto", "Íñigo Núñez de la Peña", "28012 Madrid", "+34 910 00 00 00"):
        assert said in page
    assert stop(placed).to_collect_minor == placed.totals.total_minor
    assert stop(placed).to_collect.replace("\xa0", " ") in page


@pytest.mark.requirement("M-38")
def test_what_the_customer_wrote_is_on_lists_and_slips_and_on_no_bill():
    remark = "Please ring twice.\n<b>Mind the dog</b> " + "w" * 900
    placed = order(2)
    placed = replace(placed, people=replace(placed.people, remark=remark))
    [shipment] = shipments(placed).shipments
    group = placed.delivery_groups[0].group_id
    content = replace(invoice_of(placed), group_id=group, shipment=shipment, address=LONDON)

    printed = {
        kind: "".join(pages(rendering.render(kind, content, "GB-1", placed.placed_at.date()).pdf))
        for kind in (PaperKind.PACKING_SLIP, PaperKind.ORDER_PRINTOUT, PaperKind.INVOICE, PaperKind.LABEL)
    }
    listed = rendering.render_shipments(
        PrintKind.PICK_LIST, [stop(placed), stop(order(1))], placed.placed_at
    ).pdf
    printed["pick_list"] = "".join(pages(listed))

    shows = {kind for kind, text in printed.items() if "Please ring twice.\n<b>Mind the dog</b>" in text}
    assert shows == {PaperKind.PACKING_SLIP, PaperKind.ORDER_PRINTOUT, "pick_list"}
    assert "GB-000042-1 Please ring" in printed["pick_list"]
    xml = einvoices.xml_of(PaperKind.INVOICE, invoice_of(placed), "GB-1", placed.placed_at.date())
    assert b"ring twice" not in xml


@pytest.mark.requirement("P-12")
def test_a_case_that_goes_in_two_parcels_is_a_part_in_each():
    placed = order(1)
    placed = replace(placed, lines=(replace(placed.lines[0], quantity=3, sales_coefficient=6),))
    [shipment] = shipments(placed).shipments
    boxes = tuple(
        Parcel(
            parcel_id=UUID(int=units),
            carrier="Post",
            tracking_number="",
            tracking_url="",
            lines=(replace(shipment.lines[0], quantity=units // 6, units=units),),
        )
        for units in (15, 3)
    )
    content = Content(
        order=placed, group_id=shipment.group_id, address=LONDON, shipment=replace(shipment, parcels=boxes)
    )

    first, second = pages(rendering.render(PaperKind.PACKING_SLIP, content).pdf)

    assert "2 + 3 single" in first
    assert "3 single" in second
    assert "." not in "".join(re.findall(r"holder (.*)", first + second))
    assert re.search(r"Units in this parcel\s+15\b", first)


@pytest.mark.requirement("P-12")
def test_a_packing_slip_shows_only_what_is_in_its_parcel():
    placed = order(4)
    [shipment] = shipments(placed).shipments
    boxes = tuple(
        Parcel(
            parcel_id=UUID(int=place),
            carrier="Post",
            tracking_number=f"T{place}",
            tracking_url="",
            lines=shipment.lines[2 * place : 2 * place + 2],
        )
        for place in range(2)
    )
    content = Content(
        order=placed,
        group_id=shipment.group_id,
        address=LONDON,
        shipment=replace(shipment, parcels=boxes),
    )

    first, second = pages(rendering.render(PaperKind.PACKING_SLIP, content, "", date(2026, 3, 5)).pdf)
    labels = pages(rendering.render(PaperKind.LABEL, content).pdf)

    skus = [line.sku for line in shipment.lines]
    assert [sku in first for sku in skus] == [True, True, False, False]
    assert [sku in second for sku in skus] == [False, False, True, True]
    assert "T0" in first
    assert "T1" in second
    assert ["1 of 2" in labels[0], "2 of 2" in labels[1]] == [True, True]
    assert "£" not in first
