"""The threat model names tests that are there, and the roles that programs know."""

import re
from pathlib import Path

import pytest

from shared.access import ROLES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
THREATS = [line for line in TEXT.splitlines() if re.search(r"\| [STRIDE ]+ \|", line)]
NAMED = sorted({name for line in THREATS for name in re.findall(r"`(tests/[^`]+)`", line)})


def test_every_threat_names_what_shows_that_it_is_stopped():
    assert len(THREATS) > 20
    assert [line for line in THREATS if "`tests/" not in line and "requirements/" not in line] == []


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_is_there(name):
    file, _, test = name.partition("::")

    assert f"def {test}(" in (ROOT / file).read_text()


def test_the_roles_are_those_that_programs_know():
    written: dict[str, set[str]] = {}
    for role, words in re.findall(r"^\| `([a-z_]+)` \|[^|]*\|([^|]*)\|$", TEXT, re.MULTILINE):
        named = re.findall(r"`([a-z:_]+)`", words)
        written[role] = {scope for name in named for scope in written.get(name, {name})}

    assert written == ROLES
