"""The events are a contract: a literal sample of each survives, and everyone listed as listening listens."""

import importlib
import json
from dataclasses import MISSING, fields

import msgspec
import pytest

from deploy.local.databases import SERVICES
from shared.events import codec
from shared.events.routes import SUBSCRIBERS
from shared.events.samples import FOLDER, envelope
from shared.events.snapshots import PaymentMethod
from tests.samples import with_words_of_tomorrow

SAMPLES = sorted(FOLDER.glob("*.json"))


def kept_of(encoded, sample):
    """What was encoded, less the fields that were added since the sample was written."""
    if isinstance(sample, dict):
        return {name: kept_of(encoded[name], value) for name, value in sample.items() if name in encoded}
    if isinstance(sample, list) and len(encoded) == len(sample):
        return [kept_of(*pair) for pair in zip(encoded, sample, strict=True)]
    return encoded


def test_every_event_has_a_sample():
    sampled = {path.name.removesuffix(".1.json") for path in SAMPLES}

    assert sampled == set(codec.EVENTS)


def test_every_event_says_who_listens():
    assert set(SUBSCRIBERS) == set(codec.EVENTS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_survives_decoding_and_encoding(path):
    sample = json.loads(path.read_text())

    event = codec.decode(sample["type"], sample["data"])

    assert kept_of(json.loads(codec.encode(event)), sample["data"]) == sample["data"]
    assert event.snapshot.subject == sample["subject"]
    assert event.snapshot.version == sample["snapshotversion"]
    assert f"/{event.snapshot.SOURCE}" == sample["source"]


@pytest.mark.requirement("F-06")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_event_says_what_people_call_its_order_and_carries_all_of_it(path):
    sample = json.loads(path.read_text())
    snapshot = codec.decode(sample["type"], sample["data"]).snapshot

    assert sample["reference"] == getattr(snapshot, "number", snapshot.subject) != ""
    whole = {field.name for field in fields(snapshot) if field.default is field.default_factory is MISSING}
    [told] = [value for value in sample["data"].values() if isinstance(value, dict)]
    assert whole <= told.keys()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_an_event_without_its_snapshot_is_refused(path):
    sample = json.loads(path.read_text())
    carried = next(iter(sample["data"]))
    del sample["data"][carried]

    with pytest.raises(msgspec.ValidationError, match=carried):
        codec.decode(sample["type"], sample["data"])


def test_what_a_newer_publisher_added_is_passed_over():
    sample = envelope("order.accepted")
    sample["data"]["order"]["gift_wrapped"] = True

    event = codec.decode("order.accepted", sample["data"])

    assert event.order.number == "EU-100042"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_word_that_a_newer_publisher_knows_is_kept_as_it_is_and_taken_for_none_of_ours(path):
    sample = json.loads(path.read_text())
    told = with_words_of_tomorrow(sample["type"])["data"]

    event = codec.decode(sample["type"], told)

    assert (told != sample["data"]) == (sample["type"] != "stock.changed")
    assert kept_of(json.loads(codec.encode(event)), told) == told


def test_a_word_of_tomorrow_is_no_word_of_today():
    sample = envelope("order.accepted")
    sample["data"]["order"]["payment"]["method"] = "barter"

    method = codec.decode("order.accepted", sample["data"]).order.payment.method

    assert (method, f"{method}", method.value) == ("barter",) * 3
    assert method not in set(PaymentMethod)
    with pytest.raises(ValueError, match="'barter' is not a valid PaymentMethod"):
        PaymentMethod("barter")


@pytest.mark.requirement("F-03")
@pytest.mark.parametrize("service", SERVICES)
def test_every_listener_has_a_consumer_and_nobody_follows_what_is_not_sent_to_it(service):
    messaging = importlib.import_module(f"services.{service}.messaging").messaging
    importlib.import_module(f"services.{service}.consumers")
    listed = {event for event, listeners in SUBSCRIBERS.items() if service in listeners}

    assert set(messaging.consumers.kinds) == listed
