"""Each service has a database of its own, and the server keeps to its corner of the machine."""

import itertools
import os
import stat
from pathlib import Path

import psycopg
import pytest

from deploy.local.databases import SERVICES, database_url, provision
from deploy.local.postgres import FORGETFUL, Postgres


def connect(server: Postgres, role: str, database: str, password: str | None = None) -> psycopg.Connection:
    url = database_url(
        server.superuser_url(), database, role=role, password=password or server.passwords[role]
    )
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reaches_its_own_database(postgres_server, service):
    with connect(postgres_server, service, service) as connection:
        [owner] = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )

    assert owner == (service,)


@pytest.mark.parametrize(
    ("service", "database"),
    [
        *itertools.permutations(SERVICES, 2),
        *itertools.product(SERVICES, ["postgres", "template1"]),
    ],
)
def test_a_service_reaches_no_other_database(postgres_server, service, database):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(postgres_server, service, database)


def test_a_wrong_password_is_refused(postgres_server):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(postgres_server, "orders", "orders", password="guessed")


def test_passwords_are_kept_as_scram_and_asked_of_everyone(postgres_server):
    with psycopg.connect(postgres_server.superuser_url()) as connection:
        hashes = [row[0] for row in connection.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin")]
        methods = {row[0] for row in connection.execute("SELECT auth_method FROM pg_hba_file_rules")}

    assert all(stored.startswith("SCRAM-SHA-256$") for stored in hashes)
    assert methods == {"scram-sha-256"}


def test_it_listens_on_the_loopback_address_only(postgres_server):
    with psycopg.connect(postgres_server.superuser_url()) as connection:
        settings = dict(
            connection.execute(
                "SELECT name, setting FROM pg_settings"
                " WHERE name IN ('listen_addresses', 'unix_socket_directories')"
            ).fetchall()
        )

    assert settings == {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}


def test_orders_can_search_by_trigrams(postgres_server):
    with connect(postgres_server, "orders", "orders") as connection:
        [similarity] = connection.execute("SELECT similarity('teapot', 'tea pot')")

    assert similarity[0] > 0


def test_what_was_committed_outlives_a_kill(open_path):
    server = Postgres(open_path / "postgres", databases=["orders"])
    with server:
        with connect(server, "orders", "orders") as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.kill()
        server.start()
        with connect(server, "orders", "orders") as connection:
            [kept] = connection.execute("SELECT answer FROM kept")
    server.remove()

    assert kept == (42,)


def test_a_lock_file_of_a_dead_server_does_not_stop_the_next(open_path):
    server = Postgres(open_path / "postgres", databases=["orders"], settings=FORGETFUL)
    server.start()
    server.stop()
    # As after a reboot: the file names a process that lives, but began later than the file says.
    stale = server.cluster / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{server.cluster}\n1000000000\n{server.port}\n\n127.0.0.1\n\n")

    server.start()

    server.stop()
    server.remove()


def test_an_administrator_who_is_no_superuser_can_provide_for_services(postgres_server):
    with psycopg.connect(postgres_server.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE landlord LOGIN CREATEDB CREATEROLE PASSWORD 'key'")
        admin_url = f"postgresql://landlord:key@{postgres_server.address}/landlord"
        connection.execute("CREATE DATABASE landlord OWNER landlord")

    provision(admin_url, {"tenant": "secret"})
    provision(admin_url, {"tenant": "changed"})

    with connect(postgres_server, "tenant", "tenant", password="changed") as connection:
        assert connection.info.dbname == "tenant"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(postgres_server, "orders", "tenant")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_as_root_an_existing_user_runs_it_and_no_folder_is_widened(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = {folder: folder.stat().st_mode for folder in [closed, *closed.parents]}

    server = Postgres(closed / "postgres", databases=["orders"], settings=FORGETFUL)
    with server:
        runs_as = Path(f"/proc/{server.pid}").stat().st_uid
        place = server.place.stat()

    assert runs_as == server.account.pw_uid != 0
    assert not server.place.is_relative_to(closed)
    assert (place.st_uid, stat.S_IMODE(place.st_mode)) == (runs_as, 0o700)
    assert {folder: folder.stat().st_mode for folder in before} == before

    again = Postgres(closed / "postgres", databases=["orders"], settings=FORGETFUL)
    assert again.place == server.place
    again.remove()
    assert not server.place.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_as_root_its_files_stay_in_the_folder_where_its_user_can_get_there(open_path):
    server = Postgres(open_path / "postgres", databases=["orders"], settings=FORGETFUL)

    assert server.place == open_path / "postgres"
