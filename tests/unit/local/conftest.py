"""What the tests of the one-machine stack share."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.processes import Process
from deploy.local.settings import ROOT
from tests.waiting import until


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Waits for something to become true, and fails where it does not."""
    return until


@pytest.fixture
def make_process(tmp_path) -> Iterator[Callable[..., Process]]:
    """Makes processes that run a piece of Python; whatever is left at the end is killed."""
    made: list[Process] = []

    def make(code: str, name: str = "sleeper") -> Process:
        command = [sys.executable, "-c", code]
        log = tmp_path / f"{name}.log"
        process = Process(name, command, log=log, folder=ROOT, environment={"PYTHONPATH": str(ROOT)})
        made.append(process)
        return process

    yield make
    for process in made:
        process.kill()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user of the machine can get to; pytest's own are closed to others."""
    with TemporaryDirectory(prefix="waybill-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
