"""Bytes at an address: durable when written, whole or an error when read, and nobody waits for ever."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from shared import stores
from shared.errors import Unavailable
from shared.stores import Access, Bucket, Damaged, Folder, Gone
from tests.object_store import SECRET, between, store_at

PAPER = b"%PDF of an invoice".ljust(100_000, b".")
DIGEST = sha256(PAPER).hexdigest()
LONGEST_SECONDS = 5.0  # after which PostgreSQL ends a transaction that waits


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "papers of a shop"


@pytest.fixture
def place(s3):
    return s3.settings()


@pytest.fixture(params=["folder", "s3"])
def store(request, folder):
    """Both kinds; what holds for one holds for the other."""
    if request.param == "folder":
        return stores.at(folder.as_uri())
    return store_at(request.getfixturevalue("place"))


@pytest.fixture
def bucket(place):
    return store_at(place)


@pytest.fixture
def faulty(s3, place):
    """The same bucket by another way, and what may go wrong on it."""
    with between(s3) as (endpoint, faults):
        yield store_at(place | {"store_endpoint": endpoint}), faults


@pytest.fixture
def harm(s3, folder):
    """Do something to what is stored behind the store's back."""

    def harm(store, content):
        if isinstance(store, Folder):
            [file] = folder.rglob(DIGEST)
            file.unlink() if content is None else file.write_bytes(content)
            return
        key = f"{store.address.partition(f's3://{s3.bucket}/')[2]}/{DIGEST[:2]}/{DIGEST}"
        s3.delete(key) if content is None else s3.put(key, content)

    return harm


def kept(store):
    return [digest for digest, _ in stores.stored(store)]


