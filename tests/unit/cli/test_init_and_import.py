"""A newcomer's first two commands, with the files people have."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_project import DOMAIN, team_rows, write_lines, write_project, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.datasets import read_examples
from anytasktune.pipeline import Workspace

BENCH = Path(__file__).resolve().parents[4] / "shared" / "data" / "bench"


def seeds(project: Path) -> Path:
    return project / "data" / "team.jsonl"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A project without rows."""
    return write_project(tmp_path / "law", rows=[])


def test_init_makes_a_project_that_opens_and_says_what_comes_next(run: Run) -> None:
    ended = run("init", "my field")
    assert ended.code == 0
    assert 'anytasktune import ROWS --task NAME -p "my field"' in ended.out
    assert Workspace.open("my field").domain.tasks == []
    assert sorted(path.name for path in Path("my field").iterdir()) == [
        ".gitignore",
        "domain.schema.json",
        "domain.yaml",
        "settings.schema.json",
        "settings.yaml",
    ]


def test_init_demo_brings_tasks_and_rows(run: Run) -> None:
    assert run("init", "demo", "--demo", "--json").document["project"] == str(Path("demo").resolve())
    workspace = Workspace.open("demo")
    assert [task.name for task in workspace.tasks()] == ["matter_routing", "intake_facts", "legal_keywords"]
    assert all((workspace.project.rows_folder(task.name) / "train.jsonl").exists() for task in workspace.tasks())


def test_init_overwrites_nothing(run: Run, project: Path) -> None:
    ended = run("init", project)
    assert ended.code == 1
    assert "there is a project already" in ended.err
    assert (project / "domain.yaml").read_text(encoding="utf-8") == DOMAIN


def test_init_where_a_file_stands_names_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    ended = run("init", tmp_path / "taken" / "law")
    assert ended.code == 1
    assert f"{tmp_path / 'taken'} is a file and must be a folder" in ended.err
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


def test_good_rows_are_kept_bad_ones_are_listed_and_all_are_counted(run: Run, empty: Path) -> None:
    lines = [row.model_dump_json() for row in team_rows(20)]
    lines[2] = '{"input": "half'
    lines[4] = '{"input": "the rent", "output": "housin"}'
    lines[6] = '{"input": "a", "input": "b", "output": "work"}'
    lines[8] = '{"input": "nul \\u0000", "output": "work"}'
    lines[10] = json.dumps({"input": "x" * 10_000_000, "output": "work"})
    lines[12] = '{"input": "", "output": "work"}'
    lines[14] = "[1, 2]"
    lines[16] = lines[15]
    ended = run("import", write_lines(Path("rows.jsonl"), lines), "--task", "team", "-p", empty)
    assert ended.code == 3
    assert "read 20, kept 12, dropped 8" in ended.out
    assert "dropped rows.jsonl:5: unknown_label, 'housin' is not one of the task's 3 labels" in ended.out
    assert "did you mean 'housing'?" in ended.out
    assert "dropped rows.jsonl:11: too_long" in ended.out
    assert len(read_examples(seeds(empty)).examples) == 12
    document = run("import", "rows.jsonl", "--task", "team", "-p", empty, "--replace", "--json").document
    reasons = {row["row"]: row["reason"] for row in document["dropped"]}
    assert reasons == {
        3: "bad_json",
        5: "unknown_label",
        7: "duplicate_key",
        9: "nul_byte",
        11: "too_long",
        13: "empty_input",
        15: "wrong_type",
        17: "duplicate",
    }
    assert document["counts"]["read"] == document["counts"]["kept"] + sum(document["counts"]["dropped"].values())


