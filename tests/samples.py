"""The literal samples of the contract, for tests that need an event or snapshot and don't care which."""

from dataclasses import is_dataclass
from typing import get_args, get_type_hints

import msgspec

from shared.events import codec
from shared.events.open_enum import OpenEnum
from shared.events.samples import envelope
from shared.messaging import copies
from shared.messaging.order_locks import lock_order


def event(event_type, **changes):
    """The sample of an event, its snapshot changed."""
    sample = envelope(event_type)
    [carried] = [key for key, value in sample["data"].items() if isinstance(value, dict)]
    sample["data"][carried] |= {key: msgspec.to_builtins(value) for key, value in changes.items()}
    return codec.decode(event_type, sample["data"])


def with_words_of_tomorrow(event_type):
    """The sample of an event as it travels, every word of it one that a newer publisher knows."""
    sample = envelope(event_type)
    return sample | {"data": _changed(sample["data"], set(_words_of(codec.EVENTS[event_type])))}


def hear_words_of_tomorrow(session, consumers):
    """Have a service hear every event that it listens to, in words it does not know."""
    for event_type in sorted(consumers.kinds, key=lambda name: (not name.startswith("order."), name)):
        heard = codec.decode(event_type, with_words_of_tomorrow(event_type)["data"]).snapshot
        lock_order(session, heard.subject)
        newest = copies.keep_newest(session, heard)
        for handler in consumers.handlers[event_type]:
            handler(session, newest)
        session.flush()


def _words_of(kind):
    """The vocabularies among a type's fields, at any depth, with the way to each."""
    if not is_dataclass(kind):
        return {(): kind} if isinstance(kind, type) and issubclass(kind, OpenEnum) else {}
    return {
        (name, *way): word
        for name, hint in get_type_hints(kind).items()
        for inner in (hint, *get_args(hint))
        for way, word in _words_of(inner).items()
    }


def _changed(told, ways):
    """What was told, with a word that nobody knows yet at the end of each of these ways."""
    if () in ways:
        return f"{told}_of_tomorrow"
    if isinstance(told, list):
        return [_changed(one, ways) for one in told]
    return {
        name: _changed(value, inner)
        if (inner := {way[1:] for way in ways if way[0] == name}) and value is not None
        else value
        for name, value in told.items()
    }
