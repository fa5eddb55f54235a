"""Sending e-mails to the mail server, and interpreting its replies."""

import smtplib
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from urllib.parse import unquote, urlsplit
from uuid import UUID

from services.notifications.domain import headers
from services.notifications.domain.smtp_replies import PERMANENT, SmtpReply, smtp_reply
from shared.email_addresses import is_email_address, on_the_wire
from shared.text import one_line

WIRE = SMTP.clone(cte_type="7bit")  # not every server takes eight bits
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TAKEN = (250, 251)  # RFC 5321: done, and done by forwarding
GOING_AWAY = 421
IDLE_SECONDS = 20  # servers hang up on who says nothing for longer
EMAILS_PER_CONNECTION = 100  # some servers' limit
TIMEOUT_SECONDS = 10  # for each step of the conversation; the job as a whole has its own limit


class Delayed(Exception):  # noqa: N818 - reads as what happened
    """The server is unavailable, or does not accept the e-mail now."""

    def __init__(self, answer: SmtpReply) -> None:
        super().__init__(str(answer))
        self.answer = answer


class RefusedForGood(Exception):  # noqa: N818
    """The server will never accept this e-mail."""

    def __init__(self, answer: SmtpReply) -> None:
        super().__init__(str(answer))
        self.answer = answer


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A PDF attached to an e-mail."""

    filename: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """Everything that makes up an e-mail."""

    message_id: UUID
    address: str
    reply_to: str
    sender_name: str  # empty: the name in mail_from
    locale: str
    subject: str
    text: str
    html: str
    written_at: datetime
    attachments: tuple[Attachment, ...] = ()


def message(outgoing: Outgoing, mail_from: str) -> bytes:
    """An e-mail as sent over SMTP; the same input gives the same bytes, so a repeat can be recognised.

    It is sent in the seller's name from the system's own address, which is the one that SPF and DKIM
    vouch for; answers go to whom the reader would want to answer, if that is an address. Raises
    headers.Unsafe where the address it should go to is none.
    """
    own_name, own_address = parseaddr(mail_from)
    domain = headers.wire_address("From", own_address).rpartition("@")[2]
    head = [
        ("Message-ID", f"<{outgoing.message_id}@{domain}>"),
        ("Date", format_datetime(outgoing.written_at)),
        ("From", headers.mailbox("From", own_address, one_line(outgoing.sender_name) or own_name)),
        ("To", headers.mailbox("To", outgoing.address)),
        ("Subject", headers.text("Subject", outgoing.subject)),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no holiday notice answers it
        ("Content-Language", outgoing.locale.replace("_", "-")),
    ]
    # Letters beyond ASCII need a server that takes them, and an e-mail is not to fail for who answers it.
    if is_email_address(outgoing.reply_to):
        reply_to = on_the_wire(outgoing.reply_to)
        if reply_to.isascii() or not on_the_wire(outgoing.address).isascii():
            head.append(("Reply-To", reply_to))
    return headers.head(head) + _body(outgoing).as_bytes()


def _body(outgoing: Outgoing) -> EmailMessage:
    """The body of an e-mail with its attachments and MIME headers."""
    body = EmailMessage(policy=WIRE)
    body.set_content(outgoing.text)
    body.add_alternative(outgoing.html, subtype="html")
    for attachment in outgoing.attachments:
        name = headers.filename(attachment.filename)
        body.add_attachment(attachment.content, maintype="application", subtype="pdf", filename=name)
    for depth, part in enumerate(part for part in body.walk() if part.is_multipart()):
        part.set_boundary(f"{outgoing.message_id.hex}-{depth}")
    return body


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The SMTP envelope, and the raw content."""

    sender: str
    recipient: str
    content: bytes

    @property
    def is_international(self) -> bool:
        """Whether an address, or a header written by an older release, needs SMTPUTF8."""
        head = self.content.partition(b"\r\n\r\n")[0]
        return not ((self.sender + self.recipient).isascii() and head.isascii())


