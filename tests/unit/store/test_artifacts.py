"""An artefact is made once from equal inputs, and found again."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from anytasktune.errors import DamagedError, StoreError
from anytasktune.records import Artifact
from anytasktune.store import find_artifact, find_or_make, read_ref, record_kind, save_artifact, write_ref


class Note(Artifact):
    id: str
    text: str = ""


NOTES = record_kind(Note, lambda note: note.id)


@dataclass
class Maker:
    note: Note
    calls: list[str] = field(default_factory=list)

    def __call__(self) -> Note:
        self.calls.append(self.note.id)
        return self.note


def test_an_artefact_named_by_its_content_is_found_by_its_inputs(tmp_path: Path) -> None:
    make = Maker(Note(id="abc123", text="one"))
    assert find_or_make(tmp_path, NOTES, "inputs1", make) == (make.note, True)
    assert find_or_make(tmp_path, NOTES, "inputs1", make) == (make.note, False)
    assert find_or_make(tmp_path, NOTES, "inputs2", make) == (make.note, True)  # other inputs may give the same
    assert make.calls == ["abc123", "abc123"]
    assert {path.name for path in tmp_path.iterdir()} == {"abc123.json", "from-inputs1", "from-inputs2", "latest"}


def test_an_artefact_named_by_its_inputs_needs_no_reference(tmp_path: Path) -> None:
    make = Maker(Note(id="abc123"))
    assert [find_or_make(tmp_path, NOTES, "abc123", make, latest=None)[1] for _ in range(2)] == [True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["abc123.json"]


def test_latest_leads_to_what_was_used_last(tmp_path: Path) -> None:
    for inputs, name in (("in1", "one"), ("in2", "two"), ("in1", "one")):
        find_or_make(tmp_path, NOTES, inputs, Maker(Note(id=name)), latest="latest-note")
        assert read_ref(tmp_path, "latest-note") == name


@pytest.mark.parametrize("inputs", ["abc123", "other"])
def test_what_another_run_could_complete_is_made_again(tmp_path: Path, inputs: str) -> None:
    make = Maker(Note(id="abc123"))
    for _ in range(2):
        assert find_or_make(tmp_path, NOTES, inputs, make, reusable=lambda note: bool(note.text)) == (make.note, True)
    assert find_artifact(tmp_path, NOTES, inputs) is None


def test_an_artefact_is_never_written_over(tmp_path: Path) -> None:
    assert save_artifact(tmp_path, NOTES, Note(id="abc123", text="first"))
    assert not save_artifact(tmp_path, NOTES, Note(id="abc123", text="second"))
    assert find_artifact(tmp_path, NOTES, "abc123") == Note(id="abc123", text="first")


def test_a_damaged_artefact_is_named_and_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "abc123.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match=r"abc123\.json"):
        find_or_make(tmp_path, NOTES, "abc123", Maker(Note(id="abc123")))


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        find_or_make(tmp_path, NOTES, "in", lambda: Note(id=str(1 // 0)))
    assert list(tmp_path.iterdir()) == []


def test_a_reference_leads_to_an_artefact_that_exists(tmp_path: Path) -> None:
    assert read_ref(tmp_path) is None
    (tmp_path / "abc123").mkdir()
    write_ref(tmp_path, "latest", "abc123")
    assert read_ref(tmp_path) == "abc123"
    (tmp_path / "abc123").rmdir()
    assert read_ref(tmp_path) is None


@pytest.mark.parametrize("rubbish", [b"", b"\n", b"..", b"/etc", b"\x00", b"\xff\xff", b"a" * 10_000])
def test_a_damaged_reference_is_named(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "latest").write_bytes(rubbish)
    with pytest.raises(DamagedError, match="latest: the content does not match"):
        read_ref(tmp_path)


def test_a_reference_of_an_older_version_has_no_checksum(tmp_path: Path) -> None:
    (tmp_path / "abc123").mkdir()
    (tmp_path / "latest").write_bytes(b"abc123\n")
    assert read_ref(tmp_path) == "abc123"


@pytest.mark.parametrize("damaged", ["abc123.json", "from-inputs1"])
def test_a_damaged_artefact_is_made_anew_where_somebody_is_told(tmp_path: Path, damaged: str) -> None:
    make, notes = Maker(Note(id="abc123", text="one")), list[str]()
    find_or_make(tmp_path, NOTES, "inputs1", make)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    path = tmp_path / damaged
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd", 1))
    assert find_or_make(tmp_path, NOTES, "inputs1", make, note=notes.append) == (make.note, True)
    assert notes == [f"{path}: the content does not match its checksum; it is made anew"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_reference_that_is_right_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / "abc123").mkdir()
    write_ref(tmp_path, "latest", "abc123")
    before = (tmp_path / "latest").stat().st_mtime_ns
    write_ref(tmp_path, "latest", "abc123")
    assert (tmp_path / "latest").stat().st_mtime_ns == before
