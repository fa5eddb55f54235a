"""What hangs says so, or ends itself, and is started anew; what waits for others lives."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest
from celery import Celery
from kombu import Connection
from sqlalchemy.orm import sessionmaker

from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.ports import free_port
from deploy.local.valkey import temporary_valkey
from shared.db import make_engine
from shared.messaging import agent as agents
from shared.messaging.agent import Agent
from shared.metrics import serve
from shared.settings import ServiceSettings, read
from tests.contract.openapi import ENVIRONMENT
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.requirement("K-02")

ROOT = Path(__file__).parents[4]
NOBODY = "127.0.0.1:1"

# A worker in which something is changed.
WORKER = """
import sys, time
from celery import signals
from sqlalchemy.orm import sessionmaker
from shared.db import make_engine
from shared.messaging.service import Messaging
from shared.messaging.worker import make_worker
from shared.settings import ServiceSettings, read
from tests.contract.openapi import ENVIRONMENT

broker, port = sys.argv[1:]
settings = read(ServiceSettings, ENVIRONMENT | {{
    "BROKER_URL": broker, "METRICS_PORT": port, "CANARY_SECONDS": "1", "CANARY_DEADLINE_SECONDS": "4",
}})
engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
app = make_worker(Messaging("orders", {{}}), sessionmaker(engine), settings, hears_events=False)

@app.task(name="orders.long")
def long():
    time.sleep(1000)

{twist}

app.worker_main(["worker", "-P", "prefork", "-c", "2", "--without-gossip", "--without-mingle"])
"""


# Its main loop stands still at the first canary that it is handed, with a task in hand.
HANGING = """
@signals.task_received.connect(weak=False)
def stand_still(request, **_):
    if request.name == "orders.canary":
        time.sleep(1000)
"""
# It no longer takes what waits in a queue, as after a connection that was made anew without it.
DEAF = """
@signals.worker_ready.connect(weak=False)
def listen_no_more(sender, **_):
    sender.task_consumer.cancel_by_queue("orders.events")
