"""The queues by status, so that each step of the work is a list; orders by the number on their papers."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import build_index

revision = "0013"
down_revision = "0012"

QUEUES = {
    "ix_shipments_queue": [],
    "ix_shipments_seller_queue": ["seller"],
    "ix_shipments_location_queue": ["location"],
}
AT_A_LOCATION = sa.text("location is not null and queue is not null")


def upgrade() -> None:
    _index_queues_by("status")
    build_index(op, "ix_order_states_number", "order_states", ["number"])


def downgrade() -> None:
    op.drop_index("ix_order_states_number", "order_states")
    _index_queues_by("queue")


def _index_queues_by(column: str) -> None:
    for name, of in QUEUES.items():
        where = AT_A_LOCATION if of == ["location"] else None
        build_index(op, name, "shipments", [*of, column, "queue_at", "id"], postgresql_where=where)
