"""Tests that start the real processes are run by their folders: one in another folder would never run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_slow_test_is_in_a_folder_that_is_run():
    [named] = re.findall(r"^SLOW := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    slow = {
        file.parent.relative_to(ROOT).as_posix()
        for file in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"^\s*(@|pytestmark.*)pytest\.mark\.slow", file.read_text(), re.MULTILINE)
    }

    assert slow == set(named.split())
