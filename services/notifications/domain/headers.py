"""E-mail headers, written so that user input can never be read as anything but text.

Python's email library decodes encoded words in what it is given as a header, so that what somebody typed
could become an address, a line or a header of its own. So texts are encoded here, and never handed to it.
"""

import re
from collections.abc import Iterable
from email.errors import HeaderParseError
from email.header import Header, decode_header

from shared.email_addresses import is_email_address, on_the_wire
from shared.text import one_line

LONGEST_LINE = 76  # RFC 2047, for a line with an encoded word
_NEEDED = {"message-id", "date", "from", "to", "subject", "mime-version", "content-type"}
_KNOWN = _NEEDED | {"reply-to", "auto-submitted", "content-language", "content-transfer-encoding"}
_PLAIN_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 !#$%&'*+/^_`{|}~-]*")
_PLAIN_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_ENCODED_WORD = "=?"
_FOLD = re.compile(r"\r\n(?=[ \t])")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# A name, quoted or not, and an address in brackets; or the address alone.
_MAILBOX = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|[^"<>@,;:])*<([^<>]*)>|([^\s"<>,;:]+)""")


class Unsafe(ValueError):  # noqa: N818 - reads as what is wrong
    """An e-mail that would say something other than intended."""


def text(name: str, value: str) -> str:
    """A text as a header value."""
    line = one_line(value)
    if len(name) + 2 + len(line) <= LONGEST_LINE and _is_plain(line, _PLAIN_TEXT):
        return line
    return _encoded(name, line)


def mailbox(name: str, address: str, person: str = "") -> str:
    """A name with its address, as sent over SMTP; raises Unsafe for an invalid address."""
    address = wire_address(name, address)
    person = one_line(person)
    if not person:
        return address
    is_short = len(name) + 2 + len(person) <= LONGEST_LINE
    written = person if is_short and _is_plain(person, _PLAIN_WORDS) else _encoded(name, person)
    is_long = len(written) + len(address) > LONGEST_LINE
    return f"{written}\r\n <{address}>" if is_long else f"{written} <{address}>"


def wire_address(name: str, address: str) -> str:
    """An address as sent over SMTP; raises Unsafe if it is invalid."""
    if not is_email_address(address):
        raise Unsafe(f"{name} is not an e-mail address")
    return on_the_wire(address)


def filename(name: str) -> str:
    """A file name for an attachment, with only letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^\w.-]+", "-", name)


def head(headers: Iterable[tuple[str, str]]) -> bytes:
    """Headers as bytes; raises Unsafe for a value that would span several headers."""
    lines = [f"{name}: {value}" for name, value in headers]
    if any(_CONTROLS.search(_FOLD.sub("", line)) for line in lines):
        raise Unsafe("a header may not contain control characters")
    return "".join(f"{line}\r\n" for line in lines).encode()


def check(content: bytes, recipient: str) -> None:
    """Check that an e-mail has only our headers, each once, one sender, and the right recipient.

    The last look before the wire, also at what was written long ago; raises Unsafe.
    """
    block, end, _ = content.partition(b"\r\n\r\n")
    try:
        lines = _FOLD.sub("", block.decode()).split("\r\n")
    except UnicodeDecodeError:
        raise Unsafe("its headers are not UTF-8") from None
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    found = dict(headers)
    if not end or len(found) < len(headers) or not found.keys() >= _NEEDED or not found.keys() <= _KNOWN:
        raise Unsafe("its headers are not those of our e-mails")
    if any(_CONTROLS.search(value) or _CONTROLS.search(_read(value)) for value in found.values()):
        raise Unsafe("its headers contain control characters")
    if not _address_in(found["from"]) or _address_in(found["to"]) != on_the_wire(recipient):
        raise Unsafe("its headers name another recipient")


def _is_plain(line: str, plain: re.Pattern[str]) -> bool:
    return _ENCODED_WORD not in line and plain.fullmatch(line) is not None


def _encoded(name: str, line: str) -> str:
    return Header(line, "utf-8", LONGEST_LINE, name).encode(linesep="\r\n")


def _read(value: str) -> str:
    """A header's value as a mail program displays it."""
    try:
        parts = [
            part if isinstance(part, str) else part.decode(charset or "latin-1")
            for part, charset in decode_header(value)
        ]
        return "".join(parts)
    except (HeaderParseError, LookupError, ValueError):
        raise Unsafe("its headers can't be read") from None


def _address_in(value: str) -> str:
    found = _MAILBOX.fullmatch(value)
    address = (found[1] or found[2] or "") if found else ""
    return on_the_wire(address) if is_email_address(address) else ""
