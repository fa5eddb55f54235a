"""HTTP clients for the services this one subscribes to."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.events.codec import EVENTS
from shared.messaging.deliveries import Source
from shared.messaging.service import Messaging
from shared.settings import ServiceSettings


@contextmanager
def sources(messaging: Messaging, settings: ServiceSettings) -> Iterator[list[Source]]:
    """Clients for all the services this one subscribes to, open while the block lasts."""
    followed = [name for name, listeners in messaging.subscribers.items() if messaging.name in listeners]
    # An event's contract stands in the module named for its publisher.
    publishers = sorted({EVENTS[name].__module__.rpartition(".")[2] for name in followed})
    opened = [Source(name, settings.service_url(name), settings.service_token) for name in publishers]
    try:
        yield opened
    finally:
        for source in opened:
            source.close()
