"""Two services as small as can be, for measuring the way of an event: orders tells, shipping hears.

`celery -A tests.benchmarks.echo worker` hears; `python -m tests.benchmarks.echo` is the publisher's agent.
The same worker runs `bare`, a plain Celery task, to compare with.
"""

import os
import time
from typing import Any

import redis
from sqlalchemy.orm import Session, sessionmaker

from shared.db import make_engine
from shared.events.orders import OrderPlaced
from shared.events.snapshots import OrderSnapshot
from shared.messaging.agent import run_agent
from shared.messaging.service import Messaging
from shared.messaging.worker import make_worker
from shared.settings import ServiceSettings, read

STARTED = "echo:started"  # a list of "what,seconds since the epoch", one per start of a handler

publisher = Messaging("orders", {"order.placed": ("shipping",)})
listener = Messaging("shipping", {})


def sessions_of(messaging: Messaging, url: str) -> sessionmaker[Session]:
    """Sessions of one of the two services."""
    return sessionmaker(make_engine(url), expire_on_commit=False, info=messaging.session_info())


@listener.consumers.on(OrderPlaced)
def note_start(_session: Session, order: OrderSnapshot) -> None:
    """Tell the driver when the handler began."""
    client.rpush(STARTED, f"{order.external_reference},{time.time()}")


def bare(order: str, **_event: Any) -> None:
    """What an event's handler would be without any guarantee."""
    client.rpush(STARTED, f"{order},{time.time()}")


if "BROKER_URL" in os.environ:
    settings = read(ServiceSettings)
    client = redis.Redis.from_url(settings.broker_url)
    if __name__ == "__main__":
        run_agent(publisher, sessions_of(publisher, settings.database_url), settings)
    else:
        app = make_worker(listener, sessions_of(listener, settings.database_url), settings)
        app.task(bare, name="shipping.bare")
