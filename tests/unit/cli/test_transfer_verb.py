"""`language-transfer` as a person sees it."""

from pathlib import Path

from rich.cells import cell_len
from tests.tiny_project import write_project
from tests.unit.cli.conftest import Run, clear_rows

FEW = ("-c", "train.batch_size=64", "-c", "train.method=lora", "-c", "split.test=0.3")


def test_the_cost_comes_first_then_a_line_per_training_and_the_way_into_the_report(
    run: Run, tmp_path: Path, quick: list[str]
) -> None:
    project = write_project(tmp_path / "law", clear_rows(160))
    options = ("-p", project, *quick, *FEW)
    lacking = run("language-transfer", *options)
    assert lacking.code == 1
    assert "no Task-LM yet for team" in lacking.err
    assert run("train", *options).code == 0
    planned = run("language-transfer", *options, "--dry-run")
    assert "Nothing was trained (--dry-run)." in planned.out
    (plan,) = run("language-transfer", *options, "--dry-run", "--json").document
    assert (plan["trainings"], plan["trained"], plan["evaluated_rows"]["zh"]) == (2, 0, 13)
    ended = run("language-transfer", *options)
    assert ended.code == 0
    assert max(map(cell_len, ended.out.splitlines())) <= 80
    for line in ("Base model", "English alone", "Chinese alone", "both"):
        assert f"\n  {line} " in ended.out
    assert "To have it in the report: anytasktune eval -p law" in ended.out
    assert "✓ transfer team" in " ".join(ended.err.split())
    assert "只用英文" in run("language-transfer", *options, "--language", "zh").out
    (found,) = run("language-transfer", *options, "--json").document
    assert [model["trained_on"] for model in found["models"]] == ["base", "en", "zh", "both"]
