"""A report is computed again from predictions and rows; whatever does not match is named."""

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.tiny_project import quick_settings, write_project

from anytasktune.errors import EvaluationError
from anytasktune.ids import text_hash
from anytasktune.pipeline import Workspace, tune
from anytasktune.pipeline.verifying import differing, verify
from anytasktune.schema import PredictionSet, Report, ReportItem
from anytasktune.store import read_record, write_record


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("verified") / "law")


@pytest.fixture(scope="module")
def report(project: Path, tiny_model: Path) -> Report:
    return tune(Workspace.open(project), settings=quick_settings(tiny_model, "eval.resamples=100"))


@contextmanager
def changed(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    yield
    path.write_bytes(whole)


def said(project: Path) -> str:
    return "\n".join(
        f"{one.place}: {one.what} {one.stored} {one.computed}" for one in verify(Workspace.open(project)).mismatches
    )


def evidence(project: Path, report: Report) -> list[Path]:
    """The files the numbers of the report stand in or come from."""
    (task,) = report.tasks
    artifacts = project / "artifacts"
    shots = next(result.shot_choice for result in task.systems if result.shot_choice)
    predictions = [*(result.predictions for result in task.systems), *shots.predictions.values()]
    files = [artifacts / "predictions" / "team" / f"{identity}.json" for identity in predictions]
    files += sorted((artifacts / "reports" / report.id).iterdir())
    files += [artifacts / "datasets" / "team" / task.dataset / name for name in ("test.jsonl", "dev.jsonl", "manifest.json")]
    return [*files, *(artifacts / "runs" / str(result.run) / "run.json" for result in task.systems if result.run)]


def test_a_report_agrees_with_what_it_was_made_from(project: Path, report: Report) -> None:
    found = verify(Workspace.open(project))
    assert found.mismatches == ()
    assert found.report == report.id
    assert found.items == report.tasks[0].test_rows
    assert found.numbers > 100
    assert not found.pages_skipped


def test_any_changed_digit_is_found(project: Path, report: Report) -> None:
    draw = random.Random(4)
    for path in evidence(project, report):
        places = [found.start() for found in re.finditer(rb"\d", path.read_bytes())]
        for place in draw.sample(places, min(2, len(places))):

            def other_digit(whole: bytes, place: int = place) -> bytes:
                return whole[:place] + str((int(whole[place : place + 1]) + 3) % 10).encode() + whole[place + 1 :]

            with changed(path, other_digit):
                assert said(project), f"{path} at {place}"


def test_a_missing_file_is_a_failure(project: Path, report: Report) -> None:
    for path in evidence(project, report):
        aside = path.with_name("aside")
        path.rename(aside)
        assert said(project), path
        aside.rename(path)
    assert said(project) == ""


def test_a_changed_number_is_named_with_its_path_and_both_values(project: Path, report: Report) -> None:
    path = project / "artifacts" / "reports" / report.id / "report.json"
    value = report.tasks[0].systems[3].score
    assert value is not None

    def forged(whole: bytes) -> bytes:
        record = json.loads(whole)
        del record["record_sha256"]
        record["tasks"][0]["systems"][3]["score"]["value"] = 0.987
        text = json.dumps(record, indent=2)
        return f'{text[:-2]},\n  "record_sha256": "{text_hash(text)}"\n}}\n'.encode()

    with changed(path, forged):
        assert f"tasks[0].systems[3].score.value: another value is computed 0.987 {value.value}" in said(project)
        assert "the name of the folder is not that of the content" in said(project)


def test_predictions_that_were_replaced_are_found_although_their_checksum_holds(project: Path, report: Report) -> None:
    result = report.tasks[0].systems[-1]
    path = project / "artifacts" / "predictions" / "team" / f"{result.predictions}.json"
    whole = path.read_bytes()
    record = read_record(path, PredictionSet)
    first = record.predictions[0].model_copy(update={"probability": 0.5})
    write_record(path, record.model_copy(update={"predictions": [first, *record.predictions[1:]]}))
    assert "these are not the predictions that were scored" in said(project)
    path.write_bytes(whole)


def test_the_items_lie_beside_the_report_a_line_each(project: Path, report: Report) -> None:
    lines = (project / "artifacts" / "reports" / report.id / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    items = [ReportItem.model_validate_json(line) for line in lines]
    (task,) = report.tasks
    assert [item.row for item in items] == list(range(1, task.test_rows + 1))
    assert all(list(item.answers) == [result.system for result in task.systems] for item in items)
    for result in task.systems:
        assert sum(item.answers[result.system].value == 1 for item in items) == result.right


def test_a_report_that_is_not_there_is_answered_with_those_that_are(project: Path, report: Report) -> None:
    workspace = Workspace.open(project)
    assert verify(workspace, report.id[:5]).report == report.id
    with pytest.raises(EvaluationError, match="there is no report 'nothing'") as raised:
        verify(workspace, "nothing")
    assert report.id in raised.value.problems[0].fix


def test_differences_have_a_path() -> None:
    stored, computed = {"a": [1, {"b": 0.1}], "c": None}, {"a": [1, {"b": 0.2}], "c": [2]}
    assert list(differing(stored, computed)) == [("a[1].b", "0.1", "0.2"), ("c", "null", "[2]")]
    assert not list(differing({"a": 0.1 + 0.2}, {"a": 0.3}))
