"""The local mail sink: an SMTP server that delivers nothing, and a page to read the mails."""

import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from socket import create_connection
from types import TracebackType
from typing import Self

from deploy.local.mail_sink.mailbox import Mailbox
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Process, ProcessError

START_SECONDS = 30.0


class MailSink:
    """The sink as a separate process; mails are kept in the folder."""

    def __init__(
        self,
        folder: Path,
        smtp_port: int | None = None,
        page_port: int | None = None,
        *,
        host: str = HOST,
        page_key: str,
        environment: Mapping[str, str],
        log: Path | None = None,
        refused_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.mailbox = Mailbox(folder.absolute())
        self.host = host
        self.smtp_port = smtp_port or free_port()
        self.page_port = page_port or free_port()
        ports = ["--smtp-port", str(self.smtp_port), "--page-port", str(self.page_port)]
        chance = ["--refuse", str(refused_share), "--seed", str(seed)]
        self.process = Process(
            "mail",
            [
                sys.executable,
                "-m",
                "deploy.local.mail_sink",
                "--folder",
                self.mailbox.folder,
                "--host",
                host,
                *ports,
                *chance,
            ],
            log=log or self.mailbox.folder / "mail.log",
            folder=Path(__file__).parents[3],
            environment={**environment, "PAGE_KEY": page_key},  # arguments are there for everybody to read
        )
        self._page_key = page_key

    @property
    def smtp_url(self) -> str:
        """The SMTP address."""
        return f"smtp://{self.host}:{self.smtp_port}"

    def page(self, path: str = "/") -> str:
        """The page with the mails, or another path on it, with the key that opens it."""
        return f"http://{self.host}:{self.page_port}{path}?key={self._page_key}"

    def start(self) -> None:
        """Start the sink and return once it accepts and shows mails."""
        self.process.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self.process.is_running() or time.monotonic() > deadline:
                self.process.kill()
                raise ProcessError(
                    f"the mail sink did not start; the end of {self.process.log}:\n"
                    f"{self.process.last_words()}"
                )
            time.sleep(0.02)

    def stop(self, seconds: float = 10) -> None:
        """Stop the sink."""
        self.process.stop(seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        with suppress(OSError):
            with closing(create_connection((self.host, self.smtp_port), timeout=5)) as connection:
                greeting = connection.recv(3)
            with closing(create_connection((self.host, self.page_port), timeout=5)):
                return greeting == b"220"
        return False
