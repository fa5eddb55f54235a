"""The doctor names what is broken, why it matters and what to do, and nothing else."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import insert, text
from sqlalchemy.orm import sessionmaker

from deploy.local.databases import database_url, provision
from deploy.local.keys import ISSUER, Keys
from deploy.local.valkey import temporary_valkey
from services.documents import cli as documents
from services.documents.messaging import messaging as of_documents
from services.documents.settings import Settings as DocumentsSettings
from services.notifications import cli as notifications
from services.notifications.settings import Settings as NotificationsSettings
from services.shipping import cli as shipping
from services.shipping import db
from services.shipping.messaging import messaging
from services.shipping.models import Location, StockLevel
from services.shipping.settings import Settings
from shared import clock, doctor, doctor_api
from shared.db import make_engine, new_id
from shared.doctor import Patient
from shared.messaging.tables import event_log, inbox, outbox
from shared.migrations import upgrade
from shared.web.app import make_app
from tests.emptying import MESSAGING, empty
from tests.serving import serving

NOBODY_THERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_long_wait_for_workers(monkeypatch):
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.5)


@pytest.fixture(scope="module")
def valkey():
    with temporary_valkey() as server:
        yield server


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def url(postgres_server):
    """A database of shipping's that is these tests' own."""
    admin = postgres_server.superuser_url()
    provision(admin, {"patient": "secret-of-the-patient"})
    return database_url(admin, "patient", role="patient", password="secret-of-the-patient")


@pytest.fixture(scope="module")
def engine(url):
    engine = make_engine(url)
    upgrade(engine, "shipping")
    yield engine
    engine.dispose()


@pytest.fixture
def settings(url, valkey, keys):
    return Settings(
        database_url=url,
        broker_url=valkey.url,
        orders_url=NOBODY_THERE,
        shipping_url=NOBODY_THERE,
        documents_url=NOBODY_THERE,
        notifications_url=NOBODY_THERE,
        jwks=str(keys.jwks_file),
        token_issuer=ISSUER,
        service_token=token(keys),
        customer_link_keys=("key",),
    )


def token(keys, subscriber="shipping", scopes=("events:read",), days=100):
    return keys.token("a-service", scopes=scopes, subscriber=subscriber, lifetime=timedelta(days=days))


@pytest.fixture
def patient(engine, settings):
    yield Patient(messaging=messaging, sessions=sessions_of(engine), settings=settings)
    with engine.begin() as connection:
        empty(connection, MESSAGING)


def sessions_of(engine):
    return sessionmaker(engine, info=messaging.session_info())


def found(check, patient):
    return [trouble.what for trouble in check(patient)]


def test_a_sound_database_is_no_trouble(patient):
    assert found(doctor.database, patient) == []


@pytest.mark.parametrize("wrong", ["@127.0.0.1:1/", "wrong-password@127.0.0.1"])
def test_a_database_that_cannot_be_asked_is_told_once_and_without_the_password(patient, url, wrong):
    port = url.rpartition(":")[2]
    place = wrong if wrong.startswith("@") else f":{wrong}:{port.partition('/')[0]}/"
    address = (
        f"postgresql+psycopg://patient{':secret-of-the-patient' if wrong[0] == '@' else ''}{place}patient"
    )
    engine = make_engine(address)

    told = list(doctor.examine(replace(patient, sessions=sessions_of(engine))))

    assert [trouble.what for trouble in told if "database" in trouble.what] == [told[0].what]
    assert told[0].what.startswith("the database can't be queried: ")
    assert "DATABASE_URL" in told[0].cure
    assert "secret" not in str(told)


def test_a_database_that_was_never_migrated_is_told(patient, postgres_server):
    empty = make_engine(postgres_server.superuser_url("postgres").replace("://", "+psycopg://"))

    [trouble] = doctor.database(replace(patient, sessions=sessions_of(empty)))
    assert trouble.what.startswith("the database has migration none, but 00")
    assert trouble.cure == "Run `python -m services.shipping.cli migrate`"
    assert next(doctor.examine(replace(patient, sessions=sessions_of(empty)))) == trouble
    empty.dispose()


def test_a_database_of_a_newer_release_is_told(patient, engine):
    with engine.begin() as connection:
        before = connection.execute(text("select version_num from alembic_version")).scalar()
        connection.execute(text("update alembic_version set version_num = '9999'"))
    try:
        assert found(doctor.database, patient) == [
            f"the database has migration 9999, but this release only knows up to {before}"
        ]
    finally:
        with engine.begin() as connection:
            connection.execute(text("update alembic_version set version_num = :it"), {"it": before})


def test_an_old_server_and_a_wrong_clock_are_told(patient, monkeypatch):
    real = clock.now
    monkeypatch.setattr(doctor, "OLDEST_POSTGRESQL", 99)
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(seconds=30))

    old, clocks = found(doctor.database, patient)

    assert old.startswith("PostgreSQL is version ")
    assert clocks == "the clocks of this machine and of the database differ by 30 s"


def test_an_agent_that_is_not_connected_is_told(patient, url):
    alone = found(doctor.backlog, patient)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as agent:
        agent.execute("listen outbox")
        beside_it = found(doctor.backlog, patient)

    assert alone == ["no agent of shipping is connected"]
    assert beside_it == []


def test_what_waits_too_long_and_what_was_given_up_is_told(patient):
    long_ago, event_id = clock.now() - timedelta(minutes=5), new_id()
    with patient.sessions.begin() as session:
        session.execute(
            insert(event_log).values(
                event_id=event_id,
                type="shipment.created",
                subject="s",
                reference="GB-1",
                version=1,
                occurred_at=long_ago,
                payload={},
                correlation_id="",
                causation_id="",
                trace_parent="",
            )
        )
        session.execute(
            insert(outbox).values(event_id=event_id, subscriber="orders", seq=1, recorded_at=long_ago)
        )
        heard(session, "pending", received_at=long_ago)
        heard(session, "dead")
        session.execute(
            text("""
                insert into jobs (id, kind, key, subject, reference, argument, run_at,
                                  correlation_id, causation_id)
                values (gen_random_uuid(), 'k', 'k', 's', 'r', '{}', :at, '', '')
            """),
            {"at": long_ago},
        )

    told = found(doctor.backlog, patient)

    assert told[1:] == [
        "an event has been waiting to be sent for 300 s",
        "an event has been waiting to be handled for 300 s",
        "a due job has been waiting for 300 s",
        "orders has not acknowledged an event for 300 s",
        "1 events or jobs were given up",
    ]


def heard(session, state="done", via="push", **more):
    row = {"event_id": new_id(), "source": "orders", "type": "order.placed", "subject": "s", "envelope": {}}
    session.execute(insert(inbox).values(row | {"state": state, "via": via, "next_at": clock.now()} | more))


def test_a_share_that_came_by_pull_is_told_where_it_says_something(patient):
    with patient.sessions.begin() as session:
        for number in range(99):
            heard(session, via="pull" if number < 2 else "push")
    few = found(doctor.backlog, patient)
    with patient.sessions.begin() as session:
        heard(session, via="replay")
        heard(session)

    assert "2 of the last 99 events had to be pulled" not in few
    assert "2 of the last 100 events had to be pulled" in found(doctor.backlog, patient)


@pytest.fixture
def configured(valkey):
    """Valkey with other settings, until the test ends."""
    with redis.Redis.from_url(valkey.url) as client:
        before = client.config_get("*")

        def configure(**settings):
            for name, value in settings.items():
                client.config_set(name.replace("_", "-"), value)
            return client

        yield configure
        for name in ("maxmemory-policy", "maxmemory", "appendonly"):
            client.config_set(name, before[name])
        client.delete("shipping.events")


def test_a_broker_that_forgets_is_told_with_the_queues_that_nobody_hears(patient, configured):
    used = configured().info("memory")["used_memory"]
    configured(maxmemory_policy="allkeys-lru", maxmemory=str(used + 200_000))

    assert found(doctor.broker, patient) == [
        "Redis' maxmemory-policy is allkeys-lru",
        "Redis has no append-only file",
        "Redis is nearly full",
        "no worker is listening to shipping.events",
        "no worker is listening to shipping.jobs",
    ]


def test_a_broker_that_is_full_is_told(patient, configured):
    configured(maxmemory="1000")

    *_, nearly, wholly = found(doctor.broker, patient)

    assert nearly == "Redis is nearly full"
    assert wholly.startswith("Redis accepts no writes: command not allowed when used memory > 'maxmemory'")


def test_a_broker_that_keeps_everything_is_no_trouble(patient, configured):
    configured(appendonly="yes")

    assert [what for what in found(doctor.broker, patient) if "Redis" in what] == []


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1/0", "wrong password"])
def test_a_broker_that_cannot_be_asked_is_told_without_the_password(patient, settings, valkey, address):
    if address == "wrong password":
        address = valkey.url.replace(valkey.password, "not-this-one")

    [trouble] = doctor.broker(replace(patient, settings=replace(settings, broker_url=address)))

    assert trouble.what.startswith("Redis can't be used: ")
    assert "not-this-one" not in str(trouble)


def test_a_token_that_opens_nothing_is_told(patient, settings, keys, tmp_path):
    def told(**changes):
        return found(doctor.token, replace(patient, settings=replace(settings, **changes)))

    assert told() == []
    assert told(service_token=token(Keys(tmp_path / "others"))) == [
        "SERVICE_TOKEN is not accepted: signed with an unknown key"
    ]
    assert told(jwks=str(tmp_path / "nothing")) == [
        "SERVICE_TOKEN is not accepted: signed with an unknown key"
    ]
    assert told(service_token=token(keys, subscriber="orders", scopes=["stock:write"])) == [
        "SERVICE_TOKEN has subscriber orders, scopes stock:write"
    ]
    [ending] = told(service_token=token(keys, days=1))
    assert ending.startswith("SERVICE_TOKEN expires at ")


@contextmanager
def answering(status):
    """A server that answers everything with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("status", "cure"), [(401, "same JWKS"), (403, "SERVICE_TOKEN"), (404, "ORDERS_URL")]
)
def test_a_service_that_lets_us_in_nowhere_is_told(patient, settings, status, cure):
    with answering(status) as address:
        told = list(doctor.others(replace(patient, settings=replace(settings, orders_url=address))))

    refused = [trouble for trouble in told if f"orders at {address} answers {status}" in trouble.what]
    assert cure in refused[0].cure
    assert [trouble.what.partition(" at ")[0] for trouble in told if trouble not in refused] == [
        f"{name} can't be reached" for name in ("documents",)
    ]


