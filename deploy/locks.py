"""Checks that locked packages are still available and the newest of their series, by pip's index.

It reports and stops nothing. Known holes are asked for elsewhere (`make audit`), over another address.
"""

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from deploy.local.environment import lock_file

# The simple API as JSON: https://packaging.python.org/en/latest/specifications/simple-repository-api/
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
LOCKS = ("runtime", "dev")
OLDEST_PYTHON = "3.11"  # as pyproject.toml says
THREADS = 8
ANSWER_SECONDS = 60
_PIN = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of a package, as listed by an index."""

    version: Version
    yanked: str | None  # why it should not be used any more; None: it may be
    installs: bool  # whether a wheel of it is for our Python


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A finding about a locked version."""

    pin: str
    what: str


def main() -> int:
    """Print findings about locked versions; returns 1 only if the index knows none of them."""
    pins = locked()
    address = index_url()
    findings = list(examine(address, pins))
    for finding in findings:
        print(f"{finding.pin}: {finding.what}")
    unknown = sum(finding.what.startswith("not known") for finding in findings)
    # The host alone: what stands before it may be a name and a password.
    print(f"Asked {urlsplit(address).hostname} for {len(pins)} locked versions: {len(findings)} to look at.")
    return int(unknown == len(pins))


def locked() -> set[tuple[str, str]]:
    """Names and versions of all locked packages."""
    texts = (lock_file(lock).read_text() for lock in LOCKS)
    return {(canonicalize_name(name), version) for text in texts for name, version in _PIN.findall(text)}


def index_url() -> str:
    """The index pip uses here: configured, or its own default."""
    if told := configured("index-url"):
        return told
    [default] = re.findall(r"--index-url <url>.*?\(default (\S+)\)", _pip("install", "--help"))
    return str(default)


def configured(setting: str) -> str | None:
    """A pip setting, if there is one; the environment comes first, then the one for `pip install`."""
    told = _pip("config", "list")
    names = (f":env:.{setting}", f"install.{setting}", f"global.{setting}")
    found = (re.search(rf"^{re.escape(name)}='(.*)'$", told, re.MULTILINE) for name in names)
    return next((match[1] for match in found if match), None)


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", *words]
    wide = {**os.environ, "COLUMNS": "1000"}  # of its help no line is broken
    return subprocess.run(command, check=True, capture_output=True, text=True, env=wide).stdout


def examine(address: str, pins: set[tuple[str, str]]) -> Iterator[Finding]:
    """Findings about locked versions, by name."""
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:
        ordered = sorted(pins)
        # Proxies and netrc come from the environment, as pip's do.
        session.verify = configured("cert") or True
        answers = pool.map(lambda pin: _asked(session, address, *pin), ordered)
        for (name, version), what in zip(ordered, answers, strict=True):
            if what:
                yield Finding(pin=f"{name} {version}", what=what)


def _asked(session: requests.Session, address: str, name: str, version: str) -> str:
    try:
        answer = session.get(
            f"{address.rstrip('/')}/{name}/", headers={"Accept": SIMPLE_JSON}, timeout=ANSWER_SECONDS
        )
        answer.raise_for_status()
        releases = releases_of(answer.json()["files"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"not known: the index gave no list of its files ({type(error).__name__})"
    return judge(Version(version), releases)


def releases_of(files: list[dict[str, object]]) -> list[Release]:
    """The releases of a package, from its list of files; one is yanked if all its files are."""
    yanks: dict[Version, list[str | None]] = defaultdict(list)
    wheels: set[Version] = set()
    for file in files:
        try:
            version, is_wheel = _version_of(str(file["filename"]))
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue  # an egg, an installer: nothing that pip takes
        yanked = file.get("yanked", False)
        yanks[version].append(None if yanked is False else str(yanked) if yanked is not True else "")
        if is_wheel and _is_for_us(file.get("requires-python")):
            wheels.add(version)
    return [
        Release(
            version=version,
            yanked=None if None in whys else next((why for why in whys if why), ""),
            installs=version in wheels,
        )
        for version, whys in yanks.items()
    ]


def judge(locked_version: Version, releases: list[Release]) -> str:
    """The finding about a locked version among all releases; empty if there is none."""
    own = next((release for release in releases if release.version == locked_version), None)
    series = _series(locked_version)
    newest = max(
        (
            release.version
            for release in releases
            if release.installs
            and release.yanked is None
            and not release.version.is_prerelease
            and _series(release.version) == series
        ),
        default=locked_version,
    )
    said = []
    if own is None:
        said.append("withdrawn: the index no longer has it")
    elif own.yanked is not None:
        said.append(f"yanked: {own.yanked or 'no reason given'}")
    if newest > locked_version:
        said.append(f"behind its series: {newest} is out")
    return "; ".join(said)


def _series(version: Version) -> tuple[int, int, int]:
    """What patch releases have in common: epoch, major and minor."""
    return version.epoch, version.major, version.minor


def _version_of(filename: str) -> tuple[Version, bool]:
    if filename.endswith(".whl"):
        return parse_wheel_filename(filename)[1], True
    return parse_sdist_filename(filename)[1], False


def _is_for_us(requires_python: object) -> bool:
    try:
        return not requires_python or SpecifierSet(str(requires_python)).contains(OLDEST_PYTHON)
    except InvalidSpecifier:
        return True


if __name__ == "__main__":
    raise SystemExit(main())
