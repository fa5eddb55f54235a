"""Stock moves only through the ledger, and what comes goes to whoever has waited longest."""

from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from services.shipping import db, queries
from services.shipping.cli import cli
from services.shipping.commands.master_data import put_location
from services.shipping.commands.shipments import cancel_shipment
from services.shipping.commands.stock import receive_stock, set_stock
from services.shipping.jobs import BATCH
from services.shipping.models import Shipment, StockMovement
from shared import clock
from shared.access import Actor, actor_of
from shared.errors import Invalid, NotFound, Refused, Stale
from shared.events.snapshots import ShipmentStatus
from tests.unit.shipping.steps import hear, later, level, make_order, run_jobs, stock, told

S = ShipmentStatus


def movements(session, sku="TEA-250"):
    session.flush()
    rows = select(StockMovement).where(StockMovement.sku == sku).order_by(StockMovement.position)
    return list(session.scalars(rows))


@pytest.mark.requirement("F-10")
def test_every_change_of_a_level_is_in_the_ledger_with_reason_and_user(session):
    session.info["actor"] = Actor(name="ada", sellers=frozenset({"*"}), markets=frozenset({"*"}))
    stock(session, "TEA-250", 5)
    receive_stock(session, "WEST", "TEA-250", quantity=3, reason="delivery 7")
    [shipment] = hear(session, make_order([("TEA-250", 2)]))
    cancel_shipment(session, shipment.id, reason="damaged")

    ledger = movements(session)

    assert [(str(one.kind), one.on_hand_change, one.reserved_change) for one in ledger] == [
        ("adjusted", 5, 0),
        ("received", 3, 0),
        ("reserved", 0, 2),
        ("released", 0, -2),
    ]
    assert [one.reason for one in ledger[:2]] == ["opening count", "delivery 7"]
    assert [one.shipment_id for one in ledger] == [None, None, shipment.id, shipment.id]
    assert {one.actor for one in ledger} == {"ada"}
    assert [one.position for one in ledger] == [1, 2, 3, 4]
    assert clock.now() - ledger[-1].at < timedelta(minutes=1)
    assert queries.stock_drift(session) == []


def test_a_count_that_agrees_moves_nothing(session):
    stock(session, "TEA-250", 5)
    before = set_stock(session, "WEST", "TEA-250", on_hand=5, reason="again").version

    assert len(movements(session)) == before == 1


def test_fewer_than_promised_can_not_be_counted(session):
    stock(session, "TEA-250", 5)
    hear(session, make_order([("TEA-250", 3)]))

    with pytest.raises(Refused, match="units_reserved") as refused:
        set_stock(session, "WEST", "TEA-250", on_hand=2, reason="count")

    assert refused.value.facts == {"reserved": 3}
    set_stock(session, "WEST", "TEA-250", on_hand=3, reason="count")
    assert level(session, "TEA-250") == (3, 3)


def test_a_count_taken_of_an_older_level_is_stale(session):
    stock(session, "TEA-250", 5)
    session.info["actor"] = actor_of(session).expecting(1, "WEST", "TEA-250")
    hear(session, make_order([("TEA-250", 3)]))

    with pytest.raises(Stale):
        set_stock(session, "WEST", "TEA-250", on_hand=7, reason="count")


def test_stock_is_written_only_by_whom_the_location_belongs_to(session):
    stock(session, "TEA-250", 5, "WEST")
    put_location(session, "THEIRS", name="Theirs", seller="rival", country="GB", priority=1)
    session.info["actor"] = Actor(name="ada", sellers=frozenset({"lantern"}), markets=frozenset({"*"}))

    for place in ("WEST", "THEIRS", "NOWHERE"):
        with pytest.raises(NotFound):
            receive_stock(session, place, "TEA-250", quantity=1, reason="")
    with pytest.raises(NotFound):
        put_location(session, "NEW", name="New", seller="*", country="GB", priority=1)
    for theirs_or_free in ("THEIRS", "FREE"):  # told apart by nothing
        with pytest.raises(Invalid, match=r"must begin with lantern\. for a new location"):
            put_location(session, theirs_or_free, name="Mine", seller="lantern", country="GB", priority=1)
    assert queries.stock_level(session, "WEST", "TEA-250").available == 5
    with pytest.raises(NotFound):
        queries.stock_level(session, "THEIRS", "TEA-250")