def test_a_machine_without_room_or_time_zones_is_told(patient, monkeypatch):
    assert found(doctor.machine, patient) == []
    monkeypatch.setattr(doctor, "NEEDED_BYTES", 1e18)
    monkeypatch.setattr(doctor, "A_ZONE", "Nowhere/Land")

    room, zones = found(doctor.machine, patient)

    assert " MB are free for " in room
    assert zones == "the time zone data is missing"


def documents_patient(settings, folder):
    ours = {name: value for name, value in vars(settings).items() if name != "carrier_secrets"}
    return Patient(
        messaging=of_documents,
        sessions=sessionmaker(),
        settings=DocumentsSettings(**ours, documents_store=folder.as_uri()),
    )


def test_a_folder_that_papers_cannot_be_stored_in_is_told(settings, tmp_path):
    (tmp_path / "file").touch()

    assert found(documents.papers_store, documents_patient(settings, tmp_path / "new")) == []
    [told] = found(documents.papers_store, documents_patient(settings, tmp_path / "file" / "papers"))
    assert "can't be written: Not a directory" in told


@pytest.mark.parametrize(
    ("weasyprint", "told"),
    [
        ("raise OSError('cannot load library libpango')", "PDFs can't be made here: OSError: cannot load"),
        ("import sys; sys.exit('harfbuzz_subset_missing')", "libharfbuzz-subset can't be loaded"),
    ],
)
def test_what_rendering_lacks_is_told(settings, tmp_path, monkeypatch, weasyprint, told):
    (tmp_path / "weasyprint.py").write_text(weasyprint)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    [what] = found(documents.rendering_libraries, documents_patient(settings, tmp_path))
    assert what.startswith(told)


