"""The threat model names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THREATS = [
    line
    for line in (ROOT / "docs" / "security.md").read_text().splitlines()
    if re.search(r"\| [STRIDE ]+ \|", line)
]
NAMED = sorted({name for line in THREATS for name in re.findall(r"`(tests/[^`]+)`", line)})


def test_every_threat_names_what_shows_that_it_is_stopped():
    assert len(THREATS) > 20
    assert [line for line in THREATS if "`tests/" not in line and "requirements/" not in line] == []


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_is_there(name):
    file, _, test = name.partition("::")

    assert f"def {test}(" in (ROOT / file).read_text()
