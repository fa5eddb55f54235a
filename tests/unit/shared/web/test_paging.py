"""Pages by keyset, and cursors that only this list gives out."""

import base64
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.web.paging import decode_cursor, encode_cursor


def test_pages_follow_each_other_without_gap_or_double(client, bearer):
    for name in ("kettle", "cup", "cup", "pot", "tin"):
        client.post("/v1/things", json={"name": name}, headers=bearer())

    names, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        address = "/v1/things?limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(address, headers=bearer()).json
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
        pages += 1

    assert names == ["cup", "cup", "kettle", "pot", "tin"]
    assert pages == 3


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "1.5", ""])
def test_a_page_has_one_to_a_hundred_rows(client, bearer, limit):
    answer = client.get(f"/v1/things?limit={limit}", headers=bearer())

    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "limit"


def encoded(text):
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "abc",
        "A" * 2000,
        encoded(b"{}"),
        encoded(b"[]"),
        encoded(b'["kettle"]'),
        encoded(b'["kettle", "no id"]'),
        encoded(b'["kettle", 7]'),
        encoded(b'["\\u0000", "00000000-0000-0000-0000-000000000000"]'),
        encoded(b'["kettle", "00000000-0000-0000-0000-000000000000", 1]'),
        encoded(b"\xff"),
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused_by_name(client, bearer, cursor):
    answer = client.get("/v1/things", query_string={"cursor": cursor}, headers=bearer())

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["cursor"]


def test_a_cursor_holds_instants_ids_and_numbers():
    values = (datetime(2026, 11, 1, 12, 30, 0, 123456, UTC), uuid4(), 42, "tëxt")

    assert decode_cursor(encode_cursor(*values), datetime, UUID, int, str) == values


def test_an_instant_without_a_time_zone_is_none_that_a_list_gave_out():
    with pytest.raises(Invalid, match="cursor"):
        decode_cursor(encoded(b'["2026-11-01T12:30:00"]'), datetime)


@given(st.text(max_size=60))
def test_whatever_comes_as_a_cursor_is_read_or_refused(cursor):
    with suppress(Invalid):
        assert [type(value) for value in decode_cursor(cursor, int, str)] == [int, str]
