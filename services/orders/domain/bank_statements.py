"""Parse bank statements: CSV as banks export it, row by row, with a reason for each row rejected."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from io import StringIO

from shared.errors import Invalid
from shared.folding import folded
from shared.money import minor_digits
from shared.text import one_line

LARGEST_ROWS = 5000
MOST_ERRORS = 100  # that are named: a file of nothing else would come back many times as large
LARGEST_AMOUNT_MINOR = 10**12
LONGEST_AMOUNT = 40  # characters; Python makes no number of thousands of them
LONGEST_TEXT = 1000

# What banks call their columns, in English, Spanish, German and French; the first that a file has counts.
COLUMNS = {
    "date": (
        *("date", "booking date", "value date", "transaction date"),
        *("fecha", "fecha operación", "fecha valor"),
        *("buchungstag", "buchungsdatum", "buchung", "datum", "valutadatum", "valuta"),
        *("wertstellung", "wertstellungsdatum", "wert"),
        *("date opération", "date valeur"),
    ),
    "amount": ("amount", "importe", "monto", "betrag", "umsatz", "montant"),
    "paid_in": ("credit", "paid in", "abono", "haben", "gutschrift"),
    "paid_out": ("debit", "paid out", "cargo", "soll", "belastung"),
    "text": (
        *("text", "reference", "payment reference", "description", "details"),
        *("concepto", "referencia", "descripción"),
        *("verwendungszweck", "buchungstext"),  # Sparkassen have both, the Commerzbank the second alone
        "libellé",
    ),
    "payer": (
        *("payer", "name", "partner name", "payee", "counterparty", "ordenante", "nombre"),
        *("begünstigter/zahlungspflichtiger", "beguenstigter/zahlungspflichtiger"),
        *("zahlungspflichtige*r", "auftraggeber/empfänger", "begünstigter / auftraggeber"),
        *("auftraggeber", "zahlungspflichtiger", "empfänger"),
    ),
    "currency": ("currency", "divisa", "moneda", "währung", "waehrung", "devise"),
    "id": ("id", "transaction id", "bank reference", "número de operación"),
    "state": ("info", "status"),
}
NEEDED = ("date", "amount", "text")
MOST_BEFORE = 30  # lines above the heading, in which some banks tell of the account
# What stands in the column of the state of what may be booked yet, or not be: Sparkassen, DKB.
_NOT_BOOKED = ("vorgemerkt", "pending", "pendiente")
_SYMBOLS = {"€": "EUR"}

_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})", re.ASCII)
_NAMED_CURRENCY = re.compile(r"\s\(([A-Z]{3}|€)\)")
_ISO = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})", re.ASCII)


class LineState(StrEnum):
    """The state of a bank statement line."""

    NEW = "new"  # not looked at yet
    MATCHED = "matched"  # recorded by itself: order number and amount agreed
    OPEN = "open"  # waits for a person
    ASSIGNED = "assigned"  # recorded by a person
    IGNORED = "ignored"  # no payment of an order


WAITING = (LineState.NEW, LineState.OPEN)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An incoming payment."""

    booked_on: date
    amount_minor: int
    text: str
    payer: str
    bank_id: str


@dataclass(frozen=True, kw_only=True)
class Statement:
    """The contents of a file."""

    rows: tuple[Row, ...]
    outgoing: int  # rows of money that went out, which are passed over
    errors: tuple[dict[str, str], ...]  # row, field, reason


def read(content: bytes, currency: str) -> Statement:
    """Parse a statement; raises Invalid if the file as a whole cannot be read.

    The heading is the first row that names what is needed; above it a bank may tell of the account. The
    separator is a comma, semicolon, tab or bar, whichever makes the heading known; the text UTF-8 or UTF-16
    with a byte order mark, UTF-8 without, or Windows-1252. In dates the day or the year comes first. What a
    bank lists before it has booked it is named and left for the statement that has it booked.
    """
    lines = list(_lines(_decoded(content)))
    at, places = _heading(lines)
    if len(lines) - at > LARGEST_ROWS + 1:
        raise Invalid(statement=f"has more than {LARGEST_ROWS} rows: split it")
    if missing := _missing(places):
        raise Invalid(statement=f"has no heading with a column for {', '.join(missing)}")
    named = _currency_named(lines[at][1])
    if named not in {"", currency}:
        raise Invalid(statement=f"its amounts are in {named}, not {currency}")
    rows, errors, outgoing = [], [], 0
    for number, cells in lines[at + 1 :]:
        values = {name: cells[place].strip() if place < len(cells) else "" for name, place in places.items()}
        values["amount"] = _amount_in(values)
        if not values["amount"] and not any(map(str.isdigit, values["date"])):
            continue  # the balance that some banks end with
        try:
            row = _row(values, currency)
        except Invalid as error:
            errors += [
                {"row": str(number), "field": field, "reason": reason}
                for field, reason in error.fields.items()
            ]
            continue
        if row.amount_minor > 0:
            rows.append(row)
        else:
            outgoing += 1
    if len(errors) > MOST_ERRORS:
        more = f"from here on, {len(errors) - MOST_ERRORS} more can't be read"
        first = errors[MOST_ERRORS]["row"]
        errors = [*errors[:MOST_ERRORS], {"row": first, "field": "statement", "reason": more}]
    return Statement(rows=tuple(rows), outgoing=outgoing, errors=tuple(errors))


