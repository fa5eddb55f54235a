"""Tests that start the real processes are run by their folders: one in another folder would never run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


MARK = re.compile(r"^\s*(@|pytestmark.*)pytest\.mark\.slow", re.MULTILINE)
MARK_OF_ALL = re.compile(r"^pytestmark.*pytest\.mark\.slow", re.MULTILINE)


def files(folder="tests"):
    return [(file, file.read_text()) for file in (ROOT / folder).rglob("test_*.py")]


def test_every_slow_test_is_in_a_folder_that_is_run():
    [named] = re.findall(r"^SLOW := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    slow = {file.parent.relative_to(ROOT).as_posix() for file, text in files() if MARK.search(text)}

    assert slow == set(named.split())


@pytest.mark.parametrize("folder", ["browser", "chaos", "end_to_end", "hosts", "upgrade"])
def test_a_folder_of_tests_of_whole_systems_has_no_quick_one(folder):
    """It would start a system of its own among the quick ones."""
    assert [file.name for file, text in files(f"tests/{folder}") if not MARK_OF_ALL.search(text)] == []
