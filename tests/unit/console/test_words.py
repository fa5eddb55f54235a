"""Every code that a service can answer with has a word in every language."""

import ast
import json
import string
from pathlib import Path

import pytest

from deploy.local.databases import SERVICES
from services.console import showing
from services.console.pages.orders import LINE_COLUMNS
from services.console.pages.webhooks import EVENT_TYPES
from services.console.words import LANGUAGES, words_in
from shared.events.codec import EVENTS
from shared.events.snapshots import Recipient, Step

ROOT = Path(__file__).parents[3]

# The group of words for the codes of a field, wherever one of the APIs' documents lists them.
GROUPS = {
    "status": "order_status",
    "fulfilment": "fulfilment",
    "payment_state": "payment_state",
    "payment_method": "payment_method",
    "channel": "channel",
    "lifecycle": "lifecycle",
    "csr_status": "csr_status",
    "timeline": "timeline",
}


def reasons():
    """The reasons that the services refuse with, read off their source."""
    found = set()
    for file in [*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in {"Refused", "Refusal"} and node.args:
                found |= {one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
            if name == "Problem":
                found |= {
                    part.value.value
                    for part in node.keywords
                    if part.arg == "reason" and isinstance(part.value, ast.Constant)
                }
            if name == "_not_done" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                found.add(node.args[1].value)
    return sorted(one for one in found if isinstance(one, str) and one.replace("_", "").isalpha())


def schema(service, name):
    document = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text("utf-8"))
    return document["components"]["schemas"][name]["properties"]


def listed(service, schema_name, field):
    described = schema(service, schema_name)[field]
    return [code for code in described.get("items", described)["enum"] if code is not None]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_the_services_has_words(language):
    words = words_in(language)

    assert len(reasons()) > 60
    assert [reason for reason in reasons() if not words.knows("reasons", reason)] == []


@pytest.mark.requirement("C-36")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("group", "codes"),
    [(group, listed("orders", "ListedOrder", field)) for field, group in GROUPS.items()]
    + [
        ("queue", listed("orders", "ListedOrder", "queues")),
        ("checks", listed("orders", "Order", "unverified")),
        ("tax_treatment", listed("orders", "OrderLine", "tax_treatment")),
        ("shipment", listed("shipping", "Shipment", "status")),
        ("return_status", listed("orders", "Return", "status")),
        ("return_reason", listed("orders", "Return", "reason")),
        ("notice", listed("notifications", "Notice", "kind")),
        ("paper", listed("documents", "Paper", "kind")),
        ("paper_status", listed("documents", "Paper", "status")),
        ("email_status", listed("notifications", "Email", "status")),
        ("webhook_state", [*listed("notifications", "Webhook", "state"), "failing", "resting"]),
        ("webhook_delivery", listed("notifications", "WebhookDelivery", "state")),
    ],
)
def test_every_status_has_a_word(language, group, codes):
    words = words_in(language)

    assert codes
    assert [code for code in codes if not words.knows(group, code)] == []


@pytest.mark.requirement("M-36")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_column_of_an_export_of_lines_can_be_ticked_and_has_words(language):
    document = json.loads((ROOT / "docs" / "openapi" / "orders.json").read_text("utf-8"))
    asked = document["paths"]["/v1/orders/export-lines.csv"]["get"]["parameters"]
    [columns] = [one["schema"]["items"]["enum"] for one in asked if one["name"] == "columns"]

    assert list(LINE_COLUMNS) == columns
    assert [name for name in columns if not words_in(language).knows("line_columns", name)] == []


def test_a_webhook_can_be_made_to_hear_every_event_that_the_api_knows():
    assert list(EVENT_TYPES) == sorted(EVENTS)


def changes():
    """What orders writes into the history of its own, read off its source; `{x}_return` is named below."""
    found = {"place", "withdraw_return", "dismiss_return", "expire_return"}
    for file in ROOT.glob("services/orders/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"change", "_end"}:
                found |= {one.value for one in node.args[2:3] if isinstance(one, ast.Constant)}
    return sorted(found)


@pytest.mark.requirement("C-36")
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_a_history_can_tell_has_words(language):
    words = words_in(language)
    orders_own = {"order", "payment", "refund", "return", "stock"}
    heard = [name for name in EVENTS if name.partition(".")[0] not in orders_own or name == "return.received"]

    assert len(changes()) > 25
    assert [one for one in [*changes(), *heard] if not words.knows("history", one)] == []
    assert [step for step in Step if not words.knows("email_step", step)] == []
    assert [one for one in Recipient if not words.knows("recipient", one)] == []


@pytest.mark.requirement("C-33", "C-36")
def test_an_entry_of_the_history_says_what_changed_in_its_readers_words():
    entry = {
        "before": {"status": "placed", "total_minor": 1290, "tags": [], "awaiting": []},
        "after": {"status": "accepted", "total_minor": 1240, "tags": ["gift", "vip"], "awaiting": None},
        "detail": {"reason": "moved house", "changed": ["delivery_groups"], "refund_id": "01a2"},
    }

    assert showing.told(entry, "EUR", words_in("es")) == [
        ("Estado", "Por aceptar", "Aceptado"),
        ("Total", "12,90\xa0€", "12,40\xa0€"),
        ("Etiquetas", "", "gift, vip"),
        ("Motivo", "", "moved house"),
        ("Cambiado", "", "Entregas"),
    ]


@pytest.mark.requirement("C-33", "M-13")
def test_a_changed_address_reads_as_the_post_of_its_country_wants_it():
    before = {"city": "Bath", "name": "Ann", "line1": "1 Weir", "country": "GB", "postcode": "BA1 1AA"}
    entry = {
        "before": {"delivery_addresses": [before]},
        "after": {"delivery_addresses": [before | {"line1": "2 Weir"}]},
        "detail": {},
    }

    assert showing.told(entry, "GBP", words_in("en")) == [
        (
            "Where it goes",
            "Ann, 1 Weir, Bath, BA1 1AA, United Kingdom",
            "Ann, 2 Weir, Bath, BA1 1AA, United Kingdom",
        )
    ]


def test_the_languages_say_the_same():
    english, *others = (words_in(language).texts for language in LANGUAGES)

    for other in others:
        assert list(other) == list(english)
        for key, text in english.items():
            assert fields_of(other[key]) == fields_of(text), key


def fields_of(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_no_word_of_the_templates_is_missing():
    """Templates name their words in full, but for those that are made of a code."""
    import re  # noqa: PLC0415

    english = words_in("en").texts
    wanted = {
        key
        for file in (ROOT / "services" / "console").rglob("*.html")
        for key in re.findall(r"\bt\('([\w.]+)'[,)]", file.read_text("utf-8"))
    }

    assert len(wanted) > 40
    assert [key for key in wanted if key not in english and f"{key}.other" not in english] == []


def test_every_service_has_a_name():
    for language in LANGUAGES:
        assert all(words_in(language).knows("services", service) for service in SERVICES)