@pytest.mark.requirement("V-06")
def test_a_code_with_a_dot_is_the_sellers_before_it_alone(session):
    """Nobody, whoever sees all sellers included, takes a code that a seller may come to want."""
    place = {"name": "Here", "country": "GB", "priority": 1}
    put_location(session, "rival.leeds", seller="rival", **place)
    session.execute(text("update locations set code = 'lantern.old' where code = 'rival.leeds'"))

    for seller in ("*", "rival", "lantern.leeds"):
        with pytest.raises(Invalid, match="can only have a dot after the name of its seller"):
            put_location(session, "lantern.leeds", seller=seller, **place)
    assert put_location(session, "lantern.old", seller="rival", **place)[1] is False  # as it was made once
    session.info["actor"] = Actor(name="ada", sellers=frozenset({"lantern"}), markets=frozenset({"*"}))
    for free_or_taken in ("lantern", "rival.leeds", "rival.free", "lanterns.x"):
        with pytest.raises(Invalid, match=r"must begin with lantern\. for a new location"):
            put_location(session, free_or_taken, seller="lantern", **place)
    assert put_location(session, "lantern.leeds", seller="lantern", **place)[1] is True


def test_a_location_is_made_once_then_changed_and_never_changes_hands(session):
    made, is_new = put_location(session, "X", name="X", seller="lantern", country="GB", priority=5)
    again, is_new_again = put_location(session, "X", name="Xylo", seller="lantern", country="IE", priority=6)

    assert (is_new, is_new_again, again is made) == (True, False, True)
    assert (again.name, again.country, again.priority, again.version) == ("Xylo", "IE", 6, 2)
    with pytest.raises(Refused, match="seller_is_fixed"):
        put_location(session, "X", name="X", seller="rival", country="GB", priority=5)


@pytest.mark.requirement("F-10")
@pytest.mark.parametrize(
    "harm",
    [
        "update stock_levels set reserved = -1",
        "update stock_levels set reserved = on_hand + 1",
        "update stock_levels set on_hand = -1",
        "update stock_levels set picked = reserved + 1",
        "update stock_movements set reserved_change = 1 where kind = 'adjusted'",
        "update shipments set location = null",
    ],
)
def test_the_database_itself_refuses_stock_that_can_not_be(session, harm):
    stock(session, "TEA-250", 5)
    hear(session, make_order([("TEA-250", 3)]))

    with pytest.raises(IntegrityError):
        session.execute(text(harm))


@pytest.mark.requirement("F-10")
@pytest.mark.parametrize(
    "harm",
    [
        "update stock_levels set on_hand = on_hand + 1",
        "update stock_levels set reserved = reserved - 1 where sku = 'TEA-250'",
        "update stock_levels set version = version + 1",
        "delete from stock_movements where kind = 'reserved'",
        "update shipment_lines set units = 2 * units",
        "update shipments set status = 'cancelled'",
    ],
)
def test_the_standing_check_finds_whatever_drifted(session, harm):
    stock(session, "TEA-250", 5)
    stock(session, "POT-1", 5)
    hear(session, make_order([("TEA-250", 3)]))
    session.flush()
    assert queries.stock_drift(session) == []

    session.execute(text(harm))

    assert "TEA-250" in {row.sku for row in queries.stock_drift(session)}


@pytest.fixture
def operate(postgres_server):
    """Run one of the operator's verbs."""
    nowhere = dict.fromkeys(("ORDERS_URL", "SHIPPING_URL", "DOCUMENTS_URL", "NOTIFICATIONS_URL"), "http://x")
    servers = {
        "DATABASE_URL": postgres_server.url("shipping"),
        "BROKER_URL": "redis://x",
        "JWKS": "x",
        "TOKEN_ISSUER": "x",
    }
    unused = {"SERVICE_TOKEN": "x", "CUSTOMER_LINK_KEYS": "x"}

    def run(*arguments):
        before = db.sessions.kw.get("bind")
        done = CliRunner(env=nowhere | servers | unused).invoke(cli, arguments)
        db.sessions.kw["bind"].dispose()
        db.sessions.configure(bind=before)
        return done

    return run