def timed(act, *arguments):
    """How long it took until it was unavailable, and what was said."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as told:
        act(*arguments)
    return time.monotonic() - began, str(told.value)


def test_what_is_written_is_read_back_and_listed_with_its_time(store):
    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER
    [(digest, written_at)] = store.listed(DIGEST[:2])
    assert digest == DIGEST
    assert abs(written_at - time.time()) < 60
    assert kept(store) == [DIGEST]


def test_what_is_written_again_changes_nothing(store):
    store.write(DIGEST, PAPER)
    store.write(DIGEST, PAPER)

    assert kept(store) == [DIGEST]
    assert store.read(DIGEST) == PAPER


def test_no_bytes_at_all_are_kept_too(store):
    store.write(sha256(b"").hexdigest(), b"")

    assert store.read(sha256(b"").hexdigest()) == b""


def test_forty_megabytes_are_kept(store):
    content = os.urandom(40_000_000)  # as a print of many papers

    store.write(sha256(content).hexdigest(), content)

    assert store.read(sha256(content).hexdigest()) == content


def test_what_was_never_written_is_gone(store):
    store.look()

    with pytest.raises(Gone, match=r"can't be read: (No such file|it is missing)"):
        store.read(DIGEST)


@pytest.mark.requirement("F-21")
@pytest.mark.parametrize("altered", [b"X" + PAPER[1:], PAPER[:-1], b"", PAPER + b"."])
def test_altered_bytes_are_an_error_and_never_an_answer(store, harm, altered):
    store.write(DIGEST, PAPER)
    harm(store, altered)

    with pytest.raises(Damaged, match=f"{DIGEST} is damaged"):
        store.read(DIGEST)


@pytest.mark.requirement("F-21")
@pytest.mark.parametrize("damage", [b"rotten", None])
def test_writing_again_puts_right_what_was_damaged(store, harm, damage):
    store.write(DIGEST, PAPER)
    harm(store, damage)

    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER


def test_what_is_erased_is_gone_and_erasing_it_again_does_no_harm(store):
    store.write(DIGEST, PAPER)

    store.erase(DIGEST)
    store.erase(DIGEST)

    assert kept(store) == []
    with pytest.raises(Gone):
        store.read(DIGEST)


def test_many_writers_of_the_same_content_at_once_all_have_it_kept(store):
    start = threading.Barrier(8)
    failed = []

    def write():
        try:
            start.wait()
            store.write(DIGEST, PAPER)
        except BaseException as error:
            failed.append(error)
            raise

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)

    assert failed == []
    assert kept(store) == [DIGEST]
    assert store.read(DIGEST) == PAPER


def test_more_than_a_page_of_files_is_listed_whole(s3, bucket):
    # S3 lists a thousand a request.
    prefix = bucket.address.partition(f"s3://{s3.bucket}/")[2]
    names = {f"ab{number:062x}" for number in range(1_100)}

    assert len(list(stores.with_many(lambda name: s3.put(f"{prefix}/ab/{name}", b"x"), names))) == 1_100

    assert Counter(digest for digest, _ in bucket.listed("ab")) == Counter(names)
    assert list(bucket.listed("ac")) == []


def test_two_prefixes_of_a_bucket_do_not_see_each_other(s3):
    one, other = (store_at(s3.settings()) for _ in range(2))

    one.write(DIGEST, PAPER)

    assert kept(other) == []


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("/var/lib/waybill", "should begin with file://, s3://, gs://, az://"),
        ("http://objects.example/bucket", "should begin with"),
        ("file://papers", "should be an absolute path"),
        ("file:papers", "should be an absolute path"),
        ("s3://", "should name a bucket"),
        ("s3://key:secret@bucket/papers", "should have only a scheme, a name and a path"),
        ("s3://bucket/papers?region=eu", "should have only a scheme, a name and a path"),
    ],
)
def test_an_address_that_can_not_be_meant_is_told(address, fault):
    assert stores.fault_of(address).startswith(fault)


@pytest.mark.parametrize(
    "address", ["file:///var/lib/waybill", "s3://bucket", "gs://b/p", "az://account/c/p"]
)
def test_an_address_that_can_be_meant_is_taken(address):
    assert stores.fault_of(address) == ""


def test_a_folder_has_the_place_that_its_address_names(tmp_path):
    folder = tmp_path / "papers & co #1"

    stores.at(folder.as_uri()).write(DIGEST, PAPER)

    assert (folder / DIGEST[:2] / DIGEST).read_bytes() == PAPER


def test_nothing_is_made_or_asked_before_it_is_used(folder):
    stores.at(folder.as_uri())
    stores.at("s3://bucket", Access(endpoint="http://127.0.0.1:1"))

    assert not folder.exists()


def test_a_folder_s_file_is_on_the_disk_with_its_folder_when_it_is_written(folder, monkeypatch):
    synced, real = [], os.fsync

    def fsync(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)

    stores.at(folder.as_uri()).write(DIGEST, PAPER)

    root, file, part = synced
    assert (root, part) == (str(folder), str(folder / DIGEST[:2]))
    assert file.startswith(str(folder / "incoming"))
    assert list((folder / "incoming").iterdir()) == []


def test_a_folder_that_can_not_be_written_is_unavailable_and_has_nothing_half_written(folder):
    store = stores.at(folder.as_uri())
    (folder / DIGEST[:2] / DIGEST).mkdir(parents=True)  # in the way of the rename

    with pytest.raises(Unavailable, match=f"{folder} can't be written: Is a directory"):
        store.write(DIGEST, PAPER)

    assert list((folder / "incoming").iterdir()) == []


def test_a_folder_whose_disk_is_not_there_is_unavailable_and_not_damaged(tmp_path):
    store = stores.at((tmp_path / "unmounted").as_uri())

    with pytest.raises(Unavailable, match="unmounted can't be read: No such file"):
        store.read(DIGEST)


def test_a_server_that_is_not_there_is_unavailable_within_bounds_and_says_so(counted):
    store = Bucket("s3://papers", Access(endpoint="http://127.0.0.1:1", key_id="key", secret=SECRET))

    for act, *arguments in (
        (store.write, DIGEST, PAPER),
        (store.read, DIGEST),
        (store.erase, DIGEST),
        (lambda: list(store.listed("ab")),),
        (store.look,),
    ):
        seconds, said = timed(act, *arguments)
        assert seconds < LONGEST_SECONDS
        assert said.startswith("stored files can't be reached now: s3://papers can't be ")
        assert "(connect)" in said
        assert SECRET not in said
        assert "\n" not in said
    assert counted("waybill_store_failures_total", act="write") == 1
    assert counted("waybill_store_failures_total", act="read") == 1
    assert counted("waybill_store_seconds_count", act="erase") == 1


def test_a_bucket_that_is_not_there_is_unavailable_and_nothing_is_taken_for_gone(s3, place):
    store = store_at(place | {"documents_store": "s3://nobody-s"})

    for act, *arguments in ((store.read, DIGEST), (store.write, DIGEST, PAPER), (store.look,)):
        _, said = timed(act, *arguments)
        assert "404 Not Found" in said


def test_a_server_that_answers_nothing_holds_nobody_longer_than_a_transaction_may_wait(faulty):
    store, faults = faulty
    faults.delay_seconds = 60

    assert timed(store.write, DIGEST, PAPER)[0] < LONGEST_SECONDS
    assert timed(store.read, DIGEST)[0] < LONGEST_SECONDS
    assert timed(store.erase, DIGEST)[0] < LONGEST_SECONDS
    seconds, said = timed(store.look)
    assert seconds < 2
    assert "(timeout)" in said


def test_a_server_that_is_slow_to_fail_holds_nobody_longer_either(faulty):
    store, faults = faulty
    faults.delay_seconds = 1.1  # just short enough for each next step to begin
    faults.lose_answers = True

    assert timed(store.write, DIGEST, PAPER)[0] < LONGEST_SECONDS
    assert timed(store.read, DIGEST)[0] < LONGEST_SECONDS


def test_a_slow_server_is_waited_for(faulty):
    store, faults = faulty
    faults.delay_seconds = 0.5

    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER


@pytest.mark.parametrize("status", ["503 Slow Down", "500 Internal Server Error", "429 Too Many Requests"])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(faulty, status):
    store, faults = faulty

    for act, *arguments in ((store.write, DIGEST, PAPER), (store.read, DIGEST), (store.erase, DIGEST)):
        faults.answer_with(status)
        faults.times = 2
        act(*arguments)

    assert kept(store) == []


@pytest.mark.parametrize("status", ["503 Slow Down", "403 Forbidden", "400 Bad Request", "301 Moved"])
def test_a_server_that_refuses_is_unavailable_with_its_words(faulty, status):
    store, faults = faulty
    faults.answer_with(status, b"<Error><AWSAccessKeyId>AKIAWAYBILL</AWSAccessKeyId></Error>")

    for act, *arguments in ((store.write, DIGEST, PAPER), (store.read, DIGEST), (store.erase, DIGEST)):
        seconds, said = timed(act, *arguments)
        assert seconds < LONGEST_SECONDS
        assert "AKIA" not in said


def test_why_a_server_refuses_is_in_what_the_operator_reads(faulty):
    store, faults = faulty
    faults.answer_with("403 Forbidden", b"<Error><Code>InvalidAccessKeyId</Code></Error>")

    assert "403 Forbidden" in timed(store.read, DIGEST)[1]


@pytest.mark.parametrize("status", ["501 Not Implemented", "400 Bad Request"])
def test_a_server_that_knows_no_conditional_writes_is_given_the_bytes_without(faulty, s3, status):
    store, faults = faulty
    faults.answer_with(status)
    faults.times = 1 if status.startswith("400") else 6  # what is a server's fault is tried again as it was

    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER


def test_a_write_is_conditional_where_nothing_is_wrong(faulty):
    store, faults = faulty

    store.write(DIGEST, PAPER)
    store.write(DIGEST, PAPER)

    # The second is refused by its condition, and looks at what is there.
    assert [request.split()[0] for request in faults.requests] == [b"PUT", b"PUT", b"GET"]


def test_a_write_whose_answer_was_lost_is_told_as_written_and_is_there(faulty):
    store, faults = faulty
    faults.lose_answers, faults.times = True, 1

    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER
    assert kept(store) == [DIGEST]


@pytest.mark.parametrize("after", [100, 1_000, 60_000])
def test_a_write_that_is_cut_in_its_middle_is_written_again_whole(faulty, after):
    store, faults = faulty
    faults.cut_requests_after, faults.times = after, 1

    store.write(DIGEST, PAPER)

    assert store.read(DIGEST) == PAPER


def test_a_write_that_is_always_cut_is_not_there_at_all(faulty, bucket):
    store, faults = faulty
    faults.cut_requests_after = 60_000

    assert timed(store.write, DIGEST, PAPER)[0] < LONGEST_SECONDS

    assert kept(bucket) == []
    bucket.write(DIGEST, PAPER)
    assert bucket.read(DIGEST) == PAPER


@pytest.mark.parametrize("after", [50, 500, 60_000, 99_999])
def test_a_read_that_is_cut_is_read_whole(faulty, after):
    store, faults = faulty
    store.write(DIGEST, PAPER)
    faults.cut_answers_after, faults.times = after, 1

    assert store.read(DIGEST) == PAPER


def test_a_read_that_is_always_cut_goes_on_where_it_was_cut_or_is_an_error(faulty):
    store, faults = faulty
    store.write(DIGEST, PAPER)

    faults.cut_answers_after = 60_000
    assert store.read(DIGEST) == PAPER
    faults.cut_answers_after = 2_000  # more often than it is tried again
    seconds, said = timed(store.read, DIGEST)

    assert seconds < LONGEST_SECONDS
    assert "can't be read" in said


def test_an_answer_that_is_another_s_is_damage(faulty):
    store, faults = faulty
    faults.answer_with('200 OK\r\nLast-Modified: Sun, 29 Nov 2026 05:49:18 GMT\r\nETag: "x"', b"of another")

    with pytest.raises(Damaged, match="is damaged"):
        store.read(DIGEST)


DIES = """
import os, sys, threading
from hashlib import sha256
from shared import stores

