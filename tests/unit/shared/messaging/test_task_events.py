"""What a worker tells Flower: each change of each task, in few messages, and the last before it ends."""

import base64
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import redis
from celery import Celery

from deploy.local.ports import free_port
from deploy.local.valkey import temporary_valkey
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[4]
TASKS = 60

WORKER = """
import sys, time
from sqlalchemy.orm import sessionmaker
from shared.db import make_engine
from shared.messaging.service import Messaging
from shared.messaging.worker import make_worker
from shared.settings import ServiceSettings, read
from tests.contract.openapi import ENVIRONMENT

broker, port = sys.argv[1:]
settings = read(ServiceSettings, ENVIRONMENT | {"BROKER_URL": broker, "METRICS_PORT": port})
engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
app = make_worker(Messaging("orders", {}), sessionmaker(engine), settings, hears_events=False)

@app.task(name="orders.quick")
def quick():
    pass

app.worker_main(["worker", "-P", "prefork", "-c", "1", "--without-gossip", "--without-mingle"])
"""


class Listener:
    """Hears what Flower would hear."""

    def __init__(self, client):
        self.messages = 0
        self.told = Counter()
        self._heard = client.pubsub()
        self._heard.psubscribe("*celeryev*")

    def listen(self):
        while message := self._heard.get_message(timeout=0.2):
            if message["type"] != "pmessage":
                continue
            events = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
            events = [one for one in (events if isinstance(events, list) else [events]) if "uuid" in one]
            self.told.update((one["uuid"], one["type"]) for one in events)
            self.messages += bool(events)

    def heard_of(self, change):
        self.listen()
        return sum(count for (_, what), count in self.told.items() if what == change)


@pytest.fixture
def valkey():
    with temporary_valkey() as server:
        yield server


@pytest.fixture
def worker(valkey):
    process = subprocess.Popen([sys.executable, "-c", WORKER, valkey.url, str(free_port())], cwd=ROOT)
    yield process
    process.kill()
    process.wait()


def test_each_change_of_each_task_is_told_once_in_few_messages(valkey, worker):
    with redis.Redis.from_url(valkey.url) as client, Celery(broker=valkey.url, set_as_current=False) as app:
        listener = Listener(client)
        for _ in range(TASKS):
            app.send_task("orders.quick", queue="orders.events")
        until(lambda: listener.heard_of("task-succeeded") == TASKS)

        app.send_task("orders.quick", queue="orders.events")
        until(lambda: client.llen("orders.events") == 0 and client.zcard("orders.unacked_index") == 0)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_SECONDS) == 0

        assert listener.heard_of("task-succeeded") == TASKS + 1
    assert set(listener.told.values()) == {1}
    assert Counter(change for _, change in listener.told) == dict.fromkeys(
        ("task-received", "task-started", "task-succeeded"), TASKS + 1
    )
    assert listener.messages < TASKS
