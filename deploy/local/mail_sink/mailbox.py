"""The received mails: one `.eml` file each, written once and never changed."""

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from pathlib import Path

NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")  # sorts by the instant of arrival


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file attached to a mail."""

    name: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail's summary for lists: headers and attachments."""

    id: str
    received_at: datetime
    message_id: str
    sender: str
    to: tuple[str, ...]  # whom the server was told to deliver to, which need not be what the head says
    subject: str
    attachments: tuple[Attachment, ...]


class Mailbox:
    """A folder of mails. Summaries are cached, because files never change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen: dict[str, Mail] = {}

    def store(self, content: bytes, *, sender: str, recipients: Sequence[str]) -> str:
        """Store a mail; on return it is durable on disk."""
        arrived_at = datetime.now(UTC)
        mail_id = f"{arrived_at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
        # The envelope is written on top, as the last server of a mail's way does.
        trace = [f"Return-Path: <{_line(sender)}>", *(f"Delivered-To: {_line(to)}" for to in recipients)]
        partial = self.folder / f"{mail_id}.part"
        with partial.open("xb") as file:
            file.write("".join(f"{line}\r\n" for line in trace).encode() + content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._file(mail_id))
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return mail_id

    def ids(self) -> list[str]:
        """The ids of all mails, newest first."""
        names = (entry.name.removesuffix(".eml") for entry in os.scandir(self.folder))
        return sorted(filter(NAME.fullmatch, names), reverse=True)

    def mails(self, ids: Sequence[str] | None = None) -> list[Mail]:
        """The summaries of some mails, or of all."""
        return [self.mail(mail_id) for mail_id in (self.ids() if ids is None else ids)]

    def mail(self, mail_id: str) -> Mail:
        """The summary of one mail; raises FileNotFoundError if there is none."""
        if mail_id not in self._seen:
            self._seen[mail_id] = _summary(mail_id, self.message(mail_id))
        return self._seen[mail_id]

    def message(self, mail_id: str) -> EmailMessage:
        """A mail with all its parts; raises FileNotFoundError if there is none."""
        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.source(mail_id))

    def source(self, mail_id: str) -> bytes:
        """A mail's raw source; raises FileNotFoundError if there is none."""
        return self._file(mail_id).read_bytes()

    def _file(self, mail_id: str) -> Path:
        if not NAME.fullmatch(mail_id):
            raise FileNotFoundError(mail_id)
        return self.folder / f"{mail_id}.eml"


def attachments(message: EmailMessage) -> list[EmailMessage]:
    """Parts that readers see as files: attached, or named and not embedded in the text."""
    return [part for part in message.walk() if part.get_content_disposition() == "attachment"]


def content_bytes(part: MIMEPart) -> bytes:
    """The bytes of a part, decoded from its transfer encoding."""
    if part.get_content_maintype() == "message":  # a forwarded mail has no encoding of its own
        return b"".join(inner.as_bytes() for inner in part.iter_parts())
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _summary(mail_id: str, message: EmailMessage) -> Mail:
    return Mail(
        id=mail_id,
        received_at=datetime.strptime(mail_id.rpartition("-")[0], "%Y%m%dT%H%M%S%f%z"),
        message_id=str(message.get("Message-ID", "")).strip(),
        sender=str(message.get("From", "")),
        to=tuple(str(to) for to in message.get_all("Delivered-To", [])),
        subject=str(message.get("Subject", "")),
        attachments=tuple(
            Attachment(
                name=part.get_filename() or f"attachment-{number}",
                content_type=part.get_content_type(),
                size_bytes=len(content_bytes(part)),
                sha256=hashlib.sha256(content_bytes(part)).hexdigest(),
            )
            for number, part in enumerate(attachments(message), start=1)
        ),
    )


def _line(text: str) -> str:
    """A text that can't break out of its header line."""
    return " ".join(text.split())
