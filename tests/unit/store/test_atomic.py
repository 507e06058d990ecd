"""Whatever exists on disk is whole."""

import os
import stat
from pathlib import Path

import pytest
from tests.limits import files_up_to

from anytasktune.errors import ConfigError, StoreError
from anytasktune.store import Project, atomic_folder, write_atomic


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


def test_a_folder_without_a_domain_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no project here"):
        Project.open(tmp_path)
    (tmp_path / "domain.yaml").mkdir()
    with pytest.raises(ConfigError, match="no project here"):
        Project.open(tmp_path)