def amount_of(text: str, precision: int) -> int:
    """Parse an amount as banks write it, in minor units: 1,234.56 or 1.234,56, with the sign first or last.

    Of one separator alone, as many digits as the currency has behind it make it the decimal one, and three
    make it one of thousands. Raises Invalid for what is no amount or could be two.
    """
    given = text.replace("\u2212", "-").replace("\u00a0", "").replace("\u202f", "")
    given = given.replace(" ", "").replace("'", "").replace("\u2019", "")
    negative = given.startswith(("-", "(")) or given.endswith("-")
    digits = given.strip("()+-")
    if not re.fullmatch(r"[0-9][0-9.,]*", digits) or not digits[-1].isdigit():
        raise Invalid(amount="is not a valid number")
    if len(digits) > LONGEST_AMOUNT:
        raise Invalid(amount="is too large")
    whole, fraction = _parted(digits, precision)
    minor = int(whole + fraction.ljust(precision, "0"))
    if minor > LARGEST_AMOUNT_MINOR:
        raise Invalid(amount="is too large")
    return -minor if negative else minor


def date_of(text: str) -> date:
    """Parse a date, as 2026-11-21 or with the day first; raises Invalid."""
    if found := _ISO.match(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DAY_FIRST.match(text):
        day, month, year = (int(part) for part in found.groups())
        year += 2000 if year < 100 else 0  # noqa: PLR2004 - two digits of this century
    else:
        raise Invalid(date="must be written as 2026-11-21 or 21/11/2026")
    try:
        return date(year, month, day)
    except ValueError:
        raise Invalid(date="does not exist; days come before months") from None


def order_numbers(text: str, markets: list[str]) -> set[str]:
    """The order numbers found anywhere in a text, however they are cased and separated."""
    found = set()
    for market in markets:
        prefix = r"[\W_]{0,3}".join(re.escape(part) for part in market.upper().split("-"))
        for match in re.finditer(rf"{prefix}[\W_]{{0,3}}(\d{{6,12}})(?!\d)", text.upper()):
            found.add(f"{market.upper()}-{match[1]}")
    return found


def _parted(digits: str, precision: int) -> tuple[str, str]:
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return digits, ""
    behind = len(digits) - last - 1
    both = "." in digits and "," in digits
    several = digits.count(digits[last]) > 1
    if (both and several) or (not both and several):
        decimal = False
    elif both:
        decimal = True
    else:
        decimal = behind <= precision
        if behind == 3 and precision == 3:  # noqa: PLR2004 - a group of thousands
            raise Invalid(amount="could be thousands or decimals: write both separators")
    if decimal:
        if behind > precision:
            raise Invalid(amount=f"the currency has {precision} decimals")
        whole, fraction = digits[:last], digits[last + 1 :]
    else:
        whole, fraction = digits, ""
    groups = re.split(r"[.,]", whole)
    if len(groups) > 1 and any(len(group) != 3 for group in groups[1:]):  # noqa: PLR2004
        raise Invalid(amount="is not a valid number")
    return "".join(groups), fraction


def _row(values: dict[str, str], currency: str) -> Row:
    if (other := values.get("currency", "").upper()) and other != currency:
        raise Invalid(currency=f"is {other[:10]}, not {currency}")
    if any(word in folded(values.get("state", "")) for word in _NOT_BOOKED):
        raise Invalid(state="is not booked yet: import the statement in which it is")
    return Row(
        booked_on=date_of(values["date"]),
        amount_minor=amount_of(values["amount"], minor_digits(currency)),
        text=_plain(values["text"]),
        payer=_plain(values.get("payer", "")),
        bank_id=_plain(values.get("id", ""))[:100],
    )


def _plain(text: str) -> str:
    return one_line(text)[:LONGEST_TEXT]


def _decoded(content: bytes) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise Invalid(statement="is not text in the encoding it declares") from None
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid(statement="is not text")


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", MOST_BEFORE)[:MOST_BEFORE]
    separators = sorted(",;\t|", key=lambda one: -max(len(_places(line.split(one))) for line in first))
    reader = csv.reader(StringIO(text, newline=""), delimiter=separators[0])
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise Invalid(statement=f"line {reader.line_num}: {error}") from error


def _heading(lines: list[tuple[int, list[str]]]) -> tuple[int, dict[str, int]]:
    """The line with the column names, and each column's place; the best candidate if none has all of them."""
    found = [(at, _places(cells)) for at, (_, cells) in enumerate(lines[:MOST_BEFORE])]
    whole = next((one for one in found if not _missing(one[1])), None)
    return whole or max(found, key=lambda one: len(one[1]), default=(0, {}))


def _missing(places: Mapping[str, int]) -> list[str]:
    known = {*places, "amount"} if "paid_in" in places else {*places}
    return [name for name in NEEDED if name not in known]


def _places(cells: list[str]) -> dict[str, int]:
    names = [folded(_without_currency(cell)) for cell in cells]
    return {
        column: names.index(known)
        for column, words in COLUMNS.items()
        for known in map(folded, reversed(words))
        if known in names
    }


def _without_currency(heading: str) -> str:
    """A column's name without the currency that some banks add to it: Betrag (€), Amount (EUR)."""
    return _NAMED_CURRENCY.sub("", heading)


def _currency_named(heading: list[str]) -> str:
    found = (_NAMED_CURRENCY.search(cell) for cell in heading)
    named = next((one[1] for one in found if one), "")
    return _SYMBOLS.get(named, named)


def _amount_in(values: Mapping[str, str]) -> str:
    """The amount paid in, if the bank has separate columns for paid in and paid out; otherwise the amount."""
    if paid_in := values.get("paid_in"):
        return paid_in
    if paid_out := values.get("paid_out"):
        return f"-{paid_out.strip('+-')}"
    return values.get("amount", "")
