"""An API counts its requests by route, and tells them and all else to whoever asks at /metrics."""

import pytest
from prometheus_client.parser import text_string_to_metric_families


def test_requests_are_counted_by_route_and_never_by_address(client, bearer, thing, counted):
    headers = bearer()
    route = {"method": "GET", "route": "/v1/things/<uuid:thing_id>"}

    client.get(f"/v1/things/{thing.id}", headers=headers)
    client.get("/v1/things/00000000-0000-0000-0000-000000000000?secret=ada-okafor", headers=headers)
    client.get(f"/v1/things/{thing.id}")

    assert counted("waybill_requests_total", **route, status="200") == 1
    assert counted("waybill_requests_total", **route, status="404") == 1
    assert counted("waybill_requests_total", **route, status="401") == 1
    assert counted("waybill_request_seconds_count", **route) == 3
    assert counted("waybill_request_seconds_bucket", **route, le="10.0") == 3
    told = client.get("/metrics").text
    assert str(thing.id) not in told
    assert "ada-okafor" not in told


def test_a_fault_of_the_program_is_an_error_of_its_route(client, counted):
    client.get("/v1/things/fail")

    assert counted("waybill_requests_total", method="GET", route="/v1/things/fail", status="500") == 1


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/never/heard/of"), ("BREW", "/v1/things"), ("BREW", "/x")]
)
def test_what_callers_make_up_is_one_series(client, counted, method, path):
    status = client.open(path, method=method).status_code

    assert counted("waybill_requests_total", method="", route="none", status=str(status)) == 1
    assert counted("waybill_request_seconds_count", method="", route="none") == 1


def test_prometheus_can_read_what_it_is_told(client):
    client.get("/health/live")
    answer = client.get("/metrics")

    assert answer.content_type.startswith("text/plain; version=")
    types = {family.name: family.type for family in text_string_to_metric_families(answer.text)}
    assert types["waybill_requests"] == "counter"
    assert types["waybill_request_seconds"] == "histogram"
    assert types["waybill_events_told"] == "counter"


def test_being_asked_is_no_news(client, caplog):
    client.get("/metrics")

    assert [record for record in caplog.records if record.msg["event"] == "request"] == []
