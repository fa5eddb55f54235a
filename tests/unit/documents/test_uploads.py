"""What people send in is known by its bytes, named safely, served as an attachment, and can be taken back."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from services.documents import rendering
from services.documents.commands import papers as commands
from services.documents.domain.uploads import (
    LARGEST_UPLOAD,
    MOST_BY_CUSTOMER,
    clean_filename,
    content_type_of,
)
from services.documents.queries import papers_in_line
from shared import clock
from shared.customer_tokens import make_token
from shared.db import new_id
from shared.events.snapshots import PaperKind
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from tests.unit.documents.sample_orders import invoice_of, order

PDF = b"%PDF-1.7\n% a purchase order"


def picture(side=20, kind="PNG"):
    file = BytesIO()
    Image.new("RGB", (side, side), "#c00").save(file, kind)
    return file.getvalue()


def multipart(kind, content):
    """A body as browsers send it; Werkzeug's client leaves files open that it makes of large ones."""
    head = (
        f'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    )
    return head.encode() + content + b"\r\n--b--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
def known(sessions, app):
    """An order that documents has heard of."""

    def known(heard):
        with sessions.begin() as session:
            lock_order(session, heard.order_id)
            copies.keep_newest(session, heard)
        return heard

    return known


@pytest.fixture
def send(client, headers):
    def send(heard, content=PDF, name="order 7.pdf", kind="purchase_order", **more):
        return client.post(
            f"/v1/orders/{heard.order_id}/uploads",
            data={"kind": kind, "file": (BytesIO(content), name), **more},
            headers=headers(),
        )

    return send


@pytest.fixture
def link(settings):
    def link(heard):
        return make_token(settings.customer_link_keys, heard.order_id, clock.now() + timedelta(hours=1))

    return link


@pytest.mark.requirement("S0-10")
@pytest.mark.parametrize("kind", ["purchase_order", "shipping_paper", "uploaded_invoice", "payment_proof"])
def test_what_was_sent_in_is_among_the_orders_documents(client, headers, known, send, kind):
    heard = known(order())

    sent = send(heard, kind=kind)

    assert sent.status_code == 201, sent.json
    items = client.get(f"/v1/orders/{heard.order_id}/documents", headers=headers()).json["items"]
    assert [(item["kind"], item["filename"], item["requested_by"]) for item in items] == [
        (kind, "order-7.pdf", "tess")
    ]
    assert items == [sent.json]


@pytest.mark.requirement("S0-10")
def test_what_was_sent_in_comes_back_as_a_caged_attachment(client, headers, known, send):
    sent = send(known(order()), content=picture(), name="Bild größer.png").json

    answer = client.get(f"/v1/documents/{sent['document_id']}/content", headers=headers())

    assert answer.data == picture()
    assert answer.mimetype == "image/png"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''Bild-gr%C3%B6%C3%9Fer.png" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PDF, "application/pdf"),
        (picture(), "image/png"),
        (picture(kind="JPEG"), "image/jpeg"),
        (picture(kind="WEBP"), "image/webp"),
        (b"<html><script>alert(1)</script>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"MZ\x90\x00", None),
        (b"PK\x03\x04", None),
        (b" %PDF-1.7", None),
        (b"RIFF1234WAVE", None),
        (b"", None),
    ],
)
def test_a_type_is_what_the_bytes_say(content, content_type):
    assert content_type_of(content) == content_type


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("order 7.pdf", "order-7.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\files\\paper.exe", "paper.pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', "a-b-Set-Cookie-x.pdf"),
        ("\u202egnp.pdf", "gnp.pdf"),
        ("Ñandú 3.PDF", "Ñandú-3.pdf"),
        (".htaccess", "document.pdf"),
        ("", "document.pdf"),
        ("x" * 500 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_name_is_made_safe_and_says_the_type(given, clean):
    assert clean_filename(given, "application/pdf") == clean


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"content": b"#!/bin/sh"}, "file"),
        ({"kind": "invoice"}, "kind"),
        ({"kind": "nonsense"}, "kind"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_taken_is_named(known, send, sent, field, folder):
    answer = send(known(order()), **sent)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert not list(folder.glob("*/*"))


def test_a_request_without_a_file_or_with_two_is_named(client, headers, known):
    path = f"/v1/orders/{known(order()).order_id}/uploads"
    two = {"kind": "attachment", "file": [(BytesIO(PDF), "a.pdf"), (BytesIO(PDF), "b.pdf")]}

    for body in ({"data": {"kind": "attachment"}}, {"json": {"kind": "attachment"}}, {"data": two}):
        answer = client.post(path, headers=headers(), **body)
        assert answer.status_code == 422, body


@pytest.mark.parametrize(("above", "status"), [(1, 422), (1 << 17, 413)])
def test_what_is_too_large_is_refused_and_far_above_not_even_read(
    client, headers, known, folder, above, status
):
    path = f"/v1/orders/{known(order()).order_id}/uploads"
    body = multipart("attachment", b"%PDF-".ljust(LARGEST_UPLOAD + above, b"x"))

    answer = client.post(path, data=body, headers=headers() | FORM)

    assert answer.status_code == status
    assert not list(folder.glob("*/*"))


def test_the_same_key_with_another_file_is_refused(client, headers, known):
    path = f"/v1/orders/{known(order()).order_id}/uploads"
    asked = headers() | FORM | {"Idempotency-Key": "one"}

    first = client.post(path, data=multipart("attachment", PDF), headers=asked)
    again = client.post(path, data=multipart("attachment", PDF), headers=asked)
    other = client.post(path, data=multipart("attachment", PDF + b"!"), headers=asked)

    assert first.status_code == 201, first.json
    assert again.json == first.json
    assert (other.status_code, other.json["reason"]) == (409, "idempotency_key_reused")


def test_another_sellers_order_takes_nothing(client, headers, known, folder):
    heard = known(order())

    answer = client.post(
        f"/v1/orders/{heard.order_id}/uploads",
        data={"kind": "attachment", "file": (BytesIO(PDF), "a.pdf")},
        headers=headers(sellers=["other"]),
    )

    assert answer.status_code == 404
    assert not list(folder.glob("*/*"))


def test_an_upload_is_taken_back_but_a_paper_of_ours_is_not(client, headers, known, send, sessions):
    heard = known(order())
    sent = send(heard).json
    with sessions.begin() as session:
        lock_order(session, heard.order_id)
        commands.issue_due_papers(session, heard, None)
        note = next(p for p in papers_in_line(session, heard.order_id) if p.kind is PaperKind.DELIVERY_NOTE)

    removed, ours, again = (
        client.post(f"/v1/documents/{which}/remove", json={"reason": "wrong order"}, headers=headers())
        for which in (sent["document_id"], note.id, sent["document_id"])
    )

    assert (removed.status_code, removed.json["status"]) == (200, "removed")
    assert removed.json["sha256"] == sent["sha256"]
    assert (ours.status_code, ours.json["reason"]) == (409, "made_by_the_system")
    assert again.status_code == 409
    gone = client.get(f"/v1/documents/{sent['document_id']}/content", headers=headers())
    assert gone.json["reason"] == "removed"


def test_erasing_a_person_erases_what_was_sent_in(known, send, sessions):
    heard = known(order())
    send(heard, name="Ada Whitcombe.pdf")

    with sessions.begin() as session:
        lock_order(session, heard.order_id)
        commands.erase_people(session, heard.order_id)

    with sessions() as session:
        [paper] = papers_in_line(session, heard.order_id)
        assert (paper.status.value, paper.filename) == ("removed", "")
    assert send(heard).status_code in {201, 409}


def test_a_customer_sends_in_and_reads_by_the_link(client, known, send, link, made):
    heard = order()
    made(heard)
    send(heard)  # the seller's own, not for the customer
    token = f"?token={link(heard)}"

    sent = client.post(
        f"/v1/customer/documents{token}",
        data={"kind": "payment_proof", "file": (BytesIO(PDF), "proof.pdf")},
    )
    items = client.get(f"/v1/customer/documents{token}").json["items"]

    assert sent.status_code == 201, sent.json
    assert [item["kind"] for item in items] == ["delivery_note", "invoice", "payment_proof"]
    content = client.get(f"/v1/customer/documents/{items[1]['document_id']}/content{token}")
    assert content.data.startswith(b"%PDF")


def test_a_customer_reads_no_other_paper(client, headers, known, send, link, made):
    heard, other = order(), order(number="GB-000043")
    mine, theirs = made(heard), made(other)
    sellers = send(heard).json["document_id"]
    token = f"?token={link(heard)}"

    for document_id in (theirs["invoice"].id, sellers, new_id()):
        assert client.get(f"/v1/customer/documents/{document_id}/content{token}").status_code == 404
    assert client.get(f"/v1/customer/documents/{mine['invoice'].id}/content").status_code == 401
    refused = client.post(
        f"/v1/customer/documents{token}",
        data={"kind": "purchase_order", "file": (BytesIO(PDF), "a.pdf")},
    )
    assert refused.status_code == 422


def test_a_customer_can_not_fill_the_disk(client, known, link):
    heard = known(order())

    answers = [
        client.post(
            f"/v1/customer/documents?token={link(heard)}",
            data={"kind": "attachment", "file": (BytesIO(PDF), "a.pdf")},
        )
        for _ in range(MOST_BY_CUSTOMER + 1)
    ]

    assert [answer.status_code for answer in answers] == [201] * MOST_BY_CUSTOMER + [409]
    assert answers[-1].json["reason"] == "too_many_uploads"


def test_a_logo_is_on_what_falls_due_from_then_on(client, headers, known, sessions):
    heard = known(order())
    with sessions.begin() as session:
        lock_order(session, heard.order_id)
        commands.issue_due_papers(session, heard, None)
        before = papers_in_line(session, heard.order_id)
    put = client.put("/v1/sellers/acme/logo", data={"file": (BytesIO(picture()), "l.png")}, headers=headers())
    later = known(order(number="GB-000044"))
    with sessions.begin() as session:
        lock_order(session, later.order_id)
        commands.issue_due_papers(session, later, None)
        after = papers_in_line(session, later.order_id)

    assert put.status_code == 200, put.json
    assert {paper.frozen.logo for paper in before} == {""}
    assert {paper.frozen.logo for paper in after} == {put.json["sha256"]}
    shown = client.get("/v1/sellers/acme/logo", headers=headers())
    assert shown.data == picture()
    gone = client.delete("/v1/sellers/acme/logo", headers=headers())
    assert gone.json["sha256"] is None
    assert client.get("/v1/sellers/acme/logo", headers=headers()).status_code == 404


def test_a_logo_is_drawn_in_place_of_the_initials():
    plain = rendering.render(PaperKind.INVOICE, invoice_of(order()), "1", clock.now().date()).pdf
    drawn = rendering.render(PaperKind.INVOICE, invoice_of(order()), "1", clock.now().date(), picture()).pdf

    assert b"/Image" not in plain
    assert b"/Image" in drawn


@pytest.mark.parametrize(
    "content", [PDF, picture(kind="WEBP"), picture()[:40], picture(4001), b"\xff\xd8\xff" + b"x" * 90]
)
def test_what_is_no_logo_is_refused(client, headers, app, content):
    answer = client.put("/v1/sellers/acme/logo", data={"file": (BytesIO(content), "l")}, headers=headers())

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "file"


def test_another_sellers_logo_is_not_there(client, headers, app):
    theirs = headers(sellers=["other"])
    put = client.put("/v1/sellers/acme/logo", data={"file": (BytesIO(picture()), "l")}, headers=theirs)

    assert put.status_code == 404
    assert client.get("/v1/sellers/acme/logo", headers=theirs).status_code == 404
    assert client.delete("/v1/sellers/acme/logo", headers=theirs).status_code == 404


def test_a_proof_of_an_order_that_is_over_is_still_taken(known, send):
    heard = known(replace(order(), cancelled_at=order().placed_at))

    assert send(heard, kind="payment_proof").status_code == 201
