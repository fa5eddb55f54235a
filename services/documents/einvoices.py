"""E-invoices: the same figures as EN 16931 XML, in the Factur-X/ZUGFeRD format.

Only the rendering worker imports this; the checks run in a process of their own (einvoice_checker.py).
"""

import atexit
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import msgspec
from facturx.generate_xml import generate_cii_xml

from services.documents.domain.figures import Row
from services.documents.domain.papers import Content
from services.documents.wording import wording_of
from shared.events.snapshots import (
    Address,
    OrderSnapshot,
    PaperKind,
    PaymentMethod,
    TaxMode,
    TaxRow,
    TaxTreatment,
)
from shared.money import minor_digits
from shared.text import all_legible
from shared.vat import country_of, place_of, vat_identifier
from shared.wording import Words

PROFILE = "EN 16931"

# UNTDID 1001: what kind of document it is.
_DOCUMENT_TYPES = {PaperKind.INVOICE: "380", PaperKind.CREDIT_NOTE: "381"}
# UNTDID 4461: how it is paid; transfers are told apart by whether there is an account.
_PAYMENT_MEANS = {
    PaymentMethod.ONLINE: "68",
    PaymentMethod.PAYMENT_LINK: "68",
    PaymentMethod.CARD_ON_PHONE: "48",
    PaymentMethod.CASH_ON_DELIVERY: "10",
}
_CREDIT_TRANSFER = "30"
_EACH = "C62"  # UN/ECE recommendation 20: one piece
_EMPTY_DELIVERY = b'<ram:ApplicableHeaderTradeDelivery xsi:nil="true"/>'  # which the schema does not take
_AMOUNT_DIGITS = 2  # BR-DEC-01 and so on
_PRICE_DIGITS = 6  # so that quantity times net price is the line's net amount, to the cent


class TooFine(ValueError):  # noqa: N818 - reads as what happened
    """An amount has more decimals than the standard allows, so no e-invoice can be made."""


def xml_of(kind: PaperKind, content: Content, number: str, issued_on: date) -> bytes:
    """An invoice or credit note as Cross Industry Invoice XML.

    Raises ValueError where something is missing, TooFine for amounts that the standard can't write.
    """
    order, counted = content.order, content.figures
    assert counted is not None
    money = _Amounts(order.currency)
    gross = order.market.tax_mode == TaxMode.GROSS
    nets = [(row, row.amount_minor - row.tax_minor if gross else row.amount_minor) for row in counted.rows]
    # No price is negative (BR-27), so what takes off is an allowance. Fees are charges, beside goods; alone
    # they are what is invoiced.
    allowances = [(row, -net) for row, net in nets if net < 0]
    goods = [(row, net) for row, net in nets if row.fee is None and net >= 0]
    fees = [(row, net) for row, net in nets if row.fee is not None and net >= 0]
    lines, charges = (goods, fees) if goods else (fees, [])
    paid = content.paid_minor if kind is PaperKind.INVOICE else 0
    net_total = sum(net for _, net in nets)
    said = wording_of(order, order.locale).words("papers")
    categories = _categories(content)
    outside = any(categories(row.rate_basis_points).code == _OUTSIDE for row in counted.tax)
    terms: dict[str, Any] = {
        "BT-1": number,
        "BT-2": issued_on,
        "BT-3": _DOCUMENT_TYPES[kind],
        "BT-5": order.currency,
        "BT-13": order.external_reference,
        "BT-14": order.number,
        "BG-4": _seller(order, outside=outside),
        "BG-7": _buyer(order, outside=outside),
        **_payment(content, kind, said),
        "BG-23": list(_taxes(money, categories, counted.tax)),
        "BG-25": [
            _line(place, row, net, money, categories, said["price_reduction"])
            for place, (row, net) in enumerate(lines, start=1)
        ],
        "BG-20": list(_fees(money, categories, allowances, said["price_reduction"])),
        "BG-21": list(_fees(money, categories, charges, said["price_reduction"])),
        "BT-106": money(sum(net for _, net in lines)),
        "BT-107": money(sum(taken for _, taken in allowances)),
        "BT-108": money(sum(net for _, net in charges)),
        "BT-109": money(net_total),
        "BT-110": money(counted.total_minor - net_total),
        "BT-112": money(counted.total_minor),
        "BT-113": money(paid),
        "BT-115": money(counted.total_minor - paid),
    }
    if names := ", ".join(content.discounts_within):
        terms["BG-1"] = [{"BT-22": said("discounts_within", names=names)}]
    terms |= _supply(content, terms["BG-7"]["name"])
    referred = content.invoice_number or content.replaces
    if referred:
        before = {"BT-25": referred}
        if content.invoice_issued_on:
            before["BT-26"] = content.invoice_issued_on  # type: ignore[assignment]
        terms["BG-3"] = [before]
    terms = all_legible(terms)
    written: bytes = generate_cii_xml(terms, level="en16931", check_xsd=False, check_schematron=None)
    return written.replace(_EMPTY_DELIVERY, b"<ram:ApplicableHeaderTradeDelivery/>")


