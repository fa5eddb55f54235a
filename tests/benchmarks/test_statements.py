"""A statement more or less in an order's life is a change that somebody decided on."""

from difflib import unified_diff

from tests.benchmarks.statements import LEDGER, ledger, measured

AGAIN = "if that is meant, write it anew: python -m tests.benchmarks.statements"


def test_a_life_takes_the_statements_of_the_ledger():
    committed = LEDGER.read_text().splitlines()

    now = ledger(measured()).splitlines()

    changed = unified_diff(committed, now, "committed", "now", lineterm="", n=0)
    assert now == committed, "\n".join([AGAIN, *changed])
