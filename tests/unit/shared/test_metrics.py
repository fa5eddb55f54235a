"""The processes of an API or a worker count together, and those that replace dead ones count on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from shared.metrics import when_committed

ROOT = Path(__file__).parents[3]

# A parent with two children at once that each count to two, and five more after another, as a worker's are.
FAMILY = """
import os
from prometheus_client import Counter, Histogram
from shared import metrics

counter = Counter("bells", "Rung.", ["tower"])
seconds = Histogram("ringing", "How long.", buckets=(1, 2))

def child(gate=None):
    pid = os.fork()
    if pid == 0:
        counter.labels("north").inc()
        seconds.observe(1.5)
        if gate:
            os.write(counted, b".")
            os.read(gate, 1)
        counter.labels("north").inc()
        os._exit(0)
    return pid

counter.labels("north").inc()
gate, latch = os.pipe()
heard, counted = os.pipe()
together = [child(gate), child(gate)]
for _ in together:
    os.read(heard, 1)
os.write(latch, b"go")
for pid in together:
    os.waitpid(pid, 0)
for _ in range(5):
    os.waitpid(child(), 0)
print(metrics.exposition().decode())
"""


def run_family(folder):
    done = subprocess.run(
        [sys.executable, "-c", FAMILY],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    families = text_string_to_metric_families(done.stdout)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_processes_of_a_worker_count_together_in_as_many_files_as_live_at_once(tmp_path):
    folder = tmp_path / "not" / "there yet"

    first = run_family(folder)
    files = sorted(file.name for file in folder.glob("*.db"))
    second = run_family(folder)

    assert first["bells_total"] == 1 + 7 * 2
    assert (first["ringing_count"], first["ringing_sum"]) == (7, 10.5)
    # Started again: it counts on, and takes no more room.
    assert second["bells_total"] == 2 * first["bells_total"]
    assert sorted(file.name for file in folder.glob("*.db")) == files
    assert len(files) == 2 * 3


@pytest.fixture
def sessions(engines):
    return sessionmaker(engines["orders"])


@pytest.fixture
def counter():
    return Counter("waybill_test_bells", "Rung in a test.", registry=None)


def test_what_is_rolled_back_is_not_counted(sessions, counter):
    with sessions() as session:
        session.execute(text("select 1"))
        when_committed(session, counter.inc)
        session.rollback()
        session.commit()
    assert counter._value.get() == 0

    with sessions() as session:
        when_committed(session, counter.inc)
        with session.begin_nested():
            when_committed(session, counter.inc)
        assert counter._value.get() == 0
        session.commit()
        session.commit()
    assert counter._value.get() == 2
