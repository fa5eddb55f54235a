"""Backing up a service's database together with its stored files, and restoring both.

A backup is a folder: the dump, what it is a dump of, and the files. It has its name only once it is whole.
PostgreSQL's own programs read and write; they are told the password in their environment, where only the
same user can see it.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import URL, Engine, text

from shared import clock, migrations
from shared.db import migration_of, newest_migration
from shared.messaging.tables import subjects
from shared.stores import PARTS, Damaged, Gone, Store, with_many

DUMP = "database.dump"
ABOUT = "backup.json"  # written last: a folder without it is no backup
FILES = "files"
BURST = 1000
CROWD = 1000  # times as often as one thing changes all of them together do, at the very most
HEAD_BYTES = 1 << 16
HANG_UP_SECONDS = 5.0  # a server notices only after a moment that a stopped process has gone

# What is there of ours; an extension's things are the superuser's.
_OURS = """
    select oid::regclass::text as name, relkind from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
      and not exists (select from pg_depend where objid = pg_class.oid and deptype in ('e', 'i', 'a'))
"""
_OUR_FUNCTIONS = """
    select oid::regprocedure::text as name from pg_proc
    where pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
"""
_EMPTY = f"""
    begin;
    set local lock_timeout = '10s';
    do $$
    declare each record;
    begin
        for each in {_OURS} order by relkind = 'S' loop
            if each.relkind = 'S' then
                execute format('drop sequence %s', each.name);
            else
                execute format('drop table %s cascade', each.name);
            end if;
        end loop;
        for each in {_OUR_FUNCTIONS} loop
            execute format('drop function %s cascade', each.name);
        end loop;
    end $$;
"""

# Nothing changes more often than once a second for long. So what goes on from here is newer than all that
# was told, and numbered higher than all that was given out, since the backup; however often it is restored.
_LEAP = """
    do $$
    declare each record;
    begin
        for each in select * from pg_sequences where schemaname = 'public' loop
            perform setval(
                format('public.%I', each.sequencename), coalesce(each.last_value, each.start_value) + {leap}
            );
        end loop;
        for each in select pg_get_expr(adbin, adrelid) as value from pg_attrdef
                    where adrelid = 'public.subjects'::regclass loop
            execute format('alter table public.subjects alter version set default %s + {leap}', each.value);
        end loop;
    end $$;
"""


class BackupError(Exception):
    """A backup can't be taken or restored; the text says why and what to do."""


class Backup(msgspec.Struct, kw_only=True):
    """What a backup contains."""

    service: str
    taken_at: datetime
    migration: str  # the newest one in it
    server: str  # PostgreSQL's version
    sha256: str  # of the dump
    damaged: list[str] = []  # files that were not what was stored, and are not in it


