"""E-mails on the wire, and what servers' answers mean."""

import socket
import ssl
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.policy import default
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local.ports import free_port
from services.notifications import sending
from services.notifications.domain import headers
from services.notifications.domain.smtp_replies import pause_seconds, smtp_reply
from services.notifications.sending import (
    Attachment,
    Delayed,
    Envelope,
    Outgoing,
    RefusedForGood,
    hang_up,
    message,
    tls_context,
)
from services.notifications.sending import send as hand_over

MAIL_FROM = "Waybill <orders@waybill.example>"


def outgoing(**changes):
    known = {
        "message_id": UUID(int=7),
        "address": "ana@customers.example",
        "reply_to": "shop@acme.example",
        "sender_name": "Acme, Gifts & Söhne",
        "locale": "es-ES",
        "subject": "Su pedido está en camino",
        "text": "Hola\n",
        "html": "<p>Hola</p>",
        "written_at": datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
    }
    return Outgoing(**known | changes)


def send(content, smtp_url):
    mail = message_from_string(content.decode(), policy=default)
    to, sender = mail["To"].addresses[0].addr_spec, mail["From"].addresses[0].addr_spec
    return hand_over(Envelope(sender=sender, recipient=to, content=content), smtp_url)


def test_the_same_email_is_the_same_bytes():
    attached = outgoing(attachments=(Attachment(filename="factura.pdf", content=b"%PDF"),))

    assert message(attached, MAIL_FROM) == message(attached, MAIL_FROM)


def test_the_headers_survive_names_and_subjects_of_any_kind():
    read = message_from_bytes(message(outgoing(), MAIL_FROM), policy=default)

    assert read["From"].addresses[0].display_name == "Acme, Gifts & Söhne"
    assert read["From"].addresses[0].addr_spec == "orders@waybill.example"
    assert read["Subject"] == "Su pedido está en camino"
    assert read["Date"].datetime == datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def test_what_goes_to_the_seller_comes_in_our_own_name():
    assert message_from_bytes(message(outgoing(sender_name=""), MAIL_FROM))["From"] == MAIL_FROM


def test_no_line_is_longer_than_mail_may_have():
    long = outgoing(html="<p>" + "ñ" * 5000 + "</p>", text="x" * 5000)

    assert max(map(len, message(long, MAIL_FROM).split(b"\r\n"))) <= 998


def test_an_address_beyond_ascii_is_sent_where_the_server_can(mail_server):
    mail = message(outgoing(address="josé@correos.example"), MAIL_FROM)

    send(mail, f"smtp://127.0.0.1:{mail_server.port}")

    assert b"jos\xc3\xa9@correos.example" in mail_server.raw[0]


@pytest.mark.requirement("M-21")
@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("a@müller.de", "a@xn--mller-kva.de"),
        ("a@MÜLLER.de", "a@xn--mller-kva.de"),
        ("a@straße.de", "a@xn--strae-oqa.de"),
        ("josé@müller.de", "josé@xn--mller-kva.de"),
        ("a@Example.com", "a@Example.com"),
    ],
)
def test_a_domain_beyond_ascii_goes_over_the_wire_in_ascii(mail_server, address, on_the_wire):
    mail = message(outgoing(address=address, reply_to=address), MAIL_FROM)

    send(mail, f"smtp://127.0.0.1:{mail_server.port}")

    [arrived] = mail_server.raw
    assert f"\r\nTo: {on_the_wire}\r\n".encode() in arrived
    assert f"\r\nReply-To: {on_the_wire}\r\n".encode() in arrived


@pytest.mark.requirement("M-21")
def test_a_domain_beyond_ascii_needs_no_server_that_takes_more():
    sender, recipient = MAIL_FROM, headers.wire_address("To", "a@müller.de")
    content = message(outgoing(address="a@müller.de"), MAIL_FROM)
    before = content.replace(b"a@xn--mller-kva.de", "a@müller.de".encode())  # as an older release kept it

    assert not Envelope(sender=sender, recipient=recipient, content=content).is_international
    assert Envelope(sender=sender, recipient=recipient, content=before).is_international


def test_an_answer_is_kept_without_the_addresses_it_names():
    assert str(smtp_reply(550, b"5.1.1 <ana@customers.example>:\r\n user unknown")) == (
        "550 5.1.1 <(address)>: user unknown"
    )


class Doorkeeper:
    """A mail server that wants a password."""

    def __init__(self):
        self.port = free_port()
        self.seen = []
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self.check,
            auth_required=True,
            auth_require_tls=False,
        )

    def check(self, server, session, envelope, mechanism, data):
        known = data == LoginPassword(b"shop", b"p@ss:word")
        self.seen.append(known)
        return AuthResult(success=known, handled=False)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        return "250 taken"


