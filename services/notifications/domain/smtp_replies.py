"""What a mail server's answer means for an e-mail, and what of it may be kept."""

import re
from dataclasses import dataclass
from enum import StrEnum

PERMANENT = 500  # RFC 5321: 4xx is worth trying again, 5xx is not

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
# RFC 3463 has no word for "too many": receivers say 4.7.x (policy) with a 421 or 45x, or use plain words.
# A greylist says 4.7.1 too, and wants nothing but another try.
_TOO_MUCH = re.compile(r"\b4\.7\.\d+\b|\brate\b|throttl|too (many|much|fast)|slow down|limit", re.IGNORECASE)
_GREYLIST = re.compile("gr[ea]y.?list", re.IGNORECASE)


class Meaning(StrEnum):
    """What is to be done after an answer."""

    TEMPORARY = "temporary"  # this e-mail may be taken later
    THROTTLED = "throttled"  # its receiver wants less of us: nothing goes to the domain for a while
    PERMANENT = "permanent"  # this e-mail will never be taken


@dataclass(frozen=True)
class SmtpReply:
    """What came of one attempt to hand an e-mail over."""

    code: int | None  # the server's reply code; None where there was no reply
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text

    @property
    def meaning(self) -> Meaning:
        """What a refusal means for this e-mail and those behind it."""
        if self.code is None:
            return Meaning.TEMPORARY
        if self.code >= PERMANENT:
            return Meaning.PERMANENT
        is_throttled = _TOO_MUCH.search(self.text) and not _GREYLIST.search(self.text)
        return Meaning.THROTTLED if is_throttled else Meaning.TEMPORARY


def smtp_reply(code: int | None, text: bytes | str) -> SmtpReply:
    """A server's reply without the addresses it names: replies go into events and logs, addresses may not."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return SmtpReply(code, _ADDRESS.sub("(address)", " ".join(words.split()))[:1000])


def pause_seconds(strikes: int) -> float:
    """How long a domain is left alone after it said so many times in a row that we send too much."""
    return float(min(30 * 2 ** min(strikes - 1, 10), 3600))
