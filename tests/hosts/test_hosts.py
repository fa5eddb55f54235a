"""Two hosts with everything, in short: `make hosts` leaves them longer, and rolls them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import lives
from tests.hosts.network import ADDRESS, NAMESPACES, Network, sweep, why_not
from tests.hosts.rig import Plan, rigged
from tests.waiting import until

ROOT = Path(__file__).parents[2]
ADDRESSES = ["127.0.0.1", *(ADDRESS.format(number) for number in range(1, 5))]

# A run that is killed with a process of its own on a host.
KILLED = """
import os, signal, subprocess, sys
from tests.hosts.network import Network
with Network("one") as network, network.inside("one"):
    sleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
    left = subprocess.Popen(sleep, stdout=subprocess.DEVNULL)
    print(os.getpid(), left.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.allow_hosts(ADDRESSES)]


@pytest.fixture(autouse=True)
def can_be_made():
    if reason := why_not():
        pytest.skip(f"hosts can't be made here: {reason}")


@pytest.mark.requirement("K-09")
def test_nothing_is_lost_or_doubled_while_a_host_is_cut_off_and_another_dies():
    plan = Plan(quiet_seconds=4, cut_seconds=8, alone_seconds=1, orders=12)

    with rigged(plan) as rig:
        breaches = rig.run()

    assert breaches == []


def test_what_is_sent_to_a_host_that_is_cut_off_vanishes_and_nobody_is_told():
    with Network("one", "other") as network:
        with network.inside("other"):
            server = socket.create_server((network.addresses["other"], 8000))
        with server, network.inside("one"):
            with socket.create_connection(server.getsockname(), timeout=10):
                pass
            network.pull_out("other")
            with pytest.raises(TimeoutError):
                socket.create_connection(server.getsockname(), timeout=4)
            network.plug_in("other")
            with socket.create_connection(server.getsockname(), timeout=10):
                pass


def test_what_a_killed_run_left_is_removed_and_what_another_has_is_not():
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert killed.returncode == -signal.SIGKILL
    owner, left = map(int, killed.stdout.split())
    assert len(namespaces_of(owner)) == 2
    assert not is_gone(left)

    with Network("one"):
        sweep()

        assert namespaces_of(owner) == []
        until(lambda: is_gone(left))
        assert len(namespaces_of(os.getpid())) == 2
    assert namespaces_of(os.getpid()) == []


def namespaces_of(owner):
    return [place.name for place in NAMESPACES.glob(f"waybill-{owner}-*")]


def is_gone(pid):
    try:
        return not lives(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True
