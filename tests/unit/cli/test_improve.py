"""`improve`: the most frequent fault on dev is named, rows are asked for, and their effect is tested on rows of test."""

import csv
import json
from pathlib import Path

import pytest
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import write_project, write_rows
from tests.unit.cli.conftest import Run, clear_rows

from anytasktune import Workspace
from anytasktune.pipeline.candidate_runs import latest_gated


@pytest.fixture
def lacking(run: Run, quick: list[str], tmp_path: Path) -> Path:
    """A project with a Task-LM that learned all about two labels and nothing about the third."""
    folder = write_project(tmp_path / "law", [])
    rows = clear_rows(300)
    write_rows(folder / "data" / "team" / "train.jsonl", [row for row in rows[:120] if row.output != "work"])
    write_rows(folder / "data" / "team" / "dev.jsonl", rows[120:165])
    write_rows(folder / "data" / "team" / "test.jsonl", rows[165:255])
    assert run("train", "-p", folder, *quick).code in (0, 3)  # rows that leak are dropped
    return folder


def test_the_most_frequent_fault_is_named_and_tested_once_rows_were_added(run: Run, lacking: Path, quick: list[str]) -> None:
    asked = ("improve", "team", "-p", lacking, *quick)
    plan = run(*asked, "--json").document
    assert (plan["status"], plan["expected"]) == ("waiting", "work")
    assert 2 <= plan["faults"] <= 15
    folder = Workspace.open(lacking).project.improvements("team") / plan["id"]
    with (folder / "rows.csv").open(encoding="utf-8-sig", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["output"] for row in table] == ["work"] * plan["wanted"]
    examples = (folder / "examples.md").read_text(encoding="utf-8")
    assert examples.count("right: work") == min(10, plan["faults"])
    shown = run(*asked)
    assert "“work” as “" in shown.out
    assert f"improve/team/{plan['id']}/rows.csv --task team --split train --append -p law" in shown.out
    assert "开发集上最常见的错误是" in run(*asked, "--language", "zh").out

    new = [row for row in clear_rows(480)[300:] if row.output == "work"]
    lines = [json.dumps(row.model_dump(exclude_none=True), ensure_ascii=False) for row in new]
    with (lacking / "data" / "team" / "train.jsonl").open("a", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    done = run(*asked, "--json").document
    assert (done["status"], done["verdict"], done["id"]) == ("measured", "better", plan["id"])
    assert done["wrong_before"] - done["wrong_after"] == done["mended"] - done["broken"]
    assert 60 <= done["test_rows"] + sum(done["left_out"].values()) <= 90
    assert done["after"] != done["version"]
    assert done["score_after"] > done["score_before"]


def test_examples_never_show_a_test_row_and_a_filled_table_is_kept(run: Run, lacking: Path, quick: list[str]) -> None:
    plan = run("improve", "team", "-p", lacking, *quick, "--json").document
    folder = Workspace.open(lacking).project.improvements("team") / plan["id"]
    examples = (folder / "examples.md").read_text(encoding="utf-8")
    test_rows = (lacking / "data" / "team" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    assert not [line for line in test_rows if json.loads(line)["input"] in examples]
    (folder / "rows.csv").write_text("input,output\nmy boss owes me wages,work\n", encoding="utf-8")
    assert run("improve", "team", "-p", lacking, *quick, "--fresh", "--json").document["id"] == plan["id"]
    assert "owes me" in (folder / "rows.csv").read_text(encoding="utf-8")


def test_a_teacher_writes_rows_against_the_fault_which_are_reviewed_and_tested(
    run: Run, lacking: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("improve", "team", "-p", lacking, *quick, "-c", "timeout=5", "-c", "feasibility_rows=0")
    script = Script(values={"answer": lambda _asked, _chance: "work"})
    with scripted_teacher(script) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        shown = run(*asked, "--teacher", "scripted")
        requests = len(served.bodies)
        again = run(*asked, "--teacher", "scripted", "--json")
        assert again.document["status"] == "measured"
        assert len(served.bodies) == requests, "the teacher is asked once per plan"
    assert "the teacher wrote rows against it" in shown.out.casefold()
    assert "review team" in shown.out
    assert "requests" in shown.err, "the cost is said before anything is sent"
    workspace = Workspace.open(lacking)
    gated = latest_gated(workspace.project, "team")
    assert gated is not None and gated.kept
    assert {row.origin.cell.label for row in (*gated.kept, *gated.dropped) if row.origin.cell} == {"work"}
    assert again.document["teacher_kept"] == len(gated.kept)
    assert sum(again.document["teacher_left_out"].values()) == len(gated.dropped)
    assert again.document["test_rows"] > 0


def test_a_teacher_on_another_machine_needs_consent(
    run: Run, lacking: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://teacher.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    problem = run("improve", "team", "-p", lacking, *quick, "--teacher", "big", "--json").first_problem
    assert "nobody has agreed to that yet" in problem["what"]


def test_without_a_task_lm_it_says_what_to_do(run: Run, project: Path) -> None:
    problem = run("improve", "team", "-p", project, "--json").first_problem
    assert problem["what"] == "task team has no Task-LM yet"
