"""Outputs against the form their task asks for."""

import json
from pathlib import Path

import pytest

from anytasktune.datasets import check_examples, check_row, read_examples
from anytasktune.errors import DataError
from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, TextOutput
from anytasktune.schema import Example, Task

LABEL = LabelOutput(kind="label", labels=["Evidence", "Finding", "Legal rule"])
LABELS = LabelsOutput(kind="labels", labels=["支付/给付", "欺骗"], separator="；")
SCHEMA = JsonOutput(
    kind="json", json_schema={"type": "object", "properties": {"案由": {"type": "string"}}, "required": ["案由"]}
)
NUMBER = NumberOutput(kind="number", minimum=1, maximum=7, decimals=1)


def task(output: Output) -> Task:
    return Task(name="task", instruction={"en": "Do it."}, output=output)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (LABEL, "Legal rule"),
        (LABEL, " Evidence\n"),
        (LABELS, "欺骗"),
        (LABELS, "支付/给付； 欺骗"),
        (LabelsOutput(kind="labels"), "anything; at all"),
        (SCHEMA, '{"案由": "合同纠纷", "more": 1}'),
        (NUMBER, "7.0"),
        (NUMBER, "1"),
        (TextOutput(kind="text"), "…"),
    ],
)
def test_an_output_in_the_right_form_has_no_fault(output: Output, text: str) -> None:
    assert check_row(task(output), Example(input="in", output=text)) is None


@pytest.mark.parametrize(
    ("output", "text", "reason", "hint"),
    [
        (LABEL, "evidence", "unknown_label", "did you mean 'Evidence'?"),
        (LABEL, "Legal rules", "unknown_label", "did you mean 'Legal rule'?"),
        (LABEL, "xyz", "unknown_label", "use one of: Evidence, Finding, Legal rule"),
        (LABELS, "欺骗；支付", "unknown_label", "did you mean '支付/给付'?"),
        (LABELS, "；", "empty_output", ""),
        (SCHEMA, "{'案由': 1}", "bad_json", "character 2"),
        (SCHEMA, '{"案由": "a", "案由": "b"}', "duplicate_key", "案由"),
        (SCHEMA, '{"案由": 3}', "schema", "at 案由"),
        (SCHEMA, "[]", "schema", "object"),
        (NUMBER, "about 3", "bad_number", "about 3"),
        (NUMBER, "7.5", "out_of_range", "from 1 to 7"),
        (NUMBER, "3.25", "decimals", "more than 1"),
        (TextOutput(kind="text"), " \n", "empty_output", ""),
    ],
)
def test_an_output_in_another_form_is_told_why(output: Output, text: str, reason: str, hint: str) -> None:
    fault = check_row(task(output), Example(input="in", output=text))
    assert fault is not None
    assert fault.reason == reason
    assert hint in fault.detail


def read_outputs(folder: Path, *outputs: str) -> Path:
    path = folder / "rows.csv"
    lines = [f'{number},"{output}"' for number, output in enumerate(outputs)]
    path.write_text("\n".join(["input,output", *lines]), encoding="utf-8")
    return path


def test_rows_that_do_not_fit_are_dropped_with_their_place_and_the_counts_still_balance(tmp_path: Path) -> None:
    read = read_examples(read_outputs(tmp_path, "Evidence", "", "Fact", " Finding "))
    result = check_examples(task(LABEL), read)
    assert [example.output for example in result.examples] == ["Evidence", "Finding"]
    assert result.rows == [2, 5]
    assert [(row.row, row.reason) for row in result.dropped] == [(3, "empty_output"), (4, "unknown_label")]
    assert str(result.counts) == "read 4, kept 2, dropped 2 (1 empty_output, 1 unknown_label)"
    assert "1 outputs had white space around them" in result.note


def test_free_text_keeps_its_white_space(tmp_path: Path) -> None:
    read = read_examples(read_outputs(tmp_path, " two\n"))
    assert check_examples(task(TextOutput(kind="text")), read) == read


def test_an_error_says_so_when_no_row_fits(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 unknown_label[\s\S]*rows\.csv:2: unknown_label: 'Fact'"):
        check_examples(task(LABEL), read_examples(read_outputs(tmp_path, "Fact", "Rule")))


@pytest.mark.parametrize("output", ['["delivery", "damage"]', "delivery; damage", '["delivery","damage"]'])
def test_a_list_of_labels_is_written_with_the_tasks_separator(tmp_path: Path, output: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"input": "a", "output": output}), encoding="utf-8")
    topics = Task(
        name="topics",
        instruction={"en": "Topics."},
        output=LabelsOutput(kind="labels", labels=["delivery", "damage", "staff"], separator="; "),
    )
    assert [row.output for row in check_examples(topics, read_examples(path)).examples] == ["delivery; damage"]