def test_a_mail_server_that_is_away_is_told(settings):
    ours = {name: value for name, value in vars(settings).items() if name != "carrier_secrets"}
    own = NotificationsSettings(**ours, smtp_url="smtp://127.0.0.1:1", mail_from="a@shop.example")

    [told] = found(
        notifications.mail_server, Patient(messaging=messaging, sessions=sessionmaker(), settings=own)
    )

    assert told.startswith("the mail server refuses us: ")


def test_drifted_stock_is_told(patient):
    with patient.sessions.begin() as session:
        session.add(
            Location(
                code="here", name="Here", seller="acme", country="GB", priority=1, changed_at=clock.now()
            )
        )
        session.flush()
        session.add(StockLevel(sku="TEA", location="here", on_hand=5))

    assert found(shipping.stock, patient) == [
        "1 stock levels differ from the ledger or from what shipments hold"
    ]


@pytest.fixture
def run(settings):
    """Run shipping's doctor by the command line."""
    environment = {
        name.upper(): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in vars(settings).items()
    }

    def run(**others):
        before = db.sessions.kw.get("bind")
        done = CliRunner().invoke(shipping.cli, ["doctor"], env=environment | others)
        if (bound := db.sessions.kw.get("bind")) is not before:
            bound.dispose()
            db.sessions.configure(bind=before)
        return done

    return run


