"""What a form would change, shown before it does: an amount with a digit too many is seen in time."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from flask import g, request
from werkzeug.datastructures import MultiDict

from services.console.acting import INVALID

_encode = msgspec.json.Encoder(order="sorted").encode
Shown = Callable[[str, Any], str]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], shown: Shown) -> list[tuple[str, str, str]]:
    """The fields that differ: each with its name, how it is, and how it would be.

    A field of fields is told field by field (`prices.gb`); `shown` writes a value for its reader.
    """
    told = []
    for name, value in after.items():
        was = before.get(name)
        if isinstance(value, dict):
            old = was if isinstance(was, dict) else {}
            parts = {part: value.get(part) for part in [*old, *(one for one in value if one not in old)]}
            told += [(f"{name}.{part}", old.get(part), now) for part, now in parts.items()]
        else:
            told.append((name, was, value))
    return [(name, shown(name, was), shown(name, now)) for name, was, now in told if was != now]


def visible_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], shown: Shown
) -> list[tuple[str, str, str]]:
    """The fields that differ for their reader too: what is written alike is no change."""
    return [row for row in changes(before, after, shown) if row[1] != row[2]]


@dataclass(frozen=True)
class Filled:
    """A form about something that is there, as it is to be shown."""

    body: Mapping[str, Any]  # what it would make of it
    before: str  # what it was filled with at first, which it carries
    version: Any  # of the thing, which it carries
    meanwhile: list[tuple[str, str, str]]  # what somebody else changed while it was open


def filled(now: Mapping[str, Any], version: Any, body: Mapping[str, Any], shown: Shown) -> Filled:
    """A form that was sent about a thing that is `now` like that: what its writer did not change follows.

    While a field is to be corrected it stays as it was sent.
    """
    fault = g.get("fault")
    if fault and fault.status == INVALID:
        return Filled(body, request.form.get("before", ""), fault.version(version), [])
    first = carried("before") or now
    if first == now:
        return Filled(body, _encode(now).decode(), version, [])
    if fault:  # its fields are filled by the body
        g.fault = replace(fault, typed=MultiDict({"key": fault.typed.get("key", "")}))
    meanwhile = visible_changes(first, now, shown)
    return Filled(_merged(body, first, now), _encode(now).decode(), version, meanwhile)


def _merged(body: Mapping[str, Any], first: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name in [*body, *(one for one in now if one not in body and one not in first)]:
        mine, was, theirs = body.get(name), first.get(name), now.get(name)
        if isinstance(mine, dict) and isinstance(was, dict) and isinstance(theirs, dict):
            merged[name] = _merged(mine, was, theirs)
        elif mine != was:
            merged[name] = mine
        elif name in now:
            merged[name] = theirs
    return merged


def carried(name: str) -> dict[str, Any]:
    """What the form was filled with when it was shown, which it carries; nothing where it is none of ours."""
    try:
        found = msgspec.json.decode(request.form.get(name, ""))
    except msgspec.MsgspecError:
        return {}
    return found if isinstance(found, dict) else {}


def mark_of(body: Mapping[str, Any]) -> str:
    """What a reviewed form carries, so that what is changed after the review is reviewed again."""
    return hashlib.sha256(_encode(body)).hexdigest()[:16]


def is_reviewed(body: Mapping[str, Any]) -> bool:
    """Whether the person has seen what exactly this would change."""
    return request.form.get("reviewed") == mark_of(body)


def yes_or_no(value: Any) -> str:
    """A choice in words."""
    word: str = g.words("review.yes" if value else "review.no")
    return word
