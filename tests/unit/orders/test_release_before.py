"""Beside another release: what the one before writes is whole, what the one after adds is in nobody's way."""

from uuid import uuid4

import pytest
from sqlalchemy import inspect, select, text

from services.orders.commands import drafts
from services.orders.models import Base, Draft, Payment
from tests.unit.orders.sample_shop import order_wanted

WHOLE = {name: value for name, value in order_wanted().items() if name not in {"seller", "market"}}


def written_by_the_release_before(session, model, which, *unknown):
    """A row like another, written without the columns that the release before does not know."""
    session.flush()
    known = [column.name for column in inspect(model).columns if column.name not in {"id", *unknown}]
    table, columns, new = model.__tablename__, ", ".join(known), uuid4()
    session.execute(
        text(f"insert into {table} (id, {columns}) select :new, {columns} from {table} where id = :which"),
        {"new": new, "which": which},
    )
    return session.get(model, new)


@pytest.mark.requirement("K-07")
def test_a_payment_is_its_orders_sellers_and_markets(session, accept_paid):
    order = accept_paid()
    payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()

    written = written_by_the_release_before(session, Payment, payment.id, "seller_code", "market_code")

    assert (written.seller_code, written.market_code) == ("quay", "gb")


@pytest.mark.requirement("K-07")
def test_a_draft_is_last_changed_by_who_began_it(session):
    draft = drafts.create_draft(session, seller="quay", market="gb", **WHOLE).draft

    written = written_by_the_release_before(session, Draft, draft.id, "updated_by")

    assert written.updated_by == draft.created_by != ""


@pytest.mark.requirement("K-07")
def test_an_order_is_placed_though_the_release_after_has_given_every_table_another_column(
    session, place_order
):
    for table in Base.metadata.tables:
        session.execute(text(f"alter table {table} add column of_tomorrow text not null default 'none yet'"))

    order = place_order(coupons=["WELCOME"])
    session.flush()

    for table in ("orders", "customers", "order_lines", "delivery_groups", "order_history", "order_words"):
        assert session.scalars(text(f"select of_tomorrow from {table}")).first() == "none yet"
    assert order.status == "placed"
