"""How PostgreSQL would read: its plans for tables that it knows nothing of yet.

What it has learnt of a test's few rows, and when it looked at them last, is chance, and so is what it then
takes for the fastest. These are plans for empty copies with the same indexes, which are gone afterwards.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

_COPY = "create temporary table {table} (like public.{table} including defaults including generated)"
_INDEXES = "select indexdef from pg_indexes where schemaname = 'public' and tablename = %s"
_TABLES = "select tablename from pg_tables where schemaname = 'public'"


@contextmanager
def plans(
    asking: Session | Connection, *, off: Sequence[str] = ("seqscan",), of: str = ""
) -> Iterator[list[str]]:
    """Collect the plans of the statements that match `of`, with the ways to read in `off` not taken."""
    connection = asking.connection() if isinstance(asking, Session) else asking
    seen: list[str] = []

    def explain(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if re.search(of, statement):
            seen.append(_plan(connection, statement, parameters, off))

    event.listen(connection, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", explain)


def _plan(connection: Connection, statement: str, parameters: Any, off: Sequence[str]) -> str:
    # Past SQLAlchemy's events, which the statement itself is one of.
    driver = connection.connection.cursor()
    driver.execute("savepoint copies")
    driver.execute(_TABLES)
    for (table,) in driver.fetchall():
        if re.search(rf"\b{table}\b", statement):
            driver.execute(_COPY.format(table=table))
            driver.execute(_INDEXES, (table,))
            for (index,) in driver.fetchall():
                driver.execute(index.replace(f" ON public.{table} ", f" ON pg_temp.{table} "))
    for way in off:
        driver.execute(f"set local enable_{way} = off")
    driver.execute(f"explain {statement}", parameters)
    plan = "\n".join(line for (line,) in driver.fetchall())
    driver.execute("rollback to savepoint copies")
    driver.execute("release savepoint copies")
    return plan
