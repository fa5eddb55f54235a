"""Orders as files with a row a line: what each line is, costs, went in and was billed by."""

import csv
import io
import re
import threading
from dataclasses import replace

import openpyxl
import psutil
import pytest
from sqlalchemy import text, update

from services.orders.commands import placing
from services.orders.commands.orders import accept_order
from services.orders.models import DeliveryGroup, Market, Order, OrderLine
from services.orders.queries import exports
from services.orders.queries.exported_lines import LINES
from shared.db import new_id
from shared.events.snapshots import DocumentsSnapshot, Paper, Parcel, People, ShipmentLine, ShipmentsSnapshot
from shared.messaging import copies
from tests.unit.orders.sample_shop import HOME, order_wanted, shipment_of, stored
from tests.unit.orders.test_exports import FORMULAS, HIDDEN

MIB = 2**20
TWO = [("TEA-250", 2), ("MUG-1", 1)]
PICKUP = {"method": "pickup", "shipping_minor": 0, "pickup_point": "WEST"}


@pytest.fixture
def export(client, bearer):
    """The rows of an export by column."""

    def export(ending, claims=None, **query):
        path = f"/v1/orders/export-lines.{ending}"
        answer = client.get(path, query_string=query, headers=bearer(**claims or {}), buffered=True)
        assert answer.status_code == 200, answer.json
        assert re.search(rf'filename="order-lines-[\d-]+\.{ending}"', answer.headers["Content-Disposition"])
        if ending == "csv":
            return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
        names, *rows = openpyxl.load_workbook(io.BytesIO(answer.data))["Lines"].iter_rows()
        found = ({name.value: cell.value for name, cell in zip(names, row, strict=True)} for row in rows)
        return [row for row in found if any(row.values())]

    return export


