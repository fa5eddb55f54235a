"""`make outdated` tells what the index that pip uses says of the locked versions, and stops nothing."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from packaging.version import Version

from deploy import locks
from deploy.local.settings import ROOT


def wheel(name, version, **about):
    return {"filename": f"{name}-{version}-py3-none-any.whl"} | about


FILES = {
    "right": [wheel("right", "1.2.3"), wheel("right", "1.2.2"), wheel("right", "1.3.0")],
    "yanked": [wheel("yanked", "1.2.3", yanked="breaks on Tuesdays"), wheel("yanked", "1.2.2")],
    "partly": [wheel("partly", "1.2.3", yanked=True), {"filename": "partly-1.2.3.tar.gz", "yanked": False}],
    "silent": [wheel("silent", "1.2.3", yanked=True)],
    "withdrawn": [wheel("withdrawn", "1.2.2")],
    "behind": [wheel("behind", version) for version in ("1.2.3", "1.2.10", "1.2.4", "1.20.0")],
    "both": [wheel("both", "1.2.3", yanked=True), wheel("both", "1.2.3.post1")],
    "not-for-us": [
        wheel("not_for_us", "1.2.3"),
        wheel("not_for_us", "1.2.4", yanked=True),
        wheel("not_for_us", "1.2.5", **{"requires-python": ">=3.12"}),
        wheel("not_for_us", "1.2.6rc1"),
        {"filename": "not_for_us-1.2.7.tar.gz"},
        {"filename": "not_for_us-1.2.8.exe"},
    ],
}


@pytest.fixture
def index():
    """An index that answers as the simple API does, in JSON; what else is locked it has as it is locked."""
    locked = locks.locked()

    class Index(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/").rpartition("/")[2]
            own = [wheel(name.replace("-", "_"), version) for pinned, version in locked if pinned == name]
            files = FILES.get(name) or own
            html = name == "in-html"
            self.send_response(200 if files or html else 404)
            self.send_header("Content-Type", "text/html" if html else locks.SIMPLE_JSON)
            self.end_headers()
            asked_well = self.headers["Accept"] == locks.SIMPLE_JSON
            if files and asked_well:
                self.wfile.write(json.dumps({"name": name, "files": files}).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_what_is_yanked_withdrawn_or_behind_its_series_is_told(index):
    pins = {(name, "1.2.3") for name in (*FILES, "unknown", "in-html")}

    told = {finding.pin.split()[0]: finding.what for finding in locks.examine(f"http://{index}", pins)}

    assert told == {
        "yanked": "yanked: breaks on Tuesdays",
        "silent": "yanked: no reason given",
        "withdrawn": "withdrawn: the index no longer has it",
        "behind": "behind its series: 1.2.10 is out",
        "both": "yanked: no reason given; behind its series: 1.2.3.post1 is out",
        "unknown": "not known: the index gave no list of its files (HTTPError)",
        "in-html": "not known: the index gave no list of its files (JSONDecodeError)",
    }


@pytest.mark.parametrize(
    ("locked", "newest", "is_behind"),
    [("1.2", "1.2.1", True), ("2026.2", "2026.3", False), ("1!1.2.3", "1.2.9", False), ("3", "3.0.1", True)],
)
def test_a_series_is_what_patch_releases_have_in_common(locked, newest, is_behind):
    releases = [locks.Release(version=Version(one), yanked=None, installs=True) for one in (locked, newest)]

    assert bool(locks.judge(Version(locked), releases)) == is_behind


def report(**environment):
    """What the command says, with these settings of pip's alone."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command = [sys.executable, "-m", "deploy.locks"]
    return subprocess.run(
        command, cwd=ROOT, env=known | environment, check=False, capture_output=True, text=True
    )


def test_every_locked_version_is_asked_for_where_pip_is_told_to(index):
    told = report(PIP_INDEX_URL=f"http://somebody:secret@{index}")

    assert told.returncode == 0, told.stderr
    pins = len(locks.locked())
    assert told.stdout.splitlines() == [f"Asked 127.0.0.1 for {pins} locked versions: 0 to look at."]
    assert pins > 150
    assert "secret" not in told.stdout + told.stderr


def test_an_index_that_is_not_there_is_told(tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = http://127.0.0.1:1/simple\n")

    told = report(PIP_CONFIG_FILE=str(config))

    assert told.returncode == 1
    assert "not known: the index gave no list of its files (ConnectionError)" in told.stdout


def test_without_a_setting_it_is_pips_own_default(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    by_pip = subprocess.run(
        [sys.executable, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"],
        check=True,
        capture_output=True,
        text=True,
    )

    assert locks.index_url() == by_pip.stdout.strip()
