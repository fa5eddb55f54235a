"""A service's side of messaging: its name, its subscribers and its handlers."""

from collections.abc import Collection, Mapping
from typing import Any

from shared.access import system
from shared.messaging.consumers import Consumers
from shared.messaging.jobs import Jobs


class Messaging:
    """What the processes of one service share.

    Events `told_together` reach a subscriber in one task for all that are told at a time: for those of which
    one command tells many, and whose subscribers have little to do.
    """

    def __init__(
        self,
        name: str,
        subscribers: Mapping[str, tuple[str, ...]],
        *,
        told_together: Collection[str] = (),
        keeps_events: bool = False,
    ) -> None:
        self.name = name
        self.subscribers = subscribers
        self.told_together = frozenset(told_together)
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
