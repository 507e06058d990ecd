"""Nothing the user wrote is overwritten by an export, a picture, a recording or a new project."""

import json
from pathlib import Path

import pytest
from tests.tiny_project import team_rows, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.errors import StoreError
from anytasktune.llm.recording import Recorder
from anytasktune.store import WRITTEN_RECORD, exporting

FORMATS = {
    "alpaca": "dataset_info.json",
    "sharegpt": "team/train.en.jsonl",
    "messages": "team/CARD.md",
    "parquet": "team/train.en.parquet",
    "hf": "README.md",
    "llama-factory": "team_train.json",
}
MINE = "# My own file\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("format", "name"), FORMATS.items())
def test_an_export_names_the_file_that_stands_in_its_way_and_writes_nothing(
    run: Run, project: Path, format: str, name: str
) -> None:
    mine = Path("out") / name
    mine.parent.mkdir(parents=True)
    mine.write_text(MINE, encoding="utf-8")
    before = contents(Path("out"))
    ended = run("dataset", "export", "--all", "-f", format, "-o", "out", "-p", project)
    assert ended.code == 1
    assert f"{mine}: this program did not write the file, and it is not overwritten" in ended.err
    assert "--out" in ended.err
    assert "--force" in ended.err
    assert contents(Path("out")) == before
    assert run("dataset", "export", "--all", "-f", format, "-o", "out", "-p", project, "--force").code == 0
    assert mine.read_bytes() != MINE.encode()


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_replaces_what_an_earlier_one_wrote_until_somebody_changes_it(run: Run, project: Path, format: str) -> None:
    export = ("dataset", "export", "--all", "-f", format, "-o", "out", "-p", project)
    assert run(*export).code == 0
    write_rows(project / "data" / "team.jsonl", team_rows(36))
    assert run(*export).code == 0
    changed = next(path for path in Path("out").rglob("CARD.md"))
    changed.write_text(MINE, encoding="utf-8")
    ended = run(*export)
    assert (ended.code, f"{changed}: was changed after this program wrote it" in ended.err) == (1, True)
    assert changed.read_text(encoding="utf-8") == MINE


def test_exports_in_several_formats_share_a_folder(run: Run, project: Path) -> None:
    for format in ("parquet", "hf"):
        assert run("dataset", "export", "--all", "-f", format, "-o", "out", "-p", project).code == 0
    ended = run("dataset", "export", "--all", "-f", "alpaca", "-o", "out", "-p", project)
    assert ended.code == 0, ended.err


def test_the_readme_of_a_folder_exported_into_stays(run: Run, project: Path) -> None:
    Path("README.md").write_text(MINE, encoding="utf-8")
    ended = run("dataset", "export", "--all", "-f", "hf", "-o", ".", "-p", project)
    assert (ended.code, "README.md" in ended.err) == (1, True)
    assert Path("README.md").read_text(encoding="utf-8") == MINE
    assert not Path("team").exists()


def test_a_file_of_equal_content_is_in_nobodys_way(run: Run, project: Path) -> None:
    run("dataset", "export", "--all", "-o", "out", "-p", project)
    (Path("out") / WRITTEN_RECORD).unlink()
    assert run("dataset", "export", "--all", "-o", "out", "-p", project).code == 0


def test_an_export_that_was_killed_between_two_files_goes_on(tmp_path: Path) -> None:
    def write(text: str) -> None:
        with exporting(tmp_path) as staged:
            for name in ("a.txt", "b/c.txt"):
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).write_text(text, encoding="utf-8")

    write("old")
    (tmp_path / "b").rename(tmp_path / "elsewhere")
    (tmp_path / "b").write_text("a file where a folder must be", encoding="utf-8")
    with pytest.raises(StoreError):
        write("new")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "new"
    (tmp_path / "b").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "b")
    write("newer")
    assert (tmp_path / "b" / "c.txt").read_text(encoding="utf-8") == "newer"
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b", WRITTEN_RECORD}


def test_a_link_or_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text(MINE, encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(mine)
    (tmp_path / "out" / "b").mkdir()
    (tmp_path / "out" / "c").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError) as caught, exporting(tmp_path / "out") as staged:
        (staged / "a").write_text("x", encoding="utf-8")
        (staged / "b").write_text("x", encoding="utf-8")
        (staged / "c").write_text("x", encoding="utf-8")
    assert len(caught.value.problems) == 3
    assert mine.read_text(encoding="utf-8") == MINE


def test_a_picture_of_the_pool_does_not_overwrite_another(run: Run, project: Path) -> None:
    Path("pictures").mkdir()
    mine = Path("pictures/task-pool.svg")
    mine.write_text("<svg/>", encoding="utf-8")
    ended = run("tasks", "graph", "-o", "pictures", "-p", project)
    assert (ended.code, f"{mine}: this program did not write the file" in ended.err) == (1, True)
    assert mine.read_text(encoding="utf-8") == "<svg/>"
    assert run("tasks", "graph", "-o", "pictures", "-p", project, "--force").code == 0
    assert run("tasks", "graph", "-o", "pictures", "-p", project, "--language", "zh").code == 0
    assert run("tasks", "graph", "-p", project).code == run("tasks", "graph", "-p", project).code == 0


@pytest.mark.parametrize("text", [MINE, "no line end", "one\ntwo", '{"a": 1}\n{"b"', "\n"])
def test_a_recording_does_not_touch_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.md"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(StoreError, match="record"):
        assert Recorder(file, "m")._known
    assert file.read_bytes() == text.encode()


def test_a_new_project_leaves_files_that_stand_there(run: Run) -> None:
    field = Path("field")
    field.mkdir()
    (field / ".gitignore").write_text("secret.txt", encoding="utf-8")
    (field / "README.md").write_text(MINE, encoding="utf-8")
    assert run("init", "field").code == 0
    assert (field / ".gitignore").read_text(encoding="utf-8") == "secret.txt\nartifacts/\n"
    assert (field / "README.md").read_text(encoding="utf-8") == MINE


def test_a_pack_is_not_unpacked_over_other_files(run: Run) -> None:
    rows = Path("field/data/matter_routing/train.jsonl")
    rows.parent.mkdir(parents=True)
    rows.write_text(json.dumps({"input": "a", "output": "b"}) + "\n", encoding="utf-8")
    before = contents(Path("field"))
    ended = run("init", "field", "--demo")
    assert (ended.code, f"{rows}: stands where a file of the project belongs" in ended.err) == (1, True)
    assert contents(Path("field")) == before
