"""The release before this one, out of the repository's own history: while it is replaced both run."""

import io
import subprocess
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_name("previous_release.toml")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A version as CHANGELOG.md calls it, and the commit that it was cut at."""

    version: str
    commit: str


PREVIOUS = Release(**tomllib.loads(FILE.read_text()))


class MissingReleaseError(Exception):
    """The history that is here does not reach back to the release; says which, and how to get it."""


def previous(folder: Path) -> Path:
    """Put the whole tree of the release before into a folder, which is made; answers the folder.

    Its processes run there (`python -m services.orders.agent`) in the environment that this code has. Raises
    MissingReleaseError in a shallow clone, or where there is no repository.
    """
    try:
        command = ["git", "-C", str(ROOT), "archive", "--format=zip", "-0", PREVIOUS.commit]
        packed = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingReleaseError(
            f"release {PREVIOUS.version} is not in the history here: git fetch --unshallow"
        ) from error
    with zipfile.ZipFile(io.BytesIO(packed)) as tree:
        tree.extractall(folder)
    return folder
