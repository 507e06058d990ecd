"""Folders with a task.json and its splits."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anytasktune.datasets import check_examples, is_task_folder, read_task_folder, write_task_folder
from anytasktune.datasets.json_shape import ENOUGH_ROWS, infer_json_schema
from anytasktune.errors import DataError
from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, Rules, TextOutput
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.schema import Example, Task

BENCH = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "bench"
BENCH_TASKS = sorted(path.parent.name for path in BENCH.glob("*/task.json"))
DESCRIPTION = {"name": "clause_kind", "domain": "law", "language": "en", "instruction": "Name the clause.", "note": "kept out"}


def make_folder(folder: Path, outputs: list[str], **fields: Any) -> Path:
    (folder / "task.json").write_text(json.dumps(DESCRIPTION | fields), encoding="utf-8")
    rows = [json.dumps({"input": f"clause {number}", "output": output}) for number, output in enumerate(outputs)]
    (folder / "train.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("fields", "outputs", "expected"),
    [
        (
            {"task_type": "classification", "labels": ["rent", "notice"]},
            ["rent"],
            LabelOutput(kind="label", labels=["rent", "notice"]),
        ),
        (
            {"task_type": "classification", "labels": ["rent", "notice"], "multi_label": True},
            ["rent；notice"],
            LabelsOutput(kind="labels", labels=["rent", "notice"], separator="；"),
        ),
        (
            {"task_type": "scoring", "score_range": [1, 7]},
            ["4", "2.75"],
            NumberOutput(kind="number", minimum=1, maximum=7, decimals=2),
        ),
        (
            {"task_type": "extraction"},
            ['["a"]'],
            JsonOutput(kind="json", json_schema={"type": "array", "items": {"type": "string"}}),
        ),
        ({"task_type": "rewriting"}, ["text"], TextOutput(kind="text")),
        ({"task_type": "generation"}, ["text"], TextOutput(kind="text")),
        ({"task_type": "summarisation"}, ["text"], TextOutput(kind="text")),
        ({"task_type": "QA"}, ["text"], TextOutput(kind="text")),
        ({"task_type": "question-answering"}, ["text"], TextOutput(kind="text")),
    ],
)
def test_the_output_follows_from_the_task_type_and_the_data(
    tmp_path: Path, fields: dict[str, Any], outputs: list[str], expected: Output
) -> None:
    folder = read_task_folder(make_folder(tmp_path, outputs, **fields))
    assert folder.task.output == expected
    assert (folder.task.name, folder.domain, folder.task.instruction) == ("clause_kind", "law", {"en": "Name the clause."})
    assert list(folder.splits) == ["train"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "task_type is missing"),
        ({"task_type": "poetry"}, "task_type: 'poetry' is not known → known: classification, extraction, generation"),
        ({"task_type": "clasification"}, "did you mean 'classification'?"),
        ({"task_type": "classification"}, "at least two labels"),
        ({"task_type": "classification", "labels": ["a", "a"]}, "lists a more than once"),
        ({"task_type": "scoring"}, "score_range is missing"),
        ({"task_type": "scoring", "score_range": [7, 1]}, "score_range is empty"),
        ({"task_type": "generation", "metric": "accuracy"}, "accuracy cannot judge"),
        ({"task_type": "generation", "language": None}, "language is missing"),
        ({"task_type": "generation", "language": "fr"}, "language: "),
        ({"task_type": "generation", "instruction": " "}, "instruction.en is empty"),
        ({"task_type": "generation", "name": "Clause Kind"}, "name: "),
    ],
)
def test_a_faulty_description_is_an_error_that_names_the_file_and_field(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=r"task\.json: ") as caught:
        read_task_folder(make_folder(tmp_path, ["x"], **fields))
    assert message in str(caught.value)


def test_missing_and_broken_files_are_errors(tmp_path: Path) -> None:
    assert not is_task_folder(tmp_path)
    with pytest.raises(DataError, match=r"there is no task\.json"):
        read_task_folder(tmp_path)
    (tmp_path / "task.json").write_text("{broken", encoding="utf-8")
    with pytest.raises(DataError, match="Invalid JSON"):
        read_task_folder(tmp_path)
    (tmp_path / "task.json").write_text(json.dumps(DESCRIPTION | {"task_type": "generation"}), encoding="utf-8")
    with pytest.raises(DataError, match=r"add train\.jsonl"):
        read_task_folder(tmp_path)


outputs = st.sampled_from(
    [
        LabelOutput(kind="label", labels=["租金", "notice"]),
        LabelsOutput(kind="labels", labels=["a", "b"], separator="; "),
        LabelsOutput(kind="labels"),
        JsonOutput(kind="json", json_schema={"type": "object", "required": ["案由"]}),
        NumberOutput(kind="number", minimum=-1.5, maximum=2, decimals=3),
        TextOutput(kind="text"),
    ]
)
rules = st.sampled_from([Rules(), Rules(min_items=1, copies_from_input=True), Rules(language="zh", max_length=40)])
instructions = st.sampled_from([{"zh": "写出案由。"}, {"en": "Name it.", "zh": "写出名称。"}])
titles = st.sampled_from([{}, {"en": "Name"}])
tasks = st.builds(
    Task,
    name=st.just("some_task"),
    output=outputs,
    rules=rules,
    instruction=instructions,
    title=titles,
    input_from=st.none() | st.just("earlier"),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tasks)
def test_a_written_task_folder_is_read_back_the_same(tmp_path: Path, task: Task) -> None:
    splits = {
        "train": [Example(input="a\n租金", output="b", source="s")],
        "test": [Example(input="c", output="d", language="zh")],
    }
    write_task_folder(task, splits, tmp_path, domain="law")  # type: ignore[arg-type]
    folder = read_task_folder(tmp_path)
    assert folder.task == task.model_copy(update={"metric": task.scored_by})
    assert {name: result.examples for name, result in folder.splits.items()} == splits
    assert folder.domain == "law"


def test_a_schema_takes_labels_as_keys_only_if_all_rows_do() -> None:
    strings = {"type": "array", "items": {"type": "string"}}
    assert infer_json_schema(['{"skill": []}', '{"knowledge": ["SQL"]}'], ["skill", "knowledge"]) == {
        "type": "object",
        "properties": {"skill": strings, "knowledge": strings},
        "additionalProperties": False,
    }
    assert infer_json_schema(['{"skill": []}', '{"other": []}'], ["skill", "knowledge"]) == {"type": "object"}


def test_a_schema_takes_labels_as_values_of_a_key_if_all_rows_do() -> None:
    rows = ['{"intent": "Play", "slots": {}}'] * ENOUGH_ROWS
    expected = {"type": "object", "properties": {"intent": {"enum": ["Play", "Book"]}}, "required": ["intent"]}
    assert infer_json_schema(rows, ["Play", "Book"]) == expected


def test_mixed_types_and_no_json_at_all_give_the_schema_that_allows_everything() -> None:
    assert infer_json_schema(["[]", "{}"]) == {}
    assert infer_json_schema(["not json"]) == {}
    assert infer_json_schema(["[]"]) == {"type": "array"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "键"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(json_values, max_size=6))
def test_every_output_fits_the_schema_inferred_from_it(values: list[Any]) -> None:
    schema = infer_json_schema([json.dumps(value) for value in values], ["a", "b"])
    assert all(schema_fault(schema, value) == "" for value in values)


@pytest.mark.skipif(not BENCH_TASKS, reason="the benchmark tasks are not here")
@pytest.mark.parametrize("name", BENCH_TASKS)
def test_all_rows_of_a_benchmark_task_are_kept_and_fit_the_task(name: str) -> None:
    description = json.loads((BENCH / name / "task.json").read_text(encoding="utf-8"))
    folder = read_task_folder(BENCH / name)
    checked = {split: check_examples(folder.task, result) for split, result in folder.splits.items()}
    assert {split: len(result.examples) for split, result in checked.items()} == description["rows"]
    assert folder.task.scored_by == description["metric"]
    assert folder.task.languages == (description["language"],)
