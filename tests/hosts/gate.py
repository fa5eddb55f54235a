"""What stands before the hosts: passes each request on to one, and to the other where that one is away."""

import itertools
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from deploy.main_job.calls import UNDER_WAY
from tests.chaos.clients import Ledger

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 6.0  # an API that waits for a lock says so after 5
CONNECTIONS = 64
AWAY_SECONDS = 5.0  # for so long a host that did not answer is asked after the other
BUSY = {502, 503, 504}

PLACE = re.compile(r"/v1/orders")
ORDER = re.compile(r"/v1/orders/([^/]+)/(accept|payments)")
GATEWAY = re.compile(r"/v1/gateway/payments")
SHIPMENT = re.compile(r"/v1/shipments/([^/]+)/(release|pick|pack|ship|deliver)")


@dataclass(frozen=True)
class Asked:
    """One request of a client, however many hosts had to be asked."""

    phase: str
    seconds: float
    passed_on: int  # how often a host did not answer, or only that it can't now, and the other was asked
    is_answered: bool


class Gate(httpx2.BaseTransport):
    """A balancer: every request of the main job may be repeated, so it is, at once, at the other host."""

    def __init__(self, hosts: Mapping[str, Mapping[str, str]], ledger: Ledger) -> None:
        self.asked: list[Asked] = []
        self.phase = ""
        self._hosts = hosts  # the base address of each service there
        self._ledger = ledger
        self._turns = itertools.count()
        self._away: dict[tuple[str, str], float] = {}  # host and service, until when
        self._http = httpx2.HTTPTransport(limits=httpx2.Limits(max_connections=CONNECTIONS))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of the first host that has one; raises the last one's error where none has."""
        phase, began = self.phase, time.monotonic()
        answer, error, passed_on = None, None, -1
        for host in self._in_turn(request.url.host):
            passed_on += 1
            try:
                answer = self._ask(host, request)
            except httpx2.TransportError as problem:
                self._away[host, request.url.host] = time.monotonic() + AWAY_SECONDS
                answer, error = None, problem
                continue
            if answer.status_code not in BUSY:
                break
        is_answered = answer is not None and answer.status_code not in BUSY
        self.asked.append(Asked(phase, time.monotonic() - began, passed_on, is_answered))
        self._note(request, answer)
        if answer is None:
            assert error
            raise error
        return answer

    def close(self) -> None:
        self._http.close()

    def _in_turn(self, service: str) -> Sequence[str]:
        """The hosts, another one first each time, but for those that did not answer just now."""
        hosts, turn, now = list(self._hosts), next(self._turns), time.monotonic()
        hosts = hosts[turn % len(hosts) :] + hosts[: turn % len(hosts)]
        return sorted(hosts, key=lambda host: self._away.get((host, service), 0) > now)

    def _ask(self, host: str, request: httpx2.Request) -> httpx2.Response:
        place = httpx2.URL(self._hosts[host][request.url.host])
        limits = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS).as_dict()
        passed = httpx2.Request(
            request.method,
            request.url.copy_with(host=place.host, port=place.port),
            headers=request.headers,
            content=request.read(),
            extensions={"timeout": limits},
        )
        answer = self._http.handle_request(passed)
        answer.read()
        return answer

    def _note(self, request: httpx2.Request, answer: httpx2.Response | None) -> None:
        """Write down in the ledger what was asked for, and whether it was promised."""
        if request.method != "POST":
            return
        path, body = request.url.path, request.read()
        asked = json.loads(body) if body else {}
        order: str | None
        if PLACE.fullmatch(path):
            command, order, thing = "place", None, asked["external_reference"]
        elif of_order := ORDER.fullmatch(path):
            command = "pay" if of_order[2] == "payments" else of_order[2]
            order, thing = of_order[1], asked.get("reference")
        elif GATEWAY.fullmatch(path):
            command, order, thing = "pay", asked["data"]["order_id"], asked["data"]["reference"]
        elif of_shipment := SHIPMENT.fullmatch(path):
            command, order, thing = of_shipment[2], None, of_shipment[1]
        else:
            return
        told: dict[str, Any] = answer.json() if answer is not None and answer.content else {}
        outcome = "unknown"
        if answer is not None and answer.status_code not in BUSY and told.get("reason") != UNDER_WAY:
            outcome = "acknowledged" if answer.is_success else "refused"
        key = request.headers.get("Idempotency-Key") or request.headers.get("webhook-id")
        self._ledger.note(outcome, command, order or told.get("order_id"), thing, key)
