"""Shipping's sessions: rolled back, or really committed."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from services.shipping import consumers, jobs  # noqa: F401 - they register themselves
from services.shipping.messaging import messaging

TABLES = """stock_movements, parcel_contents, parcels, pick_list_lines, pick_lists, unassigned_lines,
            goods, shipment_lines, shipments, order_states, stock_levels, locations,
            idempotency_keys, event_log, outbox, inbox, jobs, subjects, copies"""


@pytest.fixture
def session(service_session):
    with service_session(messaging) as session:
        yield session


@pytest.fixture
def sessions(engines):
    """A maker of sessions that really commit; what they leave is removed."""
    yield sessionmaker(engines["shipping"], expire_on_commit=False, info=messaging.session_info())
    with engines["shipping"].begin() as connection:
        connection.execute(text(f"truncate {TABLES}"))