def test_columns_with_other_names_are_asked_for_and_then_taken(run: Run, empty: Path) -> None:
    text = "编号,问题,答案,客户\n1,房东不退押金,housing,甲\n2,公司拖欠工资,work,乙\n"
    Path("excel.csv").write_bytes(text.encode("gbk"))
    refused = run("import", "excel.csv", "-t", "team", "-p", empty)
    assert refused.code == 1
    option = "--columns input=问题,output=答案"
    assert option in refused.err
    ended = run("import", "excel.csv", "-t", "team", "-p", empty, "--columns", option.split()[1] + ",source=客户")
    assert ended.code == 0
    assert "encoding GB18030" in ended.out
    assert [row.source for row in read_examples(seeds(empty)).examples] == ["甲", "乙"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_other_encodings_give_the_same_rows(run: Run, empty: Path, encoding: str) -> None:
    rows = team_rows(12)
    text = "".join(row.model_dump_json() + "\n" for row in rows)
    Path("rows.jsonl").write_bytes(text.encode(encoding))
    assert run("import", "rows.jsonl", "-t", "team", "-p", empty).code == 0
    assert read_examples(seeds(empty)).examples == rows


def test_alpaca_rows_are_taken_without_their_instruction(run: Run, empty: Path) -> None:
    rows = [{"instruction": "Which team?", "input": row.input, "output": row.output} for row in team_rows(10)]
    Path("alpaca.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    ended = run("import", "alpaca.json", "-t", "team", "-p", empty)
    assert ended.code == 0
    assert "Which team?" in ended.out
    assert "instruction" not in seeds(empty).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "the file is empty"),
        ("binary.jsonl", bytes(range(256)) * 8, "the text is not UTF-8"),
        ("rows.docx", b"PK", "files ending in '.docx' cannot be read"),
        ("all_bad.jsonl", b'{"input": "x", "output": "nobody"}\n', "none of its rows can be used"),
        ("one.json", b'{\n"rows": []\n}', "not a list of rows"),
    ],
)
def test_a_file_without_a_usable_row_changes_nothing(run: Run, empty: Path, name: str, content: bytes, words: str) -> None:
    Path(name).write_bytes(content)
    ended = run("import", name, "-t", "team", "-p", empty, "--json")
    assert ended.code == 1
    assert words in ended.first_problem["what"]
    assert ended.first_problem["where"].startswith(name)
    assert not (empty / "data").exists()


def test_a_missing_file_is_told_its_nearest_neighbour(run: Run, empty: Path) -> None:
    write_rows(Path("rows.jsonl"), team_rows(4))
    assert "did you mean rows.jsonl?" in run("import", "row.jsonl", "-t", "team", "-p", empty).err


def test_without_a_task_the_import_asks_for_one(run: Run, empty: Path) -> None:
    write_rows(Path("rows.jsonl"), team_rows(4))
    ended = run("import", "rows.jsonl", "-p", empty)
    assert ended.code == 1
    assert "anytasktune import rows.jsonl --task NAME -p law (team)" in ended.err


def test_rows_that_are_there_are_only_touched_when_asked_for(run: Run, project: Path) -> None:
    before = seeds(project).read_bytes()
    more = write_rows(Path("more.jsonl"), team_rows(8, start=26))
    refused = run("import", more, "-t", "team", "-p", project)
    assert refused.code == 1
    assert "--append" in refused.err
    assert seeds(project).read_bytes() == before
    added = run("import", more, "-t", "team", "-p", project, "--append")
    assert added.code == 0
    assert "data/team.jsonl has 34 rows now" in added.out
    assert "4 of the rows stood in team.jsonl already" in added.out
    assert seeds(project).read_bytes().startswith(before)
    assert run("import", more, "-t", "team", "-p", project, "--replace").code == 0
    assert read_examples(seeds(project)).examples == team_rows(8, start=26)


def test_appending_keeps_what_a_person_wrote_in_the_file(run: Run, project: Path) -> None:
    with seeds(project).open("a", encoding="utf-8") as stream:
        stream.write('{"input": "to be finished", "output": ""}')
    before = seeds(project).read_text(encoding="utf-8")
    more = write_rows(Path("more.jsonl"), team_rows(2, start=90))
    assert run("import", more, "-t", "team", "-p", project, "--append").code == 0
    assert seeds(project).read_text(encoding="utf-8").startswith(before + "\n")


def test_a_folder_of_splits_is_taken_as_it_is_divided(run: Run, empty: Path) -> None:
    write_rows(Path("given/train.jsonl"), team_rows(12))
    write_rows(Path("given/validation.jsonl"), team_rows(3, start=20))
    write_rows(Path("given/test.jsonl"), team_rows(5, start=40))
    Path("given/settings.yaml").write_text("not rows", encoding="utf-8")
    ended = run("import", "given", "-t", "team", "-p", empty)
    assert ended.code == 0
    assert "read 20, kept 20" in ended.out
    assert sorted(path.name for path in (empty / "data" / "team").iterdir()) == ["dev.jsonl", "test.jsonl", "train.jsonl"]
    write_rows(Path("fewer/train.jsonl"), team_rows(12, start=60))
    write_rows(Path("fewer/test.jsonl"), team_rows(5, start=80))
    assert run("import", "fewer", "-t", "team", "-p", empty, "--replace").code == 0
    assert sorted(path.name for path in (empty / "data" / "team").iterdir()) == ["test.jsonl", "train.jsonl"]


