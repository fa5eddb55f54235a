"""Real sales: each row of the data in exactly one class, and those that can be loaded as sales."""

import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar

T = TypeVar("T", str, int)

DATA = Path(__file__).with_name("data") / "online_retail.csv.gz"

MARKETS = {"United Kingdom": "gb"} | dict.fromkeys(
    (
        "EIRE",
        "Germany",
        "France",
        "Spain",
        "Netherlands",
        "Belgium",
        "Portugal",
        "Italy",
        "Austria",
        "Finland",
    ),
    "eu",
)
SHIPPING_CODES = ("POST", "DOT")
GOODS = re.compile(r"\d{5}|DCGS")

# Of ten orders in a row so many are of each kind, while there are some left: a short demo shows all.
MIXTURE = (("gb", 6), ("eu", 3), ("es", 1))


class RowClass(StrEnum):
    """How a row is classified; the first class that matches counts."""

    CANCELLATION = "cancellation"  # its invoice's number begins with C
    NEGATIVE_QUANTITY = "negative quantity"  # goods written off, which nobody ordered
    ZERO_PRICE = "zero price"
    OTHER_COUNTRY = "country without a market"
    OTHER_CODE = "code that is neither goods nor postage"  # discounts, samples, bank charges, …
    POSTAGE_ALONE = "postage without goods"  # its invoice has no line that could be shipped
    POSTAGE = "postage"  # the shipping fee of an order
    GOODS = "goods"  # a line of an order


LOADED = (RowClass.GOODS, RowClass.POSTAGE)


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one product at one price, in minor units."""

    sku: str
    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice in the data that becomes an order."""

    reference: str  # the invoice's number
    customer: str | None  # the customer's number; None for a guest
    country: str
    lines: tuple[Line, ...]
    shipping_minor: int

    @property
    def market(self) -> str:
        """The market for the country."""
        return MARKETS[self.country]

    @property
    def total_minor(self) -> int:
        """The expected order total, in minor units of the market's currency."""
        return self.shipping_minor + sum(line.quantity * line.unit_price_minor for line in self.lines)


@dataclass(frozen=True)
class Product:
    """A product in the data: its most common name and price."""

    sku: str
    name: str
    price_minor: int


@dataclass(frozen=True)
class Sales:
    """Everything in the data, with nothing dropped silently."""

    sales: tuple[Sale, ...]
    products: dict[str, Product]
    rows: Counter[RowClass]
    rows_read: int


def read(file: Path = DATA) -> Sales:
    """Read and classify the data; sales are in a fixed order that mixes markets and languages."""
    rows: Counter[RowClass] = Counter()
    rows_read = 0
    invoices: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(file) as packed, TextIOWrapper(packed, "utf-8", newline="") as text:
        for rows_read, row in enumerate(csv.DictReader(text), start=1):  # noqa: B007 - the last is the count
            row_class = _class_of(row)
            if row_class in LOADED:
                invoices[row["InvoiceNo"]].append(row)
            else:
                rows[row_class] += 1
    sales, sold = [], []
    for reference, invoice in invoices.items():
        postage = [row for row in invoice if row["StockCode"] in SHIPPING_CODES]
        goods = [row for row in invoice if row["StockCode"] not in SHIPPING_CODES]
        rows[RowClass.GOODS] += len(goods)
        rows[RowClass.POSTAGE if goods else RowClass.POSTAGE_ALONE] += len(postage)
        sold += goods
        if goods:
            sales.append(_sale(reference, goods, postage))
    return Sales(sales=tuple(_mixed(sales)), products=_products(sold), rows=rows, rows_read=rows_read)


def _class_of(row: dict[str, str]) -> RowClass:
    code = row["StockCode"]
    if row["InvoiceNo"].startswith("C"):
        return RowClass.CANCELLATION
    if int(row["Quantity"]) <= 0:
        return RowClass.NEGATIVE_QUANTITY
    if Decimal(row["UnitPrice"]) <= 0:
        return RowClass.ZERO_PRICE
    if row["Country"] not in MARKETS:
        return RowClass.OTHER_COUNTRY
    if code in SHIPPING_CODES:
        return RowClass.POSTAGE
    return RowClass.GOODS if GOODS.match(code) else RowClass.OTHER_CODE


def _sale(reference: str, goods: list[dict[str, str]], postage: list[dict[str, str]]) -> Sale:
    return Sale(
        reference=reference,
        customer=goods[0]["CustomerID"].removesuffix(".0") or None,
        country=goods[0]["Country"],
        lines=tuple(Line(_sku(row), int(row["Quantity"]), _minor(row)) for row in goods),
        shipping_minor=sum(int(row["Quantity"]) * _minor(row) for row in postage),
    )


def _sku(row: dict[str, str]) -> str:
    return row["StockCode"].upper()  # 85123a and 85123A are one product, written down twice


def _minor(row: dict[str, str]) -> int:
    price = Decimal(row["UnitPrice"]).scaleb(2)
    minor = int(price)
    if minor != price:
        raise ValueError(f"{row['UnitPrice']} is no whole number of pence")
    return minor


def _products(sold: list[dict[str, str]]) -> dict[str, Product]:
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    prices: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in sold:
        names[_sku(row)][" ".join(row["Description"].split())] += 1
        prices[_sku(row)][_minor(row)] += 1
    return {
        # The data shouts; papers and e-mails need not.
        sku: Product(sku, _commonest(names[sku]).capitalize() or sku, _commonest(prices[sku]))
        for sku in names
    }


def _commonest(counts: Counter[T]) -> T:
    return max(counts, key=lambda value: (counts[value], value))


def _mixed(sales: list[Sale]) -> Iterator[Sale]:
    queues: dict[str, list[Sale]] = {kind: [] for kind, _ in MIXTURE}
    for sale in reversed(sales):
        queues["es" if sale.country == "Spain" else sale.market].append(sale)
    while any(queues.values()):
        for kind, share in MIXTURE:
            for _ in range(min(share, len(queues[kind]))):
                yield queues[kind].pop()
