"""A backup is whole or not there; a restore brings all of it back, or changes nothing."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from threading import Timer

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from deploy.local.databases import database_url, provision
from services.orders.messaging import messaging
from services.orders.models import order_numbers
from shared import backups, clock, migrations, stores
from shared.backups import BackupError
from shared.db import is_current, make_engine
from shared.errors import Unavailable
from shared.messaging import outbox
from shared.messaging.order_locks import lock_order, next_version
from shared.messaging.tables import copies
from tests.object_store import between, store_at
from tests.samples import event

PASSWORD = "hush-hush"
PAPER = b"%PDF of an invoice"


@pytest.fixture(autouse=True)
def _postgres_programs(postgres_server, monkeypatch):
    monkeypatch.setenv("PATH", str(postgres_server.binaries), prepend=os.pathsep)


@contextmanager
def database(server, name):
    """A new database of the orders service, as deploy makes them."""
    admin = server.superuser_url()
    provision(admin, {name: PASSWORD})
    with psycopg.connect(server.superuser_url(name), autocommit=True) as connection:
        connection.execute("create extension pg_trgm")
    engine = make_engine(database_url(admin, name, role=name, password=PASSWORD))
    try:
        yield engine
    finally:
        engine.dispose()
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def source(postgres_server):
    with database(postgres_server, "source") as engine:
        migrations.upgrade(engine, "orders")
        yield engine


@pytest.fixture
def empty(postgres_server):
    with database(postgres_server, "empty") as engine:
        yield engine


@pytest.fixture(params=["folder", "s3"])
def files(request, tmp_path):
    """What keeps files, with one of them."""
    if request.param == "folder":
        store = stores.at((tmp_path / "files").as_uri())
    else:
        store = store_at(request.getfixturevalue("s3").settings())
    kept(store, PAPER)
    return store


def kept(store, content):
    digest = sha256(content).hexdigest()
    store.write(digest, content)
    return digest


def all_of(store):
    return {store.read(digest) for digest, _ in stores.stored(store)}


def tell(engine, event_type, subject=None):
    """Tell an event; answers the version and the number that would be the next."""
    make = sessionmaker(engine, info=messaging.session_info())
    with make.begin() as session:
        told = event(event_type)
        subject = subject or told.order.order_id
        lock_order(session, subject)
        outbox.publish(session, told)
        return next_version(session, subject), session.scalar(order_numbers)


def rows(engine, query="select event_id, payload from event_log order by seq"):
    with engine.connect() as connection:
        found = connection.execute(text(query)).all()
    engine.dispose()  # open connections forbid a restore
    return found


def test_what_was_saved_is_there_again(source, empty, tmp_path):
    tell(source, "order.placed")

    saved = backups.take(source, "orders", tmp_path / "backups")
    backups.restore(empty, "orders", saved)

    assert rows(empty) == rows(source) != []
    with empty.connect() as connection:
        assert is_current(connection, "orders")
        trigrams = "select count(*) from pg_indexes where indexdef like '%gin_trgm_ops%'"
        assert connection.execute(text(trigrams)).scalar() > 0


def test_what_is_told_after_a_restore_is_newer_than_all_that_was_told_before(source, empty, tmp_path):
    tell(source, "order.placed")
    saved = backups.take(source, "orders", tmp_path)
    # What no backup brings back, and others have heard.
    versions, numbers = zip(*(tell(source, "order.placed") for _ in range(20)), strict=True)
    unknown, _ = tell(source, "order.placed", "an order of after the backup")

    backups.restore(empty, "orders", saved)
    backups.restore(empty, "orders", saved, replace=True)
    version, number = tell(empty, "order.placed")

    assert version > max(versions)
    assert number > max(numbers)
    assert tell(empty, "order.placed", "an order of after the backup")[0] > unknown


@pytest.mark.requirement("K-04")
def test_what_is_told_after_another_tool_has_set_a_database_back_is_newer_too(source):
    tell(source, "order.placed")
    back_to = clock.now()
    with source.connect() as connection:
        before = connection.scalar(text("select max(version) from subjects"))
        connection.commit()
        with pytest.raises(backups.BackupError, match="connections"):
            backups.leap_ahead(source, back_to)
    source.dispose()

    backups.leap_ahead(source, back_to - timedelta(hours=1), versions=[copies.c.version])

    assert tell(source, "order.placed", "an order of after it")[0] > before + 3600


def test_columns_that_count_what_is_told_go_on_above_it(source, empty, tmp_path):
    with source.begin() as connection:
        connection.execute(text("insert into copies values ('s', 'shipping', 7, '{}')"))
    saved = backups.take(source, "orders", tmp_path)

    backups.restore(empty, "orders", saved, versions=[copies.c.version])

    assert rows(empty, "select version > 1000 from copies") == [(True,)]


def test_positions_of_everything_together_go_on_above_what_many_events_a_second_were_given(
    source, empty, tmp_path
):
    with source.begin() as connection:
        connection.execute(text("insert into copies values ('all', 'shipping', 7, '{}')"))
    saved = backups.take(source, "orders", tmp_path)

    backups.restore(empty, "orders", saved, positions=[copies.c.version])

    # As many as in a thousand seconds at a thousand a second, for a backup of this moment.
    assert rows(empty, "select version > 1000000 from copies where subject = 'all'") == [(True,)]


def test_functions_and_triggers_are_there_again_where_they_were_there_before(empty, tmp_path):
    migrations.upgrade(empty, "notifications")
    saved = backups.take(empty, "notifications", tmp_path)
    rows(empty)

    backups.restore(empty, "notifications", saved, replace=True)

    assert rows(empty, "select count(*) from pg_trigger where tgname = 'enter_feed'") == [(2,)]


def test_a_database_that_is_not_empty_is_only_lost_when_that_is_said(source, empty, tmp_path):
    tell(source, "order.placed")
    saved = backups.take(source, "orders", tmp_path)
    backups.restore(empty, "orders", saved)
    tell(empty, "order.cancelled")
    after = rows(empty)

    with pytest.raises(BackupError, match="not empty: use --replace to overwrite it"):
        backups.restore(empty, "orders", saved)
    assert rows(empty) == after

    backups.restore(empty, "orders", saved, replace=True)
    assert rows(empty) == after[:-1]


def test_tables_of_a_newer_or_older_shape_do_not_stay(source, empty, tmp_path):
    saved = backups.take(source, "orders", tmp_path)
    with empty.begin() as connection:
        connection.execute(text("create table of_a_later_migration (id bigint generated always as identity)"))
        connection.execute(text("create table orders (id serial)"))
        connection.execute(text("create sequence pick_list_serials"))
    empty.dispose()

    backups.restore(empty, "orders", saved, replace=True)

    relations = "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1"
    assert rows(empty, relations) == rows(source, relations)


def test_nothing_is_restored_under_a_process_that_runs(source, empty, tmp_path):
    saved = backups.take(source, "orders", tmp_path)

    with (
        psycopg.connect(empty.url.set(drivername="postgresql").render_as_string(hide_password=False)),
        pytest.raises(BackupError, match=r"1 connections .* are open: stop its processes first"),
    ):
        backups.restore(empty, "orders", saved)


def test_a_restore_waits_for_a_process_that_has_just_been_stopped(source, empty, tmp_path):
    saved = backups.take(source, "orders", tmp_path)
    url = empty.url.set(drivername="postgresql").render_as_string(hide_password=False)
    stopped = psycopg.connect(url)
    gone = Timer(0.5, stopped.close)
    gone.start()

    backups.restore(empty, "orders", saved)

    gone.join()
    assert rows(empty) == rows(source)


def changed(saved, **changes):
    file = saved / "backup.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lambda saved: changed(saved, service="shipping"), "is a backup of shipping, not of orders"),
        (lambda saved: changed(saved, migration="9999"), r"taken by a newer Waybill \(migration 9999\)"),
        (lambda saved: (saved / "database.dump").write_bytes(b"x"), "database.dump is damaged"),
        (lambda saved: (saved / "database.dump").unlink(), "database.dump can't be read: No such file"),
        (lambda saved: (saved / "backup.json").unlink(), "is not a backup"),
        (lambda saved: (saved / "backup.json").write_text("{"), "is not a backup"),
    ],
)
def test_what_is_no_whole_backup_of_the_service_is_refused(source, empty, tmp_path, harm, complaint):
    saved = backups.take(source, "orders", tmp_path)
    harm(saved)

    with pytest.raises(BackupError, match=complaint):
        backups.restore(empty, "orders", saved)

    assert rows(empty, "select 1 from pg_class where relname = 'orders'") == []


def test_a_restore_that_breaks_off_leaves_all_as_it_was(source, empty, tmp_path):
    tell(source, "order.placed")
    saved = backups.take(source, "orders", tmp_path)
    backups.restore(empty, "orders", saved)
    tell(empty, "order.cancelled")
    before = rows(empty)
    half = (saved / "database.dump").read_bytes()[:-20_000]
    (saved / "database.dump").write_bytes(half)
    changed(saved, sha256=sha256(half).hexdigest())

    with pytest.raises(BackupError, match="nothing was restored: pg_restore"):
        backups.restore(empty, "orders", saved, replace=True)

    assert rows(empty) == before


def test_nothing_is_committed_unless_the_dump_was_read_to_its_end(source, empty, tmp_path, monkeypatch):
    saved = backups.take(source, "orders", tmp_path)
    program = tmp_path / "bin" / "pg_restore"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n{shutil.which("pg_restore")} "$@"\necho killed >&2\nexit 1\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    with pytest.raises(BackupError, match="nothing was restored: killed"):
        backups.restore(empty, "orders", saved)

    assert rows(empty, "select 1 from pg_class where relname = 'orders'") == []


@pytest.fixture
def pg_dump_says(tmp_path, monkeypatch):
    """A pg_dump that writes a part, notes how it was called, and fails."""

    def stand_in(words):
        program = tmp_path / "bin" / "pg_dump"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/called\n'
            'for word; do case $word in --file=*) echo half > "${word#--file=}";; esac; done\n'
            f'echo "{words}" >&2\nexit 1\n'
        )
        program.chmod(0o700)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    return stand_in


def test_a_backup_that_fails_leaves_nothing_and_says_why(source, tmp_path, pg_dump_says):
    pg_dump_says("pg_dump: error: could not write to output file: No space left on device")

    with pytest.raises(BackupError, match=r"pg_dump failed: .*No space left on device"):
        backups.take(source, "orders", tmp_path / "backups")

    assert list((tmp_path / "backups").iterdir()) == []
    assert PASSWORD not in (tmp_path / "called").read_text()


def test_a_folder_that_cannot_be_written_is_named(source, tmp_path):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(BackupError, match="backups can't be written: Not a directory"):
        backups.take(source, "orders", tmp_path / "taken" / "backups")


def test_what_a_killed_backup_left_is_no_backup_and_goes_with_the_next(source, tmp_path):
    left = tmp_path / ".orders.partial"
    (left / "files").mkdir(parents=True)

    assert backups.backups_of("orders", tmp_path) == []
    saved = backups.take(source, "orders", tmp_path)

    assert list(tmp_path.iterdir()) == [saved]
    assert saved.stat().st_mode & 0o077 == 0


def test_a_database_without_tables_is_not_worth_saving(empty, tmp_path):
    with pytest.raises(BackupError, match="is empty: there is nothing to back up"):
        backups.take(empty, "orders", tmp_path)


def test_without_postgresqls_programs_it_says_where_they_come_from(source, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BackupError, match=r"pg_dump is not installed: .*postgresql-client"):
        backups.take(source, "orders", tmp_path / "backups")


def test_what_older_servers_do_not_know_is_left_out(source, tmp_path):
    saved = backups.take(source, "orders", tmp_path)
    command = ["pg_restore", "--file=-", str(saved / "database.dump")]

    told = subprocess.run(command, check=True, capture_output=True).stdout
    lines = set(told.splitlines()) - set(backups.for_older_servers(told).splitlines())

    assert lines == {b"SET transaction_timeout = 0;"}


@pytest.mark.requirement("V-24")
def test_files_come_back_and_what_came_later_stays(source, empty, files, tmp_path):
    saved = backups.take(source, "orders", tmp_path / "backups", files)
    files.erase(sha256(PAPER).hexdigest())
    kept(files, b"written after the backup")

    backups.restore(empty, "orders", saved, files)

    assert all_of(files) == {PAPER, b"written after the backup"}


@pytest.mark.requirement("V-24")
def test_files_come_back_to_another_place_than_they_were_saved_from(source, empty, files, tmp_path, s3):
    others = [stores.at((tmp_path / "elsewhere").as_uri()), store_at(s3.settings())]
    saved = backups.take(source, "orders", tmp_path / "backups", files)

    for other in others:
        backups.restore(empty, "orders", saved, other, replace=True)

        assert all_of(other) == {PAPER}


@pytest.mark.requirement("V-24")
def test_a_second_backup_shares_the_files_of_the_first_and_needs_it_no_more(source, files, tmp_path):
    first = backups.take(source, "orders", tmp_path / "backups", files)
    renamed = first.rename(first.with_name("orders-20260101T000000Z"))
    kept(files, b"another")
    second = backups.take(source, "orders", tmp_path / "backups", files)

    name = f"{sha256(PAPER).hexdigest()}"
    one, other = (saved / "files" / name[:2] / name for saved in (renamed, second))
    assert one.samefile(other)
    assert {file.read_bytes() for file in (second / "files").glob("*/*")} == {PAPER, b"another"}


@pytest.mark.requirement("V-24")
def test_a_damaged_file_is_named_and_nothing_restored(source, empty, files, tmp_path):
    saved = backups.take(source, "orders", tmp_path / "backups", files)
    [copy] = (saved / "files").glob("*/*")
    copy.write_bytes(b"rotten")
    files.erase(sha256(PAPER).hexdigest())

    with pytest.raises(BackupError, match="is damaged: its checksum differs"):
        backups.restore(empty, "orders", saved, files)

    assert all_of(files) == set()
    assert rows(empty, "select 1 from pg_class where relname = 'orders'") == []


@pytest.mark.requirement("V-24")
def test_what_is_damaged_where_it_is_kept_is_named_and_left_out_and_all_else_saved(source, tmp_path):
    store = stores.at((tmp_path / "files").as_uri())
    sound, rotten = kept(store, PAPER), kept(store, b"another")
    (store.root / rotten[:2] / rotten).write_bytes(b"rotted")

    saved = backups.take(source, "orders", tmp_path / "backups", store)

    assert backups.read(saved).damaged == [rotten]
    assert [file.name for file in (saved / "files").glob("*/*")] == [sound]


@pytest.mark.requirement("V-24")
def test_a_backup_of_before_damage_was_named_is_one_still(source, tmp_path):
    saved = backups.take(source, "orders", tmp_path / "backups")
    about = json.loads((saved / "backup.json").read_text())
    del about["damaged"]
    (saved / "backup.json").write_text(json.dumps(about))

    assert backups.read(saved).damaged == []


@pytest.mark.requirement("V-24")
def test_nothing_is_called_a_backup_while_the_files_can_not_be_read(source, s3, tmp_path):
    place = s3.settings()
    kept(store_at(place), PAPER)
    with between(s3) as (endpoint, faults):
        faults.answer_with("503 Slow Down")

        with pytest.raises(Unavailable, match="stored files can't be reached now"):
            backups.take(source, "orders", tmp_path, store_at(place | {"store_endpoint": endpoint}))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("V-24")
def test_nothing_is_restored_while_the_files_can_not_be_written(source, empty, s3, files, tmp_path):
    saved = backups.take(source, "orders", tmp_path / "backups", files)
    with between(s3) as (endpoint, faults):
        faults.answer_with("503 Slow Down")

        with pytest.raises(Unavailable, match="stored files can't be reached now"):
            backups.restore(empty, "orders", saved, store_at(s3.settings(endpoint=endpoint)))

    assert rows(empty, "select 1 from pg_class where relname = 'orders'") == []
