"""What a service does when it hears others: a table from event to the functions that follow it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from sqlalchemy.orm import Session

from shared.messaging.sealing import NotBelieved

Handler = Callable[[Session, Any], None]
H = TypeVar("H", bound=Handler)
Witness = Callable[[Session, Mapping[str, Any]], None]
W = TypeVar("W", bound=Witness)


class NotFollowed(Exception):  # noqa: N818 - reads as what happened
    """Nobody here follows such events; names it."""


class Consumers:
    """The consumers of one service, by event.

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
        """Have a function called with the newest snapshot whenever one of these events is heard.

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
        """Hear these events for the copy of their snapshot alone: it is read when something else needs it."""
        for kind in kinds:
            self.kinds[kind.NAME] = kind
            self.handlers.setdefault(kind.NAME, [])
            self.snapshots[kind.NAME] = get_type_hints(kind.snapshot.fget)["return"]
            self.tellers[kind.NAME] = self.snapshots[kind.NAME].SOURCE

    def pass_on(self, *kinds: Any) -> None:
        """Hear these events as they are, for who reads the inbox: not even their snapshot is copied.

        For what names nobody: only with a copy is what comes after an erasure emptied.
        """
        self.keep(*kinds)
        self.passed_on.update(kind.NAME for kind in kinds)

    @property
    def sources(self) -> set[str]:
        """The services that are listened to."""
        return set(self.tellers.values())

    def believe(self, envelope: Mapping[str, Any], teller: str) -> None:
        """Refuse what a service tells in another's name; raises NotBelieved."""
        if envelope["source"] != f"/{teller}" or self.tellers.get(envelope["type"], teller) != teller:
            raise NotBelieved(f"{teller} tells {envelope['type']} of {envelope['source']}")

    def on_every(self, witness: W) -> W:
        """Have a function see the envelope of every event that is followed, in the same transaction."""
        self.witnesses.append(witness)
        return witness
