"""Where webhooks may go: to the public network, by https, and nowhere else, whatever a name says."""

import asyncio
import datetime as dt
import gzip
import socket
import ssl
import threading
import time
from functools import partial
from http.server import ThreadingHTTPServer
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifications.domain.receivers import Forbidden, check_address, check_resolved
from services.notifications.webhook_client import WebhookClient
from tests.unit.notifications.webhooks.conftest import ReceiverHandler

OURS = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8"),
    *("168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1"),
    *("192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fe80::1"),
    *("fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2002:7f00:1::", "2001::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "3fff::1"),
]
WORLDS = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450:4001::1", "2606:4700::1111", "64:ff9b::8.8.8.8"]


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize("number", OURS)
def test_an_address_that_is_not_the_worlds_is_refused_as_it_is_written_and_as_it_is_resolved(number):
    host = f"[{number}]" if ":" in number else number
    with pytest.raises(Forbidden):
        check_address(f"https://{host}/hooks", local=False)
    with pytest.raises(Forbidden):
        check_resolved([number], local=False)
    with pytest.raises(Forbidden):
        check_resolved(["8.8.8.8", number], local=False)


@pytest.mark.parametrize("number", WORLDS)
def test_an_address_of_the_world_is_let_in(number):
    host = f"[{number}]" if ":" in number else number
    assert check_address(f"https://{host}/hooks", local=False).hostname == number
    assert check_resolved([number], local=False) == [number]


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize(
    "address",
    [
        *("http://shop.example/", "ftp://shop.example/", "//shop.example/", "shop.example", "https://"),
        *("https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/"),
        *("https://127.1/", "https://1/", "https://017700000001/", "https://127.0.0.1./"),
        *("https://ann:secret@shop.example/", "https://ann@shop.example/", "https://@shop.example/"),
        *("https://localhost/", "https://hooks.localhost/", "https://intranet/", "https://postgres./"),
        *("https://shop.example:22/", "https://shop.example:25/", "https://shop.example:80/"),
        *("https://shop.example:0/", "https://shop.example:99999/", "https://shop.example:x/"),
        *("https://shop.example/#part", "https://shop.example/a b", "https://shop.example\\@127.0.0.1/"),
        *("https://%6c%6fcalhost.example/", "https://127.0.0.%31/", "https://shop.example%00.example/"),
        *("https://shop.example%2f.evil.example/", "https://shop..example/", "https://-shop.example/"),
        *(
            f"https://{'a' * 64}.example/",
            f"https://{'a.' * 127}example/",
            "https://shop.example,evil.example/",
        ),
        *(
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[::1/",
        ),
        *(
            "https://shop.example:443:8443/",
            "https://[v1.shop]/",
            "https://*.example/",
            "https://shop.example../",
        ),
        *("https://shop.example/\n", "https://shöp.example/", "https://127.0.0.1\u3002/"),
        "https://shop.example/" + "a" * 2000,
    ],
)
def test_what_is_no_proper_address_is_refused(address):
    with pytest.raises(Forbidden):
        check_address(address, local=False)


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/hooks?key=1",
        "https://shop.example:8443/",
        "https://8.8.8.8/",
        "https://1.example/",
        "https://xn--shp-fka.example./hooks",
        "https://my_shop.example/hooks",
    ],
)
def test_what_is_a_proper_address_is_let_in(address):
    assert check_address(address, local=False)


def test_the_setting_for_one_machine_lets_in_the_machine_itself_and_no_other():
    assert check_address("http://localhost:9000/", local=True)
    assert check_address("http://127.0.0.1:9000/", local=True)
    for address in ("http://shop.example/", "http://192.168.1.1:9000/", "https://10.0.0.1/"):
        with pytest.raises(Forbidden):
            check_address(address, local=True)
    assert check_resolved(["127.0.0.1"], local=True)
    with pytest.raises(Forbidden):
        check_resolved(["127.0.0.1", "192.168.1.1"], local=True)


def posted(address, *, local=False, **options):
    """What comes of a post."""

    async def post():
        client = WebhookClient(local=local, **options)
        try:
            return await client.post(uuid4(), address, {"webhook-id": "1"}, b"{}")
        finally:
            await client.close()

    return asyncio.run(post())


def resolver(*answers):
    """Stands in for name servers: each look-up has the next answer, the last one for ever."""
    asked = []

    async def resolve(host, port):
        asked.append((host, port))
        return answers[min(len(asked), len(answers)) - 1]

    resolve.asked = asked
    return resolve


@pytest.mark.requirement("W-10")
@pytest.mark.parametrize("found", [["10.0.0.7"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["fe80::1%lo"], []])
def test_a_name_that_leads_to_us_is_not_connected_to(receiver, found):
    answer = posted(f"https://hooks.example:{receiver.server_port}/", resolve=resolver(found))

    assert answer.status is None
    assert answer.error.startswith("not sent: its address its host") is True
    assert receiver.came == []


@pytest.mark.requirement("W-10")
def test_a_proxy_of_the_environment_is_not_asked(receiver, receiver_at, monkeypatch):
    proxy = receiver_at()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")

    assert posted(receiver.address, local=True).status == 204

    assert (len(receiver.came), len(proxy.came)) == (1, 0)


class Vouched:
    """A receiver with a certificate for a name, and those who trust whoever signed it."""

    def __init__(self, name, folder):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = folder / "certificate.pem"
        pem = serialization.Encoding.PEM
        file.write_bytes(
            certificate.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.trust = ssl.create_default_context(cafile=str(file))
        self.names = []
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(file)
        own.sni_callback = lambda _socket, asked, _context: self.names.append(asked)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), ReceiverHandler)
        self.server.socket = own.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None
        self.server.answers, self.server.otherwise, self.server.came = [], 204, []
        self.server.lock = threading.Lock()
        self.thread = threading.Thread(target=partial(self.server.serve_forever, poll_interval=0.01))
        self.thread.start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def vouched(tmp_path):
    one = Vouched("hooks.localhost", tmp_path)
    yield one
    one.end()


