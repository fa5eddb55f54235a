"""The text of a sent e-mail, for viewing later."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

_KEY = re.compile(r"(\btoken=)[\w.~-]+")  # in a customer's link: who has it may write as the customer
_CODE = re.compile(r'<span class="code"[^>]*>([^<]+)<')  # to collect with: who has it is given the goods


@dataclass(frozen=True)
class Redacted:
    """An e-mail's text without the link token and the collection code."""

    text: str
    html: str


def redacted(content: bytes) -> Redacted:
    """The redacted text of an e-mail; empty if there is no content."""
    mail = message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    text, html = _words(mail, "plain"), _words(mail, "html")
    for code in _CODE.findall(html):
        text, html = text.replace(code, "…"), html.replace(code, "…")
    return Redacted(text, html)


def _words(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,)) if mail.is_multipart() else None
    return _KEY.sub(r"\1…", part.get_content().replace("\r\n", "\n")) if part else ""
