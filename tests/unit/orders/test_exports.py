"""Exports: what the list shows, whole, as files that spreadsheets read rightly and safely."""

import csv
import io
import re
from datetime import UTC, datetime

import openpyxl
import pytest
from sqlalchemy import update

from services.orders.commands import placing
from services.orders.commands.changes import change
from services.orders.commands.orders import accept_order
from services.orders.models import Market, Order
from services.orders.queries import exports
from tests.unit.orders.sample_shop import HOME, order_wanted

FORMULAS = [
    *("=1+1", "+44 1482 000000", "-1", "@SUM(A1)", "\tA", "\rA", " =1", '"=1'),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\ufe66 1", "\ufe621"),
]
HIDDEN = ["x;=cmd|'/C calc'!A0", "x,\uff1d1", "x|-1", "x\t@A1", "x\r\n+1", 'x; "=1', "x;;\n =1", "=1;=2"]


@pytest.fixture
def export(client, bearer):
    """The rows of an export by column."""

    def export(ending, claims=None, **filters):
        answer = client.get(
            f"/v1/orders/export.{ending}", query_string=filters, headers=bearer(**claims or {}), buffered=True
        )
        assert answer.status_code == 200, answer.json
        assert answer.content_length == len(answer.data)
        return _csv(answer.data) if ending == "csv" else _xlsx(answer.data)

    return export


def _csv(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def _xlsx(data):
    names, *rows = openpyxl.load_workbook(io.BytesIO(data))["Orders"].iter_rows()
    return [
        {name.value: cell for name, cell in zip(names, row, strict=True)}
        for row in rows
        if any(cell.value for cell in row)
    ]


def values(rows, name):
    return [getattr(row[name], "value", row[name]) for row in rows]


@pytest.mark.requirement("S0-03", "S1-11")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_one_call_downloads_all_orders_of_a_seller(place_order, export, ending):
    orders = [place_order(), place_order(market="eu")]
    place_order(seller="dock")

    rows = export(ending, {"sellers": ["quay"], "markets": ["*"]})

    assert values(rows, "number") == [order.number for order in reversed(orders)]
    assert values(rows, "customer_email") == ["ada@example.com"] * 2
    assert values(rows, "billing_city") == ["Hull"] * 2


@pytest.mark.requirement("S0-02")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "claims",
    [
        {"sellers": ["dock"], "markets": ["*"]},
        {"sellers": ["*"], "markets": ["eu"]},
        {"sellers": [], "markets": ["*"]},
    ],
    ids=str,
)
def test_another_sellers_orders_are_in_no_export(place_order, export, ending, claims):
    place_order()

    assert export(ending, claims) == export(ending, claims, seller="quay", name="ada") == []


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "filters",
    [
        {"status": "accepted"},
        {"status": ["accepted", "completed"], "market": ["gb", "eu"]},
        {"sku": "MUG-1", "name": "%ada", "period": "today"},
        {"search": "mug-1"},
        {"min_total_minor": 1000, "payment_method": "cash_on_delivery", "channel": "other"},
        {"placed_from": "2020-01-01", "email": "ada@example.com", "status": "accepted"},
    ],
    ids=str,
)
def test_the_filters_of_the_list_hold_in_an_export(session, place_order, export, ending, filters):
    wanted = place_order(lines=[("MUG-1", 1)], method="cash_on_delivery")
    accept_order(session, wanted.id)
    place_order(lines=[("TEA-250", 1)])

    assert values(export(ending, **filters), "number") == [wanted.number]


@pytest.mark.requirement("P-37")
def test_list_detail_and_exports_show_the_same_totals(client, bearer, place_order, export):
    place_order(lines=[("TEA-250", 3, 333), ("BOOK-1", 1)])
    place_order(lines=[("TEA-250", 3, 333), ("BOOK-1", 1)], market="eu")

    listed = client.get("/v1/orders", headers=bearer()).json["items"]
    details = [client.get(f"/v1/orders/{row['order_id']}", headers=bearer()).json for row in listed]

    minor = [row["total_minor"] for row in listed]
    assert minor == [detail["totals"]["total_minor"] for detail in details]
    assert minor == [round(float(total) * 100) for total in values(export("csv"), "total")]
    assert minor == [round(total * 100) for total in values(export("xlsx"), "total")]
    assert values(export("csv"), "total")[1] == f"{minor[1] // 100}.{minor[1] % 100:02}"