def _taxes(money: "_Amounts", categories: "_Categories", rows: Iterable[TaxRow]) -> Iterator[dict[str, Any]]:
    for row in rows:
        category = categories(row.rate_basis_points)
        yield {
            "BT-116": money(row.net_minor),
            "BT-117": money(row.tax_minor),
            "BT-118": category.code,
            **category.percent("BT-119", row.rate_basis_points),
            "BT-120": category.reason,
            "BT-121": category.exemption,
        }


def _supply(content: Content, buyer: str) -> dict[str, Any]:
    """The delivery date and recipient."""
    terms: dict[str, Any] = {}
    if content.supplied_from and content.supplied_until:
        if content.supplied_from == content.supplied_until:
            terms["BT-72"] = content.supplied_from
        else:
            terms |= {"BT-73": content.supplied_from, "BT-74": content.supplied_until}
    group = content.one_group
    ship_to = content.order.people.delivery.get(str(group.group_id)) if group else None
    if ship_to is not None:
        terms["BG-13"] = _party(ship_to.company or ship_to.name, ship_to)
    elif (supply := content.tax_reason(0)) and supply.treatment == TaxTreatment.INTRA_COMMUNITY:
        terms["BG-13"] = {"name": buyer, "country_code": country_of(supply.places[0])}  # BR-IC-12
    return terms


def faults(xml: bytes) -> list[str]:
    """Violations of the schema and the rules of an e-invoice's profile; empty if valid."""
    try:
        return _answer_to(xml)
    except (EOFError, OSError):  # it had just ended, having had nothing to do, or was killed
        return _answer_to(xml)


def _answer_to(xml: bytes) -> list[str]:
    _, checker = _checker()
    try:
        checker.send_bytes(xml)
        return msgspec.json.decode(checker.recv_bytes(), type=list[str])
    except BaseException:
        # Also a time limit: an answer under way must not be taken for that to the next question.
        _end_checker()
        raise


@lru_cache(maxsize=1)
def _checker() -> tuple[subprocess.Popen[bytes], "Connection[bytes, bytes]"]:
    ours, its = Pipe()
    command = [sys.executable, "-m", "services.documents.einvoice_checker", str(its.fileno())]
    with its:
        # In a session of its own, so that it outlives a signal to the whole worker by the paper in hand.
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, pass_fds=[its.fileno()], start_new_session=True
        )
    # Collected when it ends by itself, so that it is no zombie till the next e-invoice.
    threading.Thread(target=process.wait, daemon=True).start()
    return process, ours


@atexit.register
def _end_checker() -> None:
    if _checker.cache_info().currsize:
        process, checker = _checker()
        _checker.cache_clear()
        checker.close()
        process.kill()
        process.wait()


class _Amounts:
    """Amounts in XML format: units of the currency, with a decimal point."""

    def __init__(self, currency: str) -> None:
        self.digits: int = minor_digits(currency)

    def __call__(self, minor: int) -> str:
        amount = Decimal(minor).scaleb(-self.digits)
        if self.digits <= _AMOUNT_DIGITS:
            return f"{amount:f}"
        coarse = round(amount, _AMOUNT_DIGITS)
        if coarse != amount:
            raise TooFine(f"{amount} has more than {_AMOUNT_DIGITS} decimals")
        return f"{coarse:f}"

    def price(self, net_minor: int, quantity: int) -> str:
        """The price of one piece, with more decimals than the currency where necessary."""
        each = Decimal(net_minor).scaleb(-self.digits) / quantity
        fine = round(each, _PRICE_DIGITS)
        coarse = round(each, self.digits)
        return f"{coarse if coarse == fine else fine.normalize():f}"


def _line(  # noqa: PLR0917 - what a line is written from
    place: int, row: Row, net_minor: int, money: _Amounts, categories: "_Categories", unnamed: str
) -> dict[str, Any]:
    quantity = row.quantity or 1  # an amount without goods
    category = categories(row.tax_rate_basis_points)
    return {
        "BT-126": str(place),
        "BT-153": row.name or unnamed,
        "BT-155": row.sku,
        "BT-129": str(quantity),
        "BT-130": _EACH,
        "BT-146": money.price(net_minor, quantity),
        "BT-131": money(net_minor),
        "BT-151": category.code,
        **category.percent("BT-152", row.tax_rate_basis_points),
    }


def _fees(
    money: _Amounts, categories: "_Categories", rows: Iterable[tuple[Row, int]], unnamed: str
) -> Iterator[dict[str, str]]:
    for row, net_minor in rows:
        category = categories(row.tax_rate_basis_points)
        yield {
            "amount": money(net_minor),
            "reason": row.name or unnamed,
            "vat_category_code": category.code,
            **category.percent("vat_rate", row.tax_rate_basis_points),
        }


