"""Every e-mail in every language: all its words and figures, none missing."""

import re
from dataclasses import replace
from string import Formatter

import pytest

from services.notifications.domain.steps import Step
from services.notifications.rendering import LANGUAGES, MOST_ITEMS, catalogue, render
from shared.events.snapshots import TaxRow
from tests.unit.notifications.snapshot_samples import cancelled, credited, paid, placed_order, shipped

METHODS = ("online", "transfer", "payment_link", "card_on_phone", "cash_on_delivery")
ABOUT = {
    Step.SHIPPED: shipped().shipments[0].shipment_id,
    Step.INVOICE: credited().papers[0].document_id,
    Step.CREDIT_NOTE: credited().papers[1].document_id,
}
HEARD = {"shipments": shipped(), "documents": credited()}


def words(step, order, locale="en"):
    return render(step, locale, ABOUT.get(step), order=order, **HEARD)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("step", Step)
def test_every_email_says_all_it_has_to_say(step, method, language):
    for order in (placed_order(method), paid(placed_order(method)), cancelled(paid(placed_order(method)))):
        said = words(step, order, language)

        assert "EU-100042" in said.subject
        for part in (said.text, said.html):
            assert "EU-100042" in part
            assert not re.search(
                r"\{|\}\}|None|Undefined", re.sub(r"<style>.*</style>", "", part, flags=re.DOTALL)
            )


def test_the_languages_say_the_same_things_about_the_same_figures():
    def sentences(words, path=""):
        for name, part in words.items():
            if isinstance(part, dict):
                yield from sentences(part, f"{path}{name}.")
            else:
                yield path + name, {figure for _, figure, _, _ in Formatter().parse(part) if figure}

    first, *others = (dict(sentences(catalogue(language))) for language in LANGUAGES)
    for other in others:
        assert other == first


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("transfer", "GB33 BUKB 2020 1555 5555 55"),
        ("online", "You pay €49.10 online"),
        ("cash_on_delivery", "You pay €49.10 to the carrier"),
    ],
)
def test_a_confirmation_says_how_to_pay(method, said):
    confirmation = words(Step.CONFIRMATION, placed_order(method))

    assert said in confirmation.text
    assert said in confirmation.html


@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_asked_for_money_that_has_arrived_or_is_not_owed_any_more(method):
    for order in (paid(placed_order(method)), cancelled(placed_order(method))):
        confirmation = words(Step.CONFIRMATION, order)

        assert "You pay" not in confirmation.text
        assert "IBAN" not in confirmation.text


def test_a_shipment_names_its_tracking_number_and_links_to_it():
    said = words(Step.SHIPPED, placed_order())

    assert "WB1000000426" in said.text
    assert "https://track.waybill.example/WB1000000426" in said.text
    assert 'href="https://track.waybill.example/WB1000000426"' in said.html


def test_a_cancellation_promises_back_what_was_paid():
    assert "We will return the €49.10" in words(Step.CANCELLED, cancelled(paid(placed_order()))).text
    assert "nothing for you to pay" in words(Step.CANCELLED, cancelled(placed_order())).text


def test_figures_and_dates_are_written_as_the_reader_writes_them():
    spanish = words(Step.CONFIRMATION, placed_order(), "es-ES").text
    english = words(Step.CONFIRMATION, placed_order(), "en").text

    assert "49,10\xa0€" in spanish
    assert "2 de marzo de 2026" in spanish
    assert "España" in spanish
    assert "€49.10" in english
    assert "2 March 2026" in english
    assert "Spain" in english


def test_a_date_is_that_of_the_market():
    late = placed_order().placed_at.replace(hour=23, minute=30)  # past midnight in Madrid

    assert "3 March 2026" in words(Step.CONFIRMATION, replace(placed_order(), placed_at=late)).text


def test_a_language_without_words_of_ours_is_answered_in_english():
    assert words(Step.ACCEPTED, placed_order(), "fi").subject == "Your order EU-100042 is accepted"


def test_what_a_customer_typed_is_shown_and_never_run():
    order = placed_order()
    typed = "<script>alert('1')</script> & Söhne {number}"
    customer = replace(order.people.customer, name=typed)

    said = words(Step.NEW_ORDER, replace(order, people=replace(order.people, customer=customer)))

    assert typed in said.text
    assert "<script>" not in said.html
    assert "&lt;script&gt;" in said.html


def test_a_sellers_colour_that_is_none_is_not_used():
    order = placed_order()

    said = words(
        Step.ACCEPTED, replace(order, seller=replace(order.seller, colour="red;} body {display:none"))
    )

    assert "display:none" not in said.html.replace(" ", "").split('class="preview"')[0]
    assert "#1f4e5f" in said.html


@pytest.mark.parametrize(("colour", "letters"), [("#1f4e5f", "#ffffff"), ("#ffd43b", "#16181a")])
def test_letters_stand_out_on_the_sellers_colour(colour, letters):
    order = placed_order()

    said = words(Step.ACCEPTED, replace(order, seller=replace(order.seller, colour=colour)))

    assert f"background-color:{colour};color:{letters}" in said.html.replace(" ", "")


def test_dark_mode_and_narrow_screens_are_thought_of():
    html = words(Step.CONFIRMATION, placed_order()).html

    assert "prefers-color-scheme: dark" in html
    assert "max-width: 480px" in html
    assert 'style="' in html


def test_a_long_order_is_cut_short_and_says_so():
    order = placed_order()
    lines = tuple(replace(order.lines[0], name=f"Thing {place}") for place in range(MOST_ITEMS + 7))

    said = words(Step.CONFIRMATION, replace(order, lines=lines))

    assert f"Thing {MOST_ITEMS - 1}" in said.text
    assert f"Thing {MOST_ITEMS}" not in said.text
    assert "and 7 more" in said.text


def test_the_sums_shown_add_up_where_tax_is_added():
    order = placed_order()
    totals = replace(
        order.totals,
        fees_minor=150,
        discounts_minor=310,
        tax_added_minor=950,
        total_minor=4310 + 150 + 600 - 310 + 950,
        tax=(TaxRow(rate_basis_points=2000, net_minor=4750, tax_minor=950, gross_minor=5700),),
    )

    said = words(Step.CONFIRMATION, replace(order, totals=totals)).text

    for line in ("Subtotal: €43.10", "Discounts: -€3.10", "Delivery: €6.00", "Fees: €1.50", "VAT 20%: €9.50"):
        assert line in said
    assert "Total: €57.00" in said
    assert "Includes" not in said


def test_a_missing_figure_is_an_error_and_no_gap():
    with pytest.raises(KeyError, match="paper"):
        render(Step.INVOICE, "en", None, order=placed_order())
