"""Bytes are stored by the transaction that decides on them, and go when nothing needs them, in any store."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import chain

import pytest
from sqlalchemy import delete, text

from services.documents import storage
from services.documents.commands import papers as commands
from services.documents.commands import uploads
from services.documents.domain.uploads import MOST_BY_CUSTOMER
from services.documents.jobs import remove_bytes
from services.documents.models import Logo
from shared import clock, stores
from shared.customer_tokens import make_token
from shared.events.snapshots import PaperKind
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from tests.waiting import until

LONG = timedelta(seconds=2 * storage.UNNEEDED_SECONDS)


@pytest.fixture(params=["folder", "s3"])
def place(request, folder):
    if request.param == "folder":
        return {"documents_store": folder.as_uri()}
    return request.getfixturevalue("s3").settings()


@pytest.fixture
def write(sessions):
    """Store bytes by a transaction of their own, which no row follows."""

    def write(content):
        with sessions.begin() as session:
            return storage.store(session, content)

    return write


@pytest.fixture
def later(monkeypatch):
    """Let what is stored by now lie for long."""

    def later(by=LONG):
        monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + by)

    return later


def kept(store):
    return [digest for digest, _ in stores.stored(store)]


def upload(session, heard, content):
    return uploads.keep_upload(
        session,
        heard.order_id,
        PaperKind.ATTACHMENT,
        filename="a.pdf",
        content_type="application/pdf",
        content=content,
    )


def write_one(sessions, heard, content):
    with sessions.begin() as session:
        upload(session, heard, content)


@contextmanager
def beside(act, *arguments):
    """Do something in a thread; the block goes on while it waits, and it has ended after the block."""
    ended = []
    thread = threading.Thread(target=lambda: ended.append(act(*arguments)))
    thread.start()
    yield ended
    thread.join(timeout=30)
    assert not thread.is_alive()


def wait_until_it_waits(sessions):
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")

    def somebody_waits():
        with sessions() as session:
            return session.execute(waiting).scalar_one()

    until(somebody_waits)


@pytest.mark.parametrize("place", ["folder"], indirect=True)  # an object was never half written
def test_what_a_dead_writer_left_half_written_is_harmless_and_swept_when_it_is_old(write, store, sessions):
    digest = write(b"a paper")
    old, young = store.root / "incoming" / "old", store.root / "incoming" / "young"
    for leftover in (old, young):
        leftover.write_bytes(b"half a pa")
    long_ago = time.time() - 2 * storage.LEFTOVER_SECONDS
    os.utime(old, (long_ago, long_ago))

    swept = storage.sweep(sessions)

    assert swept == 1
    assert not old.exists()
    assert young.exists()
    assert store.read(digest) == b"a paper"


@pytest.mark.requirement("V-02")
def test_a_hundred_refused_uploads_leave_not_a_byte(client, settings, known, store):
    link = make_token(settings.customer_link_keys, known.order_id, clock.now() + timedelta(hours=1))

    def send(number):
        file = BytesIO(f"%PDF-{number}".encode().ljust(100_000))
        return client.post(
            f"/v1/customer/documents?token={link}", data={"kind": "attachment", "file": (file, "a.pdf")}
        )

    for number in range(MOST_BY_CUSTOMER):
        assert send(number).status_code == 201
    taken = kept(store)

    refused = [send(f"more {number}") for number in range(100)]

    assert {(answer.status_code, answer.json["reason"]) for answer in refused} == {(409, "too_many_uploads")}
    assert kept(store) == taken
    assert len(taken) == MOST_BY_CUSTOMER


@pytest.mark.requirement("V-02")
def test_an_upload_for_a_person_that_was_erased_leaves_not_a_byte(client, headers, known, sessions, store):
    with sessions.begin() as session:
        lock_order(session, known.order_id)
        copies.keep_newest(session, replace(known, version=known.version + 1, anonymised_at=clock.now()))

    answer = client.post(
        f"/v1/orders/{known.order_id}/uploads",
        data={"kind": "attachment", "file": (BytesIO(b"%PDF-1.7"), "a.pdf")},
        headers=headers(),
    )

    assert (answer.status_code, answer.json["reason"]) == (409, "person_erased")
    assert kept(store) == []


@pytest.mark.requirement("V-02")
def test_a_removal_waits_for_whoever_is_storing_the_same_bytes(sessions, known, store):
    content = b"%PDF-the same"
    with sessions.begin() as session:
        first = upload(session, known, content)
    with sessions.begin() as session:
        commands.remove_upload(session, first.id, "sent twice")

    with sessions() as session:
        second = upload(session, known, content)  # stored, and not committed yet
        with beside(remove_bytes, sessions, {"sha256": first.sha256}):
            wait_until_it_waits(sessions)
            session.commit()

    assert second.sha256 == first.sha256
    assert store.read(second.sha256) == content


@pytest.mark.requirement("V-02")
def test_a_sweep_waits_for_whoever_is_storing_the_same_bytes(sessions, write, known, store, later):
    content = b"%PDF-left by somebody else long ago"
    digest = write(content)

    with sessions() as session:
        upload(session, known, content)
        later()
        with beside(storage.sweep, sessions) as swept:
            wait_until_it_waits(sessions)
            session.commit()

    assert swept == [0]
    assert store.read(digest) == content


@pytest.mark.requirement("V-02")
def test_what_is_erased_while_somebody_is_about_to_store_it_is_written_again(sessions, write, known, store):
    content = b"%PDF-the same"
    digest = write(content)

    with sessions() as eraser:
        assert storage.erase_unneeded(eraser, digest)
        with beside(write_one, sessions, known, content):
            wait_until_it_waits(sessions)
            eraser.commit()

    assert store.read(digest) == content


@pytest.mark.requirement("V-02")
def test_uploads_logos_and_removals_of_the_same_bytes_at_once_lose_none(sessions, known, store):
    content = b"%PDF-everybody's"
    digest = sha256(content).hexdigest()
    stop = threading.Event()

    def come_and_go():
        for _ in range(10):
            with sessions.begin() as session:
                paper = upload(session, known, content)
            with sessions.begin() as session:
                commands.remove_upload(session, paper.id, "again")

    def erase():
        while not stop.is_set():
            remove_bytes(sessions, {"sha256": digest})

    eraser = threading.Thread(target=erase)
    eraser.start()
    comers = [threading.Thread(target=come_and_go) for _ in range(3)]
    for comer in comers:
        comer.start()
    with sessions.begin() as session:
        uploads.set_logo(session, "acme", content=content, content_type="image/png")
    for comer in comers:
        comer.join(timeout=60)
    stop.set()
    eraser.join(timeout=60)

    assert store.read(digest) == content  # the logo's
    with sessions.begin() as session:
        session.execute(delete(Logo))
    remove_bytes(sessions, {"sha256": digest})
    assert kept(store) == []


DIES = """
import os, sys
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from services.documents import storage
from tests.object_store import store_at

