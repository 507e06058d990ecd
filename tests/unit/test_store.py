"""Whatever exists on disk is whole."""

import os
import stat
from pathlib import Path

import pytest
from tests.limits import files_up_to

from anytasktune.errors import ConfigError, StoreError
from anytasktune.schema import EvalPoint
from anytasktune.store import (
    Project,
    append_line,
    atomic_folder,
    read_lines,
    read_record,
    read_ref,
    write_atomic,
    write_record,
    write_ref,
)


def test_text_is_written_as_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b.txt", "第一行\nsecond\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "第一行\nsecond\n".encode()


def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_atomic(path, "old\n")
    with files_up_to(5000), pytest.raises(StoreError, match="cannot write"):
        write_atomic(path, "x" * 9000)
    assert path.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_atomic(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_files_can_be_read_by_whom_the_system_allows_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", "x")
    with atomic_folder(tmp_path / "folder") as temporary:
        write_atomic(temporary / "inside", "x")
    (tmp_path / "usual").touch()
    (tmp_path / "usual folder").mkdir()
    for made, usual in (("file", "usual"), ("folder/inside", "usual"), ("folder", "usual folder")):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == stat.S_IMODE((tmp_path / usual).stat().st_mode)


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        write_atomic(tmp_path / "taken" / "deep" / "file", "x")
    assert f"{tmp_path / 'taken'} is a file and must be a folder" in caught.value.problems[0].fix
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError):
        write_atomic(tmp_path / "folder", "x")


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "runs" / "one") as temporary:
        (temporary / "a").write_text("1", encoding="utf-8")
        assert not (tmp_path / "runs" / "one").exists()
    assert (tmp_path / "runs" / "one" / "a").read_text(encoding="utf-8") == "1"
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_folder_that_is_not_completed_vanishes(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "one") as temporary:
        (temporary / "a").write_text("1", encoding="utf-8")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_gets_full_while_a_folder_is_filled_is_told_as_such(tmp_path: Path) -> None:
    with files_up_to(5000), pytest.raises(StoreError, match="cannot write"), atomic_folder(tmp_path / "one") as temporary:
        (temporary / "weights").write_bytes(bytes(9000))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_faster_process_stays(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "one") as temporary:
        (temporary / "who").write_text("slow", encoding="utf-8")
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "who").write_text("fast", encoding="utf-8")
    assert (tmp_path / "one" / "who").read_text(encoding="utf-8") == "fast"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_last_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    points = [EvalPoint(step=step, dev_loss=0.5) for step in range(3)]
    for item in points:
        append_line(log, item)
    assert read_lines(log, EvalPoint) == points
    log.write_bytes(log.read_bytes()[:-4])
    assert read_lines(log, EvalPoint) == points[:2]
    assert read_lines(tmp_path / "none.jsonl", EvalPoint) == []


@pytest.mark.parametrize("rubbish", [b"{}\n", b"\xff\xfe\n", b"half\n"])
def test_a_damaged_line_is_named(tmp_path: Path, rubbish: bytes) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, EvalPoint(step=1, dev_loss=0.5))
    log.write_bytes(log.read_bytes() + rubbish)
    with pytest.raises(StoreError, match="not a EvalPoint") as caught:
        read_lines(log, EvalPoint)
    assert caught.value.problems[0].where == f"{log}:2"


def test_a_record_is_read_back_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    write_record(path, EvalPoint(step=7, dev_loss=0.25))
    assert read_record(path, EvalPoint) == EvalPoint(step=7, dev_loss=0.25)
    for damaged in (b"", b"{", b'{"step": 7}', b'{"step": 7, "dev_loss": 1, "more": 2}', b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="not a EvalPoint"):
            read_record(path, EvalPoint)
    with pytest.raises(StoreError, match="No such file"):
        read_record(tmp_path / "none.json", EvalPoint)
    with pytest.raises(StoreError, match="cannot be read"):
        read_record(tmp_path, EvalPoint)


def test_a_pointer_names_an_artefact_that_exists(tmp_path: Path) -> None:
    assert read_ref(tmp_path) is None
    (tmp_path / "abc123").mkdir()
    write_ref(tmp_path, "latest", "abc123")
    assert read_ref(tmp_path) == "abc123"
    (tmp_path / "abc123").rmdir()
    assert read_ref(tmp_path) is None


@pytest.mark.parametrize("rubbish", [b"", b"\n", b"..", b"/etc", b"\x00", b"\xff\xff", b"a" * 10_000])
def test_a_damaged_pointer_points_nowhere(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "latest").write_bytes(rubbish)
    assert read_ref(tmp_path) is None


def test_a_pointer_that_is_right_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / "abc123").mkdir()
    write_ref(tmp_path, "latest", "abc123")
    before = (tmp_path / "latest").stat().st_mtime_ns
    write_ref(tmp_path, "latest", "abc123")
    assert (tmp_path / "latest").stat().st_mtime_ns == before


def test_a_folder_without_a_domain_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no project here"):
        Project.open(tmp_path)
    (tmp_path / "domain.yaml").mkdir()
    with pytest.raises(ConfigError, match="no project here"):
        Project.open(tmp_path)
