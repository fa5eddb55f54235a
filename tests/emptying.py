"""Emptying tables between tests."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

# What every service has of the backbone.
MESSAGING = ("event_log", "outbox", "pushes", "inbox", "pending_acks", "jobs", "subjects", "copies")


def empty(connection: Connection, tables: Iterable[str]) -> None:
    """Delete all rows: of the few that a test leaves, far quicker than truncation.

    In one statement, at whose end foreign keys are looked at, so that the order of the tables is no matter.
    """
    deletions = ", ".join(f"of_{table} as (delete from {table})" for table in tables)
    connection.execute(text(f"with {deletions} select"))