@pytest.mark.requirement("F-10")
def test_the_operator_can_ask_for_the_standing_check(sessions, operate):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
    before = operate("check-stock")

    with sessions.begin() as session:
        session.execute(text("update stock_levels set on_hand = 6"))
    after = operate("check-stock")

    assert (before.exit_code, before.stdout) == (0, "0 levels drifted\n")
    assert after.exit_code == 1
    assert "TEA-250 at WEST: on hand 6, by the ledger 5" in after.stdout


@pytest.fixture
def waiting(sessions):
    """Three shipments that wait for tea: for two units, five, and one; the oldest first."""
    orders = [make_order([("TEA-250", units)], number=f"GB-{units}") for units in (2, 5, 1)]
    with sessions.begin() as session:
        stock(session, "TEA-250", 0)
    for order in orders:
        with sessions.begin() as session:
            hear(session, order)
    return orders


def statuses(sessions, orders):
    with sessions() as session:
        found = {one.order_id: one.status for one in session.scalars(select(Shipment)).unique()}
    return [found[order.order_id] for order in orders]


@pytest.mark.requirement("P-17")
def test_arriving_stock_goes_to_the_oldest_that_it_covers(sessions, waiting):
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=3, reason="")
    run_jobs(sessions)
    assert statuses(sessions, waiting) == [S.INVENTORY_ASSIGNED, S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED]

    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=5, reason="")
    run_jobs(sessions)

    assert statuses(sessions, waiting) == [S.INVENTORY_ASSIGNED] * 3
    with sessions() as session:
        assert level(session, "TEA-250") == (8, 8)
        assert queries.stock_drift(session) == []
        assert told(session, waiting[1].order_id).count("shipment.inventory_assigned") == 1


def test_stock_that_is_freed_goes_to_the_oldest_too(sessions, waiting):
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=2, reason="")
    run_jobs(sessions)

    with sessions.begin() as session:
        hear(session, later(waiting[0], status="cancelled"))
    run_jobs(sessions)

    assert statuses(sessions, waiting) == [S.CANCELLED, S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED]


def test_who_comes_now_does_not_overtake_who_could_be_served(sessions, waiting):
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=3, reason="")
    newcomer = make_order([("TEA-250", 1)])
    with sessions.begin() as session:
        [shipment] = hear(session, newcomer)
        assert shipment.status is S.AWAITING_INVENTORY  # the job for the older ones has not run yet

    run_jobs(sessions)

    served = statuses(sessions, [*waiting, newcomer])
    assert served == [S.INVENTORY_ASSIGNED, S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED, S.AWAITING_INVENTORY]


def test_who_comes_now_may_have_what_helps_nobody_who_waits(sessions, waiting):
    with sessions.begin() as session:
        hear(session, later(waiting[0], status="cancelled"))
        hear(session, later(waiting[2], status="cancelled"))
        receive_stock(session, "WEST", "TEA-250", quantity=4, reason="")

    newcomer = make_order([("TEA-250", 4)])
    with sessions.begin() as session:
        hear(session, newcomer)

    assert statuses(sessions, [waiting[1], newcomer]) == [S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED]


def test_no_job_is_owed_where_nobody_waits(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        receive_stock(session, "WEST", "TEA-250", quantity=1, reason="")

    assert run_jobs(sessions) == 0


def test_a_job_serves_a_batch_and_leaves_the_rest_to_the_next(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 0)
        for _ in range(BATCH + 3):
            hear(session, make_order([("TEA-250", 1)]))
    with sessions.begin() as session:
        receive_stock(session, "WEST", "TEA-250", quantity=BATCH + 2, reason="")

    assert run_jobs(sessions) == 2

    with sessions() as session:
        assert level(session, "TEA-250") == (BATCH + 2, BATCH + 2)
        assert session.scalar(text("select count(*) from shipments where status = 'awaiting_inventory'")) == 1
