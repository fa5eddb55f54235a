"""While what keeps the bytes is away callers are told so, papers wait, and nothing is lost or wrong."""

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from sqlalchemy import select, text

from services.documents import storage
from services.documents.commands import papers as commands
from services.documents.jobs import remove_bytes
from services.documents.messaging import messaging
from services.documents.models import Paper
from shared import clock, stores
from shared.errors import Unavailable
from shared.events.snapshots import PaperKind, PaperStatus
from shared.messaging import jobs
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import event_log
from shared.messaging.tables import jobs as job_rows
from tests.object_store import SECRET, between, store_at
from tests.unit.documents.sample_orders import order

LONGEST_SECONDS = 5.0  # for which others wait for an order's lock


@pytest.fixture
def behind(s3):
    """The settings of a place with nothing in between, and of the same with faults."""
    place = s3.settings()
    with between(s3) as (endpoint, faults):
        yield place, place | {"store_endpoint": endpoint}, faults


@pytest.fixture
def place(behind):
    return behind[1]


@pytest.fixture
def faults(behind):
    return behind[2]


@pytest.fixture
def kept(behind):
    """What is really there."""
    return lambda: [digest for digest, _ in stores.stored(store_at(behind[0]))]


@pytest.fixture
def send(client, headers, known):
    def send(content=b"%PDF-1.7 of a scan", key="once"):
        return client.post(
            f"/v1/orders/{known.order_id}/uploads",
            data={"kind": "attachment", "file": (BytesIO(content), "a.pdf")},
            headers=headers() | {"Idempotency-Key": key},
        )

    return send


def count_of_papers(sessions):
    with sessions() as session:
        return session.execute(text("select count(*) from papers")).scalar_one()


@pytest.mark.requirement("V-23")
def test_who_sends_a_file_meanwhile_is_told_to_ask_again_and_then_it_is_kept_once(
    send, faults, sessions, kept, caplog
):
    faults.delay_seconds = 60
    began = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        away = send()
    seconds = time.monotonic() - began
    rows = count_of_papers(sessions)
    faults.delay_seconds = 0

    back = send()

    assert (away.status_code, away.json["detail"]) == (503, "stored files can't be reached now")
    assert away.headers["Retry-After"] == "1"
    assert seconds < LONGEST_SECONDS
    assert rows == 0
    assert back.status_code == 201
    assert count_of_papers(sessions) == 1
    assert kept() == [back.json["sha256"]]
    assert SECRET not in caplog.text


@pytest.mark.requirement("V-23")
def test_who_reads_a_paper_is_told_that_it_is_away_and_never_handed_other_bytes(
    client, headers, send, faults, behind, s3
):
    sent = send().json
    path = f"/v1/documents/{sent['document_id']}/content"
    faults.answer_with("503 Slow Down")
    away = client.get(path, headers=headers())
    faults.say = b""
    prefix = behind[0]["documents_store"].partition(f"s3://{s3.bucket}/")[2]
    s3.put(f"{prefix}/{sent['sha256'][:2]}/{sent['sha256']}", b"%PDF-1.7 of another")
    altered = client.get(path, headers=headers())

    assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
    assert (altered.status_code, altered.json["reason"]) == (500, "content_damaged")
    assert b"of another" not in altered.data


@pytest.mark.requirement("V-23")
def test_a_paper_waits_for_its_store_keeps_its_number_and_is_made_when_it_is_back(
    sessions, known, faults, kept
):
    with sessions.begin() as session:
        lock_order(session, known.order_id)
        commands.issue_due_papers(session, known, None)
        session.execute(text("delete from jobs where kind = 'paper' and key not like 'invoice%'"))
        job_id = session.scalars(select(job_rows.c.id).where(job_rows.c.kind == "paper")).one()
    faults.answer_with("503 Slow Down")

    def state():
        with sessions() as session:
            job = session.execute(select(job_rows).where(job_rows.c.id == job_id)).one()
            invoice = session.scalars(select(Paper).where(Paper.kind == PaperKind.INVOICE)).one()
            return job, invoice

    for _ in range(messaging.jobs.kinds["paper"].attempts + 2):  # more than a fault of its own is given
        assert jobs.run(sessions, messaging.jobs, job_id, Backoff(0, 0))
    waiting, without = state()
    faults.say = b""
    assert jobs.run(sessions, messaging.jobs, job_id, Backoff(0, 0))
    done, invoice = state()

    assert (waiting.state, waiting.attempts, waiting.excused) == ("queued", 10, 10)
    assert waiting.last_error.startswith("Unavailable: stored files can't be reached now: s3://")
    assert SECRET not in waiting.last_error
    assert without.status is PaperStatus.NUMBERED
    assert done.state == "done"
    assert (invoice.status, invoice.number, invoice.sequence) == (PaperStatus.STORED, without.number, 1)
    assert kept() == [invoice.sha256]
    with sessions() as session:
        told = select(event_log.c.seq).where(event_log.c.type == "invoice.issued")
        assert len(session.scalars(told).all()) == 1


