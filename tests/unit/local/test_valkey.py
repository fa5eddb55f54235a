"""The broker keeps what it was given, and talks to those who know the password."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.valkey import Valkey, temporary_valkey


def test_what_it_was_given_outlives_a_kill(tmp_path):
    server = Valkey(tmp_path / "valkey")
    with server:
        with redis.Redis.from_url(server.url) as client:
            client.set("message", "kept")
            client.execute_command("WAITAOF", 1, 0, 5000)
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("message") == b"kept"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_it_asks_for_the_password():
    with (
        temporary_valkey() as server,
        redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
