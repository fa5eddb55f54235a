"""VAT identification numbers, and VAT territories, which differ from the countries of addresses.

Sources: Directive 2006/112/EC, articles 5 to 8 and 214 to 215; the Windsor Framework for goods in Northern
Ireland; ISO 3166 for codes. Nothing here asks anybody: VIES, the Commission's look-up, is another matter.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from babel.core import get_global
from stdnum.eu import vat

# BR-CO-09 of EN 16931: a VAT identifier begins with its country; Greece is EL, Northern Ireland XI.
_IDENTIFIER = re.compile("([A-Z]{2})[A-Z0-9+*]*[0-9][A-Z0-9+*]*")
_NOT_IN_ISO_3166 = {"AC", "CP", "DG", "EA", "EU", "IC", "TA", "XK", "ZZ"}  # though CLDR has them
_COUNTRIES = {"EL", "XI"} | (set(get_global("territory_currencies")) - _NOT_IN_ISO_3166)

NORTHERN_IRELAND = "XI"  # of the Union for goods, of the United Kingdom for everything else
MEMBER_STATES = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)

# Addresses that are for VAT where others are: article 7, and codes that only some lists of countries have.
_AS_IF = {"MC": "FR", "IM": "GB", "SJ": "NO", "IC": "ES-CN", "EA": "ES-CE"}
# By country, where postcodes tell a part of it apart: places that article 6 leaves out of the Union's VAT,
# Portugal's islands with rates of their own (article 105), two valleys of Austria with theirs (article 104),
# and the parts of the United Kingdom. What has no ISO code is called by its country and postcode.
_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "AT": (("6691|699[123]", "AT-6991"),),  # Jungholz, Mittelberg
    "DE": (("27498", "DE-27498"), ("78266", "DE-78266")),  # Helgoland, Büsingen
    "ES": (("(35|38)...", "ES-CN"), ("51...", "ES-CE"), ("52...", "ES-ML")),
    "FI": (("22...", "AX"),),
    "FR": (("97...|98[1-9]..", "FR-97"),),  # overseas; 980 is Monaco
    "GB": (("BT.*", NORTHERN_IRELAND), ("JE.*", "JE"), ("GY.*", "GG")),
    "GR": (("63086|63087", "GR-69"),),  # Mount Athos
    "IT": (("23041", "IT-23041"), ("22061", "IT-22061")),  # Livigno, Campione d'Italia
    "PT": (("9[0-4].*", "PT-30"), ("9.*", "PT-20")),  # Madeira, the Azores
}
# Those whose postcode changed, or is used for others too, by their town.
_TOWNS = {
    ("DE", "helgoland"): "DE-27498",
    ("DE", "büsingen"): "DE-78266",
    ("DE", "büsingen am hochrhein"): "DE-78266",
    ("ES", "ceuta"): "ES-CE",
    ("ES", "melilla"): "ES-ML",
    ("IT", "livigno"): "IT-23041",
    ("IT", "campione d'italia"): "IT-22061",
}
_IN_THE_UNION = {place: place for place in (*MEMBER_STATES, NORTHERN_IRELAND)} | {
    "AT-6991": "AT",
    "PT-20": "PT",
    "PT-30": "PT",
}

# VATEX, the code list of EN 16931 for why nothing is charged, as far as sellers' exemptions go: in the public
# interest (article 132), of finance and insurance (135), of international transport (148), and for diplomats,
# forces and international bodies (151). Margin schemes are none: their tax is not what a price contains.
EXEMPTIONS = frozenset(
    {
        *("VATEX-EU-132", "VATEX-EU-135-1", "VATEX-EU-148", "VATEX-EU-151"),
        *(f"VATEX-EU-132-1{letter}" for letter in "ABCDEFGHIJKLMNOPQ"),
    }
)


class TaxPlace(NamedTuple):
    """A place as VAT sees it."""

    code: str  # a country's by ISO 3166-1, XI, or a part of one that is taxed otherwise: ES-CN, PT-20
    member: str  # the member state whose VAT it is in, XI for goods in Northern Ireland; else empty


def place_of(country: str, postcode: str = "", town: str = "") -> TaxPlace:
    """The VAT territory of an address.

    Not told apart are the rates that single goods have in Corsica and on islands of the Aegean, nor the
    bases of the United Kingdom on Cyprus, which post and VAT take for Cyprus.
    """
    compact = re.sub(r"[\s-]", "", postcode.upper())
    code = _TOWNS.get((country, town.strip().casefold()), "")
    for form, part in _PARTS.get(country, ()):
        if not code and re.fullmatch(form, compact):
            code = part
    if country == "GB" and compact.startswith("IM"):
        code = "GB"
    return place_called(code or _AS_IF.get(country, country))


def place_called(code: str) -> TaxPlace:
    """The VAT territory with this code."""
    return TaxPlace(code, _IN_THE_UNION.get(code, ""))


def country_of(code: str) -> str:
    """The country of a VAT territory, by ISO 3166-1."""
    return "GB" if code == NORTHERN_IRELAND else code[:2]


def parts_of_countries() -> Iterable[str]:
    """The codes of VAT territories that are not ISO 3166-1 countries."""
    return _IN_THE_UNION.keys() - MEMBER_STATES


def vat_identifier(typed: str) -> str:
    """A VAT number in the form used by e-invoices, however it was typed; empty if it isn't one."""
    compact = re.sub(r"[^\w+*]|_", "", typed.upper())
    found = _IDENTIFIER.fullmatch(compact)
    return compact if found and found[1] in _COUNTRIES else ""


def checked_vat_identifier(typed: str) -> str:
    """An EU or Northern Irish VAT number whose format and check digits are valid.

    Empty if what was typed is none. That it was ever given to anybody, and is theirs, only VIES can tell.
    """
    written = vat_identifier(typed)
    if written.startswith("GR"):
        written = f"EL{written[2:]}"
    return written if written and vat.is_valid(written) else ""


def issuer_of(identifier: str) -> str:
    """The member state that issued a VAT number, by ISO code; XI for Northern Ireland."""
    prefix = identifier[:2]
    return "GR" if prefix == "EL" else prefix
