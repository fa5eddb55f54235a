"""The system under load and faults, in short: `make chaos` does the same for ten minutes."""

import random

import pytest

from tests.chaos.controls import CONTROLS, is_noticed
from tests.chaos.rig import Plan, rigged

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_nothing_is_lost_doubled_or_left_behind_whatever_breaks():
    plan = Plan(
        seconds=40,
        seed=random.SystemRandom().getrandbits(32),
        warm_seconds=6,
        quiet_seconds=8,
        longest_freeze_seconds=8,
        first_rate=4,  # beside other tests the system bears no more
        rest_seconds=240,
        judges_times=False,
    )
    with rigged(plan) as rig:
        breaches = rig.run()

    assert breaches == []


def test_the_rig_sees_what_it_should():
    control = CONTROLS["pull off, and Redis flushed"]

    assert is_noticed(control, seed=random.SystemRandom().getrandbits(32))