@pytest.mark.requirement("P-37")
@pytest.mark.requirement("M-03")
@pytest.mark.parametrize(
    ("currency", "total", "nothing"),
    [("JPY", "1234", "0"), ("RSD", "12.34", "0.00"), ("IQD", "1.234", "0.000")],
)
def test_amounts_have_as_many_digits_as_their_currency(
    session, place_order, export, currency, total, nothing
):
    order = place_order(lines=[("TEA-250", 1, 1234)])
    session.execute(update(Order).where(Order.id == order.id).values(currency=currency))
    session.execute(update(Market).where(Market.code == "gb").values(currency=currency))

    assert values(export("csv"), "total") == [total]
    assert values(export("csv"), "fees") == [nothing]
    assert values(export("xlsx"), "total") == [float(total)]


@pytest.mark.requirement("F-30")
def test_a_csv_begins_with_a_byte_order_mark_and_keeps_accents(client, bearer, place_order):
    place_order(customer={"name": "Íñigo Ångström 李", "email": "i@example.com"})

    answer = client.get("/v1/orders/export.csv", headers=bearer(), buffered=True)

    assert answer.data.startswith(b"\xef\xbb\xbfnumber,")
    assert _csv(answer.data)[0]["customer_name"] == "Íñigo Ångström 李"
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="orders-20')


@pytest.mark.requirement("F-30")
@pytest.mark.parametrize("formula", FORMULAS)
def test_no_text_becomes_a_formula(session, place_order, export, formula):
    order = place_order(external_reference="=2+2")
    order.customer_name = order.customer_company = formula
    session.flush()

    [row] = export("csv")
    [cells] = export("xlsx")

    assert row["customer_name"] == row["customer_company"] == f"'{formula}"
    assert row["external_reference"] == "'=2+2"
    assert {cells[name].data_type for name in ("customer_name", "external_reference")} <= {"s", "inlineStr"}
    assert cells["external_reference"].value == "=2+2"


@pytest.mark.requirement("V-13")
@pytest.mark.parametrize("text", [*FORMULAS, *HIDDEN])
def test_no_text_becomes_a_formula_by_whichever_separator_the_file_is_taken_apart(
    session, place_order, client, bearer, text
):
    order = place_order(external_reference=text)
    order.customer_name = order.customer_company = text
    session.flush()

    answer = client.get("/v1/orders/export.csv", headers=bearer(), buffered=True)

    heading, cells = answer.data.decode("utf-8-sig").split("\n", 1)
    begun = [cell.lstrip(' "') for cell in re.split(r"[,;|\t\r\n]", cells)]
    assert [cell for cell in begun if re.match("[=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62-]", cell)] == []
    [row] = csv.reader([f"{cells}"], strict=True) if "\n" not in text and "\r" not in text else [None]
    if row:
        assert row[heading.split(",").index("customer_name")].replace("'", "") == text.replace("'", "")


@pytest.mark.requirement("V-13")
def test_every_text_is_quoted(place_order, client, bearer):
    place_order()

    answer = client.get("/v1/orders/export.csv", headers=bearer(), buffered=True)

    heading, cells = answer.data.decode("utf-8-sig").strip().split("\n")
    amount_or_instant = re.compile(r"-?[\d.]+|\d{4}-[\d :-]+|")
    assert heading.startswith("number,")
    assert [
        cell
        for cell in re.sub(r'"[^"]*"', "quoted", cells).split(",")
        if cell != "quoted" and not amount_or_instant.fullmatch(cell)
    ] == []


@pytest.mark.requirement("V-13")
@pytest.mark.parametrize("text", [*FORMULAS, *HIDDEN])
def test_a_cell_of_a_sheet_is_text_whatever_it_looks_like(session, place_order, export, text):
    order = place_order()
    order.customer_name = text
    session.flush()

    [cells] = export("xlsx")

    assert cells["customer_name"].data_type in {"s", "inlineStr"}


