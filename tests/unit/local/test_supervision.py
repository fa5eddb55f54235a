"""What dies comes back; what is stopped stays so; and nothing outlives its supervisor."""

import json
import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from deploy.local import guardian, leftovers
from deploy.local.processes import stop_all
from deploy.local.settings import ROOT
from deploy.local.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"

# A process with a child in its group, as Celery's workers have them.
FAMILY = "import os, time; os.fork(); time.sleep(600)"
STUBBORN_FAMILY = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FAMILY}"


@pytest.fixture
def supervisor(tmp_path):
    supervisor = Supervisor(tmp_path / "processes.json")
    yield supervisor
    supervisor.close()


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def test_a_killed_process_comes_back(supervisor, make_process, wait_until):
    process = make_process(SLEEP)
    supervisor.keep(process)
    first = process.pid

    os.kill(first, signal.SIGKILL)

    # It is counted once it runs again.
    wait_until(lambda: supervisor.restarts == {"sleeper": 1})
    assert process.pid != first
    assert process.is_running()


def test_what_a_killed_process_leaves_in_its_group_goes_too(supervisor, make_process, wait_until):
    process = make_process(FAMILY)
    supervisor.keep(process)
    wait_until(lambda: len(family(process.pid)) == 2)
    first, orphan = family(process.pid)

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: not lives(orphan))
    wait_until(lambda: process.pid != first and process.is_running())


def test_a_stopped_process_stays_stopped(supervisor, make_process, wait_until):
    stopped, kept = make_process(SLEEP, "stopped"), make_process(SLEEP, "kept")
    supervisor.keep(stopped)
    supervisor.keep(kept)
    first = kept.pid

    supervisor.release(["stopped"])
    stopped.stop()
    os.kill(kept.pid, signal.SIGKILL)

    wait_until(lambda: kept.pid != first and kept.is_running())  # so the supervisor has looked at both
    assert not stopped.is_running()


def test_a_process_that_keeps_failing_is_started_less_and_less_often(supervisor, make_process, wait_until):
    supervisor.keep(make_process("raise SystemExit(3)"))

    [kept] = supervisor._kept.values()

    def since_its_start(failures):
        started_at, again_at = kept.started_at, kept.start_again_at
        return again_at - started_at if again_at and kept.failures >= failures else None

    # It ran for some time first, so these are the shortest that the pauses can have been.
    assert wait_until(lambda: since_its_start(1)) >= 1
    assert wait_until(lambda: since_its_start(2)) >= 3


def test_a_frozen_process_that_will_not_stop_is_killed_with_its_children(make_process, wait_until):
    process = make_process(STUBBORN_FAMILY)
    process.start()
    wait_until(lambda: len(family(process.pid)) == 2)
    pids = family(process.pid)
    process.signal(signal.SIGSTOP)

    stop_all([process], seconds=0.2)

    assert not any(lives(pid) for pid in pids)
    assert process.exit_status == -signal.SIGKILL


@pytest.fixture
def start_supervisor(tmp_path):
    """Starts another Python that supervises a family; answers it and all it started."""
    running = []

    def start() -> tuple[subprocess.Popen[str], dict[str, list[int]]]:
        code = f"""
import json, sys, time
from pathlib import Path
from deploy.local import processes
from deploy.local.supervisor import Supervisor
from tests.unit.local.test_supervision import FAMILY, family
folder = Path({str(tmp_path)!r})
process = processes.Process("family", [sys.executable, "-c", FAMILY], log=folder / "family.log",
                            folder=folder, environment={{}})
supervisor = Supervisor(folder / "processes.json")
supervisor.keep(process)
while len(family(process.pid)) < 2:
    time.sleep(0.01)
print(json.dumps({{"family": family(process.pid), "guardian": [processes._guard._guardian.pid]}}), flush=True)
guard, first = processes._guard, processes._guard._guardian
while guard._guardian is first:
    time.sleep(0.01)
with guard._lock:  # held until the new one was told of the family
    print(guard._guardian.pid, flush=True)
time.sleep(600)
"""
        supervisor = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        running.append(supervisor)
        return supervisor, json.loads(supervisor.stdout.readline())

    yield start
    for supervisor in running:
        supervisor.kill()
        supervisor.communicate()


def test_nothing_is_left_when_the_supervisor_is_killed(start_supervisor, wait_until):
    supervisor, started = start_supervisor()

    supervisor.kill()

    wait_until(lambda: not any(lives(pid) for pid in started["family"] + started["guardian"]))


def test_a_killed_guardian_is_replaced(start_supervisor, wait_until):
    supervisor, started = start_supervisor()

    os.kill(started["guardian"][0], signal.SIGKILL)
    second = int(supervisor.stdout.readline())
    assert second not in started["guardian"]
    supervisor.kill()

    wait_until(lambda: not any(lives(pid) for pid in started["family"]))


def test_what_outlived_supervisor_and_guardian_is_swept_by_the_next_start(
    tmp_path, start_supervisor, wait_until
):
    supervisor, started = start_supervisor()
    supervisor.send_signal(signal.SIGSTOP)  # so that it can't replace the guardian
    os.kill(started["guardian"][0], signal.SIGKILL)
    supervisor.kill()
    supervisor.wait()
    assert all(lives(pid) for pid in started["family"])

    swept = leftovers.sweep(tmp_path / "processes.json")

    assert swept == ["family"]
    wait_until(lambda: not any(lives(pid) for pid in started["family"]))


def test_a_stranger_with_the_pid_of_a_leftover_is_left_alone(tmp_path, make_process):
    stranger = make_process(SLEEP)
    stranger.start()
    record = tmp_path / "processes.json"
    leftovers.remember(record, [stranger])
    [entry] = json.loads(record.read_text())
    record.write_text(json.dumps([entry | {"started": entry["started"] - 60}]))

    assert leftovers.sweep(record) == []
    assert stranger.is_running()


def test_the_guardian_kills_what_does_not_heed_it(make_process, wait_until):
    process = make_process(STUBBORN_FAMILY)
    process.start()
    wait_until(lambda: len(family(process.pid)) == 2)
    pids = family(process.pid)

    guardian.stop({process.pid: signal.SIGTERM}, grace_seconds=0.2)

    wait_until(lambda: not any(lives(pid) for pid in pids))


def test_the_guardian_stops_only_the_groups_it_was_not_told_to_forget():
    assert guardian.groups_left(["+ 10 15\n", "+ 11 2\n", "- 10\n", "- 99\n"]) == {11: 2}


def test_looks_at_one_process_from_several_threads_agree(make_process):
    process = make_process("")
    process.start()
    looks = [threading.Thread(target=process.wait, args=(10,)) for _ in range(8)]

    for look in looks:
        look.start()
    for look in looks:
        look.join()

    assert process.exit_status == 0
