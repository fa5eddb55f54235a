"""Commands and queries: versions, what is answered, and what a query may not do."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker


def version_of(answer):
    """The version in an ETag, which tells answers of one version apart too."""
    version, mark, digest = answer.headers["ETag"].strip('"').partition(".")
    assert (mark, len(digest)) == (".", 8)
    return version


def test_an_answer_carries_its_version(client, bearer, thing):
    answer = client.get(f"/v1/things/{thing.id}", headers=bearer())

    assert version_of(answer) == "1"
    assert answer.json["version"] == 1


def test_a_command_answers_the_version_that_it_made(client, bearer, thing):
    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer())

    assert answer.headers["ETag"] == '"2"'
    assert answer.json["version"] == 2


def test_who_has_the_answer_is_not_sent_it_again(client, bearer, thing):
    first = client.get(f"/v1/things/{thing.id}", headers=bearer())

    answer = client.get(f"/v1/things/{thing.id}", headers=bearer() | {"If-None-Match": first.headers["ETag"]})

    assert answer.status_code == 304
    assert answer.data == b""
    other = client.get(f"/v1/things/{thing.id}", headers=bearer() | {"If-None-Match": '"1.00000000"'})
    assert other.status_code == 200


def test_the_tag_of_an_answer_decides_on_its_version(client, bearer, thing, size_of):
    seen = client.get(f"/v1/things/{thing.id}", headers=bearer()).headers["ETag"]

    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer() | {"If-Match": seen})

    assert answer.status_code == 200
    assert (
        client.post(f"/v1/things/{thing.id}/grow", headers=bearer() | {"If-Match": seen}).status_code == 412
    )
    assert size_of(thing) == 2


@pytest.mark.parametrize("version", ['"1"', "*"])
def test_a_decision_on_the_newest_version_goes_through(client, bearer, thing, size_of, version):
    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer() | {"If-Match": version})

    assert answer.status_code == 200
    assert size_of(thing) == 2


def test_a_decision_on_an_old_version_is_refused_with_the_current_state(client, bearer, thing, size_of):
    client.post(f"/v1/things/{thing.id}/grow", headers=bearer())

    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer() | {"If-Match": '"1"'})

    assert answer.status_code == 412
    assert answer.json["current_version"] == 2
    assert answer.json["current"] == client.get(f"/v1/things/{thing.id}", headers=bearer()).json
    assert answer.headers["ETag"] == '"2"'
    assert size_of(thing) == 2


def test_the_current_state_is_only_for_those_who_may_read_it(client, bearer, thing):
    headers = bearer("things:write") | {"If-Match": '"7"'}

    answer = client.post(f"/v1/things/{thing.id}/grow", headers=headers)

    assert answer.json["current_version"] == 1
    assert "current" not in answer.json


@pytest.mark.parametrize("version", ["yesterday's", 'W/"1"', '"1", "2"', '"²"', '"99999999999999999999"'])
def test_an_if_match_that_is_no_version_is_refused(client, bearer, thing, version):
    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer() | {"If-Match": version})

    assert answer.status_code in {412, 422}


def test_an_answer_that_is_ready_is_sent_as_it_is(client, bearer):
    answer = client.get("/v1/things/ready", headers=bearer())

    assert answer.json == {"name": "ready"}
    assert version_of(answer) == "7"


def test_what_a_query_writes_is_never_stored(client, bearer, thing, size_of):
    client.get("/v1/things/sneak", headers=bearer())

    assert size_of(thing) == 1


def test_an_answer_is_of_one_state_whatever_is_committed_while_it_is_read(
    app, client, bearer, thing, sessions
):
    def grow():
        with sessions.begin() as session:
            session.execute(text("update sample.things set size = size + 1"))

    app.extensions["meanwhile"] = grow

    first, second = client.get(f"/v1/things/{thing.id}/twice", headers=bearer()).json

    assert first == second


@pytest.fixture
def victim(postgres_server):
    """An engine with one connection, which others can tell from theirs."""
    made = create_engine(
        postgres_server.url("orders"), pool_size=1, connect_args={"application_name": "victim"}
    )
    yield made
    made.dispose()


def test_a_connection_that_died_in_the_pool_is_not_noticed_by_callers(
    make_things_app, sessions, victim, bearer, thing
):
    client = make_things_app(sessions=sessionmaker(victim, info=sessions.kw["info"])).test_client()
    path, headers = f"/v1/things/{thing.id}", bearer()
    assert client.get(path, headers=headers).status_code == 200

    for request in (
        lambda: client.get(path, headers=headers),
        lambda: client.post(f"{path}/grow", headers=headers | {"Idempotency-Key": "after-the-restart"}),
    ):
        with sessions.begin() as session:
            kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'"
            assert session.execute(text(kill)).all() == [(True,)]
        assert request().status_code == 200
