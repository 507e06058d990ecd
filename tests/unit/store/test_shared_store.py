"""The store that the machines of a cluster share: files whole or not at all, on folders and other file systems of pyarrow."""

import errno
import multiprocessing
import os
from pathlib import Path

import pytest
from pyarrow.fs import FSSpecHandler, LocalFileSystem, PyFileSystem, SubTreeFileSystem
from tests.limits import files_up_to

from anytasktune.errors import ConfigError, DamagedError, StoreError
from anytasktune.records import Usage
from anytasktune.store.shared_store import SharedStore


@pytest.fixture(params=["folder", "uri", "subtree"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SharedStore:
    root = tmp_path / "store"
    if request.param == "folder":
        return SharedStore.at(str(root))
    if request.param == "uri":
        return SharedStore.at(root.as_uri())
    root.mkdir()
    return SharedStore(SubTreeFileSystem(str(root), LocalFileSystem()), "deep/prefix", "memory")


def test_files_and_folders_come_back_as_they_were(store: SharedStore, tmp_path: Path) -> None:
    store.write("a/b.bin", b"\0one")
    store.write("a/b.bin", b"\0two")
    assert store.read("a/b.bin") == b"\0two"
    assert store.exists("a") and store.exists("a/b.bin") and not store.exists("a/c")
    source = tmp_path / "run"
    for name in ("adapter/weights", "run.json", ".lock", ".draft/half"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name, encoding="utf-8")
    store.send_folder(source, "runs/x", last="run.json")
    assert store.names("runs/x") == ["adapter", "run.json"]
    assert store.names("runs/none") == []
    store.fetch_folder("runs/x", tmp_path / "back")
    found = sorted(path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*") if path.is_file())
    assert found == ["adapter/weights", "run.json"]
    assert (tmp_path / "back" / "adapter" / "weights").read_text(encoding="utf-8") == "adapter/weights"
    for name in ("runs/x/run.json", "runs/x", "runs/x"):
        store.remove(name)
    assert not store.exists("runs/x")


def test_a_record_that_was_changed_is_damaged(store: SharedStore) -> None:
    record = Usage(seconds=0.25, tokens=5)
    store.write_record("one.json", record)
    assert store.read_record("one.json", Usage) == record
    store.write("one.json", store.read("one.json").replace(b"0.25", b"0.20"))
    with pytest.raises(DamagedError):
        store.read_record("one.json", Usage)


def test_the_mark_is_written_last_and_is_missing_when_the_store_is_full(tmp_path: Path) -> None:
    store, source = SharedStore.at(str(tmp_path / "store")), tmp_path / "run"
    source.mkdir()
    (source / "a_mark").write_bytes(b"mark")
    (source / "weights").write_bytes(bytes(200_000))
    with files_up_to(100_000), pytest.raises(StoreError, match="files may not get that large here"):
        store.send_folder(source, "run", last="a_mark")
    assert store.names("run") == [], "neither the mark nor half a file"
    assert not list((tmp_path / "store" / "run").iterdir())
    store.send_folder(source, "run", last="a_mark")
    assert store.names("run") == ["a_mark", "weights"]


def test_a_connection_that_fails_twice_is_tried_again(tmp_path: Path) -> None:
    local = pytest.importorskip("fsspec").filesystem("file")
    failures = [OSError(errno.EIO, os.strerror(errno.EIO)) for _ in range(2)]

    class Failing(type(local)):
        def _open(self, path: str, mode: str = "rb", **more: object) -> object:
            if failures:
                raise failures.pop()
            return super()._open(path, mode, **more)

    store = SharedStore(PyFileSystem(FSSpecHandler(Failing(skip_instance_cache=True))), str(tmp_path), "failing", (0, 0))
    store.write("a", b"1")
    assert store.read("a") == b"1"
    failures += [OSError(errno.EIO, os.strerror(errno.EIO)) for _ in range(3)]
    with pytest.raises(StoreError, match=r"failing/a: the store refuses it"):
        store.read("a")


def _write_many(place: str, byte: bytes) -> None:
    store = SharedStore.at(place)
    for _ in range(50):
        store.write("same", byte * 100_000)


def test_two_writers_leave_one_whole_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), byte)) for byte in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert SharedStore.at(str(tmp_path)).read("same") in {b"a" * 100_000, b"b" * 100_000}
    assert [path.name for path in tmp_path.iterdir()] == ["same"]


@pytest.mark.parametrize("place", ["nothing://x/y", "s3://"])
def test_a_place_that_is_no_store_is_refused(place: str) -> None:
    with pytest.raises(ConfigError, match="give a folder that all machines have mounted"):
        SharedStore.at(place)


def test_a_password_in_a_uri_is_not_shown() -> None:
    store = SharedStore(LocalFileSystem(), "/x", "s3://key:secret@bucket/prefix?scheme=http")
    assert str(store) == "s3://bucket/prefix"
