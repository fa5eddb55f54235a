"""Normalises names and words for searching, so that spelling variants and keyboards don't matter."""

import unicodedata

# Letters of names that Unicode does not take apart, as people write them who have no such key.
_LETTERS = dict(
    zip(
        "æœøđðł\u0131þħŧŋəɓɗƙƴ\u0491",
        ["ae", "oe", "o", "d", "d", "l", "i", "th", "h", "t", "ng", "e", "b", "d", "k", "y", "\u0433"],
        strict=True,
    )
)
# The other way to write these, of German, Danish and Norwegian, in both sizes.
_TWO_LETTERS = str.maketrans(
    {
        letter: two
        for small, two in {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"}.items()
        for letter in (small, small.upper())
    }
)
# Besides what Unicode has as opening and closing: straight ones, accents and primes in their place.
_QUOTES = frozenset(
    "'\"`\u00b4\u201a\u201e\u02b9\u02ba\u02bb\u02bc\u02bd\u02ee\u05f3\u05f4\u2032\u2033\ua78b\ua78c"
)
# The grapheme joiner, and what chooses between shapes of a character; others are in the category Cf.
_INVISIBLE = frozenset(map(chr, (0x034F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_MOST_KEPT = 10_000  # characters; who asks for all there are would fill the memory


class _Folded(dict[int, str]):
    """The folded form of each character, computed on first use."""

    def __missing__(self, code: int) -> str:
        to = _fold_character(chr(code))
        if len(self) < _MOST_KEPT:
            self[code] = to
        return to


_FOLDED = _Folded()


def folded(text: str) -> str:
    """A text in lower case, without accents, ligatures, quote marks and dashes, with single spaces.

    Two texts that people take for the same are equal in it: Müller and MULLER, O'Neill and ONeill, Straße and
    strasse, Smith-Jones and smith jones, Αθήνας and ΑΘΗΝΑΣ. Folding what is folded changes nothing.
    """
    return " ".join(unicodedata.normalize("NFC", text.translate(_FOLDED)).split())


def spellings(text: str) -> list[str]:
    """A folded text, plus the variant with two letters for ä, ö, ü, ø and å, if any: muller, mueller."""
    composed = unicodedata.normalize("NFC", text)
    return list(dict.fromkeys(filter(None, (folded(composed), folded(composed.translate(_TWO_LETTERS))))))


def searchable(*texts: str) -> str:
    """The text stored for substring search: each spelling on its own line, beginning with a space."""
    return "\n".join(f" {spelling}" for text in texts for spelling in spellings(text))


def _fold_character(character: str) -> str:
    if character in _QUOTES:  # before taking it apart: an acute accent alone is a space with an accent
        return ""
    plain = "".join(filter(_is_no_accent, unicodedata.normalize("NFKD", character))).casefold()
    return "".join(map(_fold_part, unicodedata.normalize("NFKD", plain)))


def _fold_part(part: str) -> str:
    category = unicodedata.category(part)
    if part in _QUOTES or part in _INVISIBLE or category in {"Pi", "Pf", "Cf"}:
        return ""
    if category == "Pd" or part == "\u2212":
        return " "
    return _LETTERS.get(part, part)


def _is_no_accent(part: str) -> bool:
    """Whether a combining mark is more than an accent people leave out, judged by its combining class.

    Accents are in the classes from 200 on and overlays in 1; points of Hebrew, Arabic and Syriac, from 10 to
    36, are seldom typed. The other marks are as good as letters: vowel signs of India and Thailand, the marks
    that make が of か.
    """
    combining = unicodedata.combining(part)
    return not (combining == 1 or 10 <= combining <= 36 or combining >= 200)  # noqa: PLR2004 - see above
