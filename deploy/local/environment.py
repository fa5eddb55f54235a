"""The runtime environment: system libraries, `.venv` and the locked packages.

Standard library only: this runs on a bare Python, before any package is there.
"""

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "locks.json"  # the hashes of the locks that are installed

# What WeasyPrint loads, which no Python package brings.
LIBRARIES = {
    "linux": ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0"),
    "darwin": ("libpango-1.0.dylib", "libpangoft2-1.0.dylib", "libharfbuzz-subset.0.dylib"),
}

# How each package manager installs without asking; the first that is there is used.
MANAGERS = {
    "apt-get": "apt-get install --yes --quiet --no-install-recommends",
    "dnf": "dnf install --assumeyes --quiet",
    "zypper": "zypper --quiet --non-interactive install",
    "pacman": "pacman --sync --noconfirm",
    "brew": "brew install --quiet",
}
LIBRARY_PACKAGES = {
    "apt-get": "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    "dnf": "pango harfbuzz",
    "zypper": "libpango-1_0-0 libharfbuzz-subset0",
    "pacman": "pango harfbuzz",
    "brew": "pango",
}
# What the browser tests drive. Where it can't be had they are skipped, so nobody is stopped by it. Chromium's
# headless shell comes first: the same engine without the parts around a page takes 60 % of the time for one.
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
BROWSER_PACKAGES = (
    {"apt-get": "chromium-headless-shell"},
    {"apt-get": "chromium", "dnf": "chromium", "zypper": "chromium", "pacman": "chromium"},
)
# Debian alone takes from Python what makes environments.
VENV_PACKAGES = {"apt-get": f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"}


class SetupError(Exception):
    """The machine lacks something only its owner can install; the text says what to do."""


def prepare(lock: str) -> None:
    """Bring `.venv` in line with a lock; returns quickly if it already is."""
    lacking = lacks()
    if lacking:
        install_packages(lacking)
        invalidate_caches()
        if lacks():
            raise SetupError(f"{' and '.join(lacks())} can't be used although the packages are installed.")
    if not is_installed(lock):
        see_to_venv()
        install(lock)
    if lock == "dev" and browser() is None and (problem := install_browser()):
        print(f"The browser tests will be skipped. {problem}", flush=True)


def install_browser() -> SetupError | None:
    """Install the first of the browsers that this machine can have; returns why it has none."""
    problem = None
    for packages in BROWSER_PACKAGES:
        try:
            install_packages({"a browser (for the browser tests)": packages})
        except SetupError as last:
            problem = last
        else:
            return None
    return problem


def browser() -> str | None:
    """The browser that the tests drive, if there is one."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def lacks() -> dict[str, dict[str, str]]:
    """Missing system libraries, and the packages that provide them, by package manager."""
    lacking = {}
    if libraries := missing_libraries():
        lacking[f"{', '.join(libraries)} (to make PDFs)"] = LIBRARY_PACKAGES
    if not venv_works() and find_spec("ensurepip") is None and find_spec("pip") is None:
        lacking["Python's venv"] = VENV_PACKAGES
    return lacking


def missing_libraries() -> list[str]:
    """The libraries that can't be loaded."""
    return [name for name in LIBRARIES.get(sys.platform, ()) if not can_load(name)]


def can_load(library: str) -> bool:
    """Whether a process started by us would find a library."""
    # Homebrew's folders, which macOS does not search by itself; the services' environment names them.
    for place in ("", "/opt/homebrew/lib/", "/usr/local/lib/"):
        try:
            ctypes.CDLL(place + library)
        except OSError:
            continue
        return True
    return False


def is_installed(lock: str) -> bool:
    """Whether the environment matches the lock and works."""
    try:
        installed = json.loads(STAMPS.read_text())
    except (OSError, ValueError):  # not there, or cut off by a crash of the machine
        return False
    return installed.get(lock) == lock_hash(lock) and venv_works()


def see_to_venv() -> None:
    """Create the environment unless there is a working one."""
    if venv_works():
        return
    shutil.rmtree(VENV, ignore_errors=True)  # its Python was taken away or replaced
    # Without ensurepip, the pip of the Python itself fills it.
    options = [] if find_spec("ensurepip") else ["--without-pip"]
    run([sys.executable, "-m", "venv", *options, str(VENV)], or_else="Python can't make the folder .venv")


def venv_works() -> bool:
    """Whether the environment's Python starts; it stops doing so when the system's Python is replaced."""
    try:
        return subprocess.run([str(VENV_PYTHON), "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def install(lock: str) -> None:
    """Install exactly the packages of a lock, each checked by its hash."""
    print(f"Installing requirements/{lock}.txt into .venv", flush=True)
    has_pip = subprocess.run([str(VENV_PYTHON), "-m", "pip", "--version"], check=False, capture_output=True)
    pip = [str(VENV_PYTHON), "-m", "pip"]
    if has_pip.returncode != 0:
        pip = [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON)]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    # The lock is whole: what a package says it needs is not resolved anew, for releases that came out
    # since would answer (an extra such as coverage[toml] is pinned bare, and pip would look for its newest).
    as_locked = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    run(
        [*pip, "install", *quiet, *as_locked, "--requirement", str(lock_file(lock))],
        or_else=f"The packages of requirements/{lock}.txt can't be installed",
    )
    run([*pip, "check"], or_else=f"The packages of requirements/{lock}.txt don't fit together")
    # The dev lock holds the whole runtime lock.
    held = ("runtime", "dev") if lock == "dev" else (lock,)
    STAMPS.write_text(json.dumps({name: lock_hash(name) for name in held}))


def lock_file(lock: str) -> Path:
    """The path of a lock."""
    return ROOT / "requirements" / f"{lock}.txt"


def lock_hash(lock: str) -> str:
    """The value that identifies an installed lock."""
    return hashlib.sha256(lock_file(lock).read_bytes()).hexdigest()


def install_packages(lacking: dict[str, dict[str, str]]) -> None:
    """Install packages with the system's package manager if allowed; otherwise say which command to run."""
    what = " and ".join(lacking)
    manager = next((name for name in MANAGERS if shutil.which(name)), None)
    if manager is None or not all(manager in packages for packages in lacking.values()):
        raise SetupError(f"This machine lacks {what}, and Waybill doesn't know which package provides it.")
    packages = " ".join(packages[manager] for packages in lacking.values())
    command = f"{MANAGERS[manager]} {packages}"
    sudo = [] if os.geteuid() == 0 or manager == "brew" else ["sudo", "--non-interactive"]
    if sudo and not may_sudo():
        raise SetupError(
            f"This machine lacks {what}: run this line, then make again.\n\n    sudo {command}\n"
        )
    print(f"Installing {packages}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run([*sudo, *command.split()], check=False, capture_output=True, env=quiet).returncode == 0:
        return
    if manager == "apt-get":  # a fresh machine knows of no packages yet
        subprocess.run([*sudo, "apt-get", "update", "--quiet"], check=False, capture_output=True)
    run([*sudo, *command.split()], or_else=f"{packages} can't be installed")


def may_sudo() -> bool:
    """Whether we may run commands as root without a password."""
    if not shutil.which("sudo"):
        return False
    return (
        subprocess.run(["sudo", "--non-interactive", "true"], check=False, capture_output=True).returncode
        == 0
    )


def run(command: list[str], *, or_else: str) -> None:
    """Run a command; if it fails, the error includes the end of its output."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        words = "\n".join(done.stdout.strip().splitlines()[-6:])
        raise SetupError(f"{or_else}; `{' '.join(command)}` says:\n{words}")
