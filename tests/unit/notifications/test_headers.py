"""Nothing that somebody typed is read as anything but text in an e-mail's headers."""

import base64
import quopri
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.header import decode_header
from email.policy import compat32, default
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notifications.domain import headers
from services.notifications.domain.smtp_replies import smtp_reply
from services.notifications.sending import Attachment, Envelope, Outgoing, RefusedForGood, message, send
from shared.email_addresses import is_email_address, on_the_wire
from shared.text import one_line

MAIL_FROM = "Waybill <orders@waybill.example>"
ANN = "ann@example.com"
LETTER = "x\r\nSubject: Payout on hold\r\nContent-Type: text/html\r\n\r\n<h1>Pay here</h1>"
HEADERS = [
    *("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "Content-Language", "Reply-To"),
    *("MIME-Version", "Content-Type"),
]


def in_base64(text):
    return f"=?utf-8?b?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="


def quoted(text):
    encoded = quopri.encodestring(text.encode("utf-8", "surrogatepass"), quotetabs=True, header=True)
    return f"=?utf-8?q?{encoded.decode()}?="


anything = st.text(st.characters(exclude_categories=()))
harmful = st.sampled_from(
    [
        *("\r\n", "\n", "\r", "\x00", "\u2028", "\r\n ", "\r\n\r\n", "\t", '"', "\\"),
        *("<", ">", "@", ",", ";", ":"),
        *("=?", "?=", "=?utf-8?b?", "=?utf-8?q?=0D=0ABcc:_a@b.example?=", "=?unknown?q?x?=", "=?utf-8?b?=?="),
        *("(comment)", "\r\nBcc: thief@evil.example", LETTER, in_base64(LETTER), ANN),
    ]
)  # fmt: skip
pieces = st.one_of(anything, harmful, anything.map(in_base64), anything.map(quoted))
typed = st.lists(pieces, max_size=6).map("".join)

real = st.from_regex(r"[\w!#$%&'*+/=?^`{|}~-]{1,9}(\.[\w=?-]{1,9})?@\w{1,9}(\.[a-z]{2,9})?", fullmatch=True)


def outgoing(**changes):
    known = {
        "message_id": UUID(int=7),
        "address": ANN,
        "reply_to": "shop@acme.example",
        "sender_name": "Acme",
        "locale": "en",
        "subject": "On its way",
        "text": "Hello\n",
        "html": "<p>Hello</p>",
        "written_at": datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
    }
    return Outgoing(**known | changes)


def shown(value):
    """A header's text as RFC 2047 has it read."""
    parts = decode_header(value)
    return "".join(
        part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts
    )


@pytest.mark.requirement("V-01")
@given(sender_name=typed, subject=typed, filename=typed)
@example(in_base64(LETTER), in_base64(LETTER), in_base64(LETTER))
@example("=?utf-8?q?a=40evil.example=2C?=", "=?utf-8?q?a=40evil.example=2C?=", "=?utf-8?q?a?=.pdf")
def test_whatever_is_typed_stands_in_its_header_as_it_was_typed(sender_name, subject, filename):
    attachment = Attachment(filename=filename, content=b"%PDF")

    content = message(
        outgoing(sender_name=sender_name, subject=subject, attachments=(attachment,)), MAIL_FROM
    )

    headers.check(content, ANN)
    plain, read = message_from_bytes(content, policy=compat32), message_from_bytes(content, policy=default)
    assert sorted(plain.keys()) == sorted(read.keys()) == sorted(HEADERS)
    assert shown(plain["Subject"]) == read["Subject"] == one_line(subject)
    name, _, address = plain["From"].rpartition(" ")
    assert address.strip("<>") == "orders@waybill.example"
    assert shown(name.strip()) == (one_line(sender_name) or "Waybill")
    assert [part.get_content_type() for part in read.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    [paper] = read.iter_attachments()
    assert paper.keys() == [
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "MIME-Version",
    ]
    assert paper.get_filename() == headers.filename(filename)
    assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.requirement("V-01")
@given(address=typed | st.tuples(typed, typed).map("@".join) | real)
@example(f"{in_base64(LETTER)}@example.com")
@example("=?utf-8?q?a=40evil.example=2C?=@example.com")
@example("a@b.example>\r\nBcc: thief@evil.example")
@example("josé@correos.example")
def test_what_is_typed_as_an_address_is_that_one_address_or_goes_nowhere(address):
    if not is_email_address(address):
        answered = message(outgoing(reply_to=address), MAIL_FROM)
        assert "Reply-To" not in message_from_bytes(answered, policy=compat32)
        with pytest.raises(headers.Unsafe):
            message(outgoing(address=address), MAIL_FROM)
        return
    content = message(outgoing(address=address, reply_to=address), MAIL_FROM)
    headers.check(content, address)
    read = message_from_string(content.decode(), policy=default)
    assert [[one.addr_spec for one in read[name].addresses] for name in ("To", "Reply-To")] == [
        [on_the_wire(address)]
    ] * 2


def test_an_answer_to_letters_beyond_ascii_is_asked_for_only_where_the_server_must_take_them_anyway():
    content = message(outgoing(reply_to="josé@correos.example"), MAIL_FROM)

    assert "Reply-To" not in message_from_bytes(content, policy=compat32)


@pytest.mark.requirement("V-01")
@given(value=typed)
def test_no_value_becomes_a_second_header_once_it_is_serialised(value):
    try:
        written = headers.head([("Subject", value)])
    except headers.Unsafe:
        return

    assert message_from_bytes(written + b"\r\n", policy=compat32).keys() == ["Subject"]


GOOD = message(outgoing(), MAIL_FROM)


@pytest.mark.requirement("V-01")
@pytest.mark.parametrize(
    "tampered",
    [
        GOOD.replace(b"To: ann@example.com", f"To: {LETTER}@example.com".encode()),
        GOOD.replace(b"To: ann@example.com", b"To: a@evil.example,ann@example.com"),
        GOOD.replace(b"To: ann@example.com", b"To: mallory@example.com"),
        GOOD.replace(b"From: Acme", b"From: a@evil.example, Acme"),
        GOOD.replace(b"Subject: On", b"Subject: =?utf-8?q?a=0D=0AX:?= On"),
        GOOD.replace(b"Subject: On", b"Subject: =?none?q?a?= On"),
        GOOD.replace(b"Subject: On", b"Subject: a\nBcc: thief@evil.example\r\n On"),
        GOOD.replace(b"Subject: On", b"Bcc: thief@evil.example\r\nSubject: On"),
        GOOD.replace(b"Subject: On", b"Subject: On\r\nSubject: On"),
        GOOD.replace(b"Subject: On", b"Subject: \xff"),
        GOOD.replace(b"Subject: On", b"X: On"),
        GOOD.partition(b"\r\n\r\n")[0],
    ],
)
def test_each_email_s_headers_are_looked_at_once_more_before_the_wire(tampered, mail_server):
    kept = Envelope(sender="orders@waybill.example", recipient=ANN, content=tampered)

    with pytest.raises(RefusedForGood, match="headers"):
        send(kept, f"smtp://127.0.0.1:{mail_server.port}")

    assert (mail_server.greeted, mail_server.raw) == (0, [])


@pytest.mark.requirement("V-01")
def test_an_innocent_email_kept_by_an_older_release_is_still_sent(mail_server):
    kept = (
        b'Message-ID: <7@waybill.example>\r\nDate: Wed, 04 Mar 2026 09:30:00 +0000\r\n'
        b'From: "Acme, =?utf-8?q?S=C3=B6hne?=" <orders@waybill.example>\r\n'
        b"To: jos\xc3\xa9@correos.example\r\nReply-To: shop@acme.example\r\n"
        b"Subject: =?utf-8?b?RW4=?= camino\r\nAuto-Submitted: auto-generated\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n'
        b"MIME-Version: 1.0\r\nContent-Language: es\r\n\r\nHola\r\n"
    )  # fmt: skip
    envelope = Envelope(sender="orders@waybill.example", recipient="josé@correos.example", content=kept)

    assert send(envelope, f"smtp://127.0.0.1:{mail_server.port}").code == 250
    assert len(mail_server.raw) == 1


def test_why_it_was_kept_back_is_told_without_what_was_typed():
    with pytest.raises(headers.Unsafe) as refused:
        message(outgoing(address=f"{in_base64(LETTER)}@example.com"), MAIL_FROM)

    assert str(smtp_reply(None, str(refused.value))) == "To is not an e-mail address"
