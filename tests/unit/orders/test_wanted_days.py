"""The day a customer would like is not before the order, as the market's clocks count days."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import update

from services.orders.commands import drafts
from services.orders.commands.editing import edit_order
from services.orders.models import DeliveryGroup
from shared import clock
from shared.errors import Invalid
from tests.unit.orders.sample_shop import HOME, order_wanted

pytestmark = pytest.mark.requirement("M-21")

FIELD = "delivery_groups.0.requested_on"


def wanted_on(day):
    return [{"method": "delivery", "shipping_minor": 0, "address": HOME, "requested_on": day}]


@pytest.fixture
def late_in_london(monkeypatch, change_market):
    """Half an hour before midnight by the market's clocks; the next day by those further east."""
    change_market(time_zone="America/New_York")
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 10, 3, 30, tzinfo=UTC))


@pytest.mark.parametrize("day", [date(1999, 1, 1), date(2026, 6, 8)])
def test_an_order_for_a_day_before_it_is_refused_by_the_field(place_order, late_in_london, day):
    with pytest.raises(Invalid) as refused:
        place_order(delivery_groups=wanted_on(day))

    assert list(refused.value.fields) == [FIELD]
    assert "2026-06-09" in refused.value.fields[FIELD]


@pytest.mark.parametrize("day", [date(2026, 6, 9), date(2026, 6, 10), None])
def test_its_own_day_and_later_ones_are_taken(place_order, late_in_london, day):
    order = place_order(delivery_groups=wanted_on(day))

    assert order.delivery_groups[0].requested_on == day


def test_an_edit_takes_no_earlier_day_and_leaves_one_that_stood(session, place_order):
    order = place_order(delivery_groups=wanted_on(None))
    group = order.delivery_groups[0]

    with pytest.raises(Invalid) as refused:
        edit_order(
            session,
            order.id,
            reason="sooner",
            delivery_groups=[{"group_id": group.id, "requested_on": date(1999, 1, 1)}],
        )
    assert list(refused.value.fields) == [FIELD]

    session.execute(update(DeliveryGroup).values(requested_on=date(1999, 1, 1)))  # as it was taken once
    session.expire_all()
    edited = edit_order(
        session, order.id, reason="to her", delivery_groups=[{"group_id": group.id, "shipping_minor": 5}]
    )
    assert edited.changed == ["delivery_groups"]


def test_a_draft_says_so_before_it_is_placed(session):
    wanted = order_wanted(delivery_groups=wanted_on(date(1999, 1, 1)))
    contents = {name: value for name, value in wanted.items() if name not in {"seller", "market"}}

    quoted = drafts.create_draft(session, seller="quay", market="gb", **contents)

    assert FIELD in quoted.lacks