place = dict(zip(sys.argv[2::2], sys.argv[3::2]))
session = Session(create_engine(sys.argv[1]), info={"store": store_at(place)})
print(storage.store(session, b"decided on, and never committed"), flush=True)
os._exit(9)
"""


@pytest.mark.requirement("V-02")
def test_what_a_process_left_that_died_before_its_commit_is_swept_when_it_is_old(
    sessions, known, store, place, settings, counted, later
):
    with sessions.begin() as session:
        needed = upload(session, known, b"%PDF-needed").sha256
    died = subprocess.run(
        [sys.executable, "-c", DIES, settings.database_url, *chain(*place.items())],
        capture_output=True,
        text=True,
        check=False,
    )
    left = died.stdout.strip()
    assert (died.returncode, store.read(left)) == (9, b"decided on, and never committed")

    assert storage.sweep(sessions) == 0  # it is young
    later()
    assert storage.sweep(sessions) == 1

    assert kept(store) == [needed]
    assert counted("waybill_swept_files_total") == 1


@pytest.mark.requirement("V-02")
def test_in_a_day_of_hours_the_agent_looks_at_every_file_once(sessions, write, store, monkeypatch):
    digests = {write(f"paper {number}".encode()) for number in range(300)}
    in_two_days = clock.now() + LONG

    swept = []
    for hour in range(24):
        now = in_two_days.replace(hour=hour)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        swept.append(storage.sweep_by_the_hour(sessions))

    assert sum(swept) == len(digests)
    assert max(swept) < len(digests) / 5
    assert kept(store) == []
