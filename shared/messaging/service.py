"""A service's side of messaging: its name, its subscribers and its handlers."""

from collections.abc import Mapping
from typing import Any

from shared.access import system
from shared.messaging.consumers import Consumers
from shared.messaging.jobs import Jobs


class Messaging:
    """What the processes of one service share."""

    def __init__(
        self, name: str, subscribers: Mapping[str, tuple[str, ...]], *, keeps_events: bool = False
    ) -> None:
        self.name = name
        self.subscribers = subscribers
        self.consumers = Consumers(keeps_events=keeps_events)
        self.jobs = Jobs()

    @property
    def events_queue(self) -> str:
        """The queue where other services' relays put events for this one."""
        return f"{self.name}.events"

    @property
    def queues(self) -> tuple[str, ...]:
        """All the service's queues; each needs a worker."""
        jobs = {f"{self.name}.{kind.queue}" for kind in self.jobs.kinds.values()}
        return (self.events_queue, *sorted(jobs | {f"{self.name}.jobs"}))

    def session_info(self) -> dict[str, Any]:
        """What this service's sessions need for publishing, comparing and access checks."""
        return {
            "service": self.name,
            "subscribers": self.subscribers,
            "passed_on": self.consumers.passed_on,
            "actor": system(self.name),
        }


def listening_mark(queue: str) -> str:
    """The broker key that exists while a worker listens to the queue; its value is the process id."""
    return f"{queue}.listening"
