"""The feed over HTTP: who sees what, from where on, with whom, and how long it waits."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import sessionmaker

from services.notifications.commands import feed
from services.notifications.queries.feed import old
from shared import clock
from shared.db import new_id
from shared.messaging import copies, outbox, retention
from shared.messaging.tables import inbox as heard_events
from tests.samples import envelope, event

SELLER = envelope("order.placed")["data"]["order"]["seller"]["seller"]
MARKET = envelope("order.placed")["data"]["order"]["market"]["market"]


@pytest.fixture
def enter(session):
    """Hear an event and give it its position; answers the order's id."""

    def entered(event_type="order.placed", order_id=None, *, seller=SELLER, market=MARKET):
        order_id = order_id or new_id()
        told = envelope(event_type)
        [carried] = [key for key, value in told["data"].items() if isinstance(value, dict)]
        told["data"][carried] |= {"order_id": str(order_id)}
        if carried == "order":
            told["data"]["order"]["seller"]["seller"] = seller
            told["data"]["order"]["market"]["market"] = market
        told |= {"id": str(new_id()), "subject": str(order_id), "time": clock.now().isoformat()}
        row = {
            "event_id": UUID(told["id"]),
            "source": told["source"].strip("/"),
            "type": event_type,
            "subject": str(order_id),
            "envelope": told,
            "via": "push",
            "next_at": clock.now(),
        }
        session.execute(heard_events.insert().values(row))
        feed.number_waiting(session)
        session.commit()
        return order_id

    return entered


@pytest.fixture
def read(ask):
    """Ask for the feed, as who may see everything unless it is said otherwise."""

    def asked(query="", *, scopes=("events:read",), sellers=("*",), markets=("*",), status=200, user="shop"):
        answer = ask("GET", f"/v1/events{query}", scopes=scopes, sellers=sellers, markets=markets, user=user)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()

    return asked


def test_events_are_answered_in_their_order_with_where_to_go_on(enter, read):
    order_id = enter("order.placed")
    enter("shipment.shipped", order_id)

    first = read("?limit=1")
    second = read(f"?limit=1&after={first['next']}")
    end = read(f"?after={second['next']}")

    [placed], [shipped] = first["items"], second["items"]
    assert placed["type"] == "order.placed"
    assert shipped["type"] == "shipment.shipped"
    assert placed["position"] < shipped["position"] == second["next"] == end["next"]
    assert [placed["sequence"], shipped["sequence"]] == [1, 2]
    assert placed["order_id"] == shipped["order_id"] == str(order_id)
    assert end["items"] == []


def test_an_event_has_the_members_of_cloudevents(enter, read):
    enter("order.placed")

    [entry] = read()["items"]

    sample = envelope("order.placed")
    same = ("specversion", "source", "type", "datacontenttype", "dataschema")
    assert {name: entry[name] for name in same} == {name: sample[name] for name in same}
    assert entry["subject"] == entry["order_id"] == entry["data"]["order"]["order_id"]
    assert entry["number"] == sample["reference"]
    assert (entry["seller"], entry["market"]) == (SELLER, MARKET)
    assert entry["time"] == entry["occurred_at"]


def test_an_event_that_this_service_tells_is_there_too(enter, read, session):
    order_id = enter("order.placed")
    told = outbox.publish(session, event("message.posted", order_id=order_id))
    feed.number_waiting(session)
    session.commit()

    [entry] = read("?types=message.posted")["items"]

    assert entry["id"] == str(told)
    assert entry["source"] == "/notifications"
    assert entry["data"]["author"] == envelope("message.posted")["data"]["author"]


def test_only_the_types_asked_for_are_answered_and_the_reader_moves_on(enter, read):
    enter("order.placed")
    enter("order.accepted")
    enter("order.placed")

    found = read("?types=order.accepted,order.refused")
    nothing = read("?types=order.refused")

    assert [entry["type"] for entry in found["items"]] == ["order.accepted"]
    assert nothing["items"] == []
    assert found["next"] == nothing["next"] == found["last"]


def test_only_the_order_asked_for_is_answered(enter, read):
    mine, _ = enter(), enter()

    assert [entry["order_id"] for entry in read(f"?order={mine}")["items"]] == [str(mine)]
    assert read(f"?order={new_id()}")["items"] == []


def test_nobody_sees_what_is_of_another_seller_or_market(enter, read):
    enter(seller="harbour", market="gb")
    enter(seller="dock", market="gb")
    enter(seller="harbour", market="eu")

    def seen(**claims):
        page = read("?limit=10", **claims)
        assert page["next"] == page["last"]
        return [(entry["seller"], entry["market"]) for entry in page["items"]]

    assert seen(sellers=["harbour"]) == [("harbour", "gb"), ("harbour", "eu")]
    assert seen(sellers=["harbour"], markets=["gb"]) == [("harbour", "gb")]
    assert seen(sellers=["dock", "harbour"]) == [("harbour", "gb"), ("dock", "gb"), ("harbour", "eu")]
    assert seen(markets=["eu"]) == [("harbour", "eu")]
    assert seen(sellers=["quay"]) == seen(sellers=[]) == seen(markets=[]) == []


