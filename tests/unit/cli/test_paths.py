"""Paths that no system takes are refused with their place and what to do, for every option that takes one."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.cli.conftest import Run

from anytasktune.cli.app import run_safely

LONG = "x" * 300
COMMANDS = {
    "project": ["tasks", "check", "-p", "PATH"],
    "rows": ["import", "PATH.jsonl", "-t", "team", "-p", "law"],
    "examples": ["tasks", "propose", "--examples", "PATH.csv", "-p", "law"],
    "proposal": ["tasks", "propose", "--examples", "rows.jsonl", "-p", "law", "--out", "PATH"],
    "export": ["dataset", "export", "team", "-p", "law", "--out", "PATH"],
    "export to a hub's layout": ["dataset", "export", "team", "-p", "law", "--format", "hf", "--out", "PATH"],
    "picture": ["tasks", "graph", "-p", "law", "--out", "PATH"],
    "documents": ["ingest", "PATH", "-p", "law"],
    "recording": ["build", "--replay", "PATH", "--teacher", "none", "-p", "law"],
    "new project": ["init", "PATH"],
    "report": ["report", "-p", "PATH"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
@pytest.mark.parametrize("path", [LONG, f"folder/{LONG}/below", "loop/below", "file/below"])
def test_a_path_that_the_system_refuses_is_named(run: Run, project: Path, command: list[str], path: str) -> None:
    Path("loop").symlink_to("loop")
    Path("file").write_text("mine", encoding="utf-8")
    Path("rows.jsonl").write_bytes((project / "data" / "team.jsonl").read_bytes())
    ended = run(*(part.replace("PATH", path) for part in command), "--json")
    assert ended.code == 1
    assert ended.first_problem["where"]
    assert ended.first_problem["fix"]
    assert Path("file").read_text(encoding="utf-8") == "mine"


def test_a_name_that_is_too_long_is_told_with_advice(run: Run, project: Path) -> None:
    ended = run("tasks", "check", "-p", LONG)
    assert ended.code == 1
    assert "File name too long" in ended.err
    assert "give a shorter name" in ended.err.replace("\n", " ")


@pytest.mark.parametrize("place", ["settings.yaml", "data/team.jsonl", "domain.yaml", "artifacts"])
def test_a_loop_of_links_inside_a_project_is_named(run: Run, project: Path, place: str) -> None:
    path = project / place
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)
    ended = run("dataset", "show", "team", "-p", project)
    assert ended.code == 1
    assert path.name in ended.err


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300))
def test_any_text_can_be_given_for_a_project(project: Path, text: str) -> None:
    assert run_safely(["tasks", "show", "-p", f"{project}/none/{text}"]) == 1
