"""Saved views: the text that somebody typed into a list's query, and whether it names a person."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import parse_qsl

from services.orders.domain.search_words import WordKind, word_of
from shared.folding import folded, searchable, spellings

_WORD = re.compile(r"\w+")
# Filters that take what people type; the others take codes of ours, and days.
_TYPED = ("search", "number", "name", "email", "phone", "reference", "tag")


def said_in(name: str, query: str) -> str:
    """The typed text in a view's name and filters, folded for searching, and the telephone numbers in it."""
    texts = list(_texts(name, query))
    phones = (word_of(WordKind.PHONE, text) for text in texts)
    return "\n".join(filter(None, (searchable(*texts), *phones)))


def names_person(name: str, query: str, *, called: str, email: str, phone: str) -> bool:
    """Whether a view contains a person's e-mail, telephone, or all words of a name of two or more."""
    texts = list(_texts(name, query))
    if email and any(folded(email) in folded(text) for text in texts):
        return True
    number = word_of(WordKind.PHONE, phone)
    if number and any(word_of(WordKind.PHONE, text) == number for text in texts):
        return True
    return has_name(texts, called)


def has_name(texts: Iterable[str], called: str) -> bool:
    """Whether texts contain all words of a name of two or more."""
    if len(_WORD.findall(called)) < 2:  # noqa: PLR2004 - a single word is too many people's
        return False
    words = set[str]().union(*chain(*chain.from_iterable(map(written, texts))))
    return any(all(word & words for word in way) for way in written(called))


def written(text: str) -> Iterator[list[set[str]]]:
    """The words of a text in each spelling: with parts in quotes or dashes joined, and apart."""
    for way in (text, " ".join(_WORD.findall(text))):
        yield [set(word) for word in zip(*map(_WORD.findall, spellings(way)), strict=True)]


def _texts(name: str, query: str) -> Iterator[str]:
    yield name
    yield from (value for field, value in parse_qsl(query) if field in _TYPED)
