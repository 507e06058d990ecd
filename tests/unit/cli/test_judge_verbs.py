"""`judge` and `mark` as a person sees them."""

import io
import json
import sys
from pathlib import Path

import pytest
from tests.judge_stub import JudgeStub
from tests.openai_server import serving
from tests.tiny_project import write_project, write_rows
from tests.unit.cli.conftest import Run

from anytasktune.schema import Example

DOMAIN = """\
schema_version: 1
name: law
tasks:
  - name: reply
    instruction: {en: Answer the letter.}
    output: {kind: text}
    rules: {max_length: 60}
    rubric: {en: [It answers the question., It invents nothing.]}
"""


def test_marks_of_people_are_asked_blind_and_the_judge_costs_are_said_first(
    run: Run, tmp_path: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path / "law", rows=[], domain=DOMAIN)
    letters = [Example(input=f"letter {n} of {n * n}", output=f"we reply to {n % 7} by {n % 5}") for n in range(40)]
    write_rows(project / "data" / "reply.jsonl", letters)
    assert run("eval", "-p", project, *quick, "-c", "systems=base", "-c", "eval.max_new_tokens=8").code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("54\n9\n5\n1 3\ns\nq\n"))
    ended = run("mark", "reply", "-p", project, "--reviewer", "anna")
    assert ended.code == 0
    assert ended.err.count("Give 2 digits from 1 to 5, s or q.") == 2
    for system in ("constant", "nearest", "base"):
        assert system not in ended.err.lower()
    lines = (project / "marks" / "reply" / "anna.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["marks"] for line in lines] == [[5, 4], [1, 3]]
    assert "2 marked" in ended.out
    planned = run("judge", "-p", project, "--judge", "judge-1", "--dry-run")
    assert planned.code == 0
    assert "Nothing was sent (--dry-run)." in planned.out
    with serving(JudgeStub()) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        judged = run("judge", "-p", project, "--judge", "judge-1")
    assert judged.code == 0
    assert "Marks of an LLM judge: judge-1" in judged.out
    assert "Only 2 answers are marked by people; 20 are needed" in " ".join(judged.out.split())
    assert run("verify", "-p", project).code == 0


def test_without_a_rubric_the_line_to_add_is_named(run: Run, project: Path, quick: list[str]) -> None:
    assert run("eval", "-p", project, *quick, "-c", "systems=base").code == 0
    ended = run("judge", "team", "-p", project, "--judge", "judge-1")
    assert ended.code == 1
    assert "rubric: {en:" in ended.err
