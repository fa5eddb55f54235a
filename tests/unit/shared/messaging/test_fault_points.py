"""Faults on purpose: as often as was asked for, as long as was asked for, and never otherwise."""

from uuid import UUID

import pytest

from shared.messaging import fault_points
from shared.messaging.fault_points import InjectedFault, configure, disturb_handler, is_poisoned

EVENTS = [str(UUID(int=number)) for number in range(2_000)]


@pytest.fixture(autouse=True)
def _harmless_again():
    yield
    configure("")


def failures(events=EVENTS):
    failed = []
    for event_id in events:
        try:
            disturb_handler(event_id)
        except InjectedFault:
            failed.append(event_id)
    return failed


def test_nothing_fails_unless_it_was_asked_for():
    assert failures() == []
    fault_points.crash_point("after_commit")


def test_handlers_fail_in_the_share_that_was_asked_for():
    configure("handler_error=0.5,after_commit=0.1")

    assert 800 < len(failures()) < 1200


def test_what_is_poisoned_fails_every_time():
    configure("poison=0.01")

    poisoned = [event_id for event_id in EVENTS if is_poisoned(event_id, 0.01)]

    assert 0 < len(poisoned) < 60
    assert failures() == failures() == poisoned


def test_faults_end_with_their_flag(tmp_path):
    flag = tmp_path / "faults"
    configure(f"handler_error=1,poison=1,while={flag}")

    assert failures() == []
    flag.touch()
    assert failures() == EVENTS
    flag.unlink()
    assert failures() == []
