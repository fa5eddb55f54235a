"""What is large is made for one request of a bearer at a time, and for few at once."""

import pytest
from flask import Response

from shared.errors import Refused
from shared.web import concurrency_limits
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.concurrency_limits import Turns, in_turn

pytestmark = pytest.mark.requirement("V-21")

LARGE = "/v1/large"
large = Blueprint("large", __name__, url_prefix=LARGE)


class File:
    """A body as the server is handed it."""

    closed = False

    def __iter__(self):
        return iter([b"large"])

    def close(self):
        self.closed = True


@large.route("/<kind>", methods=["GET"])
@large.response(200)
@requires("things:read")
@in_turn
def make(kind: str) -> Response:
    """Something large."""
    if kind == "refused":
        raise Refused("too_large")
    return Response(File(), direct_passthrough=kind == "file")


@pytest.fixture
def ask(make_things_app, bearer):
    client = make_things_app(blueprints=[large]).test_client()

    def asked(kind="file", who="ada", method="GET"):
        return client.open(f"{LARGE}/{kind}", method=method, headers=bearer(sub=who), buffered=False)

    return asked


def test_the_next_waits_until_the_first_is_sent(ask):
    first = ask()

    refused = ask()
    assert (refused.status_code, refused.json["reason"]) == (429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) > 0
    other = ask(who="bo")
    assert (other.status_code, other.data) == (200, b"large")
    first.close()  # also of a download that broke off

    assert ask().status_code == 200


def test_what_is_no_file_is_done_when_it_is_made(ask):
    assert [ask("answer").status_code, ask("answer").status_code] == [200, 200]


def test_few_are_at_it_at_once(ask):
    under_way = [ask(who=f"caller-{number}") for number in range(concurrency_limits.AT_ONCE)]

    assert ask(who="one-too-many").status_code == 429
    under_way[0].close()
    assert ask(who="one-too-many").status_code == 200


def test_what_is_refused_ends_its_turn(ask):
    assert ask("refused").status_code == ask("refused").status_code == 409


def test_asking_for_the_head_alone_ends_its_turn(ask):
    ask(method="HEAD").close()

    assert ask().status_code == 200


def test_a_turn_that_nobody_ended_is_over_some_time(monkeypatch):
    taken, later = Turns(), concurrency_limits.time.monotonic() + concurrency_limits.LONGEST_SECONDS + 1
    end_of_the_first = taken.take("ada")
    monkeypatch.setattr(concurrency_limits.time, "monotonic", lambda: later)

    taken.take("ada")
    end_of_the_first()  # not the second's

    with pytest.raises(concurrency_limits.Problem):
        taken.take("ada")
