"""Markup, terminal escapes and characters that turn the writing direction are shown as text, wherever they come from."""

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Group
from rich.table import Table
from rich.tree import Tree
from tests.openai_server import KEY, error, in_turn, serving
from tests.tiny_project import write_lines, write_project
from tests.unit.cli.conftest import Run

from anytasktune.cli import terminal
from anytasktune.cli.console import print_json, show_error
from anytasktune.cli.progress import EventLines
from anytasktune.errors import DataError
from anytasktune.pipeline.events import Started

HOSTILE = [
    "[/red]",
    "[bold]x[/bold]",
    "[link=file:///etc]a",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\u202eb",
    "x\rgone",
    ":smile:",
]
STEERING = ("\x1b", "\x07", "\x9b", "\u202e", "\r", "\x08")


def steers(text: str) -> bool:
    return any(sign in text for sign in STEERING)


@pytest.mark.parametrize("text", HOSTILE)
def test_strings_in_tables_trees_and_errors_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table, tree = Table(text, box=None), Tree(text)
    table.add_row(text)
    tree.add(text)
    terminal.show(Group(table, tree, text))
    show_error(DataError(text, where=text, fix=text), as_json=False)
    print_json({text: text})
    captured = capsys.readouterr()
    assert not steers(captured.out + captured.err)
    if text.isprintable():
        assert captured.out.count(text) >= 7
        assert captured.err.count(text) == 3


DOMAIN = """\
schema_version: 1
name: law
title: {en: "[/red] law \\e[2J"}
actions:
  - {name: work, title: {en: "[bold]work[/bold]"}, steps: [team]}
tasks:
  - name: team
    title: {en: "[/red]\\a team"}
    instruction: {en: "Which of [/red] or [b] fits? Answer with one of: [/red], [b]work\\e[0m."}
    hands_over: {en: "[link=x]"}
    output: {kind: label, labels: ["[/red]", "[b]work\\e[0m"]}
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A project whose titles, labels and rows hold markup and escapes."""
    project = write_project(tmp_path / "law", rows=[], domain=DOMAIN)
    rows = [
        {"input": f"[/red] matter {n} \x1b[31m{'abcdefgh'[n % 8] * 9} \u202e", "output": ["[/red]", "[b]work\x1b[0m"][n % 2]}
        for n in range(30)
    ]
    write_lines(project / "data" / "team.jsonl", [json.dumps(row) for row in rows])
    return project


@pytest.mark.parametrize(
    "command",
    [
        ["tasks", "show"],
        ["tasks", "check"],
        ["check", "-c", "near_duplicate=1.0"],
        ["dataset", "show", "team"],
        ["dataset", "show", "team", "train:1"],
        ["tune", "-c", "near_duplicate=1.0"],
        ["report"],
        ["tune", "--dry-run"],
    ],
    ids=" ".join,
)
def test_no_verb_lets_labels_titles_or_rows_steer_the_terminal(
    run: Run, hostile: Path, quick: list[str], command: list[str]
) -> None:
    if command == ["report"]:
        run("tune", "-p", hostile, *quick, "-c", "split.near_duplicate=1.0")
    settings = quick if command[0] in {"check", "tune"} else []
    command = [word.replace("near_duplicate", "split.near_duplicate") for word in command]
    ended = run(*command, "-p", hostile, *settings)
    assert ended.code in {0, 1}, ended.err
    assert not steers(ended.out + ended.err)
    if command[:2] in (["tasks", "show"], ["dataset", "show"]):
        assert "[/red]" in ended.out


def test_columns_and_unknown_labels_of_a_file_are_shown_as_they_are(run: Run, hostile: Path) -> None:
    Path("rows.csv").write_text("[/red]\x1b[2J,b\nx,y\n", encoding="utf-8")
    ended = run("import", "rows.csv", "-t", "team", "-p", hostile, "--append")
    assert ended.code == 1
    assert "[/red]" in ended.err
    assert not steers(ended.err)
    write_lines(
        Path("rows.jsonl"), [json.dumps({"input": "a", "output": "[/red]"}), json.dumps({"input": "b", "output": "[i]\x1b"})]
    )
    ended = run("import", "rows.jsonl", "-t", "team", "-p", hostile, "--append")
    assert "[i]" in ended.out
    assert not steers(ended.out)


def test_a_server_cannot_write_to_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(in_turn(error(401, "[/red] \x1b[2J no \u202e key"))) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        ended = run("tasks", "propose", "--about", "A library.", "--teacher", "[b]big[/b]", "-p", "library")
    assert ended.code == 1
    assert "[/red]" in ended.err
    assert not steers(ended.err)


@pytest.mark.parametrize("typed", HOSTILE)
def test_an_interview_repeats_what_was_typed_without_obeying_it(typed: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"law\n{typed}\n" + f"the {typed} matter\n" * 4))
    ended = run("tasks", "propose", "--interview", "-p", "new")
    assert ended.code == 1
    assert not steers(ended.err)


@pytest.mark.parametrize("text", HOSTILE)
def test_progress_as_json_lines_escapes_what_would_steer(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    EventLines()(Started(stage="data", name=text, detail=text))
    printed = capsys.readouterr().err
    assert not steers(printed)
    assert json.loads(printed)["detail"] == text


def test_lines_in_a_pipe_end_without_blanks(run: Run, project: Path) -> None:
    for command in (["--help"], ["tune", "--help"], ["packs"], ["models"], ["dataset", "show", "team", "-p", project]):
        lines = run(*command).out.splitlines()
        assert lines
        assert [line for line in lines if line != line.rstrip()] == []
