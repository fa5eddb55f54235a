"""The web layer's only table: responses stored by idempotency key."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import UtcDateTime, metadata

# The row is inserted when a command begins and holds its answer when it commits; nobody else ever sees it
# between, so an empty status means nothing to a reader.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("issuer", Text, nullable=False),  # whose key: two callers may choose the same one
    Column("subject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),  # SHA-256 of method, address and body
    Column("reach", JSONB, nullable=False),  # what the caller could see and do: the answer has no more
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    Column("headers", JSONB),
    Column("created_at", UtcDateTime, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("issuer", "subject", "key"),
    Index(None, "created_at"),
)


def create_idempotency_keys(operations: Any) -> None:
    """Create the table in a service's first migration; frozen, later changes get their own migrations."""
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


def add_reach_to_idempotency_keys(operations: Any) -> None:
    """Scope keys to the token's issuer and the access it had; frozen.

    Whose the keys until now were is not known: they are forgotten, a day early.
    """
    operations.execute("delete from idempotency_keys")
    operations.add_column("idempotency_keys", Column("issuer", Text, nullable=False))
    operations.add_column("idempotency_keys", Column("reach", JSONB, nullable=False))
    operations.drop_constraint("pk_idempotency_keys", "idempotency_keys")
    operations.create_primary_key("pk_idempotency_keys", "idempotency_keys", ["issuer", "subject", "key"])


def remove_reach_from_idempotency_keys(operations: Any) -> None:
    """Undo add_reach_to_idempotency_keys."""
    operations.execute("delete from idempotency_keys")
    operations.drop_constraint("pk_idempotency_keys", "idempotency_keys")
    operations.drop_column("idempotency_keys", "reach")
    operations.drop_column("idempotency_keys", "issuer")
    operations.create_primary_key("pk_idempotency_keys", "idempotency_keys", ["subject", "key"])