def test_two_files_for_one_split_are_refused(run: Run, empty: Path) -> None:
    write_rows(Path("given/train.jsonl"), team_rows(12))
    Path("given/train.csv").write_text("input,output\nx,work\n", encoding="utf-8")
    ended = run("import", "given", "-t", "team", "-p", empty)
    assert ended.code == 1
    assert "both train.csv and train.jsonl hold train rows" in ended.err


def test_a_folder_without_train_rows_is_refused(run: Run, empty: Path) -> None:
    assert "no train file" in run("import", empty, "-t", "team", "-p", empty).err


def test_rows_in_the_other_form_are_not_mixed_in(run: Run, project: Path) -> None:
    write_rows(Path("given/train.jsonl"), team_rows(12))
    ended = run("import", "given", "-t", "team", "-p", project, "--replace")
    assert ended.code == 1
    assert "rows in another form" in ended.err
    assert seeds(project).exists()


def write_task_folder(folder: Path, **changes: Any) -> Path:
    description = {
        "name": "tone",
        "language": "en",
        "instruction": "Which tone has the message?",
        "task_type": "classification",
        "labels": ["friendly", "angry"],
    }
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps(description | changes), encoding="utf-8")
    for split, start, count in (("train", 0, 10), ("test", 50, 5)):
        rows = [{"input": f"message {start + n} says hello", "output": ("friendly", "angry")[n % 2]} for n in range(count)]
        write_lines(folder / f"{split}.jsonl", [json.dumps(row) for row in rows])
    return folder


def test_a_task_folder_brings_its_task_and_comments_stay(run: Run, empty: Path) -> None:
    ended = run("import", write_task_folder(Path("tone")), "-p", empty)
    assert ended.code == 0
    assert "added to domain.yaml" in ended.out
    text = (empty / "domain.yaml").read_text(encoding="utf-8")
    assert text.startswith(DOMAIN.rstrip("\n"))
    assert [task.name for task in Workspace.open(empty).domain.tasks] == ["team", "tone"]


def test_the_users_description_of_a_task_goes_before_the_folders(run: Run, empty: Path) -> None:
    write_task_folder(Path("tone"))
    run("import", "tone", "-p", empty)
    domain = empty / "domain.yaml"
    domain.write_text(domain.read_text(encoding="utf-8").replace("angry]", "cross]"), encoding="utf-8")
    ended = run("import", "tone", "-p", empty, "--replace")
    assert ended.code == 3
    assert "task tone is described differently in domain.yaml, which is used" in ended.out
    assert "7 unknown_label" in ended.out


def test_a_task_that_would_spoil_the_domain_is_not_written(run: Run, empty: Path) -> None:
    write_task_folder(Path("tone"), name="Not A Name")
    before = (empty / "domain.yaml").read_bytes()
    assert run("import", "tone", "-p", empty).code == 1
    assert (empty / "domain.yaml").read_bytes() == before
    assert not (empty / "data").exists()


def test_options_that_a_task_folder_answers_itself_are_refused(run: Run, empty: Path) -> None:
    ended = run("import", write_task_folder(Path("tone")), "--task", "team", "-p", empty)
    assert ended.code == 1
    assert "leave --task out" in ended.err


@pytest.mark.skipif(not BENCH.is_dir(), reason="the shared benchmark folders are not here")
def test_the_benchmark_folders_are_imported_whole(run: Run, empty: Path) -> None:
    for name in ("law_zh_event_detection", "psy_en_empathy_score", "health_en_question_summary"):
        document = run("import", BENCH / name, "-p", empty, "--json").document
        assert document["added_task"]
        assert document["counts"]["read"] == document["counts"]["kept"] > 400
    assert len(Workspace.open(empty).domain.tasks) == 4
