"""Export everything that matches a list's filters: one statement, so one snapshot, in constant memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
import rustpy_xlsxwriter
from sqlalchemy import (
    ColumnElement,
    Float,
    Numeric,
    Select,
    and_,
    case,
    cast,
    collate,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.orders.models import Market, Order
from services.orders.queries.lists import Filters, matching
from shared.errors import Invalid
from shared.money import USUAL_MINOR_DIGITS, minor_digits

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # without it Excel takes UTF-8 for something else
# A cell that begins with one of these, past blanks and quotes, is run as a formula by spreadsheets that open
# a CSV; the wide and small forms are turned into the plain ones by some.
_FORMULA_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b-"
_BEFORE_A_FORMULA = rf'(?=[\s"]*[{_FORMULA_SIGNS}])'
# A cell begins where a text does, and for who reads the file by another separator also within it.
_CELL_IN_A_TEXT = rf"([,;|\t\r\n]){_BEFORE_A_FORMULA}"
_FORMULA = rf"^([\t\r]|{_BEFORE_A_FORMULA})"
SHEET_ROWS = 1_048_575  # of Excel, below the heading
ROWS_AT_ONCE = 5_000


class Cell(Enum):
    """The kind of value in a column."""

    CODE = "code"  # a machine wrote it: codes and words of ours
    TEXT = "text"  # people typed it, or may have
    INSTANT = "instant"
    AMOUNT = "amount"  # in the currency's own units, not in minor ones: people read these
    COUNT = "count"
    RATE = "rate"  # a number with decimals


@dataclass(frozen=True)
class Table:
    """An export: its columns, and the query for their rows."""

    title: str  # of the sheet
    cells: Mapping[str, Cell]  # by the column's name, in their order
    # Finds the columns of these names; what it is given makes of an amount and its currency what is shown.
    rows: "Callable[[Session, Filters, Sequence[str], Shown], Select[*tuple[Any, ...]]]"


Shown = Callable[[Any, Any], ColumnElement[Any]]

_CODES: dict[str, Any] = {
    "number": Order.number,
    "seller": Order.seller_code,
    "market": Order.market_code,
    "channel": Order.channel,
    "status": Order.status,
    "fulfilment": Order.fulfilment,
    "payment_method": Order.payment_method,
    "payment_state": Order.payment_state,
    "currency": Order.currency,
    "locale": Order.locale,
}
_INSTANTS: dict[str, Any] = {
    "placed_at_utc": Order.placed_at,
    "accepted_at_utc": Order.accepted_at,
    "cancelled_at_utc": Order.cancelled_at,
    "completed_at_utc": Order.completed_at,
}
_AMOUNTS: dict[str, Any] = {
    "lines": Order.lines_minor,
    "fees": Order.fees_minor,
    "shipping": Order.shipping_minor,
    "discounts": Order.discounts_minor,
    "tax_added": Order.tax_added_minor,
    "total": Order.total_minor,
    "cancelled": Order.cancelled_minor,
    "received": Order.received_minor,
    "refunded": Order.refunded_minor,
}
_TEXTS: dict[str, Any] = {
    "external_reference": Order.external_reference,
    "customer_name": Order.customer_name,
    "customer_email": Order.customer_email,
    "customer_phone": Order.customer_phone,
    "customer_company": Order.customer_company,
    "customer_vat_number": Order.customer_vat_number,
    **{
        f"billing_{part}": type_coerce(Order.billing_address, JSONB)[part].astext
        for part in ("name", "company", "line1", "line2", "postcode", "city", "region", "country")
    },
    "tags": case(
        (type_coerce(Order.tags, JSONB) == literal_column("'[]'"), ""),
        else_=func.array_to_string(
            func.array(select(func.jsonb_array_elements_text(Order.tags)).scalar_subquery()), " "
        ),
    ),
}


def _orders(
    session: Session, filters: Filters, names: Sequence[str], shown: Shown
) -> Select[*tuple[Any, ...]]:
    columns = {
        **_CODES,
        **{name: instant(value) for name, value in _INSTANTS.items()},
        **{name: shown(value, Order.currency) for name, value in _AMOUNTS.items()},
        **_TEXTS,
    }
    return matching(session, [columns[name].label(name) for name in names], filters)


ORDERS = Table(
    "Orders",
    {
        **dict.fromkeys(_CODES, Cell.CODE),
        **dict.fromkeys(_INSTANTS, Cell.INSTANT),
        **dict.fromkeys(_AMOUNTS, Cell.AMOUNT),
        **dict.fromkeys(_TEXTS, Cell.TEXT),
    },
    _orders,
)


def write_csv(
    session: Session, filters: Filters, path: Path, table: Table = ORDERS, names: Sequence[str] = ()
) -> None:
    """Write UTF-8 CSV with a byte order mark; amounts in whole units, instants in UTC; default: all columns.

    Every text is quoted. What a spreadsheet would run as a formula, by whichever separator it takes the file
    apart, gets an apostrophe before it, which makes it one no more.
    """
    names = names or [*table.cells]

    def shown(value: Any, currency: Any) -> ColumnElement[Any]:
        # Most of an order's amounts are nothing, which need not be worked out a million times.
        units = _by_currency(session, currency, "1e-{}".format)
        nothing = _by_currency(session, currency, lambda digits: f"{0:.{digits}f}")
        return case((value == 0, nothing), else_=cast(value, Numeric) * units)

    # The offsets keep the parts apart: each text is taken out of its row once, though it is looked at often,
    # and one look at all of a row's texts together tells whether any needs a closer one.
    found = table.rows(session, filters, names, shown).offset(literal_column("0")).subquery()
    texts = [name for name in names if table.cells[name] is Cell.TEXT]
    together = func.concat_ws(" ", "", *(found.c[name] for name in texts))
    doubtful = together.regexp_match(_CELL_IN_A_TEXT).label("doubtful")
    seen = select(*found.c, doubtful).offset(literal_column("0")).subquery()
    wanted = select(
        *(_harmless(seen.c[name], seen.c.doubtful) if name in texts else seen.c[name] for name in names)
    )
    connection, statement, parameters = _prepared(session, wanted)
    quoted = ", ".join(name for name in names if table.cells[name] in {Cell.CODE, Cell.TEXT})
    options = f"format csv, header, force_quote ({quoted})" if quoted else "format csv, header"
    copied = f"copy ({statement}) to stdout ({options})"
    with path.open("wb") as file, connection.cursor().copy(copied, parameters) as rows:
        file.write(BYTE_ORDER_MARK)
        file.writelines(rows)


def write_xlsx(
    session: Session, filters: Filters, path: Path, table: Table = ORDERS, names: Sequence[str] = ()
) -> None:
    """Write one sheet: texts as text cells, whatever they look like; amounts as numbers, instants as dates.

    Raises Invalid for more rows than a sheet of Excel holds.
    """
    wanted = sheet(session, filters, table, names).limit(SHEET_ROWS + 1)
    rows = _rows(session, wanted)
    # The heading comes with the first row, so where there is none an empty one stands for it.
    first = next(rows, dict.fromkeys(wanted.selected_columns.keys()))
    rustpy_xlsxwriter.write_worksheet(
        chain([first], rows),
        str(path),
        sheet_name=table.title,
        bold_headers=True,
        freeze_row=1,
        float_format="0.00##",
    )


def sheet(
    session: Session, filters: Filters, table: Table = ORDERS, names: Sequence[str] = ()
) -> Select[*tuple[Any, ...]]:
    """The query for a sheet: each value with the type of its cell."""
    names = names or [*table.cells]

    def shown(value: Any, currency: Any) -> ColumnElement[Any]:
        return cast(cast(value, Numeric) * _by_currency(session, currency, "1e-{}".format), Float)

    found = table.rows(session, filters, names, shown).offset(literal_column("0")).subquery()
    return select(*(_as_cell(found.c[name], table.cells[name]).label(name) for name in names))


def _as_cell(value: Any, cell: Cell) -> Any:
    if cell is Cell.TEXT:
        return func.coalesce(value, "")
    return cast(value, Float) if cell is Cell.RATE else value


def _rows(session: Session, wanted: Select[*tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    connection, statement, parameters = _prepared(session, wanted)
    names = wanted.selected_columns.keys()
    with connection.cursor("orders_export") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement, parameters)
        for place, row in enumerate(cursor):
            if place == SHEET_ROWS:
                raise Invalid(filters=f"match more than the {SHEET_ROWS} rows of a sheet: export CSV")
            yield dict(zip(names, row, strict=True))
    # Packing the file takes longer than the database waits for who holds a transaction and says nothing.
    session.rollback()


def _prepared(
    session: Session, wanted: Select[*tuple[Any, ...]]
) -> tuple[psycopg.Connection[Any], Any, dict[str, Any]]:
    """A statement for the driver itself, bypassing the ORM's conversion of rows."""
    connection = session.connection()
    compiled = wanted.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    driver: Any = connection.connection.driver_connection
    return driver, str(compiled), compiled.params


