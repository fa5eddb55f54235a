"""The table of requirements and the tests that prove them name the same rows."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def proven():
    marks = re.compile(r"requirement\(([^)]*)\)")
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {
        row
        for text in texts
        for mark in marks.findall(text)
        for row in re.findall(r'"([A-Z]\d?-\d\d)"', mark)
    }


def in_force():
    return set(
        re.findall(r"^\| ([A-Z]\d?-\d\d) \|", (ROOT / "docs" / "requirements.md").read_text(), re.MULTILINE)
    )


def test_every_row_in_force_has_a_test_and_every_marked_row_is_in_force():
    assert proven() == in_force()