def test_each_trouble_is_a_line_and_the_command_fails(run):
    done = run()

    assert done.exit_code == 1
    assert (
        "shipping: no agent of shipping is connected. Events are not sent, pulled or acknowledged, and jobs "
        "are not started. Start `python -m services.shipping.agent`, and read its log.\n"
    ) in done.output


def test_settings_that_are_wrong_are_troubles_too(run):
    done = run(TOKEN_ISSUER="", LOG_LEVEL="LOUD")

    assert (done.exit_code, done.output) == (
        1,
        "shipping: TOKEN_ISSUER is not set. No process can start. Set it in the environment.\n",
    )


@pytest.fixture
def ask_doctor(keys):
    """What a service's doctor says over HTTP, and with which status."""

    def ask(patient, **claims):
        app = make_app(
            service="shipping",
            title="Shipping",
            settings=patient.settings,
            sessions=patient.sessions,
            messaging=patient.messaging,
            blueprints=[doctor_api.blueprint],
        )
        bearer = keys.token("olivia", **{"scopes": ["admin"], "sellers": ["*"]} | claims)
        return app.test_client().get("/v1/operations/doctor", headers={"Authorization": f"Bearer {bearer}"})

    return ask


def test_the_doctor_says_the_same_over_http_with_what_waits(patient, ask_doctor, configured):
    with configured(appendonly="no").pipeline() as broker:
        broker.rpush("shipping.events", *range(3)).execute()

    answer = ask_doctor(patient)

    assert answer.status_code == 200
    said = [trouble["what"] for trouble in answer.json["troubles"]]
    assert said == [trouble.what for trouble in doctor.examine(patient)]
    assert "no worker is listening to shipping.events" in said
    assert answer.json["queues"][0] == {"queue": "shipping.events", "waiting": 3, "listened_to": False}
    assert answer.json["behind"]["dead_events"] == 0


def test_the_doctor_answers_where_neither_database_nor_broker_does(patient, settings, url, ask_doctor):
    gone = make_engine(url.replace(url.rpartition(":")[2].partition("/")[0], "1"))
    broken = replace(
        patient, sessions=sessions_of(gone), settings=replace(settings, broker_url="redis://127.0.0.1:1/0")
    )

    answer = ask_doctor(broken)

    assert (answer.status_code, answer.json["behind"], answer.json["queues"]) == (200, None, [])
    assert [trouble["what"].partition(":")[0] for trouble in answer.json["troubles"]][:2] == [
        "the database can't be queried",
        "Redis can't be used",
    ]


@pytest.mark.parametrize(
    "claims", [{"scopes": ["orders:read"]}, {"sellers": ["harbour"]}, {"markets": ["gb"]}], ids=str
)
def test_the_doctor_talks_to_operators_alone(patient, ask_doctor, claims):
    assert ask_doctor(patient, **claims).status_code == 403
