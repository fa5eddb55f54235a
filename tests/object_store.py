"""A server of the S3 protocol in a process of its own, and what may stand between it and us."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from uuid import uuid4

import httpx2

from deploy.local.ports import HOST, free_port
from shared import stores
from tests.serving import serving
from tests.waiting import until

# Its input ends with the tests that started it, however they end, and it with that.
SERVE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main(sys.argv[1:])
"""
REGION = "eu-west-1"
KEY_ID, SECRET = "AKIAWAYBILL", "hush-hush-of-the-bucket"
PIECE = 1 << 16
# The server lets in whoever says who they are, and looks at no signature.
SOMEBODY = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/s3/aws4_request,"
    " SignedHeaders=host, Signature=x"
}


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """A server, and one bucket of it."""

    endpoint: str
    client: httpx2.Client
    bucket: str = "papers"

    def settings(self, *, endpoint: str = "", prefix: str = "") -> dict[str, str]:
        """What documents' settings say of a place in it that nobody else uses."""
        return {
            "documents_store": f"s3://{self.bucket}/{prefix or uuid4()}",
            "store_endpoint": endpoint or self.endpoint,
            "store_region": REGION,
            "store_key_id": KEY_ID,
            "store_secret": SECRET,
        }

    def put(self, key: str, content: bytes) -> None:
        """Put bytes there behind our back."""
        self._ask("PUT", key, content)

    def get(self, key: str) -> bytes:
        """What is there."""
        return self._ask("GET", key).content

    def delete(self, key: str) -> None:
        """Delete behind our back."""
        self._ask("DELETE", key)

    def _ask(self, method: str, key: str, content: bytes = b"") -> httpx2.Response:
        address = f"{self.endpoint}/{self.bucket}/{key}"
        answer = self.client.request(method, address, content=content, headers=SOMEBODY)
        return answer.raise_for_status()


@contextmanager
def object_store(host: str = HOST) -> Iterator[ObjectStore]:
    """A server that runs until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "-H", host, "-p", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with httpx2.Client() as client:
        made = ObjectStore(endpoint=f"http://{host}:{port}", client=client)
        try:
            until(lambda: _answers(made))
            yield made
        finally:
            process.terminate()
            process.communicate()


def _answers(made: ObjectStore) -> bool:
    try:
        return made.client.put(f"{made.endpoint}/{made.bucket}").is_success
    except httpx2.TransportError:
        return False


@dataclass
class Faults:
    """What happens to requests on their way; everything at first is passed on."""

    target: int  # the server's port
    say: bytes = b""  # said instead of passing a request on
    delay_seconds: float = 0  # before a request is passed on
    cut_answers_after: int | None = None  # so many bytes of what the server says
    cut_requests_after: int | None = None  # so many of what we say
    lose_answers: bool = False  # the server does it, and nobody hears
    times: int = 1 << 30  # so often; then all is well again
    requests: list[bytes] = field(default_factory=list)  # the first line of each

    def answer_with(self, status: str, body: bytes = b"") -> None:
        """Answer all that comes with a status."""
        self.say = (
            f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )


@contextmanager
def between(store: ObjectStore) -> Iterator[tuple[str, Faults]]:
    """An endpoint that passes on to a server what its faults let through, a request a connection."""
    faults = Faults(target=int(store.endpoint.rpartition(":")[2]))

    class Passing(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                _pass_on(self.request, faults)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 64

    with serving(Server((HOST, 0), Passing)) as server:
        yield f"http://{HOST}:{server.server_address[1]}", faults


def _pass_on(ours: socket.socket, faults: Faults) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = ours.recv(PIECE)
        if not piece:
            return
        head += piece
    faults.requests.append(head.partition(b"\r\n")[0])
    faults.times -= 1
    at_fault = faults.times >= 0
    if at_fault and faults.say:
        _read_body(ours, head)
        ours.sendall(faults.say)
        return
    if at_fault:
        time.sleep(faults.delay_seconds)
    # One request a connection: the next one may have another fault.
    head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    with socket.create_connection((HOST, faults.target)) as theirs:
        cut = faults.cut_requests_after if at_fault else None
        asking = threading.Thread(target=_copy, args=(ours, theirs, head, cut), daemon=True)
        asking.start()
        if at_fault and faults.lose_answers:
            while theirs.recv(PIECE):
                pass
            return
        _copy(theirs, ours, b"", faults.cut_answers_after if at_fault else None)


def _copy(source: socket.socket, target: socket.socket, first: bytes, cut_after: int | None) -> None:
    passed = 0
    with suppress(OSError):
        piece = first or source.recv(PIECE)
        while piece:
            if cut_after is not None and passed + len(piece) > cut_after:
                target.sendall(piece[: cut_after - passed])
                target.shutdown(socket.SHUT_RDWR)
                return
            target.sendall(piece)
            passed += len(piece)
            piece = source.recv(PIECE)


def _read_body(ours: socket.socket, head: bytes) -> None:
    lines, _, body = head.lower().partition(b"\r\n\r\n")
    length = next(
        (
            int(line.partition(b":")[2])
            for line in lines.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    left = length - len(body)
    while left > 0 and (piece := ours.recv(PIECE)):
        left -= len(piece)


def store_at(place: dict[str, str]) -> stores.Store:
    """What keeps bytes where these settings say."""
    names = ("endpoint", "region", "key_id", "secret")
    return stores.at(
        place["documents_store"],
        stores.Access(**{name: place[f"store_{name}"] for name in names if f"store_{name}" in place}),
    )
