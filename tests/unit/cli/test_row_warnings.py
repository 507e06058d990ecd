"""`check` and `tune` warn about rows before anything is trained; the exit code stays 0."""

from pathlib import Path

from tests.tiny_project import LABELS, team_rows, write_project, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.schema import Example


def test_a_green_tick_does_not_stand_above_a_warning(run: Run, project: Path, tiny_model: Path) -> None:
    model = ("-c", f"model={tiny_model}")
    rows = team_rows(30)
    twice = rows[0].model_copy(update={"input": rows[0].input.upper(), "output": "work"})
    write_rows(project / "data" / "team.jsonl", [*rows, twice])
    ended = run("check", "-p", project, *model)
    assert ended.code == 0, ended.err
    assert "✓ every row" not in ended.out
    assert "data/team.jsonl:1" in ended.out
    assert "data/team.jsonl:31" in ended.out
    assert "[conflicting_answers]" in ended.out
    assert "every row can be trained on; " in ended.out
    document = run("check", "-p", project, *model, "--json").document
    assert document["ok"] is True
    assert "conflicting_answers" in {warning["code"] for warning in document["warnings"]}
    assert "the same input is answered" in run("tasks", "check", "-p", project).out


def test_clean_rows_keep_their_tick(run: Run, tmp_path: Path, tiny_model: Path) -> None:
    rows = [
        Example(input=f"{['letter', 'phone', 'visit'][n % 3]} {n} on matter {n * 37 % 101}", output=LABELS[n % 3])
        for n in range(60)
    ]
    folder = write_project(tmp_path / "clean", rows)
    ended = run("check", "-p", folder, "-c", f"model={tiny_model}")
    assert (ended.code, "✓ every row can teach the task" in ended.out) == (0, True)


def test_test_rows_that_a_task_lm_learned_before_are_named(run: Run, project: Path, quick: list[str]) -> None:
    assert run("train", "-p", project, *quick).code == 0
    same = run("check", "-p", project, *quick)
    assert "learned_test_rows" not in same.out
    other = run("check", "-p", project, *quick, "-c", "split.seed=5", "--json").document
    (found,) = (warning for warning in other["warnings"] if warning["code"] == "learned_test_rows")
    assert found["why"].startswith("Task-LM team (")
    assert " of 6 test rows: data/team.jsonl:" in found["why"]


def test_training_begins_with_the_warnings(run: Run, tmp_path: Path, quick: list[str]) -> None:
    folder = write_project(tmp_path / "given", [])
    rows = [row for row in team_rows(40) if row.language == "en" and row.output != "work"]
    write_rows(folder / "data" / "team" / "train.jsonl", rows[:14])
    write_rows(folder / "data" / "team" / "test.jsonl", [row for row in team_rows(60, 50) if row.language == "en"])
    ended = run("tune", "-p", folder, *quick)
    assert ended.code == 0, ended.err
    assert "there are no dev rows beside 14 train rows" in ended.err
    assert "no train row has the answer 'work' (1 of 3 labels)" in ended.err
    assert "domain.yaml:" in ended.err
    assert ended.err.index("no dev rows") < ended.err.index("train  team")
