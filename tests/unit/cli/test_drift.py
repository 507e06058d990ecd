"""`drift`: whether requests in use differ from the rows a task was made of."""

import random
import shutil
from pathlib import Path

import pytest
from tests.tiny_project import write_lines, write_rows
from tests.unit.cli.conftest import Run, clear_rows

from anytasktune import Workspace
from anytasktune.schema import Example, RecordedRequest
from anytasktune.store import read_ref

_NEW = "invoice subscription password login refund parcel broken screen".split()  # noqa: SIM905


def other_rows(count: int) -> list[Example]:
    """Long inputs of words that no row has, and of one label."""
    return [
        Example(input=f"matter {n}: boss wage {' '.join(random.Random(n).choices(_NEW, k=30))}", output="work", language="en")
        for n in range(count)
    ]


def recorded(project: Path, rows: list[Example], version: str, label: str = "work", probability: float = 0.9) -> None:
    """Requests that a server has recorded."""
    lines = [
        RecordedRequest(
            id=f"{version}{number}",
            at=f"2026-11-{1 + number % 28:02d}T10:00:00+00:00",
            version=version,
            language="en",
            characters=len(row.input),
            label=label,
            probability=probability,
            unsure=False,
        ).model_dump_json()
        for number, row in enumerate(rows)
    ]
    file = Workspace.open(project).project.requests("team")
    before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    write_lines(file, [*before, *lines])


@pytest.fixture
def learned(learned_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned_once, tmp_path / "law"))


def test_inputs_like_those_of_the_task_show_no_drift(run: Run, learned: Path) -> None:
    write_rows(Path("same.jsonl"), clear_rows(360)[240:])
    document = run("drift", "team", "--file", "same.jsonl", "-p", learned, "--json").document
    assert (document["verdict"], document["read"], document["requests"]) == ("none", 120, 120)
    assert [one["feature"] for one in document["features"]] == [
        "input_length",
        "confidence",
        "answers",
        "unsure",
        "unseen_words",
    ]
    shown = run("drift", "team", "--file", "same.jsonl", "-p", learned).out
    assert "No drift seen" in shown
    assert "没有发现漂移" in run("drift", "team", "--file", "same.jsonl", "-p", learned, "--language", "zh").out


def test_inputs_of_another_kind_show_a_large_drift_and_what_to_do(run: Run, learned: Path) -> None:
    write_rows(Path("other.jsonl"), other_rows(80))
    document = run("drift", "team", "--file", "other.jsonl", "-p", learned, "--json").document
    sizes = {one["feature"]: one["size"] for one in document["features"]}
    assert document["verdict"] == "retrain"
    assert (sizes["input_length"], sizes["unseen_words"]) == ("large", "large")
    shown = run("drift", "team", "--file", "other.jsonl", "-p", learned).out
    assert ("review team -p law" in shown, "tune team -p law" in shown) == (True, True)


def test_recorded_requests_of_the_version_that_answers_count(run: Run, learned: Path) -> None:
    version = str(read_ref(Workspace.open(learned).project.runs("team")))
    recorded(learned, clear_rows(300)[240:], version)
    recorded(learned, clear_rows(270)[240:], "another")
    document = run("drift", "team", "-p", learned, "--json").document
    assert (document["read"], document["requests"], document["left_out"]) == (90, 60, {"other_version": 30})
    (answers,) = [one for one in document["features"] if one["feature"] == "answers"]
    assert (answers["label"], answers["now"], answers["size"]) == ("work", 1.0, "large")
    few = run("drift", "team", "-p", learned, "--last", "40", "--json").document
    assert (few["verdict"], few["read"], few["features"]) == ("too_few", 40, [])


def test_without_requests_or_dev_rows_it_says_what_to_do(run: Run, learned: Path, tuned_once: Path) -> None:
    problem = run("drift", "team", "-p", learned, "--json").first_problem
    assert "serve --record-requests -p law" in problem["fix"]
    write_rows(Path("same.jsonl"), clear_rows(60))
    ended = run("drift", "team", "--file", "same.jsonl", "-p", tuned_once, "--json")
    assert (ended.code, "dev has 3 rows, 20 are needed" in ended.first_problem["what"]) == (1, True)
