"""What the documents must not forget: every event and every setting."""

import importlib
from dataclasses import fields
from pathlib import Path

import pytest

from deploy.local.databases import SERVICES
from shared.events.codec import EVENTS
from tests.contract import catalogue

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_its_line(event):
    assert f"| `{event}` | {EVENTS[event].__doc__} |" in (DOCS / "events.md").read_text()


@pytest.mark.parametrize("service", [*SERVICES, "console"])
def test_every_setting_has_its_line(service):
    settings = importlib.import_module(f"services.{service}.settings").Settings
    documented = (DOCS / "operations.md").read_text()

    missing = [field.name for field in fields(settings) if f"`{field.name.upper()}`" not in documented]

    assert missing == []


def test_the_catalogue_of_events_is_that_of_the_code():
    assert catalogue.PAGE.read_text() == catalogue.page(), "python -m tests.contract.catalogue writes it anew"
