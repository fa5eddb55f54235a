"""What people take for the same is the same when folded, whichever keyboard typed it."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.folding import folded, searchable, spellings

pytestmark = pytest.mark.requirement("V-12")

# Ways to write the same letter, as keyboards and programs do.
LETTERS = "eEéÉèêëęě\uff45 nNñńň cCçćč iIİ\u0131íï dDđð lLłŁ uUúüÜůũ sSśšş\u017f oOöøØőộ σςΣ αάΑΆ еёЕЁ اأإآ"
WAYS = [
    *(list(letters) for letters in LETTERS.split()),
    *(
        way.split()
        for way in ("ss ß ẞ SS", "ae æ Æ", "oe œ", "fi ﬁ", "th Þ", "e e\u0301 e\u0323\u0302", "n n\u0303")
    ),
    [" ", "\u00a0", "\u3000", "-", "\u2010", "\u2013", "\u2014"],
    ["", "'", "\u2019", "\u02bc", "`", "\u00b4", "\u00ad", "\u200d"],
]


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Müller", "Muller"),
        ("Müller", "Mueller"),
        ("Mueller", "Müller"),
        ("Mu\u0308ller", "MUELLER"),
        ("Renée", "renee"),
        ("O\u2019Neill", "O'Neill"),
        ("O\u2019Neill", "ONeill"),
        ("ONeill", "O`Neill"),
        ("Straße", "strasse"),
        ("Hauptstrasse", "STRAẞE"),
        ("Łukasz", "lukasz"),
        ("Søren Ågaard", "soren a"),
        ("Søren Ågaard", "soeren aagaard"),
        ("Ærø", "aero"),
        ("Þórður", "thordur"),
        ("Đặng Nguyễn", "dang nguyen"),
        ("Iş\u0131k İstanbul", "isik istanbul"),
        ("ﬁne", "FINE"),
        ("\uff21\uff42\uff43\uff11", "abc1"),
        ("Smith\u2013Jones", "smith jones"),
        ("Anna  Lena", "anna lena"),
        ("Αθήνας", "ΑΘΗΝΑΣ"),
        ("Фёдор", "федор"),
        ("أحم\u064eد", "احمد"),
        ("ש\u05c1\u05b8ל\u05d5\u05b9ם", "של\u05d5ם"),
        ("ｶ\uff9e", "ガ"),
        ("27\u2033", '27"'),
    ],
)
def test_what_is_typed_on_another_keyboard_is_in_what_is_stored(stored, asked):
    assert any(spelling in searchable(stored) for spelling in spellings(asked))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("か", "が"),  # ka and ga
        ("क", "क\u0940"),  # ka and ki
        ("ก\u0e34", "ก\u0e35"),  # two vowels of Thai
        ("한", "하"),  # han and ha
        ("ño", "mo"),
        ("Muller", "Mueller"),
        ("a_b", "a b"),
    ],
)
def test_what_are_other_letters_stays_so(one, other):
    assert folded(one) != folded(other)


@given(st.data())
def test_any_part_is_found_however_its_letters_are_typed(data):
    letters = data.draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=12))
    first = data.draw(st.integers(0, len(letters) - 1))
    last = data.draw(st.integers(first, len(letters) - 1))

    stored = "".join(data.draw(st.sampled_from(ways)) for ways in letters)
    asked = "".join(data.draw(st.sampled_from(ways)) for ways in letters[first : last + 1])

    assert folded(asked) in folded(stored)
    assert folded(asked) in searchable(stored)


@given(st.text())
def test_folding_what_is_folded_changes_nothing(text):
    once = folded(text)

    assert folded(once) == once
    assert folded(text.casefold()) == once or "\u0345" in unicodedata.normalize("NFD", text)
    assert spellings(once) in ([once], [])


def test_every_character_is_folded_to_what_stays_as_it_is():
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)

    assert [one for one in characters if folded(folded(one)) != folded(one)] == []
