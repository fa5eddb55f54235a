"""Each request has an id that its log line, its answer and its events carry."""

import pytest

from shared.logging import correlation_id, trace_parent


def lines(caplog, event="request"):
    return [record.msg for record in caplog.records if record.msg["event"] == event]


def test_the_caller_s_correlation_id_is_kept(client, caplog):
    answer = client.get("/docs", headers={"X-Correlation-Id": "order-7_try-1"})

    assert answer.headers["X-Correlation-Id"] == "order-7_try-1"
    assert [line["correlation_id"] for line in lines(caplog)] == ["order-7_try-1"]


@pytest.mark.requirement("V-18")
@pytest.mark.parametrize(
    "given",
    [None, "", "two words", "x" * 65, '"><script>', "käse", "ann@example.com", "ann.archer", "+441174"],
)
def test_a_missing_or_unsafe_one_is_replaced(client, given):
    headers = {} if given is None else {"X-Correlation-Id": given}

    first, second = (client.get("/health/live", headers=headers) for _ in range(2))

    assert first.headers["X-Correlation-Id"] not in {given, ""}
    assert first.headers["X-Correlation-Id"] != second.headers["X-Correlation-Id"]


def test_events_told_in_a_request_know_its_ids(app):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    with app.test_request_context("/", headers={"X-Correlation-Id": "c-1", "Traceparent": parent}):
        app.preprocess_request()
        assert correlation_id.get() == "c-1"
        assert trace_parent.get() == parent

    with app.test_request_context("/", headers={"Traceparent": "00-nonsense"}):
        app.preprocess_request()
        assert trace_parent.get() == ""
        assert correlation_id.get() not in {"", "c-1"}
    assert correlation_id.get() == ""


def test_the_line_tells_who_did_what_and_no_more(client, bearer, thing, caplog):
    headers = bearer(sub="tess")
    client.get(f"/v1/things/{thing.id}?secret=address", headers=headers)

    [line] = lines(caplog)
    assert line["method"] == "GET"
    assert line["route"] == "/v1/things/<uuid:thing_id>"
    assert line["status"] == 200
    assert line["actor"] == "tess"
    assert line["milliseconds"] > 0
    assert "address" not in str(line)
    assert headers["Authorization"].split()[1] not in str(line)


def test_what_is_asked_all_day_is_told_only_when_it_fails(client, bearer, caplog):
    client.get("/health/live")
    client.get("/internal/deliveries", headers=bearer("events:read", subscriber="shipping"))
    assert lines(caplog) == []

    client.get("/internal/deliveries")
    assert [line["status"] for line in lines(caplog)] == [401]
