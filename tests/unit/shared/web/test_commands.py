"""Commands and queries: versions, what is answered, and what a query may not do."""

import pytest


def test_an_answer_carries_its_version(client, bearer, thing):
    answer = client.get(f"/v1/things/{thing.id}", headers=bearer())

    assert answer.headers["ETag"] == '"1"'
    assert answer.json["version"] == 1


def test_a_command_answers_the_version_that_it_made(client, bearer, thing):
    answer = client.post(f"/v1/things/{thing.id}/grow", headers=bearer())

    assert answer.headers["ETag"] == '"2"'
    assert answer.json["version"] == 2


def test_who_has_the_version_is_not_sent_it_again(client, bearer, thing):
    answer = client.get(f"/v1/things/{thing.id}", headers=bearer() | {"If-None-Match": '"1"'})

    assert answer.status_code == 304
    assert answer.data == b""
    older = client.get(f"/v1/things/{thing.id}", headers=bearer() | {"If-None-Match": '"0"'})
    assert older.status_code == 200


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
    assert answer.headers["ETag"] == '"7"'


def test_a_query_can_not_write(client, bearer, thing, size_of):
    answer = client.get("/v1/things/sneak", headers=bearer())

    assert answer.status_code == 500
    assert size_of(thing) == 1


def test_commands_can_still_write_after_queries_on_the_same_connection(client, bearer, thing):
    for _ in range(3):
        assert client.get(f"/v1/things/{thing.id}", headers=bearer()).status_code == 200
        assert client.post(f"/v1/things/{thing.id}/grow", headers=bearer()).status_code == 200