def _by_currency(session: Session, currency: Any, unit: Callable[[int], str]) -> ColumnElement[Any]:
    """A factor for each order's currency, from the number of its minor digits."""
    currencies = session.scalars(select(Market.currency).distinct())
    precisions = {code: minor_digits(code) for code in currencies}
    common: ColumnElement[Any] = literal_column(unit(USUAL_MINOR_DIGITS))
    others: list[Any] = [
        (currency == code, literal_column(unit(digits)))
        for code, digits in precisions.items()
        if digits != USUAL_MINOR_DIGITS
    ]
    return case(*others, else_=common) if others else common


def instant(value: Any) -> ColumnElement[Any]:
    """An instant in UTC, to the second."""
    return func.date_trunc("second", func.timezone("UTC", value))


def _harmless(value: Any, doubtful: ColumnElement[bool]) -> Any:
    # Signs, blanks and quotes come before digits and between them and letters, wide signs behind all letters:
    # most texts need no second look.
    plain = collate(value, "C")
    odd = or_(
        and_(plain >= "\t", plain < "0"), and_(plain >= ":", plain < "A"), plain >= "\N{SMALL PLUS SIGN}"
    )
    before = case((value.regexp_match(_FORMULA), "'"), else_="")
    escaped = before + func.regexp_replace(value, _CELL_IN_A_TEXT, r"\1'", "g")
    return case((or_(doubtful, odd), escaped), else_=value).label(value.key)
