"""Clients as they should be: they repeat what was not answered, and write down what they were promised."""

import http.client
import json
import random
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from deploy.main_job.calls import UNDER_WAY

ANSWER_SECONDS = 10
GIVE_UP_SECONDS = 90


class Ledger:
    """What was asked of the system and what it acknowledged, in a file outside of it."""

    def __init__(self, file: Path):
        self.entries = []
        self._file = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, outcome, command, order_id, thing, key):
        """Write down a command and its outcome: acknowledged, refused, or unknown after too many tries."""
        entry = {
            "at": datetime.now(UTC),
            "outcome": outcome,
            "command": command,
            "order_id": order_id,
            "thing": thing,  # a payment's reference, a cancellation's reason, a shipment's id
            "key": key,
        }
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(entry, default=str) + "\n")
            self._file.flush()

    def acknowledged(self, *commands):
        """The entries of these commands that the system promised to have done."""
        return [
            entry
            for entry in self.entries
            if entry["command"] in commands and entry["outcome"] == "acknowledged"
        ]

    def close(self):
        self._file.close()


class Client:
    """One client's connections; not for several threads."""

    def __init__(self, addresses, token, ledger, chance: random.Random):
        self._addresses = {name: urlsplit(address).netloc for name, address in addresses.items()}
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._ledger = ledger
        self._chance = chance
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def command(self, service, command, path, body=None, *, order_id=None, thing=None):
        """Have something done once, however often it must be asked; answers None where it was refused."""
        key = f"{command}:{self._chance.getrandbits(64):016x}"
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            status, answer = self._ask(service, "POST", path, body, {"Idempotency-Key": key})
            if status and status < 300:
                self._ledger.note("acknowledged", command, order_id or answer.get("order_id"), thing, key)
                return answer
            if status and status < 500 and answer.get("reason") != UNDER_WAY:
                self._ledger.note("refused", command, order_id, answer.get("reason"), key)
                return None
            time.sleep(self._chance.uniform(0.2, 0.6))
        self._ledger.note("unknown", command, order_id, thing, key)
        return None

    def get(self, service, path):
        """What is there now; None where nothing is, or nobody answers."""
        status, answer = self._ask(service, "GET", path, None, {})
        return answer if status == http.client.OK else None

    def close(self):
        for connection in self._connections.values():
            connection.close()

    def _ask(self, service, method, path, body, headers):
        """Status and answer; status 0 where there was no answer, after which anything may be true."""
        connection = self._connections.setdefault(
            service, http.client.HTTPConnection(self._addresses[service], timeout=ANSWER_SECONDS)
        )
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, self._headers | headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            return 0, {}
