"""A machine that lacks something gets it, or its owner is told the one line that brings it."""

import os
import subprocess
import sys

import pytest

from deploy.local import environment
from deploy.local.environment import SetupError, install_packages
from deploy.local.settings import ROOT

LACKING = {
    "Pango": {"apt-get": "libpango-1.0-0", "dnf": "pango"},
    "venv": {"apt-get": "python3-venv", "dnf": "python3"},
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with these programs on its path and no others; each notes how it was called."""
    calls = tmp_path / "calls"
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()

    def has(*, root: bool, **programs: str) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
        for name, answer in programs.items():
            program = tmp_path / "bin" / name.replace("_", "-")
            program.write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >> {calls}\n{answer}\n')
            program.chmod(0o755)

    def called() -> list[str]:
        return calls.read_text().splitlines() if calls.exists() else []

    has.called = called
    return has


def test_root_installs_what_is_missing(machine, capsys):
    machine(root=True, apt_get="exit 0")

    install_packages(LACKING)

    assert machine.called() == [
        "apt-get install --yes --quiet --no-install-recommends libpango-1.0-0 python3-venv"
    ]
    assert "Installing libpango-1.0-0 python3-venv" in capsys.readouterr().out


def test_a_fresh_machine_learns_first_which_packages_there_are(machine):
    machine(root=True, apt_get='[ "$1" = update ] && : > "$0.updated"; [ -e "$0.updated" ]')

    install_packages(LACKING)

    assert [call.split()[1] for call in machine.called()] == ["install", "update", "install"]


def test_one_who_may_act_as_root_without_a_password_does(machine):
    machine(root=False, dnf="exit 1", sudo="exit 0")

    install_packages(LACKING)

    assert machine.called() == [
        "sudo --non-interactive true",
        "sudo --non-interactive dnf install --assumeyes --quiet pango python3",
    ]


def test_anyone_else_is_told_the_one_line(machine):
    machine(root=False, apt_get="exit 1", sudo="exit 1")

    with pytest.raises(SetupError) as refusal:
        install_packages(LACKING)

    line = "    sudo apt-get install --yes --quiet --no-install-recommends libpango-1.0-0 python3-venv"
    assert line in str(refusal.value).splitlines()


def test_a_machine_with_an_unknown_package_manager_is_told_what_it_lacks(machine):
    machine(root=True)

    with pytest.raises(SetupError, match="lacks Pango and venv"):
        install_packages(LACKING)


def test_a_failed_installation_says_why(machine):
    machine(root=True, apt_get="echo no space left on device; exit 100")

    with pytest.raises(SetupError, match=r"(?s)python3-venv can't be installed.*no space left on device"):
        install_packages(LACKING)


def test_the_tests_get_the_headless_shell(machine):
    machine(root=True, apt_get="exit 0")

    assert environment.install_browser() is None

    assert [call.split()[-1] for call in machine.called()] == ["chromium-headless-shell"]


def test_where_there_is_no_headless_shell_they_get_a_whole_browser(machine):
    machine(root=True, apt_get='case "$*" in *-headless-shell) exit 100;; esac')

    assert environment.install_browser() is None

    assert machine.called()[-1].split()[-1] == "chromium"


def test_without_a_browser_it_is_said_why(machine):
    machine(root=True, apt_get="echo no such package; exit 100")

    assert "no such package" in str(environment.install_browser())


def test_an_old_python_is_refused_in_one_sentence():
    code = "import runpy, sys; sys.version_info = (3, 9, 1); runpy.run_module('deploy.local.setup')"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == (
        "Waybill needs Python 3.11 or newer and this is 3.9: "
        "name a newer one, as in `make up PYTHON=python3.11`.\n"
    )


def test_the_development_lock_holds_the_runtime_lock():
    def pins(lock: str) -> set[str]:
        lines = environment.lock_file(lock).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("runtime") < pins("dev")


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_locks_name_no_place_to_get_packages_from(lock):
    text = environment.lock_file(lock).read_text()

    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
