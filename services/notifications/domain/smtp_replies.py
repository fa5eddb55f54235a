"""What a mail server's reply means for an e-mail, and which part of the reply may be kept."""

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
    """What to do after a reply."""

    TEMPORARY = "temporary"  # this e-mail may be taken later
    THROTTLED = "throttled"  # its receiver wants less of us: nothing goes to the domain for a while
    PERMANENT = "permanent"  # this e-mail will never be taken


@dataclass(frozen=True)
class SmtpReply:
    """The result of one attempt to deliver an e-mail."""

    code: int | None  # the server's reply code; None where there was no reply
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text

    @property
    def meaning(self) -> Meaning:
        """What a refusal means for this e-mail and for those queued behind it."""
        if self.code is None:
            return Meaning.TEMPORARY
        if self.code >= PERMANENT:
            return Meaning.PERMANENT
        is_throttled = _TOO_MUCH.search(self.text) and not _GREYLIST.search(self.text)
        return Meaning.THROTTLED if is_throttled else Meaning.TEMPORARY


def smtp_reply(code: int | None, text: bytes | str) -> SmtpReply:
    """A server's reply without e-mail addresses, because replies go into events and logs."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return SmtpReply(code, _ADDRESS.sub("(address)", " ".join(words.split()))[:1000])


def pause_seconds(strikes: int) -> float:
    """How long to pause a domain after being throttled this many times in a row."""
    return float(min(30 * 2 ** min(strikes - 1, 10), 3600))