content = sys.stdin.buffer.read()
access = stores.Access(endpoint=sys.argv[2], region="eu-west-1", key_id="k", secret="s")
store = stores.at(sys.argv[1], access)
threading.Timer(0.7, os._exit, [9]).start()
store.write(sha256(content).hexdigest(), content)
print("written", flush=True)
os._exit(0)
"""


def test_what_a_process_was_writing_when_it_was_killed_is_not_there_or_whole(s3, place, bucket):
    with between(s3) as (endpoint, faults):
        faults.delay_seconds = 1.5  # it is killed while the server has half of nothing

        died = subprocess.run(
            [sys.executable, "-c", DIES, place["documents_store"], endpoint],
            input=PAPER,
            capture_output=True,
            check=False,
        )

    assert (died.returncode, died.stdout) == (9, b""), died.stderr
    assert [bucket.read(digest) for digest in kept(bucket)] in ([], [PAPER])
    bucket.write(DIGEST, PAPER)
    assert bucket.read(DIGEST) == PAPER


FORKS = """
import os, sys
from shared import stores

store = stores.at("s3://papers", stores.Access(endpoint="http://127.0.0.1:1", key_id="k", secret="s"))
if sys.argv[1] == "before":
    try:
        store.look()
    except Exception:
        pass
child = os.fork()
if child == 0:
    try:
        store.look()
    except Exception as error:
        print(type(error).__name__, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize(("used", "told"), [("before", "RuntimeError"), ("after", "Unavailable")])
def test_a_child_asks_a_store_that_its_parent_never_used_and_hangs_with_none(used, told):
    ended = subprocess.run(
        [sys.executable, "-c", FORKS, used], capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.stdout.strip() == told, ended.stderr


def test_whoever_keeps_bytes_in_a_folder_loads_no_library_for_object_stores(folder):
    script = (
        "import sys; from shared import stores; store = stores.at(sys.argv[1]); store.look();"
        "print('obstore' in sys.modules)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, folder.as_uri()], capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "False"


def test_of_many_only_a_few_are_in_hand(monkeypatch):
    asked = []

    def items():
        for number in range(1_000):
            asked.append(number)
            yield number

    done = stores.with_many(lambda number: number * 2, items())

    assert [next(done) for _ in range(3)] == [0, 2, 4]
    assert len(asked) == stores.IN_HAND
    assert list(done) == [number * 2 for number in range(3, 1_000)]


def test_another_cloud_is_asked_by_its_own_settings_and_not_by_those_of_s3(monkeypatch):
    monkeypatch.setenv("GOOGLE_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    store = stores.at("gs://papers/shop", Access(endpoint="http://127.0.0.1:2", key_id="key", secret=SECRET))

    _, said = timed(store.read, DIGEST)

    assert said == (
        "stored files can't be reached now: gs://papers/shop can't be read:"
        " HTTP error: error sending request (connect)"
    )
