"""Content-addressed file storage by SHA-256: a local folder, or an object store shared by several hosts.

What `write` has returned from is durable: on the disk with its folder, or acknowledged by the object store.
It is there whole or not at all, is never changed, and what is read is what was written or an error.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from prometheus_client import Counter, Histogram

from shared.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    Objects = AzureStore | GCSStore | S3Store

T = TypeVar("T")
R = TypeVar("R")

PARTS = tuple(f"{number:02x}" for number in range(256))

# A request to an object store ends within REQUEST_SECONDS, and is begun again only within the first
# RETRY_SECONDS; a write that needs a second step begins it within AGAIN_SECONDS. So a write, which a
# transaction waits for, ends within 4.7 s: PostgreSQL ends a transaction that is idle for 5.
CONNECT_SECONDS = 1.0
REQUEST_SECONDS = 2.5
RETRY_SECONDS = 1.0
RETRIES = 5
AGAIN_SECONDS = 1.2
LOOK_SECONDS = 1.0  # of a look whether it is there, which whoever asks for readiness waits for
IDLE_SECONDS = 4.0  # for which a connection is kept; servers drop theirs after five and more

AT_ONCE = 8  # of many files
IN_HAND = 64

# Each scheme that the library has a store for which takes conditional writes and lists what is there.
SCHEMES = ("file", "s3", "gs", "az")
_INCOMING = "incoming"
_NEVER_THERE = "ready"
_AWAY = "stored files can't be reached now"
# What stands in the answer of each cloud where not the object is missing, but all that should hold it.
_NOTHING_THERE = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")

SECONDS = Histogram(
    "waybill_store_seconds",
    "Writing, reading or erasing one stored file, tries that failed included.",
    ["act"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
FAILURES = Counter(
    "waybill_store_failures_total", "Stored files that the store did not take, give or erase.", ["act"]
)
for _act in ("write", "read", "erase"):  # told from the start, for an alert has to see it grow
    FAILURES.labels(_act)


class Damaged(Exception):  # noqa: N818 - reads as what happened
    """A stored file is missing, or has changed."""


class Gone(Damaged):
    """A stored file is missing."""


class Store(Protocol):
    """Where files are stored; everything raises Unavailable while the store can't be reached."""

    address: str

    def write(self, digest: str, content: bytes) -> None:
        """Store bytes under their SHA-256; they are durable on return. Repeating it changes nothing."""

    def read(self, digest: str) -> bytes:
        """The bytes as written; raises Gone, or Damaged if they have changed."""

    def erase(self, digest: str) -> None:
        """Delete a file, if it exists."""

    def listed(self, part: str) -> Iterator[tuple[str, float]]:
        """The hashes beginning with these two letters, with the time of writing in seconds since 1970."""

    def sweep_half_written(self, before: float) -> int:
        """Delete partial writes from before a time in seconds since 1970; returns how many."""

    def look(self) -> None:
        """Quickly check that the store can be reached; raises Unavailable."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach an S3 store; empty fields are discovered as the cloud's own tools do.

    For the stores of other clouds, everything is discovered.
    """

    endpoint: str = ""  # http://… or https://…
    region: str = ""
    key_id: str = ""
    secret: str = ""


def at(address: str, access: Access | None = None) -> Store:
    """The store at a valid address (see `fault_of`); nothing is contacted or created yet."""
    if address.startswith("file:"):
        return Folder(Path(unquote(urlsplit(address).path)))
    return Bucket(address, access or Access())


def fault_of(address: str) -> str:
    """What is wrong with an address, to follow its name in a sentence; empty if nothing."""
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        return f"should begin with {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        return "should be an absolute path, such as file:///var/lib/waybill"
    if parts.scheme != "file" and not parts.netloc:
        return "should name a bucket, such as s3://bucket/prefix"
    if parts.query or parts.fragment or "@" in parts.netloc:
        return "should have only a scheme, a name and a path"
    return ""


def stored(store: Store) -> Iterator[tuple[str, float]]:
    """The hash of every stored file, with the time of writing in seconds since 1970."""
    for part in PARTS:
        yield from store.listed(part)


