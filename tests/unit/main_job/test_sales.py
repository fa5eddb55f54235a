"""The real data, row by row: all of it is accounted for."""

import csv
import gzip
import io
from collections import Counter
from decimal import Decimal

import pytest

from deploy.main_job.sales import DATA, MARKETS, RowClass, read

ALL = read()
HEAD = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)


def row(**changes):
    known = {
        "InvoiceNo": "536365",
        "StockCode": "85123A",
        "Description": "WHITE HANGING HEART T-LIGHT HOLDER",
        "Quantity": "6",
        "InvoiceDate": "2010-12-01 08:26:00",
        "UnitPrice": "2.55",
        "CustomerID": "17850.0",
        "Country": "United Kingdom",
    }
    return known | changes


@pytest.fixture
def read_rows(tmp_path):
    def read_these(*rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, HEAD)
        writer.writeheader()
        writer.writerows(rows)
        file = tmp_path / "sales.csv.gz"
        file.write_bytes(gzip.compress(text.getvalue().encode()))
        return read(file)

    return read_these


def test_every_row_of_the_data_is_in_exactly_one_class():
    assert ALL.rows == {
        RowClass.GOODS: 28_641,
        RowClass.CANCELLATION: 620,
        RowClass.OTHER_COUNTRY: 603,
        RowClass.POSTAGE: 43,
        RowClass.OTHER_CODE: 29,
        RowClass.POSTAGE_ALONE: 27,
        RowClass.ZERO_PRICE: 24,
        RowClass.NEGATIVE_QUANTITY: 13,
    }
    assert ALL.rows.total() == ALL.rows_read == 30_000


def test_no_penny_of_what_is_loaded_is_lost():
    loaded = Decimal(0)
    invoices_with_goods = {sale.reference for sale in ALL.sales}
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as text:
        for line in csv.DictReader(text):
            goods_or_postage = line["StockCode"][:5].isdigit() or line["StockCode"].startswith(
                ("DCGS", "POST", "DOT")
            )
            if (
                line["InvoiceNo"] in invoices_with_goods
                and goods_or_postage
                and int(line["Quantity"]) > 0
                and line["Country"] in MARKETS
            ):
                loaded += int(line["Quantity"]) * Decimal(line["UnitPrice"])

    assert sum(sale.total_minor for sale in ALL.sales) == loaded * 100


@pytest.mark.parametrize(
    ("changes", "row_class"),
    [
        ({}, RowClass.GOODS),
        ({"StockCode": "DCGS0004"}, RowClass.GOODS),
        ({"StockCode": "POST"}, RowClass.POSTAGE_ALONE),
        ({"StockCode": "M"}, RowClass.OTHER_CODE),
        ({"StockCode": "BANK CHARGES"}, RowClass.OTHER_CODE),
        ({"UnitPrice": "0.0"}, RowClass.ZERO_PRICE),
        ({"Quantity": "-2"}, RowClass.NEGATIVE_QUANTITY),
        ({"InvoiceNo": "C536365", "Quantity": "-2"}, RowClass.CANCELLATION),
        ({"Country": "Japan"}, RowClass.OTHER_COUNTRY),
        ({"Country": "Japan", "UnitPrice": "0.0"}, RowClass.ZERO_PRICE),
    ],
)
def test_a_row_is_in_the_first_class_that_fits(changes, row_class, read_rows):
    assert read_rows(row(**changes)).rows == Counter({row_class: 1})


def test_postage_becomes_the_shipping_fee_of_its_invoice(read_rows):
    [sale] = read_rows(row(), row(StockCode="POST", Quantity="2", UnitPrice="18.0")).sales

    assert sale.shipping_minor == 3600
    assert [line.sku for line in sale.lines] == ["85123A"]
    assert sale.total_minor == 6 * 255 + 3600


def test_a_row_without_a_customer_is_a_guest_order(read_rows):
    assert [sale.customer for sale in read_rows(row(CustomerID="")).sales] == [None]
    assert [sale.customer for sale in read_rows(row()).sales] == ["17850"]


def test_countries_have_their_markets():
    assert {sale.market for sale in ALL.sales if sale.country == "United Kingdom"} == {"gb"}
    assert {sale.market for sale in ALL.sales if sale.country != "United Kingdom"} == {"eu"}
    assert {sale.country for sale in ALL.sales} == set(MARKETS)


def test_one_product_written_down_twice_is_one_product(read_rows):
    data = read_rows(row(), row(InvoiceNo="2", StockCode="85123a", UnitPrice="2.95"), row(InvoiceNo="3"))

    [product] = data.products.values()
    assert (product.sku, product.name) == ("85123A", "White hanging heart t-light holder")
    assert product.price_minor == 255


def test_ten_orders_in_a_row_show_both_markets_and_both_languages():
    first = [sale.country for sale in ALL.sales[:10]]

    assert first.count("United Kingdom") == 6
    assert first.count("Spain") == 1


def test_the_same_orders_come_every_time_and_none_twice():
    assert read().sales == ALL.sales
    assert len({sale.reference for sale in ALL.sales}) == len(ALL.sales) == 11_590


def test_prices_are_whole_pence(read_rows):
    with pytest.raises(ValueError, match="pence"):
        read_rows(row(UnitPrice="2.555"))


def test_the_data_says_where_it_is_from():
    licence = (DATA.parent / "LICENCE.md").read_text()

    assert "Daqing Chen" in licence
    assert "10.24432/C5BW33" in licence
    assert "Attribution 4.0" in licence
