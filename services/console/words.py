"""The console's words, in the languages that people may choose."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale

FOLDER = Path(__file__).with_name("words")
LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}


class Words:
    """One language's words; called with a key, and with what the text names in braces."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts
        self._plural_form = Locale.parse(language).plural_form

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key; of one with several numbers, the one for `n`."""
        text = self.texts.get(key)
        if text is None:
            text = self.texts[f"{key}.{self._plural_form(values['n'])}"]
        return text.format(**values) if values else text

    def of(self, group: str, code: str | None) -> str:
        """The word for a status or reason of a service; the code itself, made readable, if it is new."""
        return self.texts.get(f"{group}.{code}") or str(code or "").replace("_", " ")

    def group(self, group: str) -> list[tuple[str, str]]:
        """The codes of a group, each with its word."""
        start = f"{group}."
        return [(key.removeprefix(start), text) for key, text in self.texts.items() if key.startswith(start)]

    def knows(self, group: str, code: str) -> bool:
        """Whether there is a word for a code."""
        return f"{group}.{code}" in self.texts


@cache
def words_in(language: str) -> Words:
    """The words of one of LANGUAGES."""
    tables = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    return Words(language, dict(_flat(tables)))


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, str):
            yield path + name, value
        else:
            yield from _flat(value, f"{path}{name}.")