@pytest.fixture
def hear_papers(session):
    """Hear from documents of numbered papers: kind, number and what of the order each is about."""

    def hear(order, *papers):
        told = DocumentsSnapshot(
            order_id=order.id,
            number=order.number,
            version=1,
            currency="GBP",
            papers=tuple(
                Paper(document_id=new_id(), kind=kind, status="stored", number=number, part=part)
                for kind, number, part in papers
            ),
        )
        copies.keep_newest(session, told)

    return hear


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_each_line_is_a_row_with_all_there_is_to_say_of_it(session, place_order, export, ending):
    order = place_order(
        lines=[("TEA-250", 3, 333), ("BOOK-1", 1)],
        discounts=[{"name": "Ten", "amount_minor": 100}],
        external_reference="WEB-1",
    )

    first, second = export(ending)

    assert list(first) == list(LINES.cells)
    line = order.lines[0]
    said = {name: str(value) for name, value in first.items()}
    assert (said["number"], said["seller"], said["market"]) == (order.number, "quay", "gb")
    assert (said["external_reference"], said["customer_name"]) == ("WEB-1", "Ada Okafor")
    assert (said["sku"], said["product"]) == ("TEA-250", "Tea-250")
    assert (float(first["line"]), float(first["quantity"])) == (1, 3)
    prices = [float(first[name]) for name in ("unit_price", "discount", "order_discount", "total", "vat")]
    assert prices == [
        amount / 100 for amount in (333, 0, line.order_discount_minor, line.total_minor, line.tax_minor)
    ]
    assert [float(row["vat_rate_percent"]) for row in (first, second)] == [20, 0]
    assert (said["delivery_method"], said["delivery_line1"], said["delivery_postcode"]) == (
        "Delivery",
        HOME.line1,
        HOME.postcode,
    )
    assert (second["sku"], float(second["line"])) == ("BOOK-1", 2)
    if ending == "csv":
        assert (first["unit_price"], first["vat_rate_percent"], first["order_discount"]) == (
            "3.33",
            "20.00",
            f"{line.order_discount_minor / 100:.2f}",
        )


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_line_names_the_parcels_it_went_in_and_the_papers_it_was_billed_by(
    session, place_order, hear_shipments, hear_papers, export, ending
):
    order = place_order(lines=TWO, method="cash_on_delivery")
    accept_order(session, order.id)
    tea, mug = order.lines
    others = place_order(lines=[("TEA-250", 1)], method="cash_on_delivery")
    hear_shipments(others, "shipped", tracking_number="OTHER")
    hear_papers(others, ("invoice", "INV-OTHER", "order"))
    hear_shipments(order, "shipped")
    heard = copies.newest(session, order.id, ShipmentsSnapshot)
    [whole] = heard.shipments

    def carried(line):
        return ShipmentLine(line_id=line.id, sku=line.sku, quantity=1, units=1)

    def box(number, *lines):
        carried_lines = tuple(map(carried, lines))
        return Parcel(
            parcel_id=new_id(), carrier="w", tracking_number=number, tracking_url="", lines=carried_lines
        )

    sent = replace(whole, shipment_id=new_id(), parcels=(box("T1", tea), box("B2", tea, mug), box("")))
    more = replace(whole, shipment_id=new_id(), lines=(carried(tea),), parcels=(box("T3"),))
    off = replace(more, shipment_id=new_id(), status="cancelled", parcels=(box("X4"),))
    copies.keep_newest(session, replace(heard, version=99, shipments=(sent, more, off)))
    hear_papers(
        order,
        ("invoice", "INV-ALL", "order"),
        ("invoice", "INV-METHOD", "method:delivery"),
        ("invoice", "INV-ELSEWHERE", "method:pickup"),
        ("invoice", "INV-TEA", str(more.shipment_id)),
        ("invoice", "", "order"),
        ("credit_note", "CN-1", str(sent.shipment_id)),
        ("delivery_note", "DN-1", "order"),
    )

    rows = export(ending, columns=["sku", "tracking_numbers", "invoice_numbers", "credit_note_numbers"])

    assert [[value or "" for value in row.values()] for row in rows] == [
        ["TEA-250", "OTHER", "INV-OTHER", ""],
        ["TEA-250", "T1 B2 T3", "INV-ALL INV-METHOD INV-TEA", "CN-1"],
        ["MUG-1", "B2", "INV-ALL INV-METHOD", "CN-1"],
    ]


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_nobody_has_told_of_yet_is_empty(place_order, export, ending):
    place_order()

    [row] = export(ending, columns=["tracking_numbers", "invoice_numbers", "pickup_point", "sku"])

    assert [value or "" for value in row.values()] == ["", "", "", "TEA-250"]


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("columns", [["quantity", "number", "sku"], ["number"], ["total"]], ids=str)
def test_columns_are_chosen_and_stand_as_they_were_named(place_order, export, ending, columns):
    order = place_order(lines=TWO)

    rows = export(ending, columns=columns)

    whole = {"quantity": [2, 1], "number": [order.number] * 2, "sku": ["TEA-250", "MUG-1"], "total": [9, 5]}
    assert [list(row) for row in rows] == [columns] * 2
    for name in columns:
        shown = [row[name] if isinstance(whole[name][0], str) else float(row[name]) for row in rows]
        assert shown == [line.total_minor / 100 for line in order.lines] if name == "total" else whole[name]


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (["colour"], "is not a column of this export"),
        (["sku", "sku"], "each column once"),
        ([""], "not a column"),
    ],
)
def test_a_column_that_there_is_not_is_refused(client, bearer, columns, why):
    for ending in ("csv", "xlsx"):
        path = f"/v1/orders/export-lines.{ending}"
        refused = client.get(path, query_string={"columns": columns}, headers=bearer())

        assert refused.status_code == 422
        assert why in str(refused.json["errors"])


@pytest.mark.requirement("M-36", "S0-02")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_rows_are_those_of_the_filter_and_of_who_asks(session, place_order, export, ending):
    older = place_order(lines=TWO, method="cash_on_delivery")
    newer = place_order(lines=[("TEA-250", 1)], method="cash_on_delivery")
    other = place_order(seller="dock", lines=[("TEA-250", 4)])
    accept_order(session, older.id)

    everything = export(ending, columns=["number", "sku"])
    assert [tuple(row.values()) for row in everything] == [
        (other.number, "TEA-250"),
        (newer.number, "TEA-250"),
        (older.number, "TEA-250"),
        (older.number, "MUG-1"),
    ]
    for filters in ({"status": "accepted"}, {"sku": "MUG-1"}, {"search": "mug-1"}, {"number": older.number}):
        assert [row["number"] for row in export(ending, columns=["number"], **filters)] == [older.number] * 2
    own = export(ending, {"sellers": ["dock"], "markets": ["*"]}, columns=["number"])
    assert [row["number"] for row in own] == [other.number]


