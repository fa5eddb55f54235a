"""Papers print the scripts that people write in, and say so where they can't."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO

import msgspec
import pypdfium2
import pytest
from pypdf import PdfReader
from sqlalchemy import select

from services.documents import rendering, typefaces
from services.documents.commands import papers as commands
from services.documents.domain.papers import Content
from services.documents.jobs import make_paper
from services.documents.models import Paper
from shared.events.snapshots import PaperKind
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import event_log
from tests.unit.documents.sample_orders import LONDON, invoice_of, order, shipments

# name, street, town, country, goods
PEOPLE = {
    "Japanese": ("山田 太郎", "丸の内 1-2-3", "東京", "JP", "青い花瓶"),
    "Chinese": ("王小明", "建国路 88 号", "北京", "CN", "蓝色茶壶"),
    "Korean": ("김철수", "세종대로 110", "서울", "KR", "파란 주전자"),
    "Arabic": ("محمد بن عبد الله", "شارع الملك فهد", "الرياض", "SA", "إبريق شاي"),
    "Hebrew": ("דוד כהן", "רחוב הרצל", "תל אביב", "IL", "קומקום כחול"),
    "Thai": ("สมชาย ใจดี", "ถนนสุขุมวิท", "กรุงเทพ", "TH", "กาน้ำชา"),
    "Greek": ("Γιώργος Ελύτης", "Οδός Ερμού", "Αθήνα", "GR", "Τσαγιέρα"),
    "Cyrillic": ("Иван Петров", "ул. Тверская", "Москва", "RU", "Чайник"),
    "Devanagari": ("राजेश शर्मा", "महात्मा गांधी मार्ग", "नई दिल्ली", "IN", "नीला चायदानी"),
    "Vietnamese": ("Nguyễn Thị Hằng", "Đường Lê Lợi", "Huế", "VN", "Ấm trà"),
    "Georgian": ("გიორგი", "რუსთაველის", "თბილისი", "GE", "ჩაიდანი"),
    "emoji": ("Ann 🍵 Archer", "8 Wharf Yard 🏠", "Bristol", "GB", "Tea pot 🫖 👩‍👩‍👧 👍🏽"),
}
KINDS = [PaperKind.INVOICE, PaperKind.DELIVERY_NOTE, PaperKind.LABEL]
CUNEIFORM = "\U00012000\U00012001"  # of which no typeface of ours has anything
ISSUED_ON = date(2026, 3, 5)


def content_for(kind, name, street, town, country, goods):
    place = replace(LONDON, name=name, line1=street, city=town, region="", country=country, postcode="11564")
    placed = order(2, address=place)
    placed = replace(
        placed,
        lines=tuple(replace(line, name=goods) for line in placed.lines),
        people=replace(placed.people, billing=place),
    )
    if kind is PaperKind.INVOICE:
        return invoice_of(placed)
    [shipment] = shipments(placed).shipments
    return Content(order=placed, group_id=shipment.group_id, address=place, shipment=shipment)


def made(kind, *said):
    return rendering.render(
        kind, content_for(kind, *said), "GB-1" if kind is PaperKind.INVOICE else "", ISSUED_ON
    )


def text_of(pdf):
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return re.sub("[\u2068\u2069\u200d]", "", text)


def fonts_of(pdf):
    """The names of the fonts in a PDF."""
    return {
        font.get_object()["/BaseFont"]
        for page in PdfReader(BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()
    }


@pytest.mark.requirement("V-11")
@pytest.mark.parametrize("script", PEOPLE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_prints_what_people_write(kind, script):
    name, street, town, country, goods = PEOPLE[script]

    paper = made(kind, name, street, town, country, goods)

    assert paper.unprintable == ""
    fonts = fonts_of(paper.pdf)
    assert all(re.fullmatch(r"/[A-Z]{6}\+(Lato|Noto-Sans|Noto-Emoji)\S*", font) for font in fonts), fonts
    assert len(paper.pdf) < 150_000  # of the typefaces' 27 MB
    letters = set(re.sub(r"\W", "", name + town))
    printed = set(text_of(paper.pdf))
    assert len(letters - printed) <= len(letters) / 3  # what is joined to one glyph is read as another letter


@pytest.mark.requirement("V-11")
def test_a_paper_takes_no_typeface_of_the_machine():
    rare = "".join(chr(letter) for letter in range(0x2190, 0x2800, 7))  # arrows, signs, braille, …
    placed = replace(order(1), external_reference=rare)

    paper = rendering.render(PaperKind.INVOICE, invoice_of(placed), "1", ISSUED_ON)

    assert all(re.match(r"/[A-Z]{6}\+(Lato|Noto-)", font) for font in fonts_of(paper.pdf))
    assert 0 < len(paper.unprintable) < len(rare)


@pytest.mark.requirement("V-11")
@pytest.mark.parametrize(
    ("country", "family"),
    [("JP", "JP"), ("KR", "KR"), ("TW", "TC"), ("HK", "HK"), ("CN", "SC"), ("GB", "SC")],
)
def test_chinese_characters_look_as_they_do_where_the_paper_goes(country, family):
    fonts = fonts_of(made(PaperKind.LABEL, "直骨", "Street 1", "直骨", country, "x").pdf)

    assert [font.rpartition("-")[2] for font in fonts if "CJK" in font] == [family]


@pytest.mark.requirement("V-11")
def test_the_same_content_of_many_scripts_gives_the_same_bytes_in_every_process():
    said = ["".join(words) for words in zip(*(who[:3] for who in PEOPLE.values()), strict=True)]
    content = msgspec.json.encode(content_for(PaperKind.INVOICE, *said, "GB", said[0]))
    script = (
        "import msgspec, sys, datetime, hashlib;"
        "from services.documents import rendering;"
        "from services.documents.domain.papers import Content, PaperKind;"
        "content = msgspec.json.decode(sys.stdin.buffer.read(), type=Content);"
        "made = rendering.render(PaperKind.INVOICE, content, '1', datetime.date(2026, 3, 5));"
        "print(hashlib.sha256(made.pdf).hexdigest(), made.unprintable)"
    )

    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=content,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": ".", "LANG": language},
        ).stdout
        for seed, language in (("1", "C.UTF-8"), ("2", "ja_JP.UTF-8"))
    }

    [said] = digests
    assert len(said.split()) == 1


def where(pdf, wanted):
    """How far from the left each wanted letter of a page stands, at its first place."""
    page = pypdfium2.PdfDocument(pdf)[0]
    text = page.get_textpage()
    letters = [text.get_text_range(index, 1) for index in range(text.count_chars())]
    return [text.get_charbox(letters.index(letter))[0] for letter in wanted]


@pytest.mark.requirement("V-11")
def test_what_runs_from_right_to_left_turns_nothing_else_around():
    paper = made(PaperKind.LABEL, "גבהד (זח) 7", "Street 1", "טיכל", "IL", "x")

    gimel, bet, open_bracket, seven = where(paper.pdf, "גב)7")
    assert seven < open_bracket < bet < gimel  # the last word of the name is at its left
    nine = where(paper.pdf, "ט")[0]
    page = pypdfium2.PdfDocument(paper.pdf)[0].get_textpage()
    town = page.get_text_range().index("11564")
    assert page.get_charbox(town)[0] < nine  # the postcode before the town, as for every country


@pytest.mark.requirement("V-11")
@pytest.mark.parametrize(
    ("typed", "set_apart"),
    [
        ("Ann Archer", "Ann Archer"),
        ("דוד", "\u2068דוד\u2069"),
        ("דוד\nAnn\n", "\u2068דוד\u2069\n\u2068Ann\u2069\n"),
        ("Ann\u202e rehcrA\u2069", "Ann rehcrA"),
        (3, 3),
        (None, None),
    ],
)
def test_typed_text_is_set_apart_and_turns_no_text_of_others(typed, set_apart):
    assert typefaces.isolated(typed) == set_apart


@pytest.mark.parametrize("text", ["Ann\u00a0Archer\n\t", "a\u200db\ufe0f\u2068", "Ünïcödé £ € –", ""])
def test_what_has_no_shape_needs_no_typeface(text):
    assert typefaces.unprintable(text) == ""


@pytest.mark.requirement("V-11")
@pytest.mark.parametrize("kind", KINDS)
def test_what_no_typeface_has_shows_as_a_mark_and_is_told(kind):
    paper = made(kind, f"Ann {CUNEIFORM}", "8 Wharf Yard", "Bristol", "GB", "Tea pot")

    assert paper.unprintable == CUNEIFORM
    text = text_of(paper.pdf)
    assert f"Ann {2 * typefaces.MARK}" in text.replace("\n", " ")
    assert ("U+12000, U+12001" in text) == (kind is not PaperKind.LABEL)
    assert len(PdfReader(BytesIO(paper.pdf)).pages) == 1


@pytest.mark.requirement("V-11")
def test_a_paper_with_a_mark_says_so_in_its_answer_its_event_and_the_metrics(
    client, headers, sessions, counted
):
    placed = order(1)
    placed = replace(placed, lines=(replace(placed.lines[0], name=f"Tablet {CUNEIFORM}"),))
    with sessions.begin() as session:
        lock_order(session, placed.order_id)
        commands.issue_due_papers(session, placed, None)
        note = session.scalars(select(Paper.id).where(Paper.kind == PaperKind.DELIVERY_NOTE)).one()
    effect = make_paper(sessions, {"paper_id": str(note)})
    with sessions.begin() as session:
        lock_order(session, placed.order_id)
        effect(session)

    shown = client.get(f"/v1/documents/{note}", headers=headers()).json

    assert shown["unprintable"] == CUNEIFORM
    with sessions() as session:
        [told] = session.scalars(
            select(event_log.c.payload).where(event_log.c.type == "document.stored")
        ).all()
    assert [
        paper["unprintable"] for paper in told["documents"]["papers"] if paper["document_id"] == str(note)
    ] == [CUNEIFORM]
    assert counted("waybill_unprintable_characters_total", kind="delivery_note") == len(CUNEIFORM)
