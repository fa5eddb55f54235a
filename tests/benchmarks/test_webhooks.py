"""A short run of the benchmark of webhooks: dead and slow receivers do not make a fast one wait for them."""

import pytest

from deploy.local.postgres import temporary_postgres
from tests.benchmarks.webhooks import SLOW_SECONDS, measured, measured_from_source


@pytest.mark.requirement("W-05")
def test_a_fast_receiver_does_not_wait_for_fifty_dead_ones_and_a_slow_one():
    with temporary_postgres() as server:
        figures = measured(server, seconds=4, warm_up=2)

    assert figures["share"] == 1
    assert figures["p50"] < SLOW_SECONDS * 1000


@pytest.mark.slow
@pytest.mark.requirement("W-05")
def test_nor_does_it_on_the_whole_way_from_the_service_where_it_happened():
    figures = measured_from_source(seconds=4, warm_up=2)

    assert figures["share"] == 1
    assert figures["p50"] < SLOW_SECONDS * 1000
