"""The locks install as they are written, whatever came out since and whichever pip reads them."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from threading import Thread

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local import environment
from deploy.local.environment import SetupError

# A pin without its hashes; a package may have several, each with the Pythons it is for.
PIN = re.compile(r"^[\w.-]+==[^\\\n]+", re.MULTILINE)


def pins(lock):
    """The pinned requirements of a lock, with their markers, but for pip: an empty one could not go on."""
    found = [Requirement(pin) for pin in PIN.findall(environment.lock_file(lock).read_text())]
    return [pin for pin in found if pin.name != "pip"]


def is_for_us(pin):
    return pin.marker is None or pin.marker.evaluate()


def version_of(pin):
    return str(pin.specifier).removeprefix("==")


def release(name, version, needs):
    """An empty release of a package that needs what the real one needs."""
    stem = f"{name.replace('-', '_').replace('.', '_')}-{version}"
    extras = {extra for need in needs for extra in re.findall(r"""extra == ["']([\w.-]+)["']""", need)}
    about = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in sorted(extras)),
        *(f"Requires-Dist: {need}" for need in needs),
    ]
    files = {
        "METADATA": "\n".join(about) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(f"{stem}.dist-info/{file}", text)
        wheel.writestr(f"{stem}.dist-info/RECORD", "".join(f"{stem}.dist-info/{file},,\n" for file in files))
    return f"{stem}-py3-none-any.whl", content.getvalue()


@cache
def releases():
    """Of each package its locked releases and one that came out since: content by file, by name."""
    index = defaultdict(dict)
    for pin in pins("dev"):
        needs = (metadata.requires(pin.name) or []) if is_for_us(pin) else []
        for version in (version_of(pin), "9999.1"):
            file, content = release(pin.name, version, needs)
            index[canonicalize_name(pin.name)][file] = content
    return index


@pytest.fixture
def index():
    """An index of packages that moved on since the locks were made; notes what was taken from it."""
    taken = []

    class Index(BaseHTTPRequestHandler):
        def do_GET(self):
            _, kind, name, *file = self.path.split("/")
            files = releases().get(name)
            if files is None:
                self.send_error(404)
                return
            if kind == "simple":
                links = "".join(f'<a href="/files/{name}/{one}">{one}</a>\n' for one in files)
                content = f"<!DOCTYPE html>\n{links}".encode()  # pip 22.0 reads no page without it
            else:
                taken.append(file[0])
                content = files[file[0]]
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if kind == "simple" else "application/zip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        server.taken = taken
        yield server
        server.shutdown()


def locked_pip(site):
    """The newest pip the project knows of, as the development lock brings it."""
    for old in site.glob("pip*"):
        shutil.rmtree(old)
    for file in metadata.files("pip"):
        if ".." not in file.parts:
            place = site / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.locate().read_bytes())


def bundled_pip(_site):
    """The pip that came with this Python and fills a fresh machine's environment: there already."""


@pytest.fixture
def with_pip(request):
    """Which pip the machine has."""
    return getattr(request, "param", bundled_pip)


@pytest.fixture
def machine(with_pip, tmp_path, monkeypatch, index):
    """A machine with an empty environment that takes packages from the index, and from nowhere else."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    with_pip(site)
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = http://127.0.0.1:{index.server_port}/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(environment, "VENV", folder)
    monkeypatch.setattr(environment, "VENV_PYTHON", folder / "bin" / "python")
    monkeypatch.setattr(environment, "STAMPS", folder / "locks.json")
    return site


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """A lock as it stands, but for the hashes, which are those of the index's empty releases."""

    def rewrite(lock):
        lines = []
        for pin in pins(lock):
            file, _ = release(pin.name, version_of(pin), [])
            content = releases()[canonicalize_name(pin.name)][file]
            lines.append(f"{pin} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
        (tmp_path / f"{lock}.txt").write_text("".join(lines))

    for lock in ("runtime", "dev"):
        rewrite(lock)
    monkeypatch.setattr(environment, "lock_file", lambda lock: tmp_path / f"{lock}.txt")


@pytest.mark.requirement("V-00")
@pytest.mark.parametrize(
    ("lock", "with_pip"),
    [("runtime", bundled_pip), ("dev", bundled_pip), ("dev", locked_pip)],
    indirect=["with_pip"],
)
def test_a_lock_installs_what_it_names_though_everything_has_newer_releases(machine, index, offered, lock):
    wanted = {canonicalize_name(pin.name): version_of(pin) for pin in pins(lock) if is_for_us(pin)}

    environment.install(lock)

    installed = {
        canonicalize_name(one.name): one.version for one in metadata.distributions(path=[str(machine)])
    }
    assert {name: installed.get(name) for name in wanted} == wanted
    assert set(installed) <= {*wanted, "pip", "setuptools"}
    assert not [file for file in index.taken if "9999" in file]
    assert environment.is_installed(lock)


@pytest.mark.requirement("V-00")
def test_a_lock_that_lacks_what_its_packages_need_is_no_lock(machine, offered):
    lock = environment.lock_file("runtime")
    lock.write_text(re.sub(r"werkzeug==.*\n.*\n", "", lock.read_text()))

    with pytest.raises(SetupError, match=r"(?i)flask.* requires werkzeug, which is not installed"):
        environment.install("runtime")

    assert not environment.is_installed("runtime")