def take(engine: Engine, service: str, folder: Path, files: Store | None = None) -> Path:
    """Back up a service's database, then its files, into a new subfolder; returns that subfolder.

    Rows go first: files are named by their content and never change, so one that came later does no harm,
    and one that the last backup has shares its bytes on the disk. The others are read whole and held to their
    hash, wherever they are kept: what is damaged is named in the backup. Raises BackupError.
    """
    with _telling_of_the_disk(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone_in(folder):
            new = folder / f".{service}.partial"
            if new.exists():
                shutil.rmtree(new)  # of a backup that was killed
            new.mkdir(mode=0o700)
            try:
                return _take(engine, service, new, files)
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise


def _take(engine: Engine, service: str, new: Path, files: Store | None) -> Path:
    taken_at = clock.now()
    with engine.connect() as connection:
        migration = migration_of(connection)
        server = str(connection.execute(text("show server_version")).scalar_one())
    if migration is None:
        raise BackupError(f"the database of {service} is empty: there is nothing to back up")
    _dump(engine.url, new / DUMP)
    damaged = []
    if files is not None:
        earlier = backups_of(service, new.parent)
        damaged = _save_files(files, new / FILES, earlier[-1] / FILES if earlier else None)
    about = Backup(
        service=service,
        taken_at=taken_at,
        migration=migration,
        server=server,
        sha256=_sha256(new / DUMP),
        damaged=damaged,
    )
    (new / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
    os.sync()  # all of it is on the disk before it is called a backup
    place = new.with_name(f"{service}-{taken_at:%Y%m%dT%H%M%SZ}")
    try:
        new.rename(place)
    except OSError as error:
        raise BackupError(f"{place} already exists") from error
    return place


def backups_of(service: str, folder: Path) -> list[Path]:
    """The complete backups of a service in a folder, oldest first."""
    return sorted(found.parent for found in folder.glob(f"{service}-*/{ABOUT}"))


def read(backup: Path) -> Backup:
    """Read a backup's description; raises BackupError if the folder is not a backup."""
    try:
        return msgspec.json.decode((backup / ABOUT).read_bytes(), type=Backup)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{backup} is not a backup: its {ABOUT} can't be read") from error


def restore(
    engine: Engine,
    service: str,
    backup: Path,
    files: Store | None = None,
    *,
    replace: bool = False,
    versions: Sequence[Any] = (),
    positions: Sequence[Any] = (),
) -> Backup:
    """Restore a service from a backup, completely or not at all.

    The service's processes must be stopped, and its database empty, or `replace` says to lose what is in it.
    `versions` are the columns that count what is told, beside the subjects' own: they go on above whatever
    was told since the backup, so that nobody takes the restored service's news for old. So do `positions`,
    which count what happens to everything together. Raises BackupError.
    """
    about = read(backup)
    _check(about, engine, service, backup, replace=replace)
    with _telling_of_the_disk(backup):
        if files is not None:
            _bring_back_files(backup / FILES, files)  # before rows tell of them
        _load(engine.url, backup / DUMP, _leap(about.taken_at, versions, positions))
    migrations.upgrade(engine, service)
    return about


def leap_ahead(
    engine: Engine, back_to: datetime, *, versions: Sequence[Any] = (), positions: Sequence[Any] = ()
) -> None:
    """Move counters past every value handed out since `back_to`, as after a restore.

    For a database that another tool has set back: a point-in-time recovery, a fail-over that lost something.
    Harmless where nothing was lost. Raises BackupError while the service's processes are connected.
    """
    _must_be_alone(engine)
    with engine.begin() as connection:
        statements = _leap(back_to, versions, positions).strip().removesuffix("commit;")
        connection.execution_options(no_parameters=True).exec_driver_sql(statements)


def _leap(back_to: datetime, versions: Sequence[Any], positions: Sequence[Any]) -> str:
    leap = BURST + max(0, int((clock.now() - back_to).total_seconds()))
    counted = (
        f"update public.{column.table} set {column.name} = {column.name} + {by};"  # noqa: S608 - our own names
        for columns, by in (((subjects.c.version, *versions), leap), (positions, leap * CROWD))
        for column in columns
    )
    return "\n".join(("", _LEAP.format(leap=leap), *counted, "commit;", ""))


def _check(about: Backup, engine: Engine, service: str, backup: Path, *, replace: bool) -> None:
    if about.service != service:
        raise BackupError(f"{backup} is a backup of {about.service}, not of {service}")
    if about.migration > newest_migration(service):
        raise BackupError(
            f"{backup} was taken by a newer Waybill (migration {about.migration}): restore it with that"
        )
    if _sha256(backup / DUMP) != about.sha256:
        raise BackupError(f"{backup / DUMP} is damaged: its checksum differs. Use another backup")
    _must_be_alone(engine)
    with engine.connect() as connection:
        if not replace and connection.execute(text(_OURS)).first() is not None:
            raise BackupError(f"the database of {service} is not empty: use --replace to overwrite it")


def _must_be_alone(engine: Engine) -> None:
    deadline = time.monotonic() + HANG_UP_SECONDS
    while others := _others(engine):
        if time.monotonic() > deadline:
            raise BackupError(
                f"{others} connections to the database {engine.url.database} are open: "
                "stop its processes first"
            )
        time.sleep(0.05)


def _others(engine: Engine) -> int:
    with engine.connect() as connection:  # a transaction sees one state of who is there
        count: int = connection.execute(
            text("""
                select count(*) from pg_stat_activity where datname = current_database()
                and pid <> pg_backend_pid() and backend_type = 'client backend'
            """)
        ).scalar_one()
    return count


def _dump(url: URL, file: Path) -> None:
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--file={file}"]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [*command, _address(url)], env=_environment(url), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise BackupError(f"pg_dump failed: {done.stderr.strip()}")


def _load(url: URL, dump: Path, end: str) -> None:
    """Empty the database and fill it from a dump, in one transaction.

    The end with its commit comes from here, once the dump was read whole: psql alone would commit a half.
    """
    read_dump = [
        _program("pg_restore"),
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        "--file=-",
        str(dump),
    ]
    write = [_program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", _address(url)]
    with ExitStack() as cleanup:
        complaints = cleanup.enter_context(tempfile.TemporaryFile())
        reader = cleanup.enter_context(
            subprocess.Popen(read_dump, stdout=subprocess.PIPE, stderr=complaints)  # noqa: S603
        )
        cleanup.callback(reader.kill)
        writer = cleanup.enter_context(
            subprocess.Popen(  # noqa: S603
                write,
                env=_environment(url),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )
        )
        cleanup.callback(writer.kill)
        assert reader.stdout
        assert writer.stdin
        with suppress(BrokenPipeError):  # psql has ended, and said why
            writer.stdin.write(_EMPTY.encode())
            writer.stdin.write(for_older_servers(reader.stdout.read(HEAD_BYTES)))
            shutil.copyfileobj(reader.stdout, writer.stdin)
            if reader.wait() == 0:
                writer.stdin.write(end.encode())
            else:
                writer.kill()
        with suppress(BrokenPipeError):
            writer.stdin.close()
        if writer.wait() != 0:
            raise BackupError(f"nothing was restored: {_words(complaints)}")


def for_older_servers(head: bytes) -> bytes:
    """The preamble of a restore's SQL, without settings that PostgreSQL 15 and 16 don't know.

    Programs of 17 and later set it whatever the server is; it is off by itself.
    """
    return head.replace(b"SET transaction_timeout = 0;\n", b"", 1)


def _words(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    return complaints.read().decode(errors="replace").strip()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupError(
            f"{name} is not installed: it comes with PostgreSQL's client programs "
            "(Debian: postgresql-client), of the server's version"
        )
    return found


def _address(url: URL) -> str:
    """The database's address without the password, because process arguments are visible to everybody."""
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return f"--dbname={bare.render_as_string()}"


def _environment(url: URL) -> dict[str, str]:
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    return {"PATH": os.defpath, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "5", **password}


def _save_files(files: Store, saved: Path, earlier: Path | None) -> list[str]:
    """Back up the stored files; returns the hashes of damaged ones."""
    damaged: list[str] = []

    def save(digest: str) -> None:
        place = _place(saved, digest)
        with suppress(Gone):  # erased since; a restored service hears of that again
            try:
                os.link(_place(earlier or saved, digest), place)
            except OSError:  # the last backup has not got it
                try:
                    place.write_bytes(files.read(digest))
                except Damaged as damage:
                    if isinstance(damage, Gone):
                        raise
                    damaged.append(digest)

    for part in PARTS:
        digests = [digest for digest, _ in files.listed(part)]
        if digests:
            (saved / part).mkdir(mode=0o700, parents=True)
        for _ in with_many(save, digests):
            pass
    return sorted(damaged)


def _bring_back_files(saved: Path, files: Store) -> None:
    """Store the backed-up files that are missing; newer files are kept."""

    def bring(digest: str) -> None:
        content = _place(saved, digest).read_bytes()
        if sha256(content).hexdigest() != digest:
            raise BackupError(f"{_place(saved, digest)} is damaged: its checksum differs")
        files.write(digest, content)

    for part in PARTS:
        digests = sorted(file.name for file in saved.glob(f"{part}/*"))
        there = {digest for digest, _ in files.listed(part)} if digests else set()
        for _ in with_many(bring, (digest for digest in digests if digest not in there)):
            pass


def _place(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / digest


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise BackupError(f"{file} can't be read: {error.strerror}") from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other backup is being taken into the folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _telling_of_the_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{error.filename or folder} can't be written: {error.strerror}") from error
