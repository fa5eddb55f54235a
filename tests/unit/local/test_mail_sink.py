"""The mail sink keeps what it acknowledges, and shows it without trusting it."""

import os
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from hashlib import sha256

import httpx2
import pytest

from deploy.local.mail_sink import MailSink
from deploy.local.mail_sink.mailbox import Mailbox

SCRIPT = "<script>alert(1)</script>"
KEY = "key-of-this-page"


@pytest.fixture
def start_sink(tmp_path):
    running = []

    def start(**options) -> MailSink:
        sink = MailSink(tmp_path / "mail", page_key=KEY, environment={"PATH": os.defpath}, **options)
        sink.start()
        running.append(sink)
        return sink

    yield start
    for sink in running:
        sink.stop()


@contextmanager
def reader(sink: MailSink) -> Iterator[httpx2.Client]:
    """A browser that has opened the page."""
    page = f"http://127.0.0.1:{sink.page_port}"
    with httpx2.Client(base_url=page, follow_redirects=True) as client:
        assert client.get(sink.page()).is_success
        yield client


def send(sink: MailSink, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port, timeout=10) as client:
        client.send_message(message)


def mail(subject: str = "Your order", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Waybill <orders@waybill.example>"
    message["To"] = "Íñigo Peña <peña@customer.example>"
    message["Subject"] = subject
    message["Message-ID"] = "<order-1@waybill.example>"
    message.set_content(f"Thank you. {SCRIPT}")
    if html:
        message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="factura-1 ñ.pdf")
    message.add_attachment(SCRIPT.encode(), maintype="text", subtype="html", filename="page.html")
    return message


def test_a_mail_is_listed_with_its_files_and_survives_a_restart(start_sink):
    first = start_sink()
    send(first, mail("Pedido n.º 1"))
    first.stop()

    second = start_sink()
    with reader(second) as client:
        [listed] = client.get("/messages.json").json()
        source = client.get(f"/messages/{listed['id']}/source")

    assert listed["message_id"] == "<order-1@waybill.example>"
    assert listed["subject"] == "Pedido n.º 1"
    assert listed["to"] == ["peña@customer.example"]
    assert listed["attachments"][0] == {
        "name": "factura-1 ñ.pdf",
        "content_type": "application/pdf",
        "size_bytes": 8,
        "sha256": sha256(b"%PDF-1.7").hexdigest(),
    }
    assert source.headers["Content-Type"].startswith("text/plain")
    assert "Delivered-To: peña@customer.example" in source.text


def test_it_refuses_the_share_it_is_told_to_and_the_same_ones_for_the_same_seed(tmp_path, start_sink):
    def answer(sink: MailSink) -> int:
        try:
            send(sink, mail())
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        return 250

    def answers(sink: MailSink) -> list[int]:
        return [answer(sink) for _ in range(20)]

    first = start_sink(refused_share=0.5, seed=7)
    second = start_sink(refused_share=0.5, seed=7)
    given = answers(first)

    assert given == answers(second)
    assert set(given) == {250, 451}
    assert len(Mailbox(tmp_path / "mail").ids()) == 2 * given.count(250)


def test_nothing_of_a_mail_runs_in_the_reader(start_sink):
    sink = start_sink()
    send(sink, mail(f"A subject {SCRIPT}", html=f"<html><head></head><body>{SCRIPT}</body></html>"))
    [mail_id] = sink.mailbox.ids()

    with reader(sink) as client:
        pages = [client.get("/"), client.get(f"/messages/{mail_id}")]
        html = client.get(f"/messages/{mail_id}/html")
        pdf = client.get(f"/messages/{mail_id}/attachments/1")
        page = client.get(f"/messages/{mail_id}/attachments/2")

    for shown in pages:
        assert SCRIPT not in shown.text
        assert "&lt;script&gt;" in shown.text
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in pages[1].text
    assert html.headers["Content-Security-Policy"].startswith("sandbox allow-popups ")
    assert "allow-scripts" not in html.headers["Content-Security-Policy"]
    assert pdf.content == b"%PDF-1.7"
    assert pdf.headers["Content-Disposition"].startswith("inline")
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")


def test_it_answers_only_what_exists_and_only_to_this_machine(start_sink):
    sink = start_sink()
    send(sink, mail())
    [mail_id] = sink.mailbox.ids()

    with reader(sink) as client:
        missing = ["/messages/..%2Fmail.log", "/messages/none", f"/messages/{mail_id}/html"]
        assert [client.get(path).status_code for path in missing] == [404, 404, 404]
        assert client.get(f"/messages/{mail_id}/attachments/3").status_code == 404
        assert client.get("/", headers={"Host": "attacker.example"}).status_code == 400


@pytest.mark.requirement("V-19")
def test_its_page_asks_for_the_key_that_is_in_the_printed_address(start_sink):
    sink = start_sink()
    send(sink, mail("Your private order"))
    [mail_id] = sink.mailbox.ids()
    parts = ("", "/html", "/source", "/attachments/1")
    paths = ["/", "/messages.json", *(f"/messages/{mail_id}{part}" for part in parts)]

    with httpx2.Client(base_url=f"http://127.0.0.1:{sink.page_port}") as stranger:
        for path in paths:
            for key in ("", "?key=", "?key=guessed", f"?key={KEY}x"):
                closed = stranger.get(path + key)
                assert closed.status_code == 403
                assert "private" not in closed.text
        name = f"mail-{sink.page_port}"
        stranger.cookies.set(name, KEY)
        assert stranger.get("/").status_code == 403
    with reader(sink) as client:
        assert {client.get(path).status_code for path in paths if not path.endswith("/html")} == {200}
        [cookie] = client.cookies.jar
        assert KEY not in str(cookie.value)
        assert KEY not in str(client.get(sink.page(f"/messages/{mail_id}")).url)
    opened = httpx2.get(sink.page())
    assert "HttpOnly" in opened.headers["Set-Cookie"]
    assert "SameSite=Strict" in opened.headers["Set-Cookie"]
