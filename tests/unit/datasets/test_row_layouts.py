"""Alpaca, ShareGPT and OpenAI messages."""

import json
from pathlib import Path
from typing import Any

import pytest

from anytasktune.datasets import ColumnMap, ReadResult, read_examples
from anytasktune.errors import DataError

Row = dict[str, Any]


def read_rows(folder: Path, rows: list[Row], name: str = "rows.jsonl", columns: ColumnMap | None = None) -> ReadResult:
    path = folder / name
    text = json.dumps(rows) if name.endswith(".json") else "\n".join(map(json.dumps, rows))
    path.write_text(text, encoding="utf-8")
    return read_examples(path, columns=columns)


def pairs(result: ReadResult) -> list[tuple[str, str]]:
    return [(example.input, example.output) for example in result.examples]


def alpaca(instruction: str, given: str | None, output: str) -> Row:
    return {"instruction": instruction, "input": given, "output": output}


def messages(*turns: tuple[str, Any]) -> Row:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def sharegpt(*turns: tuple[str, str]) -> Row:
    return {"conversations": [{"from": role, "value": text} for role, text in turns]}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_a_constant_alpaca_instruction_is_left_out_and_reported(tmp_path: Path, name: str) -> None:
    result = read_rows(
        tmp_path, [alpaca("Classify.", "a", "x"), alpaca("Classify.", "b", "y"), alpaca("Classify.", "", "z")], name
    )
    assert pairs(result) == [("a", "x"), ("b", "y")]
    assert (result.format, result.instruction) == ("alpaca", "Classify.")
    assert '"Classify."' in result.note
    assert result.counts.dropped == {"empty_input": 1}


def test_alpaca_instructions_without_inputs_are_the_inputs(tmp_path: Path) -> None:
    rows = [
        alpaca("What is a lease?", "", "A contract."),
        {"instruction": "什么是租赁？", "output": "一种合同。"},
        alpaca("Rent?", None, "Money."),
    ]
    result = read_rows(tmp_path, rows)
    assert [text for text, _ in pairs(result)] == ["What is a lease?", "什么是租赁？", "Rent?"]
    assert "taken as inputs" in result.note


def test_alpaca_rows_with_different_instructions_and_inputs_need_a_column_map(tmp_path: Path) -> None:
    rows = [alpaca("Translate.", "a", "x"), alpaca("Summarise.", "b", "y")]
    with pytest.raises(DataError, match=r"--columns input=instruction\+input,output=output"):
        read_rows(tmp_path, rows)
    joined = read_rows(tmp_path, rows, columns=ColumnMap.parse("input=instruction+input,output=output"))
    assert pairs(joined) == [("Translate.\n\na", "x"), ("Summarise.\n\nb", "y")]


def test_a_turn_of_each_side_is_input_and_output(tmp_path: Path) -> None:
    system = "You are a clerk."
    chat = read_rows(tmp_path, [messages(("system", system), ("user", "q"), ("assistant", "a"))])
    shared = read_rows(tmp_path, [sharegpt(("system", system), ("human", "q"), ("gpt", "a"))])
    assert pairs(chat) == pairs(shared) == [("q", "a")]
    assert (chat.format, shared.format) == ("messages", "sharegpt")
    assert chat.instruction == shared.instruction == system
    assert system in chat.note


def test_a_longer_dialogue_is_rendered_up_to_its_last_answer(tmp_path: Path) -> None:
    turns = [("human", "问一"), ("gpt", "答一"), ("human", "问二"), ("gpt", "答二"), ("human", "谢谢")]
    result = read_rows(tmp_path, [sharegpt(*turns)])
    assert pairs(result) == [("user: 问一\nassistant: 答一\nuser: 问二", "答二")]
    assert "1 dialogue goes on after the last answer" in result.note


def test_system_messages_that_differ_stay_at_the_head_of_the_input(tmp_path: Path) -> None:
    rows = [
        messages(("system", "Today is Monday."), ("user", "q"), ("assistant", "a")),
        messages(("system", "Today is Friday."), ("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b")),
        messages(("user", "s"), ("assistant", "c")),
    ]
    assert pairs(read_rows(tmp_path, rows)) == [
        ("system: Today is Monday.\nuser: q", "a"),
        ("system: Today is Friday.\nuser: q\nassistant: a\nuser: r", "b"),
        ("user: s", "c"),
    ]


def test_messages_made_of_text_parts_are_joined(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    assert pairs(read_rows(tmp_path, [messages(("user", parts), ("assistant", "a"))])) == [("one two", "a")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (messages(("user", "q")), "no_answer"),
        (messages(("assistant", "a")), "empty_input"),
        (messages(("user", "q"), ("tool", "t"), ("assistant", "a")), "unknown_role"),
        (messages((["user"], "q"), ("assistant", "a")), "unknown_role"),
        (messages(("user", "q"), ("assistant", None)), "empty_output"),
        (messages(("user", 3), ("assistant", "a")), "wrong_type"),
        (messages(("user", [{"type": "image_url"}]), ("assistant", "a")), "wrong_type"),
        ({"messages": "q"}, "wrong_type"),
        ({"messages": ["q"]}, "wrong_type"),
        ({"input": "a", "output": "b"}, "missing_field"),
    ],
)
def test_a_dialogue_that_cannot_be_used_is_dropped_with_its_reason(tmp_path: Path, row: Row, reason: str) -> None:
    good = messages(("user", "q"), ("assistant", "a"))
    result = read_rows(tmp_path, [good, row])
    assert pairs(result) == [("q", "a")]
    assert [(dropped.row, dropped.reason) for dropped in result.dropped] == [(2, reason)]


