"""Stored bytes are what was stored, or are refused."""

import os
import time

import pytest

from services.documents import storage


def test_what_is_stored_is_read_back(tmp_path):
    digest = storage.store(tmp_path, b"a paper")

    assert storage.read(tmp_path, digest) == b"a paper"


def test_storing_again_changes_nothing(tmp_path):
    first = storage.store(tmp_path, b"a paper")
    second = storage.store(tmp_path, b"a paper")

    assert first == second
    assert [digest for digest, _ in storage.stored(tmp_path)] == [first]
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.requirement("F-21")
def test_a_changed_byte_is_found(tmp_path):
    digest = storage.store(tmp_path, b"a paper")
    [file] = tmp_path.rglob(digest)
    file.write_bytes(b"b paper")

    with pytest.raises(storage.Damaged, match="not what was stored"):
        storage.read(tmp_path, digest)


def test_a_missing_file_is_found(tmp_path):
    digest = storage.store(tmp_path, b"a paper")
    storage.remove(tmp_path, digest)

    with pytest.raises(storage.Damaged, match="No such file"):
        storage.read(tmp_path, digest)


def test_what_a_dead_writer_left_is_harmless_and_swept_when_it_is_old(tmp_path):
    digest = storage.store(tmp_path, b"a paper")
    old, young = tmp_path / "incoming" / "old", tmp_path / "incoming" / "young"
    for leftover in (old, young):
        leftover.write_bytes(b"half a pa")
    long_ago = time.time() - 2 * storage.LEFTOVER_SECONDS
    os.utime(old, (long_ago, long_ago))

    swept = storage.sweep(tmp_path)

    assert swept == 1
    assert not old.exists()
    assert young.exists()
    assert storage.read(tmp_path, digest) == b"a paper"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    digest = storage.store(tmp_path, b"a paper")
    [file] = tmp_path.rglob(digest)
    file.unlink()
    file.mkdir()  # in the way of the rename

    with pytest.raises(OSError, match="directory"):
        storage.store(tmp_path, b"a paper")

    assert list((tmp_path / "incoming").iterdir()) == []
    assert digest == file.name