@pytest.mark.requirement("F-30")
def test_leading_zeros_stay_and_cells_have_their_types(session, place_order, export):
    customer = {"name": "Ada", "email": "a@b.example", "phone": "0044 1"}
    place_order(external_reference="000123", customer=customer)
    accepted = place_order(external_reference="1e5", method="cash_on_delivery")
    accept_order(session, accepted.id)

    first, second = reversed(export("xlsx"))

    assert (first["external_reference"].value, first["customer_phone"].value) == ("000123", "0044 1")
    assert second["external_reference"].value == "1e5"
    assert (first["total"].value, first["total"].data_type) == (9.0, "n")
    assert isinstance(first["placed_at_utc"].value, datetime)
    assert first["accepted_at_utc"].value is None
    assert second["accepted_at_utc"].is_date
    assert values(export("csv"), "external_reference") == ["1e5", "000123"]


def test_quotes_commas_and_line_ends_come_back_as_they_were(session, place_order, export):
    order = place_order()
    order.customer_name = 'A "B", C\r\n; D'
    session.flush()

    assert values(export("csv"), "customer_name") == ['A "B", C\r\n; D']


def test_instants_are_whole_seconds_of_utc(session, place_order, export):
    order = place_order()
    instant = datetime(2026, 6, 9, 23, 59, 59, 900_000, UTC)
    session.execute(update(Order).where(Order.id == order.id).values(placed_at=instant))

    assert values(export("csv"), "placed_at_utc") == ["2026-06-09 23:59:59"]
    assert values(export("xlsx"), "placed_at_utc") == [datetime(2026, 6, 9, 23, 59, 59)]  # noqa: DTZ001 - cells have no zone


def test_tags_are_one_cell(session, place_order, export):
    order = place_order()
    with change(session, order, "tag"):
        order.tags = ["gift", "vip"]

    assert values(export("csv"), "tags") == values(export("xlsx"), "tags") == ["gift vip"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_export_of_nothing_has_its_heading(client, bearer, ending):
    answer = client.get(f"/v1/orders/export.{ending}", headers=bearer(), buffered=True)

    assert answer.status_code == 200
    if ending == "csv":
        heading = answer.data.decode("utf-8-sig").rstrip().split(",")
    else:
        [heading, *_] = openpyxl.load_workbook(io.BytesIO(answer.data))["Orders"].iter_rows(values_only=True)
    assert (heading[0], heading[-1]) == ("number", "tags")


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_bad_filters_and_missing_scopes_are_refused(client, bearer, ending):
    path = f"/v1/orders/export.{ending}"

    assert client.get(path, query_string={"status": "lost"}, headers=bearer()).status_code == 422
    assert client.get(path, headers=bearer(scopes=("stock:write",))).status_code == 403


def test_more_orders_than_a_sheet_holds_are_refused_and_leave_no_file(
    client, bearer, place_order, monkeypatch, tmp_path
):
    monkeypatch.setattr(exports, "SHEET_ROWS", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place_order()
    assert client.get("/v1/orders/export.xlsx", headers=bearer(), buffered=True).status_code == 200
    place_order()

    answer = client.get("/v1/orders/export.xlsx", headers=bearer())

    assert answer.status_code == 422
    assert "CSV" in answer.json["errors"][0]["reason"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("F-29")
def test_no_transaction_waits_while_a_sheet_is_packed(sessions):
    with sessions.begin() as session:
        placing.place_order(session, **order_wanted())

    with sessions() as session:
        rows = exports._rows(session, exports.sheet(session, {}))
        assert len(list(rows)) == 1
        assert not session.in_transaction()


@pytest.mark.requirement("F-29")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_finished_or_broken_off_download_leaves_no_file(
    client, bearer, place_order, ending, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place_order(delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": HOME}])

    answer = client.get(f"/v1/orders/export.{ending}", headers=bearer(), buffered=False)

    assert list(tmp_path.iterdir()) == []  # unlinked already: the system has it back when it is closed
    assert len(answer.data) > 100
    answer.close()


@pytest.mark.requirement("V-21")
def test_nobody_has_two_exports_made_at_a_time(client, bearer, place_order):
    place_order()
    first = client.get("/v1/orders/export.csv", headers=bearer(), buffered=False)

    refused = client.get("/v1/orders/export.xlsx", headers=bearer())
    assert (refused.status_code, refused.json["reason"]) == (429, "too_many_requests")
    first.close()

    assert client.get("/v1/orders/export.xlsx", headers=bearer(), buffered=True).status_code == 200
