"""What a form would change, shown before it does: an amount with a digit too many is seen in time."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from flask import g, request

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
