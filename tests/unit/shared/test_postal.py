"""Addresses stand as the post of their country wants them, and what it can't do without is asked for."""

import pytest

from shared.events.snapshots import Address
from shared.postal import missing_parts, postal_lines


def at(country, city="", postcode="", region="", line1="1 Main Street", line2=""):
    return Address(
        name="Ada", line1=line1, line2=line2, city=city, postcode=postcode, region=region, country=country
    )


@pytest.mark.requirement("M-13")
@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (
            at("US", "New York", "10118", "NY", line2="Floor 2"),
            ["1 Main Street", "Floor 2", "New York, NY 10118"],
        ),
        (at("AU", "Sydney", "2000", "NSW"), ["1 Main Street", "Sydney NSW 2000"]),
        (at("CA", "Montréal", "H2X 1Y4", "QC"), ["1 Main Street", "Montréal QC H2X 1Y4"]),
        (at("JP", "Minato-ku", "105-0011", "Tokyo"), ["1 Main Street", "Minato-ku, Tokyo", "105-0011"]),
        (at("JP", "港区", "105-0011", "東京都", "芝公園4-2-8"), ["〒105-0011", "東京都港区", "芝公園4-2-8"]),
        (at("DE", "Berlin", "10115"), ["1 Main Street", "10115 Berlin"]),
        (at("DE", "Berlin"), ["1 Main Street", "Berlin"]),
        (at("DE", "Berlin", "10115", "Berlin"), ["1 Main Street", "10115 Berlin"]),
        (at("GB", "London", "E1 6EA"), ["1 Main Street", "London", "E1 6EA"]),
        (at("GB", "Ely", "CB7 4JU", "Cambs"), ["1 Main Street", "Ely, Cambs", "CB7 4JU"]),
        (at("IE", "Dublin", "D02 X285"), ["1 Main Street", "Dublin", "D02 X285"]),
        (at("ES", "Madrid", "28012", "Madrid"), ["1 Main Street", "28012 Madrid"]),
        (at("SG", "Singapore", "238823"), ["1 Main Street", "SINGAPORE 238823"]),
        (at("IC", "Arrecife", "35500", "Lanzarote"), ["1 Main Street", "35500 Arrecife", "Lanzarote"]),
        (at("GB", line1=""), []),  # of a person who was erased
    ],
)
def test_street_and_town_stand_as_their_country_writes_them(address, lines):
    assert postal_lines(address) == lines


@pytest.mark.requirement("M-13")
@pytest.mark.parametrize(
    ("address", "missing"),
    [
        (at("DE", "Berlin"), ["postcode"]),
        (at("DE", "Berlin", "10115"), []),
        (at("US", "New York"), ["region", "postcode"]),
        (at("US", "New York", "10118", "NY"), []),
        (at("AU", "Sydney", "2000"), ["region"]),
        (at("CA", "Montréal", "", "QC"), ["postcode"]),
        (at("JP", "Tokyo", "105-0011"), []),
        (at("ES", "Madrid", "28012"), []),  # the postcode tells the province
        (at("IE", "Dublin"), []),
        (at("HK", "Kowloon", region="Kowloon"), []),
        (at("IC", " ", "35500"), ["city"]),
    ],
)
def test_what_a_countrys_post_cannot_do_without_is_missed(address, missing):
    assert missing_parts(address) == missing


@pytest.mark.requirement("M-13")
def test_nothing_of_an_address_is_lost_in_any_country():
    for first in map(chr, range(65, 91)):
        for second in map(chr, range(65, 91)):
            told = " ".join(
                postal_lines(at(first + second, "Townville", "P0STC0DE", "Regionia", line2="Floor 3"))
            )
            for part in ("1 Main Street", "Floor 3", "Townville", "P0STC0DE", "Regionia"):
                assert part in told, first + second
