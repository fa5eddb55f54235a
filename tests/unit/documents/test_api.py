"""Papers over HTTP: seen by those who may, served as they were stored, or not at all."""

from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import text

from services.documents.commands import papers as commands
from services.documents.queries import papers_in_line
from shared.messaging.order_locks import lock_order
from tests.unit.documents.sample_orders import order


def test_the_papers_of_an_order_are_listed(client, headers, made):
    accepted = order()
    papers = made(accepted)

    answer = client.get(f"/v1/orders/{accepted.order_id}/documents", headers=headers())

    items = answer.json["items"]
    assert [item["kind"] for item in items] == ["delivery_note", "invoice"]
    invoice = items[1]
    assert invoice["status"] == "stored"
    assert invoice["number"] == papers["invoice"].number
    assert invoice["total_minor"] == accepted.totals.total_minor
    assert "content" not in invoice
    one = client.get(f"/v1/documents/{invoice['document_id']}", headers=headers())
    assert one.json == invoice


@pytest.mark.requirement("S2-08")
def test_a_stored_paper_is_served_as_it_was_stored(client, headers, made):
    invoice = made(order())["invoice"]

    answer = client.get(f"/v1/documents/{invoice.id}/content", headers=headers(["documents:read"]))

    assert answer.status_code == 200
    assert sha256(answer.data).hexdigest() == invoice.sha256
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == f"inline; filename=invoice-{invoice.number}.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"] == f'"{invoice.sha256}"'


def test_a_reader_who_has_the_bytes_is_told_so(client, headers, made):
    invoice = made(order())["invoice"]

    answer = client.get(
        f"/v1/documents/{invoice.id}/content",
        headers=headers() | {"If-None-Match": f'"{invoice.sha256}"'},
    )

    assert answer.status_code == 304
    assert answer.data == b""


@pytest.mark.requirement("F-21")
def test_a_damaged_paper_is_never_served(client, headers, made, folder):
    invoice = made(order())["invoice"]
    [file] = folder.rglob(invoice.sha256)
    file.write_bytes(file.read_bytes().replace(b"%PDF-1.7", b"%PDF-1.6"))

    answer = client.get(f"/v1/documents/{invoice.id}/content", headers=headers())

    assert answer.status_code == 500
    assert answer.json["reason"] == "content_damaged"


def test_a_paper_that_is_not_stored_yet_is_refused(client, headers, sessions):
    accepted = order()
    with sessions.begin() as session:
        lock_order(session, accepted.order_id)
        commands.issue_due_papers(session, accepted, None)
        [note, _] = papers_in_line(session, accepted.order_id)

    answer = client.get(f"/v1/documents/{note.id}/content", headers=headers())

    assert answer.status_code == 409
    assert answer.json["reason"] == "not_stored"


@pytest.mark.parametrize("claims", [{"sellers": ["other"]}, {"markets": ["eu"]}, {"sellers": []}])
def test_another_sellers_papers_are_not_there(client, headers, made, claims):
    accepted = order()
    invoice = made(accepted)["invoice"]

    for path in (
        f"/v1/orders/{accepted.order_id}/documents",
        f"/v1/documents/{invoice.id}",
        f"/v1/documents/{invoice.id}/content",
    ):
        assert client.get(path, headers=headers(**claims)).status_code == 404


def test_reading_and_issuing_want_their_scopes(client, headers, made):
    accepted = order()
    invoice = made(accepted)["invoice"]

    content = client.get(f"/v1/documents/{invoice.id}/content", headers=headers(["orders:read"]))
    issued = client.post(f"/v1/orders/{accepted.order_id}/invoice", headers=headers(["documents:read"]))

    assert (content.status_code, issued.status_code) == (403, 403)


@pytest.mark.requirement("S0-14")
def test_an_invoice_is_issued_by_hand_once(client, headers, made):
    accepted = order()
    accepted = replace(accepted, market=replace(accepted.market, invoice_on="hand"))
    made(accepted)
    path = f"/v1/orders/{accepted.order_id}/invoice"
    asked = headers() | {"Idempotency-Key": "one"}

    first = client.post(path, headers=asked)
    repeated = client.post(path, headers=asked)
    second = client.post(path, headers=headers())

    assert first.status_code == 201
    [invoice] = first.json["items"]
    assert invoice["status"] == "due"
    assert invoice["requested_by"] == "tess"
    assert repeated.json == first.json
    assert second.status_code == 409
    assert second.json["reason"] == "already_issued"
    assert second.json["document_id"] == invoice["document_id"]


def test_verify_says_that_all_is_well(operate, made):
    made(order())

    ended = operate("verify")

    assert ended.exit_code == 0, ended.output
    assert "2 documents are undamaged, 1 series have no gaps" in ended.output


@pytest.mark.requirement("F-21")
def test_verify_finds_a_changed_byte_a_missing_file_and_a_gap(operate, made, folder, sessions):
    papers = made(order())
    [note] = folder.rglob(papers["delivery_note"].sha256)
    note.unlink()
    [invoice] = folder.rglob(papers["invoice"].sha256)
    invoice.write_bytes(invoice.read_bytes()[:-1] + b" ")
    with sessions.begin() as session:
        session.execute(text("update series set last_number = 2"))

    ended = operate("verify")

    assert ended.exit_code == 1
    assert f"invoice {papers['invoice'].number} of order GB-000042" in ended.output
    assert "can't be read: No such file or directory" in ended.output
    assert "2 numbers given out, 1 papers have one" in ended.output
    assert "3 faults" in ended.output
