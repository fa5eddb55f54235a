"""stock.changed is told at most once a second for each SKU, with all of its levels."""

import pytest
from sqlalchemy import select, text

from services.shipping.commands.stock import receive_stock, tell_changed_stock
from services.shipping.models import StockLevel
from shared.messaging.tables import event_log
from tests.unit.shipping.steps import accepted, advance, hear, make_order, stock


def news(sessions):
    told = select(event_log.c.payload).where(event_log.c.type == "stock.changed").order_by(event_log.c.seq)
    with sessions() as session:
        return [event["stock"] for event in session.scalars(told)]


def tell(sessions):
    with sessions.begin() as session:
        return tell_changed_stock(session)


def moved(sessions, by):
    """Have what was told be told at another time."""
    with sessions.begin() as session:
        session.execute(text(f"update stock_levels set told_at = told_at {by}"))


def a_second_later(sessions):
    moved(sessions, "- interval '1 second'")


@pytest.mark.requirement("S1-01")
def test_all_levels_of_a_sku_are_told_with_what_is_reserved(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        stock(session, "TEA-250", 3, "EAST", seller="dock")
        hear(session, make_order([("TEA-250", 2)]))

    assert tell(sessions) == 1

    [told] = news(sessions)
    assert told["sku"] == "TEA-250"
    assert told["levels"] == [
        {"location": "EAST", "on_hand": 3, "reserved": 0, "seller": "dock"},
        {"location": "WEST", "on_hand": 5, "reserved": 2, "seller": "*"},
    ]


def test_nothing_is_told_twice_and_many_changes_within_a_second_are_told_once(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
    assert (tell(sessions), tell(sessions)) == (1, 0)
    for _ in range(3):
        with sessions.begin() as session:
            receive_stock(session, "WEST", "TEA-250", quantity=1, reason="")
    moved(sessions, "+ interval '1 hour'")  # however slow we are, the second has not passed
    assert tell(sessions) == 0

    moved(sessions, "- interval '1 hour 1 second'")

    assert (tell(sessions), tell(sessions)) == (1, 0)
    told = news(sessions)
    assert [one["levels"][0]["on_hand"] for one in told] == [5, 8]
    assert told[0]["version"] < told[1]["version"]


@pytest.mark.parametrize("is_told_between", [True, False])
def test_picking_is_no_news_and_what_was_untold_before_it_is_told_once(sessions, is_told_between):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        [shipment] = hear(session, accepted(make_order([("TEA-250", 2)])))
        advance(session, shipment, "release")
    assert not is_told_between or tell(sessions) == 1
    with sessions.begin() as session:
        advance(session, shipment, "pick")
        assert session.get(StockLevel, ("TEA-250", "WEST")).picked == 2
    a_second_later(sessions)

    assert tell(sessions) == (not is_told_between)

    [told] = news(sessions)
    assert told["levels"] == [{"location": "WEST", "on_hand": 5, "reserved": 2, "seller": "*"}]


def test_one_sku_does_not_wait_for_another(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
    tell(sessions)
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=1, reason="")
        stock(session, "POT-1", 2)

    assert tell(sessions) == 1

    assert [one["sku"] for one in news(sessions)] == ["TEA-250", "POT-1"]


def test_a_change_that_is_rolled_back_is_no_news(sessions):
    with sessions() as session:
        stock(session, "TEA-250", 5)

    assert tell(sessions) == 0


def test_what_commits_while_the_rest_is_told_is_told_next(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        stock(session, "TEA-250", 5, "EAST")
    tell(sessions)
    a_second_later(sessions)
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=1, reason="")
    with sessions() as late:
        receive_stock(late, "EAST", "TEA-250", quantity=2, reason="")
        late.flush()
        with sessions() as teller:
            teller.execute(text("set local lock_timeout = '100ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                tell_changed_stock(teller)
        late.commit()

    tell(sessions)

    assert [level["on_hand"] for level in news(sessions)[-1]["levels"]] == [7, 6]
