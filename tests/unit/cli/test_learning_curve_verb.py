"""`learning-curve` as a person sees it."""

from pathlib import Path

from tests.tiny_project import write_project
from tests.unit.cli.conftest import Run, clear_rows

FEW = ("-c", "train.batch_size=64", "-c", "split.dev=0.2", "-c", "train.method=lora")


def test_the_cost_comes_first_then_a_line_per_learner_and_the_way_into_the_report(
    run: Run, tmp_path: Path, quick: list[str]
) -> None:
    project = write_project(tmp_path / "law", clear_rows(96))
    asked = ("learning-curve", "-p", project, *quick, *FEW)
    planned = run(*asked, "--dry-run")
    assert planned.code == 0
    assert planned.out.split("\n")[1].split()[:1] == ["team"]
    assert "Nothing was trained (--dry-run)." in planned.out
    (plan,) = run(*asked, "--dry-run", "--json").document
    assert (plan["trainings"], plan["trained"], plan["evaluated_rows"]) == (3, 0, 19)
    ended = run(*asked)
    assert ended.code == 0
    learners = [line.split()[0] for line in ended.out.splitlines() if "▁" in line or "█" in line]
    assert learners == ["Task-LM", "Linear"]
    assert "To have it in the report: anytasktune eval -p law" in ended.out
    assert "✓ curve  team" in ended.err
    (curves,) = run(*asked, "--json").document
    assert [curve["learner"] for curve in curves["curves"]] == ["tuned", "linear"]
    assert run(*asked, "--dry-run").out.splitlines()[1].split()[-3:] == ["0", "-", "-"]
