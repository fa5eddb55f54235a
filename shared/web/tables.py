"""The one table the web layer keeps: answers to repeat, by idempotency key."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import UtcDateTime, metadata

# The row is inserted when a command begins and holds its answer when it commits; nobody else ever sees it
# between, so an empty status means nothing to a reader.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("subject", Text, nullable=False),  # whose key: two callers may choose the same one
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),  # SHA-256 of method, address and body
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    Column("headers", JSONB),
    Column("created_at", UtcDateTime, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("subject", "key"),
    Index(None, "created_at"),
)


def create_idempotency_keys(operations: Any) -> None:
    """Make the table in a service's first migration; frozen, later changes are migrations of their own."""
    operations.create_table(
        "idempotency_keys",
        Column("subject", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", SmallInteger),
        Column("body", LargeBinary),
        Column("headers", JSONB),
        Column("created_at", UtcDateTime, nullable=False, server_default=func.now()),
        PrimaryKeyConstraint("subject", "key", name="pk_idempotency_keys"),
    )
    operations.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def drop_idempotency_keys(operations: Any) -> None:
    """Undo create_idempotency_keys."""
    operations.drop_table("idempotency_keys")
