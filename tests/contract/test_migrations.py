"""What was migrated since the release before suits that release too, which runs on meanwhile."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import event, text

from deploy.local.databases import SERVICES
from shared.db import make_engine, migration_of
from shared.migrations import upgrade
from tests.releases import ROOT

# Rules that came since, by service, table and name, each with why the code before keeps to it.
KEPT: dict[tuple[str, str, str], str] = {}

MODELS = """
import importlib, json, sys
import shared.messaging.tables, shared.web.tables
from shared.db import metadata
models = importlib.import_module(f"services.{sys.argv[1]}.models")
tables = [table for kind in (metadata, models.Base.metadata) for table in kind.sorted_tables]
print(json.dumps([[table.name, column.name] for table in tables for column in table.columns]))
"""
COLUMNS = """
    select table_name, column_name,
           udt_name || coalesce('(' || character_maximum_length || ')', '') as type,
           is_nullable = 'YES' as nullable,
           column_default is not null or is_identity = 'YES' or is_generated <> 'NEVER' as given
    from information_schema.columns where table_schema = 'public'
"""
RULES = """
    select conrelid::regclass::text as table_name, conname as name, pg_get_constraintdef(oid) as says
    from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' -- its column says
    union
    select tablename, indexname, indexdef from pg_indexes
    where schemaname = 'public' and indexdef like 'CREATE UNIQUE%'
    order by table_name, name, says -- of a constraint with an index of its name, what the constraint says
"""
TRIGGERS = """
    select tgrelid::regclass::text as table_name, tgname as name, prosrc as says,
           tgtype & 7 = 7 as fills -- before each row that is inserted
    from pg_trigger join pg_proc on pg_proc.oid = tgfoid
    where not tgisinternal
"""
# How often this session has read tables or changed rows of them, and whether others wait for them now.
USED = """
    select relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins as used,
           n_tup_upd + n_tup_del as changed,
           exists (
               select from pg_locks where pid = pg_backend_pid() and granted and relation = relid
               and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
           ) as locked
    from pg_stat_xact_user_tables where relname <> 'alembic_version'
"""
WHOLE_ROWS = re.compile(r"populate_record(?:set)?\(null::(\w+)")
# What stands alone holds its locks no longer than itself, and by these that is not long.
SHORT = re.compile(
    r"set |select |update |drop index concurrently |create (unique )?index concurrently "
    r"|alter table \w+ (drop constraint |validate constraint |add constraint .* not valid$)",
    re.IGNORECASE,
)


@dataclass
class Shape:
    """What a database takes."""

    columns: dict
    rules: dict
    fills: list  # what fills in new rows: a table, and the code
    triggers: set


@dataclass
class Migrated:
    """A database of the release before that was brought to this one's shape."""

    service: str
    before: Shape
    after: Shape
    known: set  # the tables and columns that the code before names
    whole_rows: set  # the tables that it writes whole rows of, as they are, and so without their defaults
    blocking: list  # the statements by which somebody waits for as long as a table is large

    @property
    def tables(self):
        return {table for table, _ in self.before.columns}


@contextmanager
def database_of(server, service):
    """An engine of a database that is empty and the service's."""
    name = f"{service}_of_the_release_before"
    with psycopg.connect(server.superuser_url(), autocommit=True) as superuser:
        superuser.execute(f"create database {name} owner {service}")
        engine = make_engine(server.url(name, role=service))
        yield engine
        engine.dispose()
        superuser.execute(f"drop database {name}")


@contextmanager
def watched(engine, tables, blocking):
    """Note the statements by which somebody would wait for as long as a table is large."""

    def use_of(connection):
        driver = connection.connection.dbapi_connection
        rows = [] if driver.autocommit else driver.execute(USED).fetchall()
        return {table: counts for table, *counts in rows if table in tables}

    def before(connection, *_):
        connection.info["used"] = use_of(connection)

    def after(connection, _cursor, statement, *_):
        stands_alone = connection.connection.dbapi_connection.autocommit
        if stands_alone and not SHORT.match(" ".join(statement.split())):
            blocking.append(statement)
        for table, (used, changed, locked) in use_of(connection).items():
            used_before, changed_before, _ = connection.info["used"].get(table, (0, 0, False))
            if changed > changed_before or (locked and used > used_before):
                blocking.append(statement)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    yield
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)


def shape_of(engine):
    with engine.connect() as connection:
        columns, rules, triggers = (connection.execute(text(ask)).all() for ask in (COLUMNS, RULES, TRIGGERS))
    return Shape(
        {(row.table_name, row.column_name): row for row in columns},
        {(row.table_name, row.name): row.says for row in rules},
        [(row.table_name, row.says) for row in triggers if row.fills],
        {row.name for row in triggers},
    )


def revisions(release, service):
    versions = (release / "services" / service / "migrations" / "versions").glob("*.py")
    return {file.name.partition("_")[0] for file in versions}


def newest(release, service):
    return max(revisions(release, service))


def commits_in_between(service, revision):
    [file] = (ROOT / "services" / service / "migrations" / "versions").glob(f"{revision}_*.py")
    return (
        re.search(r"\b(build_index|index_correlation|change_rows|require)\(op", file.read_text()) is not None
    )


