"""How a service reacts to events: a table from event to handler functions."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from sqlalchemy.orm import Session

from shared.messaging.sealing import NotBelieved

Handler = Callable[[Session, Any], None]
H = TypeVar("H", bound=Handler)
Witness = Callable[[Session, Mapping[str, Any]], None]
W = TypeVar("W", bound=Witness)


class NotFollowed(Exception):  # noqa: N818 - reads as what happened
    """The service has no handler for this event."""


class Consumers:
    """The event handlers of one service, by event.

    An event that was followed is kept without its snapshot, which the copies have, and their teller's log;
    only a service that tells it on keeps events whole.
    """

    def __init__(self, *, keeps_events: bool = False) -> None:
        self.keeps_events = keeps_events
        self.kinds: dict[str, type] = {}
        self.handlers: dict[str, list[Handler]] = {}
        self.snapshots: dict[str, Any] = {}  # by event, the kind that it carries
        self.tellers: dict[str, str] = {}  # by event, the service that alone tells it
        self.passed_on: set[str] = set()
        self.witnesses: list[Witness] = []

    def on(self, *kinds: Any) -> Callable[[H], H]:
        """Register a handler that is called with the newest snapshot whenever one of these events arrives.

        It runs under the order's lock, in the transaction that marks the event as done; it brings its
        service in line with the snapshot, however often and in whatever order events arrive.
        """

        def register(handler: H) -> H:
            self.keep(*kinds)
            for kind in kinds:
                self.handlers[kind.NAME].append(handler)
            return handler

        return register

    def keep(self, *kinds: Any) -> None:
        """Subscribe to events only to keep a copy of their snapshot, for later use."""
        for kind in kinds:
            self.kinds[kind.NAME] = kind
            self.handlers.setdefault(kind.NAME, [])
            self.snapshots[kind.NAME] = get_type_hints(kind.snapshot.fget)["return"]
            self.tellers[kind.NAME] = self.snapshots[kind.NAME].SOURCE

    def pass_on(self, *kinds: Any) -> None:
        """Subscribe to events only to keep them in the inbox, without copying their snapshot.

        For what names nobody: only with a copy is what comes after an erasure emptied.
        """
        self.keep(*kinds)
        self.passed_on.update(kind.NAME for kind in kinds)

    @property
    def sources(self) -> set[str]:
        """The services this one subscribes to."""
        return set(self.tellers.values())

    def believe(self, envelope: Mapping[str, Any], teller: str) -> None:
        """Reject events published in another service's name; raises NotBelieved."""
        if envelope["source"] != f"/{teller}" or self.tellers.get(envelope["type"], teller) != teller:
            raise NotBelieved(f"{teller} tells {envelope['type']} of {envelope['source']}")

    def on_every(self, witness: W) -> W:
        """Register a function that gets the envelope of every handled event, in the same transaction."""
        self.witnesses.append(witness)
        return witness