def test_people_are_read_with_their_own_scope_alone(enter, read):
    enter("order.placed")
    published = envelope("order.placed")["data"]["order"]

    [without] = read()["items"]
    [whole] = read(scopes=("events:read_people",))["items"]

    assert without["data"]["order"]["people"] == {}
    assert whole["data"]["order"]["people"] == published["people"] != {}
    assert without["data"]["order"]["totals"] == published["totals"]


def test_what_was_typed_is_read_with_the_scope_for_people_alone(enter, read):
    enter("order.held")

    [without] = read()["items"]
    [whole] = read(scopes=("events:read", "events:read_people"))["items"]

    assert without["data"]["reason"] == ""
    assert whole["data"]["reason"] == envelope("order.held")["data"]["reason"] != ""


def test_erasing_the_person_empties_what_the_feed_shows(enter, read, session):
    order_id = enter("order.placed")

    copies.erase_people(session, order_id)
    session.commit()

    [entry] = read(scopes=("events:read_people",))["items"]
    assert entry["data"]["order"]["people"] == {}


def test_a_position_from_before_the_feed_begins_is_gone(enter, read, session):
    for _ in range(3):
        enter()
    first = read()["items"][0]["position"]
    session.execute(text("delete from feed where position <= :at"), {"at": first + 1})
    session.commit()

    problem = read(f"?after={first}", status=410)

    assert problem["oldest"] == first + 2
    assert problem["errors"][0]["field"] == "after"
    assert len(read(f"?after={first + 1}")["items"]) == 1
    assert len(read()["items"]) == 1


def test_a_position_is_gone_though_the_feed_is_empty(enter, read, session):
    enter()
    last = read()["last"]
    session.execute(text("delete from feed"))
    session.commit()

    assert read(f"?after={last - 1}", status=410)["oldest"] == last + 1
    assert read(f"?after={last}")["next"] == read()["next"] == last


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?after=-1", "after"),
        ("?after=9000000", "after"),
        ("?after=soon", "after"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?types=order.eaten", "types.0"),
        ("?types=", "types"),
        ("?order=5", "order"),
        ("?wait=26", "wait"),
        ("?wait=-1", "wait"),
        ("?wait=nan", "wait"),
        ("?seller=quay", "seller"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(read, query, field):
    assert [error["field"] for error in read(query, status=422)["errors"]] == [field]


def test_an_entry_whose_event_was_forgotten_is_passed_over_alone(enter, read, session):
    first, forgotten, third = (str(enter()) for _ in range(3))
    session.execute(text("delete from inbox where subject = :order_id"), {"order_id": forgotten})
    session.commit()

    page = read("?limit=2")
    following = read(f"?limit=2&after={page['next']}")

    assert [entry["order_id"] for entry in page["items"]] == [first]
    assert [entry["order_id"] for entry in following["items"]] == [third]


@pytest.mark.requirement("P-24", "W-08")
@pytest.mark.parametrize("away", [timedelta(hours=1), timedelta(weeks=12)])
def test_a_consumer_that_was_away_for_an_hour_or_for_weeks_has_missed_nothing(
    enter, read, session, settings, away
):
    before = enter()
    at = read()["next"]
    while_down = [str(enter()) for _ in range(25)]
    # All of this was so long ago, and the agent has forgotten meanwhile what is old.
    for table, instants in (
        ("feed", ("entered_at", "occurred_at")),
        ("inbox", ("received_at", "done_at", "next_at")),
    ):
        moved = ", ".join(f"{one} = {one} - :away" for one in instants)
        session.execute(text(f"update {table} set {moved}"), {"away": away})
    session.execute(text("update inbox set state = 'done', done_at = received_at"))
    session.commit()
    forget(session, settings)
    while_down += [str(enter()) for _ in range(3)]

    seen = []
    while page := read(f"?limit=10&after={at}")["items"]:
        seen += [entry["order_id"] for entry in page]
        at = page[-1]["position"]

    assert str(before) not in seen
    assert seen == while_down
    assert [entry["order_id"] for entry in read("?limit=1000")["items"]] == [str(before), *while_down]


@pytest.mark.requirement("P-24")
def test_a_consumer_that_was_away_for_longer_than_is_kept_is_told_so_and_from_where_it_can_read(
    enter, read, session, settings
):
    for _ in range(5):
        enter()
    at = read("?limit=1")["next"]
    session.execute(text("update feed set entered_at = entered_at - interval '91 days'"))
    session.commit()
    forget(session, settings)
    newest = str(enter())

    gone = read(f"?after={at}", status=410)
    assert [entry["order_id"] for entry in read(f"?after={gone['oldest'] - 1}")["items"]] == [newest]


def forget(session, settings):
    """Forget what is old, as the agent does once an hour."""
    sessions = sessionmaker(session.get_bind(), join_transaction_mode="create_savepoint")
    retention.forget(sessions, lambda: False, old(timedelta(days=settings.feed_days)))
    session.expire_all()


@pytest.mark.requirement("W-01")
def test_an_event_has_one_id_for_whoever_reads_it_however_often(enter, read, session):
    enter("order.placed", seller="harbour")
    published = session.scalar(select(heard_events.c.envelope["id"].astext))

    readings = [
        read(),
        read(),
        read("?types=order.placed"),
        read(sellers=["harbour"], user="erp"),
        read(scopes=("events:read_people",), user="marketplace"),
    ]

    assert [[entry["id"] for entry in page["items"]] for page in readings] == [[published]] * len(readings)
