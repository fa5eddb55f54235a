"""Reading what banks write: separators, encodings, days and amounts, each wrong row named."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.bank_statements import LARGEST_ROWS, amount_of, date_of, order_numbers, read
from shared.errors import Invalid
from shared.money import currencies, minor_digits


@pytest.mark.requirement("P-21")
@pytest.mark.parametrize(
    ("text", "precision", "minor"),
    [
        ("9", 2, 900),
        ("9.5", 2, 950),
        ("9,50", 2, 950),
        ("1,234.56", 2, 123456),
        ("1.234,56", 2, 123456),
        ("1 234,56", 2, 123456),
        ("1'234.56", 2, 123456),
        ("1\u202f234,56", 2, 123456),
        ("1.234", 2, 123400),
        ("1,234,567", 2, 123456700),
        ("1.234.567,8", 2, 123456780),
        ("+12.00", 2, 1200),
        ("-12.00", 2, -1200),
        ("\u221212.00", 2, -1200),
        ("12.00-", 2, -1200),
        ("(12.00)", 2, -1200),
        ("1,234", 0, 1234),
        ("1234,567", 3, None),
        ("1.234,567", 3, 1234567),
    ],
)
def test_amounts_are_read_as_banks_write_them(text, precision, minor):
    if minor is None:
        with pytest.raises(Invalid, match="both separators"):
            amount_of(text, precision)
    else:
        assert amount_of(text, precision) == minor


@pytest.mark.parametrize(
    "text", ["", "-", "nine", "1.2.3", "12,34,5", "1.23456", "9.", "1e5", "9" * 20, "9" * 5000, "\u0663"]
)
def test_what_is_no_amount_is_not_guessed(text):
    with pytest.raises(Invalid, match="amount"):
        amount_of(text, 2)


@given(st.integers(0, 10**11), st.sampled_from([",.", ".,", " ,", "'."]))
def test_any_amount_survives_its_way_through_a_bank(minor, marks):
    thousands, decimal = marks
    whole = f"{minor // 100:,}".replace(",", thousands)

    assert amount_of(f"{whole}{decimal}{minor % 100:02}", 2) == minor


@pytest.mark.parametrize("text", ["2026-11-21", "21/11/2026", "21.11.26", "21-11-2026", "2026/11/21 10:00"])
def test_days_are_read_with_the_day_or_the_year_first(text):
    assert date_of(text) == date(2026, 11, 21)


@pytest.mark.parametrize("text", ["", "yesterday", "11/21/2026", "2026-02-30"])
def test_what_is_no_day_is_not_guessed(text):
    with pytest.raises(Invalid, match="date"):
        date_of(text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"date,amount,text\n2026-11-21,9.00,Caf\xc3\xa9\n", "Café"),
        (b"\xef\xbb\xbfdate;amount;text\r\n21/11/2026;9,00;Caf\xc3\xa9\r\n", "Café"),
        (b"Fecha\tImporte\tConcepto\n21/11/2026\t9,00\tCaf\xe9\n", "Café"),
        ("date|amount|text\n21.11.2026|9.00|Café\n".encode("utf-16"), "Café"),
        (b'"Date","Amount","Details"\n2026-11-21,"9.00","two, and\nmore"\n', "two, and more"),
        (b"date,amount,text,payer\n\n2026-11-21,9.00,a\x00b\n", "a b"),
        ("date,amount,text\n2026-11-21,9.00,a\uffffb\u2028c Cafe\u0301\n".encode(), "a b c Café"),
    ],
)
@pytest.mark.requirement("V-03")
def test_separators_encodings_and_headings_are_found_out(content, text):
    [row] = read(content, "GBP").rows

    assert (row.booked_on, row.amount_minor, row.text) == (date(2026, 11, 21), 900, text)


@pytest.mark.requirement("M-03")
def test_a_statement_is_read_in_the_minor_units_of_every_currency():
    for currency in currencies():
        digits = minor_digits(currency)
        amount = f"1,234.{'5' * digits}" if digits else "1,234"

        [row] = read(f'date,amount,text\n2026-11-21,"{amount}",GB-1\n'.encode(), currency).rows

        assert row.amount_minor == int(f"1234{'5' * digits}"), currency


def test_wrong_rows_are_named_and_the_others_taken():
    rows = ["2026-11-21,9,a,", "soon,9,b,GBP", "2026-11-21,x,c,", "2026-11-21,1,d,EUR", "2026-11-21,-5,e,"]
    content = "\n".join(["date,amount,text,currency", *rows]).encode()

    statement = read(content, "GBP")

    assert [row.text for row in statement.rows] == ["a"]
    assert [(error["row"], error["field"]) for error in statement.errors] == [
        ("3", "date"),
        ("4", "amount"),
        ("5", "currency"),
    ]
    assert statement.outgoing == 1


# As the banks export them: with what they tell above the heading and below, each in its own encoding.
GERMAN = sorted((Path(__file__).parent / "bank_statements").glob("*.csv"))


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("file", GERMAN, ids=lambda file: file.stem)
def test_what_german_banks_export_is_read(file):
    statement = read(file.read_bytes(), "EUR")

    [row] = statement.rows
    assert (row.booked_on, row.amount_minor) == (date(2026, 11, 21), 123450)
    assert row.text == "EU-100042 für Tee"
    assert order_numbers(row.text, ["eu"]) == {"EU-100042"}
    assert row.payer == ("" if file.stem == "commerzbank" else "Jörg Müller")  # which has no column for it
    assert statement.outgoing == 1
    not_booked = [("state", error["reason"][:17]) for error in statement.errors]
    assert not_booked == [("state", "is not booked yet")] * (file.stem in {"sparkasse", "dkb"})


@pytest.mark.requirement("M-39")
def test_a_statement_whose_heading_names_another_currency_is_refused():
    [file] = [one for one in GERMAN if one.stem == "n26"]

    with pytest.raises(Invalid, match="its amounts are in EUR, not CHF"):
        read(file.read_bytes(), "CHF")


def test_columns_of_what_came_in_and_what_went_out_are_told_apart():
    content = b"date,description,paid out,paid in\n2026-11-21,rent,900.00,\n2026-11-21,GB-1,,9.00\n"

    statement = read(content, "GBP")

    assert [(row.text, row.amount_minor) for row in statement.rows] == [("GB-1", 900)]
    assert (statement.outgoing, statement.errors) == (1, ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"when,how much\n2026-11-21,9\n",
        b"\xff\xfe\x00",
        b"date,amount,text\n" + b"2026-11-21,9,a\n" * (LARGEST_ROWS + 1),
        b"date,amount,text\n2026-11-21,9," + b"a" * 200_000 + b"\n",
    ],
    ids=["nothing", "blank", "strange", "broken", "long", "wide"],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(content):
    with pytest.raises(Invalid, match="statement"):
        read(content, "GBP")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    for file in (content, b"date,amount,text\n" + content, b"\xef\xbb\xbfdate;amount;text\n" + content):
        try:
            statement = read(file, "GBP")
        except Invalid:
            continue
        assert all(row.amount_minor > 0 for row in statement.rows)


@pytest.mark.parametrize(
    "text",
    [
        "GB-100001",
        "order gb100001 thanks",
        "GB 100001.",
        "/REF/GB-100001/20261121",
        "Gb_100001;",
        "xGB-100001",
    ],
)
def test_an_order_number_is_found_anywhere_in_a_text(text):
    assert order_numbers(text, ["gb", "eu"]) == {"GB-100001"}


def test_other_numbers_are_none():
    assert order_numbers("GB29NWBK60161331926819 100001 GB-1000 US-100001", ["gb"]) == set()
    assert order_numbers("EU-100001 and gb 100002", ["gb", "eu"]) == {"EU-100001", "GB-100002"}


@pytest.mark.requirement("V-21")
def test_a_file_that_can_not_be_read_comes_back_no_larger():
    content = b"date,amount,text\n" + b"x,y,\n" * 4000

    statement = read(content, "GBP")

    assert len(statement.errors) == 101
    assert statement.errors[-1] == {
        "row": "102",
        "field": "statement",
        "reason": "from here on, 3900 more can't be read",
    }