@pytest.mark.requirement("M-36", "V-13")
@pytest.mark.parametrize("typed", [*FORMULAS, *HIDDEN])
def test_no_text_of_a_line_becomes_a_formula(session, place_order, client, bearer, export, typed):
    order = place_order()
    session.execute(update(OrderLine).where(OrderLine.order_id == order.id).values(name=typed))
    address = replace(HOME, company=typed)
    session.execute(update(DeliveryGroup).where(DeliveryGroup.order_id == order.id).values(address=address))
    columns = ["product", "delivery_company", "quantity"]

    path = "/v1/orders/export-lines.csv"
    answer = client.get(path, query_string={"columns": columns}, headers=bearer(), buffered=True)

    _, cells = answer.data.decode("utf-8-sig").split("\n", 1)
    begun = [cell.lstrip(' "') for cell in re.split(r"[,;|\t\r\n]", cells)]
    assert [cell for cell in begun if re.match("[=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62-]", cell)] == []
    answer.close()
    sheet = client.get(
        path.replace("csv", "xlsx"), query_string={"columns": columns}, headers=bearer(), buffered=True
    )
    [_, row] = openpyxl.load_workbook(io.BytesIO(sheet.data))["Lines"].iter_rows()
    assert {cell.data_type for cell in row[:2]} <= {"s", "inlineStr"}


@pytest.mark.requirement("M-36", "M-03")
@pytest.mark.parametrize(("currency", "price"), [("JPY", "450"), ("GBP", "4.50"), ("IQD", "0.450")])
def test_prices_have_as_many_digits_as_their_currency(session, place_order, export, currency, price):
    order = place_order()
    session.execute(update(Order).where(Order.id == order.id).values(currency=currency))
    session.execute(update(Market).where(Market.code == "gb").values(currency=currency))

    assert [row["unit_price"] for row in export("csv", columns=["unit_price"])] == [price]
    assert [row["unit_price"] for row in export("xlsx", columns=["unit_price"])] == [float(price)]


@pytest.mark.requirement("M-36")
def test_more_lines_than_a_sheet_holds_are_refused(client, bearer, place_order, monkeypatch):
    monkeypatch.setattr(exports, "SHEET_ROWS", 2)
    place_order(lines=TWO)
    assert client.get("/v1/orders/export-lines.xlsx", headers=bearer(), buffered=True).status_code == 200
    place_order()

    refused = client.get("/v1/orders/export-lines.xlsx", headers=bearer())

    assert refused.status_code == 422
    assert "CSV" in refused.json["errors"][0]["reason"]


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("write", [exports.write_csv, exports.write_xlsx], ids=["csv", "xlsx"])
def test_six_times_as_many_rows_take_no_more_memory(sessions, tmp_path, write):
    with sessions.begin() as session:
        order = stored(session, placing.place_order(session, **order_wanted()).id)
        shipments = (shipment_of(order, "shipped"),)
        told = ShipmentsSnapshot(
            order_id=order.id, number=order.number, version=1, people=People(), shipments=shipments
        )
        copies.keep_newest(session, told)

    def growth(name, more):
        with sessions.begin() as session:
            _multiply(session, order, more)
        with sessions() as session:
            return _growth(lambda: write(session, {}, tmp_path / name, LINES))

    growth("first", 2 * exports.ROWS_AT_ONCE)  # with what is loaded once
    few, many = growth("few", 0), growth("many", 10 * exports.ROWS_AT_ONCE)

    assert (tmp_path / "many").stat().st_size > 5 * (tmp_path / "few").stat().st_size
    assert many < few + 8 * MIB


def _multiply(session, order, count):
    """So many more lines like the order's first."""
    changed = {"id": "gen_random_uuid()", "position": "position + n"}
    columns = [column.name for column in OrderLine.__table__.columns]
    session.execute(
        text(
            f"insert into order_lines ({', '.join(columns)}) "
            f"select {', '.join(changed.get(name, name) for name in columns)} "
            "from order_lines, generate_series(1, :count) as n where id = :line"
        ),
        {"count": count, "line": order.lines[0].id},
    )


def _growth(work):
    """By how much the process grew at most while it worked, in bytes."""
    process, done = psutil.Process(), threading.Event()
    begun = process.memory_info().rss
    seen = [begun]

    def watch():
        while not done.wait(0.005):
            seen.append(process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        work()
    finally:
        done.set()
        watching.join()
    return max(seen) - begun
