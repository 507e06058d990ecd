"""With --json, standard output is one JSON document, errors included; progress stays on standard error, exit codes the same."""

from pathlib import Path

import pytest
from tests.tiny_project import team_rows, write_rows
from tests.unit.cli.conftest import Run


def test_every_command_prints_one_document(run: Run, tuned: Path, quick: list[str]) -> None:
    rows = write_rows(Path("rows.jsonl"), team_rows(5, start=70))
    commands: list[list[str | Path]] = [
        ["init", "another"],
        ["check", "-p", tuned, *quick],
        ["train", "-p", tuned, *quick],
        ["train", "-p", tuned, *quick, "--dry-run"],
        ["eval", "-p", tuned, *quick],
        ["tune", "-p", tuned, *quick],
        ["tune", "-p", tuned, *quick, "--dry-run"],
        ["report", "-p", tuned],
        ["models"],
        ["packs"],
        ["schema"],
        ["doctor"],
        ["import", rows, "-t", "team", "-p", tuned, "--append"],
    ]
    for command in commands:
        ended = run(*command, "--json")
        assert ended.code == 0, command
        assert ended.document, command
        assert "✗" not in ended.err, command


@pytest.mark.parametrize(
    "command",
    [
        ["init", "law"],
        ["import", "none.jsonl", "-t", "team", "-p", "law"],
        ["import", "none.jsonl", "-p", "nowhere"],
        ["check", "tem", "-p", "law"],
        ["train", "-p", "law", "-c", "epoch=1"],
        ["train", "-p", "law", "-c", "model=./none"],
        ["eval", "-p", "law"],
        ["tune", "-p", "law", "-c", "max_length=9"],
        ["report", "-p", "law"],
        ["init", "new", "--pack", "none"],
        ["models", "fetch", "none"],
        ["schema", "Nothing"],
        ["demo", "taken/demo"],
        ["nothing"],
        ["train", "--nothing"],
    ],
)
def test_every_error_is_one_document(run: Run, project: Path, quick: list[str], command: list[str]) -> None:
    Path("taken").write_text("a file", encoding="utf-8")
    model = quick[:2] if command[0] in {"check", "tune"} else []
    ended = run(*command, *model, "--json")
    assert ended.code in {1, 2}
    assert set(ended.document) == {"error", "problems"}
    assert all(problem["what"] for problem in ended.document["problems"])
    assert "✗" not in ended.err
