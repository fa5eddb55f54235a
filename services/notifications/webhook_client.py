"""Posts webhooks to their receivers: only to public addresses, signed, within ten seconds."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

import httpcore2
from standardwebhooks import Webhook

from services.notifications.domain.receivers import Forbidden, check_address, check_resolved
from services.notifications.domain.webhooks import Answer
from shared import clock
from shared.text import one_line

ALL_SECONDS = 10.0  # for looking up, connecting, sending and the answer together
CONNECT_SECONDS = 4.0  # to one address of a host; then the next is tried
MOST_ANSWER_BYTES = 16 << 10
MOST_BYTES = 48 << 10  # of a whole answer, with its head and what frames its parts
_AT_ONCE_BYTES = 4 << 10  # others have their turn between, whatever it is made of
KEPT_ANSWER = 500  # characters
_IDLE_SECONDS = 2.0  # a connection is kept for the next; receivers hang up on who is silent for longer
# At a time. A look-up goes on for up to 30 s when nobody waits for it any more: there is room for more than
# go to failing receivers in that time: name servers that do not answer hold up their own names alone.
_LOOKUPS = 1000
_NAME = "Waybill-Webhooks/1"

Resolve = Callable[[str, int], Awaitable[list[str]]]


class WebhookClient:
    """Posts many webhooks concurrently over kept-alive connections; belongs to one event loop.

    It follows no redirect, asks no proxy whatever the environment says, and has no cookies: httpcore2 knows
    none of these. What a host's name leads to is looked up once for each connection, and that is where the
    connection goes; the certificate is the name's all the same.
    """

    def __init__(
        self,
        *,
        local: bool,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        all_seconds: float = ALL_SECONDS,
    ) -> None:
        self._local = local
        self._lookups = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="lookup")
        self._tls = tls or ssl.create_default_context()
        self._network = _Guarded(resolve or self._resolve, local=local)
        self._pools: dict[UUID, httpcore2.AsyncConnectionPool] = {}
        self._all_seconds = all_seconds

    async def post(
        self, receiver: UUID, address: str, headers: Mapping[bytes | str, bytes | str], content: bytes
    ) -> Answer:
        """Post to a receiver and return the result; raises nothing unless cancelled.

        Each receiver has its own connections, so that those of one are never in another's way.
        """
        at, began = clock.now(), time.monotonic()
        try:
            check_address(address, local=self._local)
            async with asyncio.timeout(self._all_seconds):
                status, text, retry_after = await self._exchange(receiver, address, headers, content)
        except Forbidden as error:
            return _answer(at, began, error=f"not sent: its address {error}")
        except TimeoutError:
            return _answer(at, began, error=f"no complete response within {self._all_seconds:g} s")
        except Exception as error:  # noqa: BLE001 - whatever a receiver can do to us is a failed try of its own
            return _answer(at, began, error=_words(error))
        return _answer(at, began, status=status, text=text, retry_after=retry_after)

    async def _exchange(
        self, receiver: UUID, address: str, headers: Mapping[bytes | str, bytes | str], content: bytes
    ) -> tuple[int, str, str]:
        pool = self._pools.get(receiver)
        if pool is None:
            pool = self._pools[receiver] = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls, keepalive_expiry=_IDLE_SECONDS, network_backend=self._network
            )
        async with pool.stream("POST", address, headers=headers, content=content) as response:
            body = b""
            async with aclosing(response.aiter_stream()) as parts:
                async for part in parts:
                    body += part
                    if len(body) >= MOST_ANSWER_BYTES:
                        break
        retry_after = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
        return response.status, _legible(body), retry_after.decode("latin-1").strip()

    async def _resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a host, from the system's resolver."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(place[0]) for *_, place in found))

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()
        self._lookups.shutdown(wait=False, cancel_futures=True)


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses a host name resolves to, if webhooks may be sent there."""

    def __init__(self, resolve: Resolve, *, local: bool) -> None:
        self._resolve = resolve
        self._local = local
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - httpcore2's own shape
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first of the host's addresses that answers; raises Forbidden."""
        found = check_resolved(await self._resolve(host, port), local=self._local)
        failure: Exception = OSError("its host has no address")
        for address in found:
            try:
                stream = await self._network.connect_tcp(
                    address, port, CONNECT_SECONDS, local_address, socket_options
                )
                return _Measured(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore2's own shape
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Always refuse: no webhook goes to a local socket."""
        raise Forbidden("is not a network address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class _Measured(httpcore2.AsyncNetworkStream):
    """A connection that reads in small pieces and limits the size of each response.

    An answer in thousands of parts of a byte, or of nothing but "100 Continue", takes long to be read: it
    shall keep nobody else waiting.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MOST_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's own shape
        """Read the next bytes; raises ReadError beyond the size limit of a response."""
        came = await self._stream.read(min(max_bytes, _AT_ONCE_BYTES), timeout)
        self._left -= len(came)
        if self._left < 0:
            raise httpcore2.ReadError(f"its response is larger than {MOST_BYTES >> 10} kB with framing")
        return came

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a request, and reset the size limit for its response."""
        self._left = MOST_BYTES
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection upgraded to TLS."""
        return _Measured(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Connection details that httpcore2 asks for, such as whether it was closed."""
        return self._stream.get_extra_info(info)


def signed(
    event_id: UUID, delivery_id: UUID, secrets: Iterable[str], content: bytes, at: datetime
) -> dict[bytes | str, bytes | str]:
    """The headers of an attempt by the Standard Webhooks spec: one signature per valid secret."""
    text = content.decode()
    return {
        "content-type": "application/json",
        "user-agent": _NAME,
        "webhook-id": str(event_id),
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(str(event_id), at, text) for secret in secrets),
        "webhook-delivery-id": str(delivery_id),
    }


def _answer(at: datetime, began: float, **came: Any) -> Answer:
    return Answer(at=at, milliseconds=round((time.monotonic() - began) * 1000), **came)


def _legible(body: bytes) -> str:
    """The beginning of a response, cleaned for storage and display."""
    return one_line(body[: 4 * KEPT_ANSWER].decode("utf-8", "replace"))[:KEPT_ANSWER]


def _words(error: Exception) -> str:
    said = one_line(str(error))
    return f"{type(error).__name__}: {said}"[:KEPT_ANSWER] if said else type(error).__name__
