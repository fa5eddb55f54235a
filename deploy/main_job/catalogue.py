"""Master data for the demo: markets, sellers, locations, and the products of the sales."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from zlib import crc32

from deploy.main_job.calls import Calls
from deploy.main_job.sales import Product, Sale

STANDARD_RATE = 2000  # basis points: VAT of 20 %

SHIPPING_METHOD = "delivery"
PAYMENT_METHODS = ("online", "transfer", "cash_on_delivery")

MARKETS: dict[str, dict[str, Any]] = {
    "gb": {"name": "United Kingdom", "currency": "GBP", "locale": "en", "time_zone": "Europe/London"},
    "eu": {"name": "European Union", "currency": "EUR", "locale": "en", "time_zone": "Europe/Madrid"},
}
RULES: dict[str, Any] = {
    "tax_mode": "gross",
    "tax_rates": {"standard": STANDARD_RATE},
    "payment_methods": list(PAYMENT_METHODS),
    "shipping_methods": {SHIPPING_METHOD: {"en": "Home delivery", "es": "Envío a domicilio"}},
    "backorders": False,
    "invoice_on": "acceptance",
}

SELLERS: dict[str, dict[str, Any]] = {
    "harbour": {
        "name": "Harbour & Hearth",
        "legal_name": "Harbour & Hearth Ltd",
        "email": "orders@harbour.example",
        "phone": "+44 117 496 0108",
        "address": {
            "name": "Harbour & Hearth Ltd",
            "line1": "8 Wharf Yard",
            "city": "Bristol",
            "postcode": "BS1 4QA",
            "country": "GB",
        },
        "vat_number": "GB123456789",
        "registration": "Registered in England and Wales, no. 01234567",
        "website": "https://harbour.example",
        "iban": "GB33BUKB20201555555555",
        "colour": "#1f4e5f",
        "legal_text": {"en": "Goods remain our property until paid in full."},
    },
    "fern": {
        "name": "Fern & Finch",
        "legal_name": "Fern & Finch Gifts Ltd",
        "email": "orders@fern.example",
        "phone": "+44 1904 960021",
        "address": {
            "name": "Fern & Finch Gifts Ltd",
            "line1": "21 Coppergate Walk",
            "city": "York",
            "postcode": "YO1 9NT",
            "country": "GB",
        },
        "vat_number": "GB987654321",
        "registration": "Registered in England and Wales, no. 07654321",
        "website": "https://fern.example",
        "iban": "GB29NWBK60161331926819",
        "colour": "#3d5a36",
        "legal_text": {"en": "Goods remain our property until paid in full."},
    },
    "olmo": {
        "name": "Casa Olmo",
        "legal_name": "Casa Olmo Regalos S.L.",
        "email": "pedidos@olmo.example",
        "phone": "+34 960 555 014",
        "address": {
            "name": "Casa Olmo Regalos S.L.",
            "line1": "Carrer de la Pau 12",
            "city": "Valencia",
            "postcode": "46002",
            "country": "ES",
        },
        "vat_number": "ESB12345674",
        "registration": "Registro Mercantil de Valencia, tomo 1234, hoja V-5678",
        "website": "https://olmo.example",
        "iban": "ES9121000418450200051332",
        "colour": "#8a3b2e",
        "legal_text": {
            "en": "Goods remain our property until paid in full.",
            "es": "La mercancía es nuestra hasta su pago completo.",
        },
    },
}
BRITISH_SELLERS = ("harbour", "fern")
EUROPEAN_SELLER = "olmo"

SPARE_UNITS = 20  # of each product beside what the orders take


def seller_of(sale: Sale) -> str:
    """The seller: each customer always buys from the same one."""
    if sale.market == "eu":
        return EUROPEAN_SELLER
    return BRITISH_SELLERS[_number(sale.customer or sale.reference) % len(BRITISH_SELLERS)]


def payment_method_of(sale: Sale) -> str:
    """The payment method, spread evenly over the orders."""
    return PAYMENT_METHODS[_number(sale.reference) % len(PAYMENT_METHODS)]


def load_catalogue(
    calls: Calls, sales: Sequence[Sale], products: dict[str, Product], tell: Callable[[int, int], None]
) -> None:
    """Load all the data these sales need: what exists is updated, stock is added.

    `tell` hears how much is done of how much.
    """
    for market, details in MARKETS.items():
        calls.put("orders", f"/v1/markets/{market}", details | RULES)
    for seller, details in SELLERS.items():
        calls.put("orders", f"/v1/sellers/{seller}", details)
        address = details["address"]
        location = {"name": address["city"], "seller": seller, "country": address["country"]}
        calls.put("shipping", f"/v1/locations/{seller}", location)
    wanted: Counter[tuple[str, str]] = Counter()
    for sale in sales:
        for line in sale.lines:
            wanted[seller_of(sale), line.sku] += line.quantity
    work = [partial(_stock, calls, seller, products[sku], units) for (seller, sku), units in wanted.items()]
    with calls.threads() as pool:
        for done, _ in enumerate(pool.map(lambda task: task(), work), start=1):
            tell(done, len(work))


def _stock(calls: Calls, seller: str, product: Product, units: int) -> None:
    """List a product in each market at the same price, and add the stock the orders will use."""
    prices = dict.fromkeys(MARKETS, product.price_minor)
    calls.put(
        "orders", f"/v1/sellers/{seller}/products/{product.sku}", {"name": product.name, "prices": prices}
    )
    receipt = {"quantity": units + SPARE_UNITS, "reason": "goods for the demo's orders"}
    calls.post("shipping", f"/v1/stock/{seller}/{product.sku}/receipts", receipt)


def _number(text: str) -> int:
    return crc32(text.encode())