@pytest.mark.requirement("V-23")
def test_a_store_that_stays_away_is_asked_more_and_more_seldom(sessions, known, faults):
    with sessions.begin() as session:
        lock_order(session, known.order_id)
        digest = storage.store(session, b"to be removed")
        jobs.enqueue(
            session, "removal", key="it", order_id=known.order_id, number="1", argument={"sha256": digest}
        )
        job_id = session.scalars(select(job_rows.c.id)).one()
    faults.answer_with("503 Slow Down")

    waits = []
    for _ in range(3):
        assert jobs.run(sessions, messaging.jobs, job_id, Backoff(60, 3600))
        with sessions.begin() as session:
            run_at = session.scalars(select(job_rows.c.run_at)).one()
            waits.append((run_at - clock.now()).total_seconds())
            session.execute(text("update jobs set run_at = now()"))

    assert [round(wait / 60) for wait in waits] != [1, 1, 1]
    assert waits[2] > 2 * waits[0]


@pytest.mark.requirement("V-23")
def test_what_could_not_be_erased_is_erased_when_it_can_be(sessions, faults, kept):
    with sessions.begin() as session:
        digest = storage.store(session, b"to be removed")
    faults.answer_with("503 Slow Down")

    with pytest.raises(Unavailable):
        remove_bytes(sessions, {"sha256": digest})
    left = kept()
    faults.say = b""
    remove_bytes(sessions, {"sha256": digest})

    assert left == [digest]
    assert kept() == []


@pytest.mark.requirement("V-23")
def test_a_sweep_that_breaks_off_goes_on_another_time(sessions, faults, kept, monkeypatch):
    with sessions.begin() as session:
        for number in range(5):
            storage.store(session, b"%d" % number)
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=3))
    faults.answer_with("503 Slow Down")

    with pytest.raises(Unavailable):
        storage.sweep(sessions)
    left = kept()
    faults.say = b""

    assert len(left) == 5
    assert storage.sweep(sessions) == 5
    assert kept() == []


@pytest.mark.requirement("V-23")
def test_readiness_says_that_it_is_away_soon_and_the_service_stays_ready(client, faults):
    reached = client.get("/health/ready")
    faults.delay_seconds = 60
    began = time.monotonic()
    away = client.get("/health/ready")

    assert (reached.status_code, reached.json["stored_files"]) == (200, "reached")
    assert time.monotonic() - began < 2.5  # who asks waits for three
    # Else the others could not fetch its events either.
    assert (away.status_code, away.json["status"]) == (200, "ready")
    assert away.json["stored_files"] == "can't be reached"


@pytest.mark.requirement("V-23")
def test_the_doctor_tries_all_that_is_done_there_and_says_what_fails(operate, faults, kept):
    well = operate("doctor")
    left = kept()
    faults.answer_with("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")
    refused = operate("doctor")

    assert "DOCUMENTS_STORE" not in well.output
    assert left == []
    [line] = [line for line in refused.output.splitlines() if "No document can be stored or read" in line]
    assert "can't be written: Server returned non-2xx status code: 403 Forbidden" in line
    assert "the key may read, write, list and delete in it" in line
    assert SECRET not in refused.output


@pytest.mark.requirement("V-24")
def test_all_files_are_copied_to_another_address_and_proven_there(operate, made, folder, store, sessions):
    papers = made(order())
    needed = sorted({paper.sha256 for paper in papers.values()})

    first = operate("copy-files", folder.as_uri())
    with sessions.begin() as session:
        later = storage.store(session, b"came meanwhile")
    second = operate("copy-files", folder.as_uri())

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"{len(needed)} files were copied to {folder.as_uri()}, 0 were already there" in first.output
    assert f"1 files were copied to {folder.as_uri()}, {len(needed)} were already there" in second.output
    moved = stores.at(folder.as_uri())
    assert sorted(digest for digest, _ in stores.stored(moved)) == sorted([*needed, later])
    assert all(moved.read(digest) == store.read(digest) for digest in needed)


@pytest.mark.requirement("V-24")
def test_a_damaged_file_is_named_and_not_copied(operate, sessions, folder, behind, s3):
    with sessions.begin() as session:
        rotten, sound = (storage.store(session, content) for content in (b"rotten", b"sound"))
    prefix = behind[0]["documents_store"].partition(f"s3://{s3.bucket}/")[2]
    s3.put(f"{prefix}/{rotten[:2]}/{rotten}", b"rotted")

    ended = operate("copy-files", folder.as_uri())

    assert ended.exit_code == 1
    assert f"{rotten} is damaged" in ended.output
    assert "1 files are damaged and were not copied" in ended.output
    assert [digest for digest, _ in stores.stored(stores.at(folder.as_uri()))] == [sound]


@pytest.mark.requirement("V-24")
def test_nothing_is_copied_to_what_is_no_address(operate):
    ended = operate("copy-files", "/var/lib/elsewhere")

    assert ended.exit_code == 1
    assert "address: should begin with file://, s3://, gs://, az://" in ended.output


def test_what_an_operator_is_told_while_it_is_away_is_one_line(operate, faults):
    faults.answer_with("403 Forbidden")

    ended = operate("tidy")

    assert ended.exit_code == 1
    assert ended.output.startswith("Error: stored files can't be reached now: s3://")
    assert len(ended.output.splitlines()) == 1
    assert "Traceback" not in json.dumps(ended.output)
