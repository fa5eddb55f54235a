"""Every error has one shape, and says which field is wrong and why."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


def errors_of(answer):
    assert answer.status_code == 422, answer.data
    return {error["field"]: error["reason"] for error in answer.json["errors"]}


def test_a_problem_has_the_shape_of_the_rfc(client):
    answer = client.get("/v1/nowhere", headers={"X-Correlation-Id": "trace-me"})

    assert answer.content_type == "application/problem+json"
    assert answer.json.keys() == {"type", "title", "status", "detail", "instance", "correlation_id"}
    assert (answer.json["status"], answer.json["title"]) == (404, "Not Found")
    assert answer.json["instance"] == "/v1/nowhere"
    assert answer.json["correlation_id"] == "trace-me"


def test_each_wrong_field_is_named_with_its_reason(client, bearer):
    body = {
        "name": "",
        "colour": "red",
        "parts": [{"name": "lid", "quantity": 0}, {"quantity": "two", "x": 1}],
    }

    errors = errors_of(client.post("/v1/things", json=body, headers=bearer()))

    assert errors.keys() == {
        "name",
        "colour",
        "parts.0.quantity",
        "parts.1.name",
        "parts.1.quantity",
        "parts.1.x",
    }
    assert errors["colour"] == "Unknown field."


def test_unknown_parts_of_a_query_are_refused(client, bearer):
    errors = errors_of(client.get("/v1/things?colour=red&limit=0", headers=bearer()))

    assert errors.keys() == {"colour", "limit"}


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b'{"name": ', 9),
        (b"", 0),
        (b'{"name": +7}', 9),
        (b'{"name": "\xff"}', None),
        (b'{"name": "\\ud800"}', None),
        (b'{"name": "\x00"}', 10),
        (b"[" * 100_000, None),
        (b'{"size": NaN}', 9),
        (b'{"size": 1e999}', None),
    ],
)
def test_malformed_json_is_told_with_its_position(client, bearer, body, position):
    answer = client.post("/v1/things", data=body, headers=bearer(), content_type="application/json")

    assert answer.status_code == 400
    assert position is None or answer.json["position"] == position


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"7"])
def test_json_that_is_no_object_is_refused(client, bearer, body):
    errors_of(client.post("/v1/things", data=body, headers=bearer(), content_type="application/json"))


def test_a_body_of_another_kind_is_refused(client, bearer):
    assert client.post("/v1/things", data="name=kettle", headers=bearer()).status_code == 415


@pytest.mark.requirement("V-03")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"name": "ket\\u0000tle"}', "name"),
        (b'{"name": "kettle", "parts": [{"name": "\\u0000", "quantity": 1}]}', "parts.0.name"),
        (b'{"name": "kettle", "\\u0000": 1}', "\N{REPLACEMENT CHARACTER}"),
        (b'{"name": "kettle", "parts": [{"name": "\\u0001", "quantity": 1}]}', "parts.0.name"),
        (b'{"name": "ket\\btle"}', "name"),
        (b'{"name": "ket\xef\xbf\xbftle"}', "name"),
        (b'{"name": "ket\xc2\x85tle"}', "name"),
        (b'{"name": "ket\x7ftle"}', "name"),
        (b'{"name": "kettle", "\xef\xbf\xbe": 1}', "\N{REPLACEMENT CHARACTER}"),
        (b'{"name": "kettle", "size": 9223372036854775808}', "size"),
        (b'{"name": "kettle", "size": -9223372036854775809}', "size"),
    ],
)
def test_what_no_service_can_hold_is_refused_by_field(client, bearer, body, field):
    errors = errors_of(
        client.post("/v1/things", data=body, headers=bearer(), content_type="application/json")
    )

    assert errors.keys() == {field}


def test_digits_in_a_text_are_only_text(client, bearer):
    answer = client.post("/v1/things", json={"name": "9" * 40}, headers=bearer())

    assert answer.status_code == 201


def test_a_number_too_large_for_its_column_is_refused_too(client, bearer):
    answer = client.post("/v1/things", json={"name": "kettle", "size": 2**40}, headers=bearer())

    assert answer.status_code == 422


@pytest.mark.requirement("V-03")
@pytest.mark.parametrize("unfit", ["%00", "a%01", "%EF%BF%BE", "%C2%85"])
def test_an_unfit_text_in_a_query_is_refused(client, bearer, unfit):
    assert errors_of(client.get(f"/v1/things?owner={unfit}", headers=bearer())).keys() == {"owner"}
    assert client.get("/v1/things/%00", headers=bearer()).status_code == 404
    operator = bearer("admin", sellers=["*"], markets=["*"])
    assert client.get(f"/v1/operations/traces/{unfit}", headers=operator).status_code == 422


def test_a_missing_thing_is_not_found(client, bearer):
    answer = client.get("/v1/things/00000000-0000-0000-0000-000000000000", headers=bearer())

    assert answer.status_code == 404
    assert "thing" in answer.json["detail"]


def test_a_refusal_tells_its_reason_and_facts(client, bearer):
    answer = client.post("/v1/things", json={"name": "refused"}, headers=bearer())

    assert answer.status_code == 409
    assert answer.json["reason"] == "wrong_name"
    assert answer.json["allowed"] == ["thing"]
    assert answer.json["status"] == 409  # no fact displaces a problem's own members


def test_a_wrong_method_names_the_right_ones(client, bearer):
    answer = client.delete("/v1/things", headers=bearer())

    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_body_too_large_is_refused(client, bearer):
    answer = client.post("/v1/things", json={"name": "x" * (1 << 20)}, headers=bearer())

    assert answer.status_code == 413
    assert answer.content_type == "application/problem+json"


def test_a_fault_of_ours_tells_no_internals_but_logs_them(client, caplog):
    answer = client.get("/v1/things/fail")

    assert answer.status_code == 500
    assert b"secret" not in answer.data
    [failure] = [record.msg for record in caplog.records if record.msg["event"] == "request failed"]
    assert "secret internals" in str(failure["exc_info"])
    assert failure["correlation_id"] == answer.json["correlation_id"]


def test_an_absent_database_is_told_as_passing(make_things_app, bearer):
    nowhere = create_engine("postgresql+psycopg://orders@127.0.0.1:1/orders")
    client = make_things_app(sessions=sessionmaker(nowhere)).test_client()

    for answer in (
        client.get("/v1/things", headers=bearer()),
        client.post("/v1/things", json={"name": "kettle"}, headers=bearer() | {"Idempotency-Key": "k"}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize("path", ["/v1/things", "/health/live", "/v1/nowhere", "/docs"])
def test_browsers_are_kept_from_doing_more_with_an_answer(client, path):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_document_describes_problems_as_every_operation_s_error(client):
    document = client.get("/openapi.json").json

    assert document["openapi"] == "3.1.0"
    for path in document["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                assert operation["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}
                assert "422" not in operation["responses"]
    problem = document["components"]["responses"]["DEFAULT_ERROR"]["content"]["application/problem+json"]
    assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "reason" in document["components"]["schemas"]["Problem"]["properties"]
