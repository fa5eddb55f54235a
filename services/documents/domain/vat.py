"""VAT identifiers, and what an invoice says of a seller that has none."""

import re

from babel.core import get_global

# BR-CO-09 of EN 16931: a VAT identifier begins with its country; Greece is EL, Northern Ireland XI.
_IDENTIFIER = re.compile("([A-Z]{2})[A-Z0-9+*]*[0-9][A-Z0-9+*]*")
_NOT_IN_ISO_3166 = {"AC", "CP", "DG", "EA", "EU", "IC", "TA", "XK", "ZZ"}  # though CLDR has them
_COUNTRIES = {"EL", "XI"} | (set(get_global("territory_currencies")) - _NOT_IN_ISO_3166)

# Why a seller that charges no VAT charges none, in the words that its country's law asks invoices for:
# Austria's UStG § 6 (1) 27 and § 11 (1), Germany's UStG § 19 and UStDV § 34a, Spain's Ley 37/1992 art. 20
# and Real Decreto 1619/2012 art. 6.1 j.
_REASONS = {
    "AT": "Umsatzsteuerfrei aufgrund der Kleinunternehmerregelung gemäß § 6 Abs. 1 Z 27 UStG.",
    "DE": "Steuerbefreit nach § 19 UStG (Kleinunternehmer).",
    "ES": "Operación exenta de IVA conforme al artículo 20 de la Ley 37/1992.",
}


def vat_identifier(typed: str) -> str:
    """A VAT identifier as e-invoices have it, however it was typed; empty if what was typed is none."""
    compact = re.sub(r"[^\w+*]|_", "", typed.upper())
    found = _IDENTIFIER.fullmatch(compact)
    return compact if found and found[1] in _COUNTRIES else ""


def exemption_reason(country: str) -> str | None:
    """The sentence by which invoices of a country name their exemption; None where none is known."""
    return _REASONS.get(country)
