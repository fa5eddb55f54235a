"""Checks from outside that the stack's processes are working."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx2
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.processes import Process
from shared.messaging.service import listening_mark

LOOK_SECONDS = 0.1


def wait_until_healthy(
    addresses: Mapping[str, str],
    workers: Mapping[str, tuple[Process, Sequence[str]]],
    broker_url: str,
    *,
    deadline: float,
    tell: Callable[[int], None],
) -> set[str]:
    """Wait until every address answers 200 and every worker listens; returns those that don't in time.

    Both are given by the name of their process, a worker as itself with its queues. `deadline` is of the
    monotonic clock; `tell` hears how many are still awaited, whenever that changes.
    """
    awaited = set(addresses) | set(workers)
    broker = redis.Redis.from_url(broker_url, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    with broker, httpx2.Client(trust_env=False, timeout=5) as client, ThreadPoolExecutor() as pool:
        while awaited and time.monotonic() < deadline:
            before = len(awaited)
            asked = sorted(awaited & set(addresses))
            answers = pool.map(lambda name: _answers(client, addresses[name]), asked)
            awaited -= {name for name, answer in zip(asked, answers, strict=True) if answer}
            awaited -= {name for name in awaited & set(workers) if _hears(broker, *workers[name])}
            if len(awaited) < before:
                tell(len(awaited))
            time.sleep(LOOK_SECONDS)
    return awaited


def _answers(client: httpx2.Client, address: str) -> bool:
    try:
        return client.get(address).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


def _hears(broker: redis.Redis, worker: Process, queues: Sequence[str]) -> bool:
    """Whether this process, not a predecessor, is listening to its queues."""
    try:
        marks = broker.mget([listening_mark(queue) for queue in queues])
    except redis.RedisError:  # the broker itself is away
        return False
    return worker.is_running() and set(marks) == {str(worker.pid).encode()}
