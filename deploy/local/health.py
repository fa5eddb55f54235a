"""Whether the stack's processes do their work, asked from outside."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
from celery import Celery
from kombu.exceptions import OperationalError
from redis import RedisError

LOOK_SECONDS = 0.1


def wait_until_healthy(
    addresses: Mapping[str, str],
    workers: Mapping[str, str],
    broker_url: str,
    *,
    deadline: float,
    tell: Callable[[int], None],
) -> set[str]:
    """Wait for every address to answer 200 and every worker to hear; answers who doesn't by the deadline.

    Both are given by the name of their process. `deadline` is of the monotonic clock; `tell` hears how
    many are still awaited, whenever that changes.
    """
    awaited = set(addresses) | set(workers)
    app = Celery(broker=broker_url, set_as_current=False)
    with httpx.Client(trust_env=False, timeout=5) as client, ThreadPoolExecutor() as pool:
        while awaited and time.monotonic() < deadline:
            before = len(awaited)
            hearing = pool.submit(_hearing, app, [workers[name] for name in awaited & set(workers)])
            asked = sorted(awaited & set(addresses))
            answers = pool.map(lambda name: _answers(client, addresses[name]), asked)
            awaited -= {name for name, answer in zip(asked, answers, strict=True) if answer}
            awaited -= {name for name in awaited & set(workers) if workers[name] in hearing.result()}
            if len(awaited) < before:
                tell(len(awaited))
            time.sleep(LOOK_SECONDS)
    app.close()
    return awaited


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _hearing(app: Celery, nodes: Iterable[str]) -> set[str]:
    """Which worker nodes answer a ping; a node is named by the part before its host's name."""
    awaited = set(nodes)
    if not awaited:
        return set()
    try:
        replies = app.control.ping(timeout=1, limit=len(awaited))
    except (OperationalError, RedisError):  # the broker itself is away
        return set()
    return {name.partition("@")[0] for reply in replies for name in reply} & awaited