def send(envelope: Envelope, smtp_url: str) -> SmtpReply:
    """Send an e-mail to the server and return its 250 reply; raises Delayed or RefusedForGood.

    Only what the server says about this e-mail (its sender, recipient or content) can be for good. That it
    can't be reached, greets with a refusal or dislikes our password is its operator's or ours to mend. The
    connection is kept for the next e-mail of this thread.
    """
    try:
        headers.check(envelope.content, envelope.recipient)
    except headers.Unsafe as error:
        raise RefusedForGood(smtp_reply(None, str(error))) from error
    server = _kept_connection(smtp_url) or _new_connection(smtp_url)
    try:
        taken = _hand_over(server, envelope)
    except (Delayed, RefusedForGood) as error:
        if error.answer.code == GOING_AWAY:
            server.close()
        else:
            _keep(server, smtp_url)
        raise
    except smtplib.SMTPNotSupportedError as error:
        _keep(server, smtp_url)
        raise RefusedForGood(smtp_reply(None, str(error))) from error
    except smtplib.SMTPDataError as error:
        _keep(server, smtp_url)
        raise _refusal(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        server.close()
        raise Delayed(smtp_reply(None, f"{type(error).__name__}: {error}")) from error
    except BaseException:
        server.close()  # the job's time is up in the middle of a conversation
        raise
    _keep(server, smtp_url)
    return taken


def greet(smtp_url: str) -> None:
    """Check that the server accepts our connection and login; raises Delayed if it doesn't."""
    server = _new_connection(smtp_url)
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def _new_connection(smtp_url: str) -> smtplib.SMTP:
    try:
        return _connection(smtp_url)
    except smtplib.SMTPResponseException as error:
        raise Delayed(smtp_reply(error.smtp_code, error.smtp_error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise Delayed(smtp_reply(None, f"{type(error).__name__}: {error}")) from error


class _Kept(threading.local):
    """A thread's open connection: never shared between threads."""

    server: smtplib.SMTP | None = None
    smtp_url = ""
    used_at = 0.0
    uses = 0


_kept = _Kept()


def hang_up() -> None:
    """Close this thread's connection, if it has one."""
    server, _kept.server = _kept.server, None
    if server is not None:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()


def _keep(server: smtplib.SMTP, smtp_url: str) -> None:
    if _kept.server is not server:
        hang_up()
        _kept.server, _kept.smtp_url, _kept.uses = server, smtp_url, 0
    _kept.uses += 1
    _kept.used_at = time.monotonic()


def _kept_connection(smtp_url: str) -> smtplib.SMTP | None:
    """The connection kept from the previous e-mail, if it is still alive."""
    server = _kept.server
    if server is None:
        return None
    is_old = time.monotonic() - _kept.used_at > IDLE_SECONDS or _kept.uses >= EMAILS_PER_CONNECTION
    with suppress(smtplib.SMTPException, OSError):
        # RSET also ends what a refused e-mail left half said.
        if _kept.smtp_url == smtp_url and not is_old and server.rset()[0] == TAKEN[0]:
            return server
    hang_up()
    return None


def _connection(smtp_url: str) -> smtplib.SMTP:
    place = urlsplit(smtp_url)
    host = place.hostname or "localhost"
    if place.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, place.port or 465, own_name(), timeout=TIMEOUT_SECONDS, context=tls_context()
        )
    else:
        server = smtplib.SMTP(host, place.port or 25, own_name(), timeout=TIMEOUT_SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        if place.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=tls_context())
            server.ehlo_or_helo_if_needed()
        if place.username:
            _require_privacy(server, host)
            server.login(unquote(place.username), unquote(place.password or ""))
    except BaseException:
        server.close()
        raise
    return server


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS context, created once because that costs more than sending an e-mail."""
    return ssl.create_default_context()


@cache
def own_name() -> str:
    """Our host name for mail servers, looked up once because that may be slow."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"  # RFC 5321: an address stands in for a name


def _require_privacy(server: smtplib.SMTP, host: str) -> None:
    if not isinstance(server.sock, ssl.SSLSocket) and host not in LOOPBACK:
        raise smtplib.SMTPException("the server offers no encryption, so the password was not sent")


def _hand_over(server: smtplib.SMTP, envelope: Envelope) -> SmtpReply:
    if envelope.is_international and not server.has_extn("smtputf8"):
        raise smtplib.SMTPNotSupportedError("the server does not accept non-ASCII addresses")
    _require_taken(*server.mail(envelope.sender, ["SMTPUTF8"] if envelope.is_international else []))
    _require_taken(*server.rcpt(envelope.recipient))
    code, text = server.data(envelope.content)
    _require_taken(code, text)
    return smtp_reply(code, text)


def _require_taken(code: int, text: bytes) -> None:
    if code not in TAKEN:
        raise _refusal(code, text)


def _refusal(code: int, text: bytes | str) -> Delayed | RefusedForGood:
    kind = RefusedForGood if code >= PERMANENT else Delayed
    return kind(smtp_reply(code, text))
