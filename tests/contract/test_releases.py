"""The release before this one is named once, and its code is at hand wherever the history is."""

import re
import tomllib

import pytest

from deploy.local.databases import SERVICES
from tests import releases
from tests.releases import PREVIOUS, ROOT


def test_the_release_before_is_the_newest_that_the_changelog_has():
    _, unreleased, *released = re.split(
        r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE
    )
    versions = [entry.partition(" ")[0] for entry in released]
    in_hand = unreleased.removeprefix("Unreleased").strip()

    # The commit that cuts a release is held to the one before; the next names that commit.
    assert PREVIOUS.version in versions[: 1 if in_hand else 2]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == versions[0]


@pytest.mark.parametrize("service", SERVICES)
def test_its_code_is_whole_and_older(previous_release, service):
    migrations = f"services/{service}/migrations/versions"

    before = {file.name for file in (previous_release / migrations).glob("*.py")}

    assert (previous_release / "services" / service / "app.py").exists()
    assert set() != before <= {file.name for file in (ROOT / migrations).glob("*.py")}


def test_a_clone_without_its_history_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(releases, "ROOT", tmp_path)

    with pytest.raises(releases.MissingReleaseError, match=rf"{PREVIOUS.version} is not in the history"):
        releases.previous(tmp_path / "release")
