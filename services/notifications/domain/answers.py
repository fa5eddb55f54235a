"""What a mail server's answer means for an e-mail, and what of it may be kept."""

import re
from dataclasses import dataclass

PERMANENT = 500  # RFC 5321: 4xx is worth trying again, 5xx is not

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


@dataclass(frozen=True)
class Answer:
    """What came of one attempt to hand an e-mail over."""

    code: int | None  # the server's reply code; None where there was no reply
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text


def answer(code: int | None, text: bytes | str) -> Answer:
    """A server's reply without the addresses it names: replies go into events and logs, addresses may not."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return Answer(code, _ADDRESS.sub("(address)", " ".join(words.split()))[:1000])
