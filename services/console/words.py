"""The console's words, in the languages that people may choose."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel import Locale

from shared.wording import Words

FOLDER = Path(__file__).with_name("words")
_FOUND = sorted(file.stem for file in FOLDER.glob("*.toml"))
# Each by its own name: English, Español.
LANGUAGES: Mapping[str, str] = {one: str(Locale.parse(one).display_name).capitalize() for one in _FOUND}


@cache
def words_in(language: str) -> Words:
    """The words of one of LANGUAGES."""
    return Words.read(FOLDER / f"{language}.toml")
