"""Each language says the same about the same things, and a language is one file."""

from datetime import UTC, date, datetime
from string import Formatter

import pytest
from babel import Locale

from shared.wording import FOLDER, Words, languages, locale_of, reader_of

FORMS = {"zero", "one", "two", "few", "many", "other"}


def said(language):
    """All that a language says, by key: what it names, the forms of a number together."""
    texts = Words.read(FOLDER / f"{language}.toml").texts
    found = {}
    for key, text in texts.items():
        group, _, form = key.rpartition(".")
        numbered = form in FORMS and {one for one, _ in forms(texts, group)} <= FORMS
        place = f"{group} by number" if numbered else key
        found.setdefault(place, []).append({name for _, name, _, _ in Formatter().parse(text) if name})
    return found


def forms(texts, group):
    start = f"{group}."
    return [(key.removeprefix(start), text) for key, text in texts.items() if key.startswith(start)]


def test_these_languages_are_there():
    assert languages() == ("de", "en", "es", "fr")


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("language", languages())
def test_no_word_is_missing_and_each_names_what_it_names_in_english(language):
    english, found = said("en"), said(language)

    assert len(english) > 350
    assert sorted(found) == sorted(english)
    for key, names in english.items():
        assert all(each == names[0] for each in [*names, *found[key]]), key


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("language", languages())
def test_no_word_is_empty_and_no_number_has_a_form_that_the_language_lacks(language):
    texts = Words.read(FOLDER / f"{language}.toml").texts
    known = {*Locale.parse(language).plural_form.rules, "other"}
    numbered = [key.removesuffix(" by number") for key in said(language) if key.endswith(" by number")]

    assert [key for key, text in texts.items() if not text.strip() or text != text.strip()] == []
    assert numbered
    for key in numbered:
        used = {form for form, _ in forms(texts, key)}
        assert "other" in used
        assert used <= known


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize(
    ("language", "few", "many"),
    [
        ("en", "1 matter waits", "2 matters wait"),
        ("es", "le espera 1 asunto", "le esperan 2 asuntos"),
        ("de", "wartet 1 Vorgang", "warten 2 Vorgänge"),
        ("fr", "1 affaire vous attend", "2 affaires vous attendent"),
    ],
)
def test_one_and_several_are_said_apart(language, few, many):
    words = reader_of(language, "", "EUR", "UTC").words("emails").about(market="X")

    assert few in words("overdue.intro", n=1, count="1")
    assert many in words("overdue.intro", n=2, count="2")
    assert words("overdue.intro", n=1_000_000, count="Y")  # French and Spanish have a form of their own


def test_a_word_that_is_missing_is_an_error_never_a_gap():
    words = reader_of("en", "", "EUR", "UTC").words("emails")

    for key, figures in (("nothing", {}), ("overdue.intro", {}), ("overdue.intro", {"n": 1})):
        with pytest.raises(KeyError):
            words(key, **figures)
    with pytest.raises(KeyError):
        words["nothing"]


def test_a_code_that_is_new_is_made_readable_and_what_people_wrote_is_left_alone():
    words = reader_of("de", "", "EUR", "UTC").words("papers")

    assert words.of("reasons", "out_of_stock") == "Nicht vorrätig"
    assert words.of("reasons", "lost_in_space") == "lost in space"
    assert words.of("reasons", "siehe Beleg 4_11, Herr O.") == "siehe Beleg 4_11, Herr O."


@pytest.mark.parametrize(
    ("wanted", "market", "locale"),
    [
        ("es", "es-ES", "es_ES"),
        ("es", "en-GB", "es"),
        ("de", "de_AT", "de_AT"),
        ("fr-CH", "de_CH", "fr_CH"),
        ("en", "en-GB", "en_GB"),
        ("en", "en-IE", "en_IE"),
        ("en", "en", "en_GB"),
        ("en", "es", "en_GB"),
        ("en-US", "en-GB", "en_US"),
        ("tlh", "es-ES", "es_ES"),
        ("not a locale", "zu-ZA", "en_GB"),
        ("fi", "", "en_GB"),
    ],
)
def test_a_language_without_words_gives_way(wanted, market, locale):
    assert str(locale_of(wanted, market)) == locale


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize(
    ("locale", "money", "rate", "day", "moment", "short"),
    [
        ("en", "€1,234.50", "5.5%", "2 March 2026", "2 March 2026, 15:05", "02/03/2026, 15:05"),
        ("de", "1.234,50 €", "5,5 %", "2. März 2026", "2. März 2026, 15:05", "02.03.26, 15:05"),
        ("fr", "1 234,50 €", "5,5 %", "2 mars 2026", "2 mars 2026, 15:05", "02/03/2026 15:05"),
        ("de_CH", "EUR 1\u2019234.50", "5.5%", "2. März 2026", "2. März 2026, 15:05", "02.03.26, 15:05"),
    ],
)
def test_money_rates_and_days_are_written_as_their_reader_writes_them(
    locale, money, rate, day, moment, short
):
    reader = reader_of(locale, "", "EUR", "Europe/Berlin")
    at = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)

    written = [reader.money(123450), reader.percent(550), reader.day(at), reader.moment(at)]
    written.append(reader.short_moment(at))

    plain = [text.replace("\u202f", " ").replace("\u00a0", " ") for text in written]
    assert plain == [money, rate, day, moment, short]
    assert reader.day(date(2026, 3, 2)) == reader.days(date(2026, 3, 2), date(2026, 3, 2)) == day


@pytest.mark.parametrize(
    ("wanted", "text"), [("de", "D"), ("de-AT", "AT"), ("fr", "F"), ("en", "D"), ("es", "D")]
)
def test_a_sellers_own_text_is_the_readers_or_else_the_first(wanted, text):
    texts = {"de": "D", "de_AT": "AT", "fr": "F"}

    assert reader_of(wanted, "", "EUR", "UTC").chosen(texts) == text
    assert reader_of(wanted, "", "EUR", "UTC").chosen({}) == ""
