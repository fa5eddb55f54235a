"""Every e-mail in every language: all its words and figures, none missing."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from jinja2.meta import find_undeclared_variables

from services.notifications import email_facts
from services.notifications.domain.messages import QuotedMessage
from services.notifications.domain.order_snapshots import CustomerSecrets, OrderSnapshots
from services.notifications.domain.overdue import Matter
from services.notifications.domain.steps import ABOUT_WEBHOOKS, MESSAGES, TO_SELLER
from services.notifications.email_facts import MOST_ITEMS
from services.notifications.models import OpenMatter
from services.notifications.rendering import TEMPLATES, environment, render, render_digest, render_webhook
from shared.db import new_id
from shared.events.snapshots import Step, TaxRow
from shared.wording import languages, words_in
from tests.unit.notifications.snapshot_samples import (
    appointed,
    assigned,
    cancelled,
    credited,
    paid,
    placed_order,
    refunded,
    returning,
    waiting_for_pickup,
)

# What rendering hands to templates.
VARIABLES = {
    *("api", "instant", "is_off"),
    "colour",
    "day",
    "deliveries",
    "secrets",
    "due_minor",
    "encloses",
    "has",
    "groups",
    "iban",
    "items",
    "language",
    "legal_text",
    "market",
    "money",
    "most",
    "on_colour",
    "open",
    "order",
    "paper",
    "part",  # the macros that a template imports
    "reader",
    "returned",
    "rows",
    "messages",
    "say",
    "seller",
    "seller_lines",
    "shipment",
    "step",
    "tax_rows",
    "title",
    "to_seller",
    "unnamed_items",
    "website",
}

ATTACHABLE = ("attachment", "payment_proof", "invoice", "credit_note", "delivery_note", "return_slip")
METHODS = ("online", "transfer", "payment_link", "card_on_phone", "cash_on_delivery")
RETURNED = returning(refunded(placed_order()), "approved")
SHIPMENT = replace(waiting_for_pickup().shipments[0], appointments=appointed().shipments[0].appointments)
HEARD = {"shipments": replace(assigned(), shipments=(SHIPMENT,)), "documents": credited()}
INVOICE, CREDIT_NOTE = (paper.document_id for paper in credited().papers)
ABOUT = {
    **dict.fromkeys(
        (
            Step.READY_FOR_PICKUP,
            Step.PICKUP_REMINDER,
            Step.APPOINTMENT,
            Step.SHIPPED,
            Step.UNDELIVERABLE,
            Step.DELIVERED,
            Step.COURIER_ASSIGNED,
        ),
        SHIPMENT.shipment_id,
    ),
    Step.INVOICE: INVOICE,
    Step.DELIVERY_NOTE: INVOICE,
    Step.CREDIT_NOTE: CREDIT_NOTE,
    Step.REFUNDED: RETURNED.refunds[0].refund_id,
    **{step: RETURNED.returns[0].return_id for step in Step if step.startswith("return_")},
}
SAID = (
    QuotedMessage(text="Where is it?\n<b>I wait</b>", posted_at=placed_order().placed_at, attachments=0),
    QuotedMessage(text="Here is a picture.", posted_at=placed_order().placed_at, attachments=2),
)
NOT_TO_CUSTOMER = {*TO_SELLER, Step.COURIER_ASSIGNED}
SINCE = placed_order().placed_at
OPEN = CustomerSecrets(
    order_page="https://shop.example/v1/customer/order?token=o",
    messages_page="https://shop.example/v1/customer/messages/page?token=m",
)
WRITTEN = ["<b>I wait</b>", "Here is a picture.", "Attachments: 2", "2 March 2026, 10:15"]
# What else a letter must name, in its text and its HTML.
NAMES = {
    Step.OVERDUE: ["Orders to accept", "Customers to answer", "since 2 March 2026", "and 2 more", "110"],
    Step.NEW_ORDER: ["€49.10", "lucia.ferrer@customers.example", "569901"],
    Step.CONFIRMATION: ["€49.10", "2 March 2026", "DRAWER KNOB CERAMIC RED"],
    Step.PAYMENT_RECEIVED: ["€49.10"],
    Step.ACCEPTED: ["€49.10", "The delivery note is attached"],
    Step.READY_FOR_PICKUP: ["482913", "9 March 2026, 16:15"],
    Step.PICKUP_REMINDER: ["482913", "9 March 2026, 16:15"],
    Step.APPOINTMENT: ["Installation", "2 March 2026, 20:15\u201322:15"],
    Step.SHIPPED: ["WB1000000426", "https://track.waybill.example/WB1000000426"],
    Step.UNDELIVERABLE: ["WB1000000426", "Calle del Olmo 14"],
    Step.COURIER_ASSIGNED: [
        *("Rui Costa", "Lucía Ferrer Ortega", "Calle del Olmo 14", "46003", "+34 960 555 014", "Ring twice."),
        *("CHILDRENS CUTLERY SPACEBOY", "Installation", "2 March 2026, 20:15\u201322:15"),
    ],
    Step.INVOICE: ["EU-LANTERN-2026-000042", "€49.10"],
    Step.CREDIT_NOTE: ["CN-EU-LANTERN-2026-000007"],
    Step.REFUNDED: ["€8.30"],
    Step.MESSAGE: WRITTEN,
    Step.CUSTOMER_MESSAGE: WRITTEN,
    **{step: ["CHILDRENS CUTLERY SPACEBOY", "EU-100042-R1"] for step in Step if step.startswith("return_")},
}
ENABLE = "POST https://shop.example/notifications/v1/webhooks/1/enable"
NAMES |= {
    Step.WEBHOOK_FAILING: [
        "hooks.shop.example",
        "GET https://shop.example/notifications/v1/webhooks/1/deliveries",
    ],
    Step.WEBHOOK_OFF: ["hooks.shop.example", ENABLE, "webhooks/1/resend", SINCE.isoformat()],
    Step.WEBHOOK_GONE: ["hooks.shop.example", ENABLE],
}
NAMES[Step.RETURN_APPROVED] += ["Please use the box it came in.", "20 March 2026"]
NAMES[Step.RETURN_REJECTED] += ["Please use the box it came in."]


LATE = [
    OpenMatter(order_id=new_id(), matter=matter, number=f"EU-{100042 + place}", since=SINCE, due_at=SINCE)
    for matter in Matter
    for place in range(22)
]


def words(step, order, locale="en"):
    if step == Step.OVERDUE:
        return render_digest(locale, order, LATE)
    if step in ABOUT_WEBHOOKS:
        api = "https://shop.example/notifications/v1/webhooks/1"
        return render_webhook(
            step, locale, order, is_sellers=True, host="hooks.shop.example", api=api, since=SINCE
        )
    order = replace(order, refunds=RETURNED.refunds, returns=RETURNED.returns)
    secrets = CustomerSecrets() if step in NOT_TO_CUSTOMER else OPEN
    if step in {Step.READY_FOR_PICKUP, Step.PICKUP_REMINDER}:
        secrets = replace(secrets, collect_code="482913")
    return render(
        step,
        locale,
        ABOUT.get(step),
        OrderSnapshots(
            order=order, **HEARD, messages=SAID if step in MESSAGES else (), encloses=step == Step.ACCEPTED
        ),
        secrets,
    )


@pytest.mark.requirement("P-34")
@pytest.mark.parametrize("step", Step)
def test_every_email_names_what_it_is_about_and_opens_the_order_to_its_customer_alone(step):
    said = words(step, paid(placed_order()) if step == Step.PAYMENT_RECEIVED else placed_order())

    for part in (said.text, unescape(said.html)):
        for name in NAMES.get(step, []):
            assert name in part
        assert ("/v1/customer/order?token=o" in part) is (step not in NOT_TO_CUSTOMER)
        assert ("/v1/customer/messages/page?token=m" in part) is (step not in NOT_TO_CUSTOMER)


def templates():
    return sorted(path.name for path in TEMPLATES.iterdir() if path.suffix in {".mjml", ".txt"})


@pytest.mark.parametrize("name", templates())
def test_a_template_uses_nothing_that_is_not_there_even_where_it_is_not_reached(name):
    tree = environment.parse((TEMPLATES / name).read_text("utf-8"))

    assert find_undeclared_variables(tree) <= VARIABLES


def test_every_template_is_of_a_step_or_for_several():
    shared = {"layout", "parts", "letter", "webhook"}

    assert {name.partition(".")[0] for name in templates()} <= shared | {str(step) for step in Step}
    assert {name for name in templates() if name.endswith(".txt")} == {
        name.replace(".mjml", ".txt") for name in templates() if name.endswith(".mjml")
    }


def test_every_sentence_is_said_somewhere():
    said = set()

    for path in TEMPLATES.iterdir():
        if path.suffix in {".mjml", ".txt", ".html"}:
            said |= set(re.findall(r'say\("([a-z_.]+)"', path.read_text("utf-8")))
    said |= set(re.findall(r'"([a-z_]+\.[a-z_]+)"', Path(email_facts.__file__).read_text("utf-8")))
    of_steps = {
        f"{step}.{part}" for step in Step for part in ("subject", "heading", "intro", "next", "number")
    }
    by_method = {f"{part}.{method}" for part in ("pay", "method", "new_order.next") for method in METHODS}
    by_kind = {f"appointment.{kind}" for kind in ("delivery", "installation", "service")}

    of_matters = {f"overdue.{matter}" for matter in Matter}
    of_papers = {f"paper.{kind}" for kind in ATTACHABLE}
    of_page = {f"page.wrong.{word}" for word in ("empty", "too_long", "too_many_messages", "person_erased")}

    unsaid = (
        {re.sub(r"\.(one|other)$", "", key) for key in words_in("en", "emails").texts}
        - said
        - of_steps
        - by_method
        - by_kind
        - of_page
        - of_papers
        - of_matters
    )
    assert unsaid == set()


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("step", Step)
def test_every_email_says_all_it_has_to_say(step, method, language):
    for order in (placed_order(method), paid(placed_order(method)), cancelled(paid(placed_order(method)))):
        said = words(step, order, language)

        named = "hooks.shop.example" if step in ABOUT_WEBHOOKS else "EU-100042"
        assert ("Europe" if step == Step.OVERDUE else named) in said.subject
        for part in (said.text, said.html):
            assert named in part
            bare = re.sub(r"<style.*?</style>|<!--.*?-->", "", part, flags=re.DOTALL)
            assert not re.search(
                r"\{|\}\}|None|Undefined|mj-", bare.replace("mj-column-per", "").replace("mj-outlook", "")
            )


@pytest.mark.requirement("M-38")
def test_what_the_customer_wrote_at_checkout_is_in_the_sellers_email_alone():
    order = placed_order()
    order = replace(order, people=replace(order.people, remark="Ring twice.\n<b>Mind</b> the dog."))

    seller, customer = words(Step.NEW_ORDER, order), words(Step.CONFIRMATION, order)

    assert "The customer's remark\nRing twice.\n<b>Mind</b> the dog." in seller.text
    assert "Ring twice.\n&lt;b&gt;Mind&lt;/b&gt; the dog." in seller.html
    assert "Ring twice" not in customer.text + customer.html
    assert "remark" not in words(Step.NEW_ORDER, placed_order()).text


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


@pytest.mark.requirement("S0-07")
def test_a_shipment_names_its_tracking_number_and_links_to_it():
    said = words(Step.SHIPPED, placed_order())

    assert "WB1000000426" in said.text
    assert "https://track.waybill.example/WB1000000426" in said.text
    assert 'href="https://track.waybill.example/WB1000000426"' in said.html


def test_a_courier_is_told_what_to_collect_where_money_is_paid_on_delivery():
    collect = "To collect on delivery: €49.10"

    assert collect in words(Step.COURIER_ASSIGNED, placed_order("cash_on_delivery")).text
    assert collect not in words(Step.COURIER_ASSIGNED, paid(placed_order("cash_on_delivery"))).text
    assert "To collect" not in words(Step.COURIER_ASSIGNED, placed_order("transfer")).text


def test_a_courier_goes_where_shipping_says():
    heard = HEARD["shipments"]
    [(group, address)] = heard.people.delivery.items()
    moved = replace(heard.people, delivery={group: replace(address, line1="Calle Nueva 1")})
    known = OrderSnapshots(order=placed_order(), shipments=replace(heard, people=moved))

    said = render(Step.COURIER_ASSIGNED, "en", SHIPMENT.shipment_id, known, CustomerSecrets())

    assert "Calle Nueva 1" in said.text
    assert "Calle del Olmo" not in said.text


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


def test_a_language_without_words_of_ours_is_answered_in_the_markets_or_else_in_english():
    order = placed_order()
    assert order.market.locale == "es"
    elsewhere = replace(order, market=replace(order.market, locale="fi"))

    assert words(Step.ACCEPTED, order, "fi").subject == "Su pedido EU-100042 ha sido aceptado"
    assert words(Step.ACCEPTED, elsewhere, "fi").subject == "Your order EU-100042 is accepted"


def test_what_a_customer_typed_is_shown_and_never_run():
    order = placed_order()
    typed = "<script>alert('1')</script> & Söhne {number}"
    customer = replace(order.people.customer, name=typed)

    said = words(Step.NEW_ORDER, replace(order, people=replace(order.people, customer=customer)))

    assert typed in said.text
    assert "<script>" not in said.html
    assert "&lt;script&gt;" in said.html


@pytest.mark.requirement("V-03")
def test_what_no_e_mail_can_hold_is_left_out():
    order = placed_order()
    customer = replace(order.people.customer, name="A\x01c\x0bm\ufffee\uffff")  # kept by an older release

    said = words(Step.NEW_ORDER, replace(order, people=replace(order.people, customer=customer)))

    assert "Acme" in said.text
    assert "Acme" in said.html


def test_a_sellers_colour_that_is_none_is_not_used():
    order = placed_order()

    said = words(
        Step.ACCEPTED, replace(order, seller=replace(order.seller, colour="red;} body {display:none"))
    )

    assert "red;}" not in said.html
    assert "#1f4e5f" in said.html


@pytest.mark.parametrize(("colour", "letters"), [("#1f4e5f", "#ffffff"), ("#ffd43b", "#16181a")])
def test_letters_stand_out_on_the_sellers_colour(colour, letters):
    order = placed_order()

    said = words(Step.ACCEPTED, replace(order, seller=replace(order.seller, colour=colour)))

    assert f"background-color:{colour}" in said.html.replace(" ", "")
    assert f"text-align:left;color:{letters}" in said.html.replace(" ", "")


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
        render(Step.INVOICE, "en", None, OrderSnapshots(order=placed_order()), OPEN)


@pytest.mark.requirement("W-03")
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("step", sorted(ABOUT_WEBHOOKS))
def test_of_a_webhook_that_is_of_no_one_seller_its_owner_is_told_by_no_seller(step, language):
    named = {"host": "hooks.shop.example", "api": "https://shop.example/v1/webhooks/1", "since": SINCE}
    order = placed_order()

    of_all = render_webhook(step, language, order, is_sellers=False, **named)
    without = render_webhook(step, language, None, is_sellers=False, **named)

    for said in (of_all, without):
        assert order.seller.name not in said.text + said.html
        assert order.market.name not in said.text + said.html
        assert "Waybill" in said.text
        assert "hooks.shop.example" in said.subject
    if step != Step.WEBHOOK_GONE:
        assert " UTC" in without.text
