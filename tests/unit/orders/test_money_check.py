"""The standing check of the money: what stands at an order is what its payments and refunds say."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from services.orders import db
from services.orders.cli import cli
from services.orders.commands import placing
from services.orders.commands.payments import record_payment, void_payment
from services.orders.commands.refunds import request_refund, settle_refund, withdraw_refund
from services.orders.queries.money_check import money_drift
from shared.events.snapshots import PaymentMethod
from tests.unit.orders.sample_shop import GATEWAY_SECRET, order_wanted


@pytest.fixture
def busy_order(session, accept_paid):
    """An order with a voided payment, and with a refund of each state."""
    order = accept_paid(lines=[("TEA-250", 10)])
    doubled = record_payment(
        session, order.id, method=PaymentMethod.TRANSFER, amount_minor=500, reference="AGAIN"
    )
    void_payment(session, order.id, doubled.id, reason="counted twice")
    refunds = [
        request_refund(session, order.id, reason="broken", amount_minor=amount) for amount in (100, 200, 300)
    ]
    settle_refund(session, order.id, refunds[0].id, reference="BACK 1")
    withdraw_refund(session, order.id, refunds[1].id, reason="a mistake")
    session.flush()
    return order


def test_orders_agree_with_their_ledger_whatever_was_done_to_them(session, busy_order, place_order):
    place_order()
    session.flush()

    assert busy_order.received_minor > 0
    assert (busy_order.refunded_minor, busy_order.refund_pending_minor) == (100, 300)
    assert money_drift(session) == []


@pytest.mark.parametrize(
    "harm",
    [
        "update orders set received_minor = received_minor + 1",
        "update orders set refund_pending_minor = refund_pending_minor - 1 where refund_pending_minor > 0",
        "update payments set voided_at = now() where voided_at is null",
        "update payments set voided_at = null",
        "update payments set amount_minor = amount_minor + 1",
        "update refunds set state = 'settled' where state = 'requested'",
        "update refunds set state = 'withdrawn' where state = 'settled'",
        "update refunds set credited_minor = credited_minor + 1 where state = 'requested'",
    ],
)
def test_the_standing_check_finds_whatever_drifted(session, busy_order, harm):
    session.execute(text(harm))

    assert [row.number for row in money_drift(session)] == [busy_order.number]


@pytest.fixture
def operate(postgres_server):
    """Run one of the operator's verbs."""
    nowhere = dict.fromkeys(("ORDERS_URL", "SHIPPING_URL", "DOCUMENTS_URL", "NOTIFICATIONS_URL"), "http://x")
    servers = {
        "DATABASE_URL": postgres_server.url("orders"),
        "BROKER_URL": "redis://x",
        "JWKS": "x",
        "TOKEN_ISSUER": "x",
    }
    unused = {"SERVICE_TOKEN": "x", "CUSTOMER_LINK_KEYS": "x", "GATEWAY_SECRET": GATEWAY_SECRET}

    def run(*arguments):
        before = dict(db.sessions.kw)
        done = CliRunner(env=nowhere | servers | unused).invoke(cli, arguments)
        db.sessions.kw["bind"].dispose()
        db.sessions.configure(bind=before.get("bind"), info=before["info"])
        return done

    return run


def test_the_operator_can_ask_for_the_standing_check(sessions, operate):
    with sessions.begin() as session:
        number = placing.place_order(session, **order_wanted()).number
    before = operate("check-money")

    with sessions.begin() as session:
        session.execute(text("update orders set received_minor = 7"))
    after = operate("check-money")

    assert (before.exit_code, before.stdout) == (0, "0 orders drifted\n")
    assert after.exit_code == 1
    assert f"{number}: received 7, by the ledger 0" in after.stdout