@pytest.mark.requirement("W-10")
def test_the_certificate_is_the_names_though_the_connection_goes_to_the_number(vouched):
    found = resolver(["127.0.0.1"])
    address = f"https://localhost:{vouched.server.server_port}/"
    wrong = posted(address, local=True, resolve=found, tls=vouched.trust)

    assert wrong.status is None
    assert "CERTIFICATE_VERIFY_FAILED" in wrong.error
    assert vouched.names == ["localhost"]
    assert vouched.server.came == []


@pytest.mark.requirement("W-10")
def test_a_name_is_looked_up_once_and_what_was_looked_at_is_where_the_post_goes(tmp_path, monkeypatch):
    # The first answer is fine by the setting, a second look would lead elsewhere.
    one = Vouched("localhost", tmp_path)
    try:
        found = resolver(["127.0.0.1"], ["10.0.0.7"])
        answer = posted(
            f"https://localhost:{one.server.server_port}/", local=True, resolve=found, tls=one.trust
        )
    finally:
        one.end()

    assert answer.status == 204
    assert len(found.asked) == 1
    assert one.names == ["localhost"]


@pytest.mark.requirement("W-10")
def test_a_name_that_is_changed_after_it_was_accepted_is_looked_at_for_each_connection(receiver):
    found = resolver(["127.0.0.1"], ["192.168.0.1"])

    async def twice():
        client = WebhookClient(local=True, resolve=found)
        try:
            address = f"http://localhost:{receiver.server_port}/"
            return [await client.post(uuid4(), address, {"webhook-id": "1"}, b"{}") for _ in range(2)]
        finally:
            await client.close()

    first, second = asyncio.run(twice())
    assert first.status == 204
    assert "not public" in second.error
    assert len(receiver.came) == 1


def test_of_several_addresses_the_next_is_tried_where_one_refuses(receiver):
    found = resolver(["::1", "127.0.0.1"])

    assert posted(f"http://localhost:{receiver.server_port}/", local=True, resolve=found).status == 204


def flood(part):
    """Answers without an end, in parts as small as they can be; tells how much was taken."""

    def answer(handler):
        handler.server.taken = 0
        while True:  # until we hang up
            handler.wfile.write(part * 100)
            handler.server.taken += len(part) * 100

    return answer


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 1000 + b"\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n"),
    ],
)
def test_an_answer_without_an_end_is_left_before_it_costs_others_anything(receiver, head, part):
    pour = flood(part)

    def answer(handler):
        handler.wfile.write(head)
        pour(handler)

    receiver.answers = [answer]
    began = time.monotonic()
    came = posted(receiver.address, local=True, all_seconds=9)

    assert came.milliseconds < 5000
    assert time.monotonic() - began < 9
    assert came.error == "ReadError: its response is larger than 48 kB with framing" or came.status == 200


def test_after_an_answer_without_an_end_the_next_post_is_answered(receiver):
    receiver.answers = [flood(b"HTTP/1.1 100 Continue\r\n\r\n")]

    async def twice():
        client, place = WebhookClient(local=True), uuid4()
        try:
            return [await client.post(place, receiver.address, {"webhook-id": "1"}, b"{}") for _ in range(2)]
        finally:
            await client.close()

    first, second = asyncio.run(twice())
    assert (first.status, second.status) == (None, 204)


def test_over_one_connection_each_answer_may_be_as_long_as_any(receiver):
    receiver.otherwise = (200, {}, b"x" * 15_000)

    async def often():
        client, place = WebhookClient(local=True), uuid4()
        try:
            return [await client.post(place, receiver.address, {"webhook-id": "1"}, b"{}") for _ in range(6)]
        finally:
            await client.close()

    assert [one.status for one in asyncio.run(often())] == [200] * 6


def test_what_an_answer_says_is_kept_as_it_was_sent_and_never_unpacked(receiver):
    receiver.answers = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 10_000_000))]

    came = posted(receiver.address, local=True)

    assert came.status == 200
    assert len(came.text) <= 500


def test_name_servers_that_do_not_answer_hold_up_no_other_name(receiver, monkeypatch):
    real, is_over = socket.getaddrinfo, threading.Event()

    def look_up(host, *arguments, **named):
        if str(host).endswith(".example"):
            is_over.wait(30)
            raise socket.gaierror
        return real(host, *arguments, **named)

    async def all_at_once():
        client = WebhookClient(local=True, all_seconds=5)
        try:
            silent = [
                asyncio.create_task(client.post(uuid4(), f"https://shop-{one}.example/", {}, b"{}"))
                for one in range(250)
            ]
            await asyncio.sleep(0.5)
            answer = await client.post(uuid4(), f"http://localhost:{receiver.server_port}/", {}, b"{}")
            for one in silent:
                one.cancel()
            return answer
        finally:
            is_over.set()
            await client.close()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert asyncio.run(all_at_once()).status == 204