@pytest.fixture(scope="module", params=SERVICES)
def migrated(request, postgres_server, previous_release):
    service, blocking = request.param, []
    named = subprocess.run(
        [sys.executable, "-c", MODELS, service], cwd=previous_release, check=True, capture_output=True
    ).stdout
    with database_of(postgres_server, service) as engine:
        upgrade(engine, service, newest(previous_release, service))
        before = shape_of(engine)
        with watched(engine, {table for table, _ in before.columns}, blocking):
            upgrade(engine, service)
        after = shape_of(engine)
    known = {tuple(column) for column in json.loads(named)}
    code = "".join(file.read_text() for file in (previous_release / "services" / service).rglob("*.py"))
    return Migrated(service, before, after, known, set(WHOLE_ROWS.findall(code)), blocking)


@pytest.mark.requirement("K-07")
def test_what_the_release_before_names_is_there(migrated):
    assert len(migrated.known) > 50
    assert migrated.known - migrated.after.columns.keys() == set()


@pytest.mark.requirement("K-07")
def test_what_the_release_before_writes_is_taken(migrated):
    before, after = migrated.before.columns, migrated.after.columns

    new = {place for place in after.keys() - before.keys() if place[0] in migrated.tables}
    wanting = {
        place
        for place in new
        if not (after[place].nullable or (after[place].given and place[0] not in migrated.whole_rows))
    }
    filled = {
        (t, c)
        for t, c in wanting
        for table, says in migrated.after.fills
        if table == t and f"new.{c}" in says
    }
    stricter = {
        place
        for place in before.keys() & after.keys()
        if (before[place].nullable, before[place].given) > (after[place].nullable, after[place].given)
    }
    assert wanting - filled == set(), "it knows nothing of them: a default, or a trigger while it runs"
    assert stricter == set()


@pytest.mark.requirement("K-07")
def test_what_the_release_before_writes_and_reads_is_of_the_same_type(migrated):
    before, after = migrated.before.columns, migrated.after.columns

    assert {
        place for place in before.keys() & after.keys() if before[place].type != after[place].type
    } == set()


@pytest.mark.requirement("K-07")
def test_no_rule_binds_the_release_before_that_it_does_not_know(migrated):
    before, after = migrated.before.rules, migrated.after.rules

    new = {place for place in after if place[0] in migrated.tables and after[place] != before.get(place)}
    assert {place for place in new if (migrated.service, *place) not in KEPT} == set()


@pytest.mark.requirement("K-07")
def test_nobody_waits_for_a_migration_for_as_long_as_a_table_is_large(migrated):
    assert migrated.blocking == []


def made_for_another_release(release, service):
    """The triggers that migrations of a release made for the release before it."""
    folders = release / "services" / service / "migrations" / "versions", release / "shared" / "messaging"
    texts = [file.read_text() for folder in folders for file in folder.glob("*.py")]
    made = [text for text in texts if "BY_THE_RELEASE_BEFORE" in text]
    return {name for text in made for name in re.findall(r"create (?:or replace )?trigger (\w+)", text)}


@pytest.mark.requirement("K-07")
def test_what_was_made_for_a_release_that_runs_nowhere_any_more_is_gone(migrated, previous_release):
    assert made_for_another_release(previous_release, migrated.service) & migrated.after.triggers == set()


def test_what_is_made_for_the_release_before_is_known_by_its_name(tmp_path):
    versions = tmp_path / "services" / "shipping" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_parts.py").write_text("BY_THE_RELEASE_BEFORE = 'create or replace trigger fill_part …'")
    (versions / "0002_feed.py").write_text("op.execute('create trigger enter_feed …')")

    assert made_for_another_release(tmp_path, "shipping") == {"fill_part"}


@pytest.mark.requirement("K-07")
@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_that_broke_off_can_be_done_again(postgres_server, previous_release, service):
    with database_of(postgres_server, service) as engine:
        upgrade(engine, service, newest(previous_release, service))
        for revision in sorted(revisions(ROOT, service) - revisions(previous_release, service)):
            with engine.connect() as connection:
                before = migration_of(connection)
            upgrade(engine, service, revision)
            if commits_in_between(service, revision):
                with engine.begin() as connection:
                    connection.execute(
                        text("update alembic_version set version_num = :before"), {"before": before}
                    )
                upgrade(engine, service, revision)


@pytest.mark.parametrize(
    "statement",
    [
        "create index on event_log (actor)",
        "alter table inbox alter column error_type set not null",
        "alter table inbox add constraint named check (type <> '')",
        "alter table inbox add constraint known foreign key (subject) references subjects",
        "alter table jobs alter column attempts type bigint",
        "update copies set version = version + 1",
    ],
)
def test_what_would_be_waited_for_is_seen(engines, statement):
    blocking, tables = [], {"event_log", "inbox", "jobs", "copies"}
    with engines["orders"].connect() as connection:
        connection.execute(text("insert into copies values ('x', 'y', 1, '{}')"))
        with watched(engines["orders"], tables, blocking):
            connection.execute(text(statement))
        connection.rollback()

    assert set(blocking) == {statement}


@pytest.mark.parametrize(
    "statement",
    [
        "create index on event_log (actor)",
        "alter table inbox alter column error_type set not null",
        "alter table inbox add constraint named check (type <> '')",
    ],
)
def test_what_stands_alone_is_not_what_it_may_be(statement):
    assert not SHORT.match(statement)
