"""`eval-router`: how good the router is, and what it costs beside naming the task."""

import shutil
from pathlib import Path

import pytest
from tests.tiny_project import write_project, write_rows
from tests.unit.baselines.test_task_router import WORDS, inputs
from tests.unit.cli.conftest import Run

DOMAIN = "schema_version: 1\nname: law\ntasks:\n" + "".join(
    f"  - {{name: {task}, instruction: {{en: Yes or no., zh: 是否？}}, output: {{kind: label, labels: ['yes', 'no']}}}}\n"
    for task in WORDS
)


@pytest.fixture(scope="module")
def pool_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three label tasks with inputs that can be told apart."""
    folder = write_project(tmp_path_factory.mktemp("measured") / "law", rows=[], domain=DOMAIN)
    for task in WORDS:
        for split, count, start in (("train", 40, 0), ("dev", 12, 500), ("test", 15, 1000)):
            rows = [
                row.model_copy(update={"output": ("yes", "no")[place % 2]})
                for place, row in enumerate(inputs(task, count, start))
            ]
            write_rows(folder / "data" / task / f"{split}.jsonl", rows)
    return folder


@pytest.fixture
def pool(pool_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pool_once, tmp_path / "pool"))


def test_right_tasks_abstentions_strange_inputs_and_gaps_add_up(run: Run, pool: Path) -> None:
    found = run("eval-router", "--with", "constant", "-p", pool, "--json").document
    assert found["inputs"] == 45
    assert found["accuracy"]["value"] == sum(task["right"] for task in found["tasks"]) / 45 > 0.9
    for task in found["tasks"]:
        assert task["inputs"] == task["right"] + sum(task["taken_for"].values()) == 15
        assert task["routed_right"] <= task["routed"] <= task["inputs"]
    assert found["routed"] + sum(found["abstained"].values()) == 45
    assert [(point["routed"], point["right"]) for point in found["curve"]][-1] == (45, round(45 * found["accuracy"]["value"]))
    assert [point["routed"] for point in found["curve"]] == sorted({point["routed"] for point in found["curve"]})
    assert [held["task"] for held in found["held_out"]] == list(WORDS)
    assert sum(sum(held["refused"].values()) for held in found["held_out"]) > 15, "inputs of a task that is not in the pool"
    for gap in found["gaps"]:
        assert (gap["system"], gap["inputs"]) == ("constant", 15)
        lost = gap["routed_named"]["value"] - gap["routed_score"]["value"]
        assert 0 <= lost == pytest.approx(-gap["difference"]["value"])
        assert gap["difference"]["low"] <= gap["difference"]["value"] <= gap["difference"]["high"]
    assert (found["shared_inputs"], found["notes"]) == (0, [])


def test_it_is_shown_as_tables_and_kept(run: Run, pool: Path) -> None:
    asked = ("eval-router", "--with", "constant", "-p", pool)
    ended = run(*asked)
    assert ended.code == 0
    for said in ("Right task: ", "Sent to a task: ", "Inputs of no task: ", "named, of these", "least probability"):
        assert said in ended.out
    again = run(*asked)
    assert (again.out, "test inputs  (reused)" in again.err) == (ended.out, True)
    assert len(list((pool / "artifacts" / "router_evaluations").glob("*.json"))) == 1


def test_a_task_without_a_task_lm_is_noted_and_inputs_of_two_tasks_are_counted(run: Run, pool: Path) -> None:
    first, second = (pool / "data" / task / "test.jsonl" for task in list(WORDS)[:2])
    second.write_bytes(second.read_bytes() + first.read_bytes().splitlines(keepends=True)[0])
    found = run("eval-router", "-p", pool, "--json").document
    assert found["gaps"] == []
    assert found["notes"][0].startswith("tenancy is not compared with its named task: no Task-LM yet for tenancy")
    assert found["shared_inputs"] == 2
    assert "! 2 of 46 test inputs are also inputs of another task" in run("eval-router", "-p", pool).out


def test_wrong_systems_and_pools_without_test_rows_are_refused(run: Run, pool: Path) -> None:
    problem = run("eval-router", "--with", "linaer", "-p", pool, "--json").first_problem
    assert "did you mean linear" in problem["fix"] or "linear" in problem["fix"]
    for task in WORDS:
        (pool / "data" / task / "test.jsonl").unlink()
    problem = run("eval-router", "-p", pool, "--json").first_problem
    assert problem["what"] == "no task has test rows to evaluate the router on"