"""
DEADLINE_SECONDS = 4


@pytest.fixture
def valkey():
    with temporary_valkey() as server:
        yield server


def answer_of(port):
    return httpx2.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)


@pytest.fixture
def lonely_agent(shipping, monkeypatch, tmp_path):
    """An agent that reaches no database, broker or service, with one more duty; and what lets that go on."""
    monkeypatch.setattr(agents, "HANGS_SECONDS", 20.0)  # longer than a client of the broker tries by itself
    goes_on = threading.Event()

    def lookout(_session):
        goes_on.wait()

    engine = make_engine(f"postgresql+psycopg://nobody@{NOBODY}/none")
    keys = Keys(tmp_path)
    told = {
        "BROKER_URL": f"redis://{NOBODY}/0",
        "ORDERS_URL": f"http://{NOBODY}",
        "MESSAGE_KEYS": keys.message_keys("shipping"),
        "MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES),
    }
    settings = read(ServiceSettings, ENVIRONMENT | told)
    agent = Agent(shipping.messaging, sessionmaker(engine), settings, watches=[lookout])
    running = threading.Thread(target=agent.run)
    running.start()
    yield agent, goes_on
    goes_on.set()
    agent.stop()
    running.join()


def test_an_agent_tells_what_hangs_and_not_what_reaches_nobody(heard, lonely_agent):
    agent, goes_on = lonely_agent
    port = free_port()
    server = serve("127.0.0.1", port, agent.hanging)
    try:
        assert answer_of(port).status_code == 200
        until(lambda: answer_of(port).status_code == 503)
        assert answer_of(port).json() == {"status": "hangs", "hanging": ["watch-lookout"]}
        assert "waybill_" in httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text

        goes_on.set()
        until(lambda: answer_of(port).status_code == 200)
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running_worker(valkey, folder, twist=""):
    """A worker that answers, and what puts tasks on its queue."""
    port = free_port()
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-c", WORKER.format(twist=twist), valkey.url, str(port)]
        worker = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: is_answered(port))
        with Celery(broker=valkey.url, set_as_current=False) as app:
            yield worker, partial(app.send_task, queue="orders.events")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def test_a_worker_that_hangs_with_work_in_hand_ends_itself(valkey, tmp_path):
    with running_worker(valkey, tmp_path, HANGING) as (worker, send):
        send("orders.long")
        until(lambda: in_hand(valkey.url) == 1)
        send("orders.canary")

        assert worker.wait(PATIENCE_SECONDS) == -9
    assert "worker_hangs" in (tmp_path / "log").read_text()


def test_a_worker_that_hears_nothing_of_what_waits_ends_itself(valkey, tmp_path):
    with running_worker(valkey, tmp_path, DEAF) as (worker, send):
        send("orders.canary")

        assert worker.wait(PATIENCE_SECONDS) == -9
    assert "worker_deaf" in (tmp_path / "log").read_text()


@pytest.mark.requirement("K-09")
def test_a_worker_lives_that_hears_nothing_for_others_take_all_that_comes(valkey, tmp_path):
    with running_worker(valkey, tmp_path) as (worker, _send), pytest.raises(subprocess.TimeoutExpired):
        worker.wait(2 * DEADLINE_SECONDS)


@pytest.mark.requirement("K-09")
def test_a_worker_that_stops_waits_for_no_child_whose_task_it_had_not_seen_begin(valkey, tmp_path):
    with running_worker(valkey, tmp_path) as (worker, send):
        send("orders.canary")
        until(lambda: waiting(valkey.url) == in_hand(valkey.url) == 0)  # its children are there
        children = psutil.Process(worker.pid).children()
        for child in children:
            child.suspend()
        send("orders.canary")
        until(lambda: in_hand(valkey.url) == 1)
        time.sleep(1)  # and handed to a child
        worker.terminate()
        until(lambda: "Warm shutdown" in (tmp_path / "log").read_text())
        time.sleep(1)  # and its loop has ended
        for child in children:
            child.resume()

        assert worker.wait(20) == 0  # it was half a minute, the grace of a stop


def is_answered(port):
    try:
        return answer_of(port).status_code == 200
    except httpx2.HTTPError:
        return False


def waiting(url):
    with Connection(url) as connection:
        return connection.default_channel.client.llen("orders.events")


def in_hand(url):
    with Connection(url) as connection:
        return connection.default_channel.client.zcard("orders.unacked_index")


@pytest.fixture
def silent_database():
    """The port of a server that takes connections and says nothing, as behind a network that is cut."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


@pytest.fixture
def api(silent_database, tmp_path):
    """The port of orders' API, started as it is everywhere, which can't reach its database."""
    port = free_port()
    keys = Keys(tmp_path)
    told = {
        "DATABASE_URL": f"postgresql+psycopg://nobody:none@127.0.0.1:{silent_database}/none",
        "JWKS": str(keys.jwks_file),
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
    }
    command = [
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += ["--blocking-threads", "8", "--factory", "services.orders.app:create_app"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | told,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(lambda: is_answered(port))
        yield port, f"Bearer {keys.token('anybody', scopes=['orders:read'])}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with its worker, which outlives it
        process.wait()


def test_an_api_that_cannot_reach_its_database_is_not_ready_and_lives(api):
    port, bearer = api
    address, crowd = f"http://127.0.0.1:{port}", 12  # more than there are threads

    def ask(_):
        return httpx2.get(f"{address}/v1/orders", headers={"Authorization": bearer}, timeout=PATIENCE_SECONDS)

    with ThreadPoolExecutor(crowd) as pool:
        asked = pool.map(ask, range(crowd))
        # As long as it may answer nothing before it is ended: deploy/kubernetes/base/processes.yaml.
        began = time.monotonic()
        until(lambda: lives_in_time(address))
        assert time.monotonic() - began < 60
        assert {answer.status_code for answer in asked} == {503}
    assert httpx2.get(f"{address}/health/ready", timeout=PATIENCE_SECONDS).status_code == 503
    assert lives_in_time(address)


def lives_in_time(address):
    try:
        return httpx2.get(f"{address}/health/live", timeout=5).status_code == 200
    except httpx2.TimeoutException:
        return False