@dataclass(frozen=True)
class _Category:
    """A VAT category of UNTDID 5305, and the reason if no VAT is charged."""

    code: str
    reason: str = ""
    exemption: str = ""  # a code of VATEX

    def percent(self, term: str, rate_basis_points: int) -> dict[str, str]:
        """The term for a rate; what is outside the scope of tax has none."""
        if self.code == _OUTSIDE:
            return {}
        return {term: f"{(Decimal(rate_basis_points) / 100).normalize():f}"}


_Categories = Callable[[int], _Category]
_OUTSIDE = "O"  # not subject to VAT
_AT_A_RATE = frozenset({TaxTreatment.HOME, TaxTreatment.DESTINATION})
_EXEMPT = "E"
# UNTDID 5305, and the code of VATEX that goes with each category but the exempt, which has its own.
_UNTAXED = {
    TaxTreatment.INTRA_COMMUNITY: ("K", "VATEX-EU-IC"),
    TaxTreatment.REVERSE_CHARGE: ("AE", "VATEX-EU-AE"),
    TaxTreatment.EXPORT: ("G", "VATEX-EU-G"),
    TaxTreatment.OUTSIDE: (_OUTSIDE, "VATEX-EU-O"),
}


def _categories(content: Content) -> _Categories:
    """The category per rate; a seller without a VAT number is exempt, which is no zero rate."""
    wording = wording_of(content.order, content.order.locale)
    if content.is_exempt:
        # Who has no number of a tax office either can only be outside the tax (BR-E-02).
        code = _EXEMPT if content.order.seller.vat_number.strip() else _OUTSIDE
        exempt = _Category(code, content.exemption_reason or wording.words("papers")["exempt"])
        return lambda _: exempt

    def category(rate_basis_points: int) -> _Category:
        reason = content.tax_reason(rate_basis_points)
        if reason is None or rate_basis_points or reason.treatment in _AT_A_RATE:
            return _Category("S" if rate_basis_points else "Z")
        told = wording.untaxed(reason)
        if reason.treatment == TaxTreatment.EXEMPT:
            return _Category(_EXEMPT, told, reason.exemption)
        code, exemption = _UNTAXED[reason.treatment]
        # The codes are of the Union's law, and other sellers go by another.
        by_its_law = place_of(content.order.seller.address.country).member
        return _Category(code, told, exemption if by_its_law else "")

    return category


def _seller(order: OrderSnapshot, *, outside: bool) -> dict[str, Any]:
    seller = order.seller
    if outside:  # nobody is known by a VAT identifier (BR-O-02)
        numbers: dict[str, Any] = {"identifiers": {"": seller.seller}}
        if not vat_identifier(seller.vat_number):
            numbers["tax_identifier"] = seller.vat_number.strip()
    elif known_as := vat_identifier(seller.vat_number):
        numbers = {"vat_identifier": known_as}
    else:  # BT-32, and BT-29 so that its buyers know it again (BR-CO-26)
        numbers = {"tax_identifier": seller.vat_number.strip(), "identifiers": {"": seller.seller}}
    return _party(
        seller.legal_name,
        seller.address,
        **numbers,
        legal_info=seller.registration,
        contacts=[{"name": seller.name, "phone": seller.phone, "email": seller.email}],
    )


def _buyer(order: OrderSnapshot, *, outside: bool) -> dict[str, Any]:
    place = order.people.billing or next(iter(order.people.delivery.values()), None)
    if place is None:
        raise ValueError("an e-invoice needs its buyer's address")
    customer = order.people.customer
    # Outside the tax nobody is known by a VAT identifier (BR-O-02).
    known_as = vat_identifier(customer.vat_number) if customer and not outside else ""
    return _party(place.company or place.name, place, vat_identifier=known_as)


def _party(name: str, place: Address, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "addr_l1": place.line1,
        "addr_l2": place.line2,
        "city": place.city,
        "postcode": place.postcode,
        "country_subdivision": place.region,
        "country_code": place.country,
        **more,
    }


def _payment(content: Content, kind: PaperKind, said: Words) -> dict[str, str]:
    """The means of payment and, if anything is due, the terms."""
    order = content.order
    if kind is PaperKind.CREDIT_NOTE:
        return {"BT-20": said["credit_terms"]}
    terms = {}
    if content.balance_minor > 0:
        when = said["on_delivery" if order.payment.is_on_delivery else "on_receipt"]
        terms["BT-20"] = said("named", name=said["payment_due"], value=when)
    method, iban = order.payment.method, order.seller.iban.replace(" ", "")
    if method == PaymentMethod.TRANSFER:
        account = {"BT-81": _CREDIT_TRANSFER, "BT-84": iban, "BT-83": order.number}
        return terms | account if iban else terms
    return terms | {"BT-81": _PAYMENT_MEANS[method]} if method in _PAYMENT_MEANS else terms