def test_language_and_source_beside_a_dialogue_are_read(tmp_path: Path) -> None:
    result = read_rows(tmp_path, [messages(("user", "q"), ("assistant", "a")) | {"language": "en", "source": "s1"}])
    assert (result.examples[0].language, result.examples[0].source) == ("en", "s1")
    assert result.note == ""


@pytest.mark.parametrize("mark", [{"weight": 0}, {"loss": 0}, {"loss": False}, {"trainable": False}, {"loss_weight": 0.0}])
def test_an_answer_that_is_not_to_be_trained_on_is_no_output(tmp_path: Path, mark: Row) -> None:
    first, second = (
        messages(("user", "q"), ("assistant", "bad")),
        messages(("user", "q"), ("assistant", "good"), ("user", "sure?")),
    )
    first["messages"][-1] |= mark
    second["messages"].append({"role": "assistant", "content": "bad", **mark})
    result = read_rows(tmp_path, [first, second])
    assert pairs(result) == [("q", "good")]
    assert [(dropped.row, dropped.reason) for dropped in result.dropped] == [(1, "not_trained")]
    assert "1 dialogue goes on after the last answer" in result.note


@pytest.mark.parametrize("mark", [{"label": False}, {"kto_tag": False}])
def test_an_answer_that_preference_data_reject_is_dropped(tmp_path: Path, mark: Row) -> None:
    good = messages(("user", "q"), ("assistant", "a"))
    result = read_rows(tmp_path, [good | dict.fromkeys(mark, True), messages(("user", "r"), ("assistant", "b")) | mark])
    assert pairs(result) == [("q", "a")]
    assert result.counts.dropped == {"rejected_answer": 1}


def test_an_alpaca_history_is_the_dialogue_it_stands_for(tmp_path: Path) -> None:
    row = alpaca("And the second one?", "", "complaint") | {"history": [["Two lamps came.", "question"]]}
    dialogue = sharegpt(
        ("human", "Two lamps came."), ("gpt", "question"), ("human", "And the second one?"), ("gpt", "complaint")
    )
    (tmp_path / "b").mkdir()
    result = read_rows(tmp_path, [row, alpaca("Is it new?", "", "question") | {"history": []}])
    assert pairs(result)[:1] == pairs(read_rows(tmp_path / "b", [dialogue]))
    assert pairs(result)[1:] == [("Is it new?", "question")]
    assert result.format == "alpaca"


def test_an_alpaca_system_message_of_its_own_stays_at_the_head(tmp_path: Path) -> None:
    rows = [alpaca("Refund?", "", "complaint") | {"system": "A."}, alpaca("Refund?", "", "question") | {"system": "B."}]
    expected = [("system: A.\nuser: Refund?", "complaint"), ("system: B.\nuser: Refund?", "question")]
    assert pairs(read_rows(tmp_path, rows)) == expected
    shared = [
        sharegpt(("human", "Refund?"), ("gpt", output)) | {"system": said}
        for said, output in (("A.", "complaint"), ("B.", "question"))
    ]
    assert pairs(read_rows(tmp_path, shared)) == expected


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"messages": [{"role": "User", "content": "q"}, {"role": " Assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "value": "q"}]}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\n\n</think>\n\na"}]},
    ],
)
def test_other_names_of_the_same_dialogue_are_read(tmp_path: Path, row: Row) -> None:
    assert pairs(read_rows(tmp_path, [row])) == [("q", "a")]


def test_a_turn_with_other_fields_says_which_are_expected(tmp_path: Path) -> None:
    result = read_rows(tmp_path, [messages(("user", "q"), ("assistant", "a")), {"messages": [{"speaker": "x", "text": "q"}]}])
    assert "a turn has speaker, text; expected are role and content" in result.dropped[0].detail


def test_fields_of_turns_that_are_not_read_are_named_and_a_tool_call_is_no_line(tmp_path: Path) -> None:
    row = messages(("user", "Where is it?"), ("assistant", None), ("user", "And?"), ("assistant", "In Kiel."))
    row["messages"][1]["tool_calls"] = [{"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}]
    row["messages"][3]["reasoning_content"] = "It was scanned there."
    result = read_rows(tmp_path, [row])
    assert pairs(result) == [("user: Where is it?\nuser: And?", "In Kiel.")]
    assert "fields of turns not used: reasoning_content (1 row), tool_calls (1 row)" in result.note


@pytest.mark.parametrize(
    ("extra", "note"),
    [
        ({"language": "python"}, "language is 'python' and the like"),
        ({"source": {"url": "x"}}, "source is no text"),
        ({"source": "my_set_2024"}, "source is 'my_set_2024' in all rows"),
    ],
)
def test_a_field_that_means_something_else_makes_no_row_unreadable(tmp_path: Path, extra: Row, note: str) -> None:
    rows = [messages(("user", text), ("assistant", "a")) | extra for text in ("q", "r")]
    result = read_rows(tmp_path, rows)
    assert pairs(result) == [("q", "a"), ("r", "a")]
    assert {(example.language, example.source) for example in result.examples} == {(None, None)}
    assert note in result.note


def test_rows_with_one_input_and_two_outputs_are_named(tmp_path: Path) -> None:
    rows = [{"input": text, "output": output} for text, output in (("a", "x"), ("b", "x"), ("a", "y"), ("b", "x2"))]
    assert "2 inputs with different outputs in several rows: rows 1, 3; rows 2, 4" in read_rows(tmp_path, rows).note
