"""Clients keep their connections open between requests; that costs nobody else an answer."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

IDLE = 100


def test_a_hundred_idle_clients_lock_nobody_out(stack):
    address = urlsplit(stack.url("orders")).netloc
    clients = [http.client.HTTPConnection(address, timeout=PATIENCE_SECONDS) for _ in range(IDLE + 1)]

    answers = []
    for client in clients:
        client.request("GET", "/health/live")
        answer = client.getresponse()
        answer.read()
        answers.append(answer.status)

    assert answers == [200] * len(clients)
    for client in clients:
        client.close()
