"""A world of four services in which two sellers' orders have been through everything."""

import json
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZipFile

import pytest
from hypothesis import settings

from deploy.local.keys import Keys
from tests.security.requests import ask_for
from tests.security.shop import EMAIL, NAME, NOTE, PHONE, open_shop
from tests.security.world import opened

# Of each kind, for each operation; `make fuzz`.
settings.register_profile("fuzz", settings.get_profile("patient"), max_examples=60)


@dataclass
class Outcome:
    """What came of a request: its answer, how many events it told, and what the request itself named."""

    answer: object
    told: int
    named: str

    @property
    def status(self):
        return self.answer.status_code

    @property
    def text(self):
        """All that can be read in the answer, also in a packed one."""
        content = self.answer.get_data()
        if content.startswith(b"PK"):
            with ZipFile(BytesIO(content)) as archive:
                content = b" ".join(archive.read(name) for name in archive.namelist())
        return content.decode(errors="replace")

    @property
    def figures(self):
        """Every number of a JSON answer."""
        return list(_numbers(self.answer.get_json(silent=True)))

    def leaks(self, world):
        """What of the first seller's the answer has, but for what the request named."""
        ids = {value for name, value in world.known.items() if name != "other_order_id"}
        words = {NAME, EMAIL, PHONE, NOTE, "orders@quay.example"} | ids
        return {word for word in words if word in self.text and word not in self.named}


def _numbers(value):
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _numbers(part)
    if isinstance(value, int) and not isinstance(value, bool):
        yield value


@pytest.fixture(scope="module")
def world(engines, postgres_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    with opened(engines, postgres_server.url, Keys(folder / "keys"), folder / "papers") as made:
        open_shop(made)
        yield made


@pytest.fixture
def send(world):
    """Ask for an operation as it is asked for in earnest, undo it, and answer what it was answered with."""

    def sent(service, name, *, link=None, headers=None, undo=True, made_up=None, **claims):
        known = world.known | world.doors[service].own
        ask = ask_for(service, name).filled(known)
        method, path = name.split(" ")
        for parameter, value in (known | ask.path).items():
            path = path.replace(f"{{{parameter}}}", value)
        if made_up:
            path, ask = made_up(path), ask.altered(made_up)
        request = {"query_string": ask.query | ({"token": link} if link else {})}
        if ask.json is not None:
            request["json"] = ask.json
        if ask.data is not None:
            request["data"] = ask.data()
            request["content_type"] = "text/csv" if isinstance(request["data"], bytes) else None
        token = world.keys.token("mallory", **claims) if claims else None
        door = world.doors[service]
        ask_it = door.try_out if undo else door.ask_and_count
        answer, told = ask_it(method, path, token=token, headers=headers or {}, **request)
        named = " ".join([path, *map(str, request["query_string"].values()), json.dumps(request.get("json"))])
        return Outcome(answer, told, named)

    return sent
