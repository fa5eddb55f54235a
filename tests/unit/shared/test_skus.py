"""One alphabet of SKUs: whatever it lets through is the same wherever it stands."""

import csv
from io import StringIO
from urllib.parse import quote, quote_plus
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.skus import subject, unfit

pytestmark = pytest.mark.requirement("M-14")


@pytest.mark.parametrize("sku", ["TEA-250", "a", "0", "85123A", "gift_0001.20", "A" * 64, "f" * 31])
def test_skus_that_a_shop_has_are_fit(sku):
    assert unfit(sku) is None


@pytest.mark.parametrize(
    "sku",
    [
        *(
            "",
            "A/B",
            "a,b;c",
            "a b",
            " a",
            "a\n",
            "Tür",
            "A" * 65,
            ".",
            "..",
            "-1",
            "=1+1",
            "+1",
            "@a",
            "_a",
            "a%2Fb",
        ),
        *("a?b", "a#b", "a&b", "a:b", '"a"', "a'b", "a\\b", "\uff21", "\u0661"),
        *(str(UUID(int=7)), UUID(int=7).hex, str(UUID(int=7)).upper(), "0" * 31 + "-f"),
    ],
)
def test_what_some_address_or_file_would_read_otherwise_is_not(sku):
    assert unfit(sku)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_a_fit_sku_is_written_the_same_in_addresses_queries_lists_and_files(sku):
    file = StringIO()
    csv.writer(file, delimiter=";").writerow([sku])

    assert sku == quote(sku, safe="") == quote_plus(sku) == file.getvalue().strip()
    assert not {",", ";"} & set(sku)
    assert subject(sku) == sku or unfit(sku)


@given(st.uuids())
def test_no_sku_is_the_subject_of_an_order(order_id):
    for written in (
        str(order_id),
        order_id.hex,
        str(order_id).upper(),
        f"urn:uuid:{order_id}",
        f"{{{order_id}}}",
    ):
        with pytest.raises(ValueError, match="badly formed"):
            UUID(subject(written))
    assert subject("TEA-250") == "TEA-250"
    assert str(uuid4()) != subject(str(uuid4()))
