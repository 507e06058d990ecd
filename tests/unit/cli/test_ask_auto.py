"""`ask auto`: the router chooses the task, or the base model answers."""

from pathlib import Path

import pytest
from tests.tiny_project import write_project, write_rows
from tests.unit.baselines.test_task_router import WORDS, inputs
from tests.unit.cli.conftest import Run

from anytasktune import RoutedAnswer, Workspace, ask_auto

DOMAIN = "schema_version: 1\nname: law\ntasks:\n" + "".join(
    f"  - {{name: {task}, instruction: {{en: Repeat it., zh: 重复。}}, output: {{kind: text}}}}\n" for task in WORDS
)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """Three text tasks with inputs that can be told apart; nothing is trained."""
    folder = write_project(tmp_path_factory.mktemp("routed") / "law", rows=[], domain=DOMAIN)
    for task in WORDS:
        write_rows(folder / "data" / f"{task}.jsonl", inputs(task, 60))
    (folder / "settings.yaml").write_text(
        f"schema_version: 1\ntrain:\n  model: {tiny_model}\n  device: cpu\n", encoding="utf-8"
    )
    return folder


def test_the_task_that_answers_is_said_and_how_sure_that_is(run: Run, pool: Path) -> None:
    asked = ("ask", "auto", "matter 7: landlord deposit heating lease", "--with", "nearest", "-p", pool)
    first = run(*asked)
    assert first.code == 0
    assert first.out.startswith("→ task tenancy (tenancy ")
    assert "router: learns from 126 inputs of 3 tasks" in first.err
    assert "126 inputs of 3 tasks (reused)" in run(*asked).err
    document = run(*asked, "--json").document
    named = run("ask", "tenancy", *asked[2:], "--json").document
    assert (document["answered_by"], document["model"], document["answer"]) == ("task", "nearest", named)
    assert document["text"] == named["answer"]
    assert document["route"]["task"] == "tenancy"
    assert document["route"]["probability"] == max(document["route"]["probabilities"].values())


def test_an_input_unlike_the_pool_is_answered_by_the_base_model(run: Run, pool: Path) -> None:
    ended = run("ask", "auto", "bake the bread at 220 degrees", "-p", pool)
    assert ended.code == 0
    assert ended.out.startswith("→ no task: unlike the inputs of all tasks (")
    assert "answered by the base model, tiny" in ended.out.splitlines()[0]
    found = ask_auto(Workspace.open(pool), "bake the bread at 220 degrees", settings=Workspace.open(pool).settings())
    assert isinstance(found, RoutedAnswer)
    assert (found.route.task, found.route.abstained, found.answered_by, found.model) == (None, "unlike_pool", "base", "tiny")


def test_a_chosen_task_without_a_task_lm_says_how_to_train_it(run: Run, pool: Path) -> None:
    ended = run("ask", "auto", "boss wage overtime bonus", "-p", pool, "--json")
    assert (ended.code, ended.first_problem["what"]) == (1, "task payroll has no Task-LM yet")


def test_new_rows_give_a_new_router(run: Run, pool: Path) -> None:
    before = {path.name for path in (pool / "artifacts" / "routers").iterdir() if path.is_dir()}
    asked = ("ask", "auto", "landlord deposit heating lease", "--with", "nearest", "-p", pool)
    write_rows(pool / "data" / "tenancy.jsonl", inputs("tenancy", 66))
    assert "learns from" in run(*asked).err
    assert len({path.name for path in (pool / "artifacts" / "routers").iterdir() if path.is_dir()} - before) == 1
    write_rows(pool / "data" / "tenancy.jsonl", inputs("tenancy", 60))
    assert "learns from" not in run(*asked).err


def test_one_task_needs_no_router(run: Run, project: Path) -> None:
    problem = run("ask", "auto", "my landlord", "-p", project, "--json").first_problem
    assert problem["what"] == "fewer than two tasks have training rows, so there is nothing to choose from"
    assert "name the task" in problem["fix"]


def test_a_task_that_is_called_auto_is_meant_by_its_name(run: Run, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "cars", rows=[], domain=DOMAIN.replace("name: tenancy", "name: auto"))
    for task in ("auto", "payroll"):
        write_rows(folder / "data" / f"{task}.jsonl", inputs("tenancy" if task == "auto" else task, 20))
    assert run("ask", "auto", "boss wage", "--with", "constant", "-p", folder, "--json").document["task"] == "auto"
