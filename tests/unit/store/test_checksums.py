"""A bit that is another one than was written is noticed wherever it is."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bit_flips import flip_bit

from anytasktune.errors import DamagedError, StoreError
from anytasktune.records import Record
from anytasktune.store import (
    MANIFEST,
    atomic_folder,
    check_sums,
    is_intact,
    read_manifest,
    read_record,
    read_ref,
    write_artifact_folder,
    write_atomic,
    write_record,
    write_ref,
)


class Thing(Record):
    name: str = ""
    numbers: tuple[int, ...] = ()


places = st.integers(0, 10**9)


@settings(deadline=None, max_examples=100)
@given(name=st.text(max_size=8), numbers=st.tuples(st.integers(), st.integers()), place=places)
def test_a_record_comes_back_or_is_named(
    tmp_path_factory: pytest.TempPathFactory, name: str, numbers: tuple[int, int], place: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "thing.json"
    thing = Thing(name=name.encode("utf-8", "replace").decode(), numbers=numbers)
    write_record(path, thing)
    assert read_record(path, Thing) == thing
    flip_bit(path, place)
    with pytest.raises(DamagedError, match=r"thing\.json"):
        read_record(path, Thing)


@settings(deadline=None, max_examples=100)
@given(place=places, which=st.sampled_from(["SHA256SUMS", MANIFEST, "rows.jsonl", "第一.md", "deep/er.bin"]))
def test_a_folder_comes_back_or_the_file_is_named(tmp_path_factory: pytest.TempPathFactory, place: int, which: str) -> None:
    folder = tmp_path_factory.mktemp("sets") / "abc"
    with atomic_folder(folder) as new:
        for name in ("rows.jsonl", "第一.md", "deep/er.bin"):
            write_atomic(new / name, name * 3)
        write_record(new / MANIFEST, Thing(name="one"))
    assert read_manifest(folder, Thing) == Thing(name="one")
    flip_bit(folder / which, place)
    with pytest.raises(DamagedError, match="delete its folder abc"):
        read_manifest(folder, Thing)


@settings(deadline=None, max_examples=60)
@given(place=places)
def test_a_reference_leads_to_its_artefact_or_is_named(tmp_path_factory: pytest.TempPathFactory, place: int) -> None:
    folder = tmp_path_factory.mktemp("sets")
    (folder / "0badcafe1234").mkdir()
    write_ref(folder, "latest", "0badcafe1234")
    flip_bit(folder / "latest", place)
    with pytest.raises(DamagedError, match="latest"):
        read_ref(folder)
    write_ref(folder, "latest", "0badcafe1234")
    assert read_ref(folder) == "0badcafe1234"


def test_a_missing_file_of_a_folder_is_named(tmp_path: Path) -> None:
    write_artifact_folder(tmp_path / "abc", Thing(), {"rows.jsonl": "{}\n"})
    (tmp_path / "abc" / "rows.jsonl").unlink()
    with pytest.raises(DamagedError, match=r"rows\.jsonl: the file is missing"):
        check_sums(tmp_path / "abc")


def test_a_damaged_folder_is_replaced_by_the_same_one_made_again(tmp_path: Path) -> None:
    for _ in range(2):
        write_artifact_folder(tmp_path / "abc", Thing(name="one"), {"rows.jsonl": "{}\n"})
        assert read_manifest(tmp_path / "abc", Thing) == Thing(name="one")
        flip_bit(tmp_path / "abc" / "rows.jsonl", 3)
        assert not is_intact(tmp_path / "abc")


def test_what_an_older_version_wrote_has_no_checksums(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"name": "old"}\n', encoding="utf-8")
    assert read_manifest(tmp_path, Thing) == Thing(name="old")


def test_a_folder_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    write_artifact_folder(tmp_path / "abc", Thing(), {})
    (tmp_path / "abc" / "SHA256SUMS").unlink()
    (tmp_path / "abc" / "SHA256SUMS").mkdir()
    with pytest.raises(StoreError, match="cannot be read") as caught:
        check_sums(tmp_path / "abc")
    assert not isinstance(caught.value, DamagedError)
