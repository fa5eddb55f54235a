"""The customer's timeline: four steps, the third by the method, in the customer's language."""

from datetime import UTC, datetime, timedelta

import pytest

from services.shipping.domain.timeline import Milestones, TimelineStep, timeline
from shared.events.snapshots import MethodKind
from shared.wording import languages, words_in

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STAMPS = ("accepted_at", "released_at", "ready_at", "shipped_at", "delivered_at")


def passed(kind, *names):
    known = {name: NOON + timedelta(hours=place) for place, name in enumerate(STAMPS) if name in names}
    return Milestones(kind=kind, **(dict.fromkeys(STAMPS) | known))


def labels(steps):
    return [step.label for step in steps]


@pytest.mark.requirement("S4-13", "S4-14")
@pytest.mark.parametrize(
    ("kind", "third"),
    [(MethodKind.DELIVERY, "Orden enviada"), (MethodKind.PICKUP, "Lista para ser recogida")],
)
def test_the_third_step_is_the_methods_own(kind, third):
    steps = timeline(passed(kind), "es")

    assert labels(steps) == ["Pedido aceptado", "Orden en preparación", third, "Finalizado despacho"]


@pytest.mark.requirement("S4-13")
def test_steps_are_reached_one_after_the_other():
    reached = [
        sum(step.at is not None for step in timeline(passed(MethodKind.DELIVERY, *STAMPS[:count]), "es"))
        for count in range(6)
    ]

    assert reached == [0, 1, 2, 2, 3, 4]  # being ready for the carrier is no step of a delivery


@pytest.mark.requirement("S4-14")
def test_what_is_ready_to_be_collected_has_taken_its_third_step():
    third = timeline(passed(MethodKind.PICKUP, *STAMPS[:3]), "es")[2]

    assert (third.step, third.at) == (TimelineStep.READY_FOR_PICKUP, NOON + timedelta(hours=2))


@pytest.mark.parametrize("locale", ["es", "es-CL", "es_ES", "ES"])
def test_every_spanish_is_spanish(locale):
    assert timeline(passed(MethodKind.PICKUP), locale)[0].label == "Pedido aceptado"


def test_who_speaks_neither_is_told_in_english():
    assert timeline(passed(MethodKind.DELIVERY), "pl")[2].label == "Order shipped"


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_word(language):
    assert [step for step in TimelineStep if step not in words_in(language, "timeline").texts] == []
