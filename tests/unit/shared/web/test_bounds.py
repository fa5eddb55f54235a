"""What is too large is refused as a problem; browsers are told what they may do with an answer."""

import pytest
from flask import Response

from shared.web.auth import public
from shared.web.blueprint import Blueprint

THINGS = "/v1/things"
ORIGIN = "https://shop.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, idempotency-key",
}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"data": b" " * ((1 << 20) + 1), "content_type": "application/json", "method": "POST"}, 413),
        ({"query_string": "name=" + "x" * 9000}, 414),
        ({"headers": {"X-Filler": "x" * 20_000}}, 431),
    ],
)
def test_what_is_too_large_is_refused_as_a_problem(client, bearer, request_, status):
    headers = bearer() | request_.pop("headers", {})

    answer = client.open(THINGS, headers=headers, **request_)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status


def test_a_body_that_does_not_say_its_length_is_bounded_too(client, bearer):
    in_chunks = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}  # as granian says it

    answer = client.post(
        THINGS,
        data=b'"' + b"x" * (1 << 20) + b'"',
        content_type="application/json",
        headers=bearer(),
        environ_overrides=in_chunks,
    )

    assert answer.status_code == 413


def test_no_page_of_another_origin_can_use_the_api_unless_it_is_named(client, bearer):
    answer = client.get(THINGS, headers=bearer() | {"Origin": ORIGIN})

    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_named_origin_can(make_things_app, bearer):
    client = make_things_app(cors_origins=(ORIGIN,)).test_client()

    asked = client.options(THINGS, headers=PREFLIGHT)
    answer = client.get(THINGS, headers=bearer() | {"Origin": ORIGIN})
    other = client.get(THINGS, headers=bearer() | {"Origin": "https://shop.example.evil.example"})

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert {"authorization", "idempotency-key"} <= set(
        asked.headers["Access-Control-Allow-Headers"].lower().split(", ")
    )
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Access-Control-Allow-Origin" not in other.headers


def test_browsers_ask_which_methods_there_are_without_a_token_and_learn_no_more(client):
    answer = client.options(THINGS)

    assert (answer.status_code, answer.data) == (200, b"")


def test_a_view_that_answers_options_itself_stops_the_start(make_things_app):
    back_door = Blueprint("back_door", __name__, url_prefix="/v1/back-door")

    @back_door.route("", methods=["OPTIONS"])
    @public
    def answer_options():
        return Response()

    with pytest.raises(RuntimeError, match="/v1/back-door"):
        make_things_app(blueprints=(back_door,))


def test_every_answer_says_what_it_is_not_for(client):
    answer = client.get(THINGS)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_behind_https_browsers_are_told_to_stay_there(make_things_app):
    client = make_things_app(hsts_seconds=31_536_000).test_client()

    assert client.get("/health/live").headers["Strict-Transport-Security"] == "max-age=31536000"
