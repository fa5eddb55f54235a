"""Who asks too often is told when to come again; and nobody waits for Redis."""

import socket
import time
from datetime import timedelta
from uuid import uuid4

import pytest
import redis

from deploy.local.valkey import temporary_valkey
from shared import clock
from shared.customer_tokens import make_token
from shared.web import rate_limits
from tests.waiting import PATIENCE_SECONDS

THINGS = "/v1/things"
LINK_KEYS = ("newest-key", "previous-key")


@pytest.fixture(scope="module")
def valkey():
    with temporary_valkey() as server:
        yield server


@pytest.fixture
def limited(make_things_app, valkey, monkeypatch):
    """A client of a service with these limits, whose callers have not asked for anything yet."""
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", PATIENCE_SECONDS)  # else none hold on a busy machine
    with redis.Redis.from_url(valkey.url) as counts:
        counts.flushall()

    def limited(**settings):
        return make_things_app(broker_url=valkey.url, **settings).test_client()

    return limited


def waiting_at(server):
    """How many connections to a server nobody has taken yet."""
    server.setblocking(False)
    count = 0
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


def statuses(client, times, **options):
    return [client.get(THINGS, **options).status_code for _ in range(times)]


def test_one_too_many_is_told_when_to_come_again(limited, bearer):
    client = limited(requests_per_minute=3)
    assert statuses(client, 3, headers=bearer(sub="ada")) == [200, 200, 200]

    refused = client.get(THINGS, headers=bearer(sub="ada"))

    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert refused.json["reason"] == "too_many_requests"
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert statuses(client, 1, headers=bearer(sub="bob")) == [200]


def test_all_processes_of_a_service_count_together(limited, bearer):
    first, second = limited(requests_per_minute=1), limited(requests_per_minute=1)

    assert statuses(first, 1, headers=bearer()) + statuses(second, 1, headers=bearer()) == [200, 429]


def test_refused_tries_of_a_bearer_count(limited, bearer):
    client = limited(requests_per_minute=2)

    assert statuses(client, 3, headers=bearer("nothing")) == [403, 403, 429]


def test_tries_without_a_good_token_are_counted_by_address(limited, bearer):
    client = limited(refusals_per_minute=2)
    forged = {"Authorization": "Bearer no.such.token"}
    here = {"REMOTE_ADDR": "198.51.100.7"}

    assert statuses(client, 3, headers=forged, environ_base=here) == [401, 401, 429]
    assert statuses(client, 1, environ_base=here) == [429]
    assert statuses(client, 1, environ_base={"REMOTE_ADDR": "198.51.100.8"}) == [401]
    # Who shares the address with whoever guesses is not locked out.
    assert statuses(client, 1, headers=bearer(), environ_base=here) == [200]


def test_an_ipv6_caller_is_known_by_its_network(limited):
    client = limited(refusals_per_minute=1)
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"]

    answered = [statuses(client, 1, environ_base={"REMOTE_ADDR": address})[0] for address in addresses]

    assert answered == [401, 429, 401]


def test_nobody_is_believed_who_another_address_speaks_for(limited):
    client = limited(refusals_per_minute=1)

    answered = [statuses(client, 1, headers={"X-Forwarded-For": f"203.0.113.{one}"})[0] for one in range(2)]

    assert answered == [401, 429]


def test_behind_our_proxy_the_address_is_the_one_that_it_saw(limited):
    client = limited(refusals_per_minute=1, trusted_proxies=1)
    # What stands further left the caller has written.
    chains = ["1.2.3.4, 203.0.113.1", "5.6.7.8, 203.0.113.1", "1.2.3.4, 203.0.113.2"]

    answered = [statuses(client, 1, headers={"X-Forwarded-For": chain})[0] for chain in chains]

    assert answered == [401, 429, 401]


def test_an_orders_link_has_a_limit_of_its_own(limited):
    client = limited(link_requests_per_minute=1)
    until = clock.now() + timedelta(hours=1)
    first, second = (make_token(LINK_KEYS, uuid4(), until) for _ in range(2))

    asked = [f"{THINGS}/customer?limit=5&token={token}" for token in (first, first, second)]
    answered = [client.get(address).status_code for address in asked]

    assert answered == [200, 429, 200]


def test_agents_and_probes_are_not_counted(limited, bearer):
    client = limited(requests_per_minute=1, refusals_per_minute=1)
    agent = bearer("events:read", subscriber="shipping")

    pulled = [client.get("/internal/deliveries", headers=agent).status_code for _ in range(3)]
    probed = [client.get("/health/live").status_code for _ in range(3)]

    assert pulled + probed == [200] * 6


def test_zero_is_no_limit(limited, bearer):
    assert statuses(limited(requests_per_minute=0), 5, headers=bearer()) == [200] * 5


def test_without_redis_nothing_is_limited(make_things_app, bearer):
    client = make_things_app(broker_url="redis://127.0.0.1:1/0", requests_per_minute=1).test_client()

    assert statuses(client, 5, headers=bearer()) == [200] * 5


def test_a_redis_that_does_not_answer_holds_up_one_request_and_not_for_long(make_things_app, bearer):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        client = make_things_app(broker_url=address, requests_per_minute=1).test_client()
        token = bearer()
        began = time.monotonic()

        answered = statuses(client, 50, headers=token)

        turns = 1 + (time.monotonic() - began) // rate_limits.AWAY_SECONDS
        asked = waiting_at(silent)
    assert answered == [200] * 50
    assert 1 <= asked <= turns  # each of which waited PATIENCE_SECONDS; the others asked nobody


def test_when_redis_is_back_it_is_found(limited, bearer):
    client = limited(requests_per_minute=1)
    limits = client.application.extensions["rate_limits"]
    limits._away_until = time.monotonic() + rate_limits.AWAY_SECONDS
    assert statuses(client, 2, headers=bearer()) == [200, 200]

    limits._away_until = time.monotonic()

    assert statuses(client, 2, headers=bearer()) == [200, 429]
