"""Imports into a project that has rows already: nothing is lost, by whatever is asked for and however often at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tiny_project import team_rows, write_lines, write_project, write_rows

from anytasktune import ImportOptions, Workspace, import_rows
from anytasktune.datasets import read_examples
from anytasktune.errors import DataError


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(write_project(tmp_path / "project", []))


def given_splits(workspace: Workspace) -> Path:
    folder = workspace.project.rows_folder("team")
    for split, start in (("train", 0), ("dev", 100), ("test", 200)):
        write_rows(folder / f"{split}.jsonl", team_rows(9, start=start))
    return folder


def test_replacing_one_split_leaves_the_others_and_keeps_a_copy(workspace: Workspace, tmp_path: Path) -> None:
    folder = given_splits(workspace)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    source = write_rows(tmp_path / "new.jsonl", team_rows(4, start=300))
    done = import_rows(workspace, source, ImportOptions(task="team", split="train", existing="replace"))
    assert {path.name for path in folder.iterdir()} == {"train.jsonl", "dev.jsonl", "test.jsonl"}
    assert (folder / "dev.jsonl").read_bytes() == before["dev.jsonl"]
    assert (folder / "test.jsonl").read_bytes() == before["test.jsonl"]
    (note,) = [note for note in done.notes if "a copy is in" in note]
    assert note.startswith("data/team/train.jsonl was replaced")
    assert (workspace.project.root / note.rpartition(" ")[2]).read_bytes() == before["train.jsonl"]


def test_replacing_by_a_folder_names_the_splits_that_go_and_keeps_copies(workspace: Workspace, tmp_path: Path) -> None:
    folder = given_splits(workspace)
    test_rows = (folder / "test.jsonl").read_bytes()
    write_rows(tmp_path / "given" / "train.jsonl", team_rows(6, start=300))
    done = import_rows(workspace, tmp_path / "given", ImportOptions(task="team", existing="replace"))
    assert [path.name for path in folder.iterdir()] == ["train.jsonl"]
    (note,) = [note for note in done.notes if note.startswith("data/team/test.jsonl was removed")]
    assert (workspace.project.root / note.rpartition(" ")[2]).read_bytes() == test_rows


def test_replacing_the_one_file_keeps_a_copy(workspace: Workspace, tmp_path: Path) -> None:
    old = write_rows(workspace.project.rows_file("team"), team_rows(5)).read_bytes()
    source = write_rows(tmp_path / "new.jsonl", team_rows(4, start=300))
    done = import_rows(workspace, source, ImportOptions(task="team", existing="replace"))
    (note,) = [note for note in done.notes if "a copy is in" in note]
    assert (workspace.project.root / note.rpartition(" ")[2]).read_bytes() == old


def test_imports_at_the_same_time_lose_no_row(workspace: Workspace, tmp_path: Path) -> None:
    sources = [write_rows(tmp_path / f"part{part}.jsonl", team_rows(150, start=1000 * part)) for part in range(3)]
    command = [sys.executable, "-m", "anytasktune", "import"]
    options = ["--task", "team", "--append", "--project", str(workspace.project.root)]
    started = [subprocess.Popen([*command, str(source), *options], stdout=subprocess.DEVNULL) for source in sources]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert len(read_examples(workspace.project.rows_file("team")).examples) == 450


def test_a_change_that_was_killed_between_its_files_is_finished_by_the_next_command(workspace: Workspace) -> None:
    folder = given_splits(workspace)
    root = workspace.project.root
    write_rows(folder / ".train.jsonl.new", team_rows(2, start=500))
    written = {"data/team/train.jsonl": "data/team/.train.jsonl.new", "data/team/dev.jsonl": "data/team/.dev.jsonl.new"}
    moves = {"files": {**written, "data/team/test.jsonl": None}}
    (root / "artifacts").mkdir(exist_ok=True)
    dev = (folder / "dev.jsonl").read_bytes()  # was moved before the kill
    (root / "artifacts" / "changes.json").write_text(json.dumps(moves), encoding="utf-8")
    Workspace.open(root)
    assert read_examples(folder / "train.jsonl").examples == team_rows(2, start=500)
    assert (folder / "dev.jsonl").read_bytes() == dev
    assert sorted(path.name for path in folder.iterdir()) == ["dev.jsonl", "train.jsonl"]
    assert not (root / "artifacts" / "changes.json").exists()


@pytest.mark.parametrize("name", ["val.jsonl", "validation.jsonl", "eval.jsonl", "dev.jsonl", "val-00000-of-00001.jsonl"])
def test_a_folder_may_call_its_dev_rows_otherwise(workspace: Workspace, tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / "given" / "train.jsonl", team_rows(6))
    write_rows(tmp_path / "given" / name, team_rows(3, start=50))
    done = import_rows(workspace, tmp_path / "given", ImportOptions(task="team"))
    assert {path.name: count for path, count in done.files.items()} == {"train.jsonl": 6, "dev.jsonl": 3}


def test_shards_and_languages_of_one_split_are_read_together(workspace: Workspace, tmp_path: Path) -> None:
    write_rows(tmp_path / "given" / "train-00000-of-00002.jsonl", team_rows(6))
    write_rows(tmp_path / "given" / "train-00001-of-00002.jsonl", team_rows(6, start=50))
    write_lines(tmp_path / "given" / "test.en.jsonl", ['{"input": "the rent", "output": "housing"}'])
    write_lines(tmp_path / "given" / "test.zh.jsonl", ['{"input": "房租", "output": "housing"}'])
    done = import_rows(workspace, tmp_path / "given", ImportOptions(task="team"))
    assert {path.name: count for path, count in done.files.items()} == {"train.jsonl": 12, "test.jsonl": 2}
    written = read_examples(workspace.project.rows_folder("team") / "test.jsonl").examples
    assert [(row.input, row.language) for row in written] == [("the rent", "en"), ("房租", "zh")]


@pytest.mark.parametrize("name", ["train2.jsonl", "extra.csv", "all.json"])
def test_a_data_file_that_is_passed_over_is_named(workspace: Workspace, tmp_path: Path, name: str) -> None:
    write_rows(tmp_path / "given" / "train.jsonl", team_rows(6))
    write_rows(tmp_path / "given" / name, team_rows(3, start=50))
    done = import_rows(workspace, tmp_path / "given", ImportOptions(task="team"))
    assert [note for note in done.notes if note.startswith(f"{name} was not read")]


def test_two_files_for_one_split_are_refused_by_name(workspace: Workspace, tmp_path: Path) -> None:
    write_rows(tmp_path / "given" / "train.jsonl", team_rows(6))
    write_rows(tmp_path / "given" / "val.jsonl", team_rows(3, start=50))
    write_rows(tmp_path / "given" / "eval.jsonl", team_rows(3, start=60))
    with pytest.raises(DataError, match=r"both eval\.jsonl and val\.jsonl hold dev rows"):
        import_rows(workspace, tmp_path / "given", ImportOptions(task="team"))
