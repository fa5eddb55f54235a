"""A statement more or less in an order's life is a change that somebody decided on; so is more log."""

from difflib import unified_diff

import pytest

from tests.benchmarks.statements import LEDGER, Measured, ledger, measured

AGAIN = "if that is meant, write it anew: python -m tests.benchmarks.statements"
LOG_KILOBYTES = 495  # 478 on 2026-11-29


@pytest.fixture(scope="module")
def life() -> Measured:
    return measured()


def test_a_life_takes_the_statements_of_the_ledger(life):
    committed = LEDGER.read_text().splitlines()

    now = ledger(life.steps).splitlines()

    changed = unified_diff(committed, now, "committed", "now", lineterm="", n=0)
    assert now == committed, "\n".join([AGAIN, *changed])


def test_a_life_writes_no_more_log_than_it_did(life):
    assert life.log_bytes / 1000 < LOG_KILOBYTES
