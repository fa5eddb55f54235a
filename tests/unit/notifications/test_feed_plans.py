"""No page of the feed reads the table from end to end; at ten million entries the benchmark measures it."""

import pytest

from tests.benchmarks.feed import READERS, fill, plan

ENTRIES = 30_000


@pytest.fixture
def filled(sessions, postgres_server):
    fill(postgres_server.superuser_url("notifications"), ENTRIES)
    return sessions


def test_each_reader_finds_its_page_by_an_index(filled):
    plans = {name: plan(filled, reader) for name, reader in READERS.items()}

    assert [name for name, found in plans.items() if "Seq Scan on feed" in found] == []
    assert all("using ix_feed_" in found or "using pk_feed" in found for found in plans.values())
