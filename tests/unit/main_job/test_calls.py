"""Calls of the APIs: repeated while a service is away, waited on with a deadline."""

import pytest

from deploy.main_job.calls import CallRefused, Overdue, Stopped, correlation


def test_a_call_is_repeated_while_its_service_is_away_under_the_same_key(api, calls):
    api.answers["/v1/orders"] = [(503, {}), (201, {"number": "GB-1"})]

    assert calls.post("orders", "/v1/orders", {"lines": []}) == {"number": "GB-1"}

    keys = [headers["Idempotency-Key"] for _, _, headers, _ in api.asked]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert api.asked[0][2]["Authorization"] == "Bearer the-token"


def test_a_refusal_is_told_with_its_reason_and_not_repeated(api, calls):
    problem = {"detail": "551192 is already order GB-1", "reason": "already_placed"}
    api.answers["/v1/orders"] = (409, problem)

    with pytest.raises(CallRefused, match="551192 is already order GB-1") as refused:
        calls.post("orders", "/v1/orders", {})

    assert refused.value.reason == "already_placed"
    assert len(api.asked) == 1


def test_a_call_whose_first_try_is_still_at_work_is_repeated(api, calls):
    under_way = {"detail": "not done yet", "reason": "first_still_under_way"}
    api.answers["/v1/orders"] = [(409, under_way), (201, {"number": "GB-1"})]

    assert calls.post("orders", "/v1/orders", {}) == {"number": "GB-1"}
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in api.asked}) == 1


def test_a_service_that_does_not_come_back_is_given_up(api, calls):
    api.answers["/v1/orders"] = (503, {"title": "Service Unavailable"})

    with pytest.raises(CallRefused, match="503"):
        calls.get("orders", "/v1/orders")


def test_a_wait_ends_as_soon_as_it_is_so(api, calls):
    api.answers["/v1/orders/1"] = [(200, {"status": "placed"}), (200, {"status": "completed"})]

    order = calls.wait(
        "it is completed",
        lambda: calls.get("orders", "/v1/orders/1"),
        lambda now: now["status"] == "completed",
    )

    assert order["status"] == "completed"


def test_a_wait_has_a_deadline_and_says_what_for(calls):
    with pytest.raises(Overdue, match="the label is stored"):
        calls.wait("the label is stored", lambda: 1, lambda _: False)


def test_what_the_calls_of_a_thread_are_about_is_passed_on(api, calls):
    api.answers["/v1/orders/1"] = (200, {})
    token = correlation.set("demo-551192")

    calls.get("orders", "/v1/orders/1")

    correlation.reset(token)
    assert api.asked[0][2]["X-Correlation-Id"] == "demo-551192"


def test_a_signed_call_carries_no_token(api, calls):
    api.answers["/v1/gateway/payments"] = (200, {})

    calls.post_signed("orders", "/v1/gateway/payments", b"{}", {"webhook-id": "1"})

    [(_, _, headers, body)] = api.asked
    assert headers["Authorization"] == ""
    assert headers["webhook-id"] == "1"
    assert body == b"{}"


def test_threads_wait_for_nothing_when_the_run_is_broken_off(calls):
    def interrupted():
        with calls.threads() as pool:
            waiting = pool.submit(lambda: calls.wait("for ever", lambda: 1, lambda _: False))
            tasks.append(waiting)
            raise KeyboardInterrupt

    tasks = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert isinstance(tasks[0].exception(), (Stopped, Overdue)) or tasks[0].cancelled()