@pytest.fixture
def doorkeeper():
    server = Doorkeeper()
    server.controller.start()
    yield server
    hang_up()
    server.controller.stop()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_user_and_password_come_from_the_address(doorkeeper):
    sent = send(message(outgoing(), MAIL_FROM), f"smtp://shop:p%40ss%3Aword@127.0.0.1:{doorkeeper.port}")

    assert sent.code == 250


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_is_ours_to_mend_and_fails_no_email(doorkeeper):
    with pytest.raises(Delayed, match="535"):
        send(message(outgoing(), MAIL_FROM), f"smtp://shop:wrong@127.0.0.1:{doorkeeper.port}")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_does_not_cross_the_network_in_the_clear(doorkeeper):
    outside = "127.1"  # a name of this machine that is not known to be one

    with pytest.raises(Delayed, match="no encryption"):
        send(message(outgoing(), MAIL_FROM), f"smtp://shop:p%40ss%3Aword@{outside}:{doorkeeper.port}")

    assert doorkeeper.seen == []


class Safe:
    """A mail server that encrypts: from the first byte, or by STARTTLS."""

    def __init__(self, folder, *, at_once):
        self.certificate = folder / "certificate.pem"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self_signed(folder))
        tls = {"ssl_context": context} if at_once else {"tls_context": context, "require_starttls": True}
        self.port = free_port()
        self.taken = 0
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **tls)
        self.url = f"{'smtps' if at_once else 'smtp'}://127.0.0.1:{self.port}"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.taken += session.ssl is not None or self.url.startswith("smtps")
        return "250 taken"


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@pytest.fixture(params=[True, False], ids=["smtps", "starttls"])
def safe(request, tmp_path):
    server = Safe(tmp_path, at_once=request.param)
    server.controller.start()
    yield server
    hang_up()
    server.controller.stop()
    tls_context.cache_clear()


def test_a_trusted_server_is_spoken_to_encrypted(safe, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(safe.certificate))
    tls_context.cache_clear()

    assert send(message(outgoing(), MAIL_FROM), safe.url).code == 250
    assert safe.taken == 1


def test_a_server_that_nobody_vouches_for_gets_nothing(safe):
    with pytest.raises(Delayed, match="certificate verify failed"):
        send(message(outgoing(), MAIL_FROM), safe.url)

    assert safe.taken == 0


def test_a_server_that_is_not_there_is_waited_for():
    with pytest.raises(Delayed, match="ConnectionRefusedError"):
        send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{free_port()}")


def test_a_server_that_hangs_up_is_tried_again(mail_server):
    mail_server.at_content.append("421 going away")

    with pytest.raises(Delayed, match="421"):
        send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{mail_server.port}")


def test_a_sender_refused_for_good_is_said_so(mail_server):
    mail_server.at_recipient.append("550 we don't take mail from you")

    with pytest.raises(RefusedForGood, match="550"):
        send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{mail_server.port}")


def test_a_connection_is_kept_for_the_next_email(mail_server):
    for _ in range(3):
        send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{mail_server.port}")

    assert len(mail_server.raw) == 3
    assert mail_server.greeted == 1


def test_a_refused_email_spoils_nothing_for_the_next(mail_server):
    mail_server.at_recipient.append("550 unknown here")
    with pytest.raises(RefusedForGood):
        send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{mail_server.port}")

    send(message(outgoing(), MAIL_FROM), f"smtp://127.0.0.1:{mail_server.port}")

    assert mail_server.greeted == 1


def test_a_kept_connection_that_has_gone_is_replaced(mail_server):
    address = f"smtp://127.0.0.1:{mail_server.port}"
    send(message(outgoing(), MAIL_FROM), address)
    sending._kept.server.sock.shutdown(socket.SHUT_RDWR)

    send(message(outgoing(), MAIL_FROM), address)

    assert (len(mail_server.raw), mail_server.greeted) == (2, 2)


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        (None, "ConnectionRefusedError", "temporary"),
        (450, "4.2.0 greylisted, come back in a minute", "temporary"),
        (451, "4.7.1 Greylisting in action", "temporary"),
        (452, "4.2.2 mailbox full", "temporary"),
        (421, "4.7.0 try again later", "throttled"),
        (450, "4.2.1 receiving mail at a rate that prevents delivery", "throttled"),
        (452, "too many messages from you", "throttled"),
        (550, "5.1.1 no such user", "permanent"),
        (554, "5.7.1 rate limit", "permanent"),
    ],
)
def test_an_answer_says_what_is_to_be_done(code, text, meaning):
    assert smtp_reply(code, text).meaning == meaning


def test_a_domain_is_left_alone_for_longer_each_time_up_to_an_hour():
    assert [pause_seconds(strikes) for strikes in (1, 2, 3, 8, 99)] == [30, 60, 120, 3600, 3600]