def with_many(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function to many items, a few at a time, yielding results in order."""
    waiting = iter(items)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(islice(waiting, IN_HAND)):
            yield from pool.map(work, some)


class Folder:
    """A folder of files named by the SHA-256 of their content.

    The library's own local store neither syncs files nor folders, so what is written here is written by us.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = root.as_uri()

    def write(self, digest: str, content: bytes) -> None:
        """Temporary file, fsync, rename, fsync of the folder."""
        with _timed("write"), self._telling("written"):
            place = self._place(digest)
            incoming = self.root / _INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            if not place.parent.exists():
                place.parent.mkdir(exist_ok=True)
                _sync_folder(self.root)
            handle, name = tempfile.mkstemp(dir=incoming)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).rename(place)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync_folder(place.parent)

    def read(self, digest: str) -> bytes:
        """The file's content."""
        with _timed("read"), self._telling("read"):
            try:
                content = self._place(digest).read_bytes()
            except FileNotFoundError as error:
                if not self.root.exists():  # not one file: the disk is not there
                    raise
                raise Gone(f"{digest} can't be read: {error.strerror}") from error
        return _checked(digest, content)

    def erase(self, digest: str) -> None:
        """Delete the file."""
        with _timed("erase"), self._telling("erased"):
            self._place(digest).unlink(missing_ok=True)

    def listed(self, part: str) -> Iterator[tuple[str, float]]:
        """The files of one of the 256 subfolders."""
        with self._telling("listed"):
            yield from self._files_in(part)

    def sweep_half_written(self, before: float) -> int:
        """Delete what a crashed process left: files are renamed into place only once complete."""
        with self._telling("erased"):
            left = [name for name, written_at in self._files_in(_INCOMING) if written_at < before]
            for name in left:
                (self.root / _INCOMING / name).unlink(missing_ok=True)
        return len(left)

    def look(self) -> None:
        """Whether the folder exists or can be created, and is writable."""
        with self._telling("written"):
            self.root.mkdir(parents=True, exist_ok=True)
            if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
                raise Unavailable(_AWAY, f"{self.root} can't be written: Permission denied")

    def _files_in(self, folder: str) -> Iterator[tuple[str, float]]:
        with suppress(FileNotFoundError), os.scandir(self.root / folder) as files:
            for file in files:
                with suppress(FileNotFoundError):  # another process has just erased it
                    yield file.name, file.stat().st_mtime

    def _place(self, digest: str) -> Path:
        # Two letters of the hash keep folders small: a million papers make 256 of four thousand.
        return self.root / digest[:2] / digest

    @contextmanager
    def _telling(self, act: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(_AWAY, f"{self.root} can't be {act}: {error.strerror}") from error


class Bucket:
    """Objects in a store reached over HTTP, under the same names as a folder's files."""

    def __init__(self, address: str, access: Access) -> None:
        self.address = address
        self._access = access
        self._opened: dict[float, Objects] = {}  # by how long a request may take; when first used
        self._opened_by = 0

    def write(self, digest: str, content: bytes) -> None:
        """Write by one conditional PUT; an object already there is checked, and repaired if need be.

        Where the condition is refused, or the answer was lost, the same bytes are put without it.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415 - as in _open

        began = time.monotonic()
        with _timed("write"), self._telling("written"):
            try:
                self._objects.put(_key(digest), content, mode="create")
            except AlreadyExistsError as error:
                _give_up_late(began, error)
                with suppress(Damaged):
                    self._read(digest)
                    return
                _give_up_late(began, error)
            except (BaseError, FileNotFoundError) as error:
                _give_up_late(began, error)
            else:
                return
            self._objects.put(_key(digest), content, mode="overwrite", use_multipart=False)

    def read(self, digest: str) -> bytes:
        """The object's content."""
        with _timed("read"), self._telling("read"):
            return self._read(digest)

    def erase(self, digest: str) -> None:
        """Delete the object."""
        with _timed("erase"), self._telling("erased"), _unless_only_missing():
            self._objects.delete(_key(digest))

    def listed(self, part: str) -> Iterator[tuple[str, float]]:
        """The objects of one part, a thousand per request."""
        with self._telling("listed"):
            for some in self._objects.list(part, chunk_size=1000):
                for each in some:
                    yield each["path"].rpartition("/")[2], each["last_modified"].timestamp()

    def sweep_half_written(self, before: float) -> int:  # noqa: ARG002 - as a folder's
        """Nothing: an object appears only once it is complete."""
        return 0

    def look(self) -> None:
        """Request an object that never exists."""
        with self._telling("reached"), _unless_only_missing():
            self._within(LOOK_SECONDS, retries=0).get(_NEVER_THERE)

    def _read(self, digest: str) -> bytes:
        try:
            content = bytes(self._objects.get(_key(digest)).bytes())
        except FileNotFoundError as error:
            if _NOTHING_THERE.search(str(error)):
                raise
            raise Gone(f"{digest} can't be read: it is missing") from error
        return _checked(digest, content)

    @property
    def _objects(self) -> "Objects":
        return self._within(REQUEST_SECONDS, retries=RETRIES)

    def _within(self, request_seconds: float, retries: int) -> "Objects":
        if self._opened and self._opened_by != os.getpid():
            # The library's threads are not here, and it would wait for them for ever.
            raise RuntimeError("an object store was used before the fork of the process that uses it")
        if request_seconds not in self._opened:
            self._opened_by = os.getpid()
            self._opened[request_seconds] = self._open(request_seconds, retries)
        return self._opened[request_seconds]

    def _open(self, request_seconds: float, retries: int) -> "Objects":
        # Here, not above: whoever keeps bytes in a folder has no need of its 7 MB.
        from obstore.store import from_url  # noqa: PLC0415

        config: dict[str, Any] = {}
        if self.address.startswith("s3:"):
            given = {
                "endpoint": self._access.endpoint,
                "region": self._access.region,
                "access_key_id": self._access.key_id,
                "secret_access_key": self._access.secret,
            }
            config = {name: value for name, value in given.items() if value}
            config["disable_bulk_delete"] = True  # which not every server has, and we erase one by one
        return from_url(  # type: ignore[call-overload,no-any-return] # told what it is by its scheme
            self.address,
            config=config,
            client_options={
                "allow_http": self._access.endpoint.startswith("http:"),
                "connect_timeout": f"{CONNECT_SECONDS * 1000:.0f}ms",
                "timeout": f"{request_seconds * 1000:.0f}ms",
                "pool_idle_timeout": f"{IDLE_SECONDS:.0f}s",
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": _span(RETRY_SECONDS),
                "backoff": {"init_backoff": _span(0.05), "max_backoff": _span(0.4), "base": 2},
            },
        )

    @contextmanager
    def _telling(self, act: str) -> Iterator[None]:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - as in _open

        try:
            yield
        except (BaseError, FileNotFoundError, OSError) as error:
            raise Unavailable(_AWAY, f"{self.address} can't be {act}: {_why(error)}") from error


@contextmanager
def _timed(act: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    except Unavailable:
        FAILURES.labels(act).inc()
        raise
    finally:
        SECONDS.labels(act).observe(time.monotonic() - began)


@contextmanager
def _unless_only_missing() -> Iterator[None]:
    """Ignore a missing object, but not a missing bucket."""
    try:
        yield
    except FileNotFoundError as error:
        if _NOTHING_THERE.search(str(error)):
            raise


def _give_up_late(began: float, error: Exception) -> None:
    """Raise the error of a first attempt that took too long to allow a second."""
    if time.monotonic() - began > AGAIN_SECONDS:
        raise error


def _checked(digest: str, content: bytes) -> bytes:
    if sha256(content).hexdigest() != digest:
        raise Damaged(f"{digest} is damaged")
    return content


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


def _why(error: Exception) -> str:
    """An object store library's error in one line, without the server's response body."""
    line, _, details = str(error).partition("\n")
    said = line.rpartition(" - ")[2].partition(": <")[0][:200].rstrip(": ")
    kind = re.search(r"kind: (Timeout|Connect|Interrupted)\b", details)
    return f"{said} ({kind[1].lower()})" if kind else said


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _sync_folder(folder: Path) -> None:
    # A rename is on disk only when its folder is.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
