"""The last look before training, on real tokens."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.tiny_models import tiny_tokenizer

from anytasktune.chat import PromptFormat
from anytasktune.outputs import JsonOutput, LabelOutput, Rules, TextOutput
from anytasktune.schema import Example, Rendering, SplitName, Task
from anytasktune.training.preflight import Room, preflight, view_tokens

FORMAT = PromptFormat.of(tiny_tokenizer())
PLAIN = PromptFormat.of(tiny_tokenizer(template=None))
ROOM = Room(200, "use another model")
LABELS = Task(
    name="team",
    instruction={"en": "Which team?", "zh": "哪个团队？"},
    output=LabelOutput(kind="label", labels=["housing", "family"]),
)
TEXT = Task(name="note", instruction={"en": "Write a note."}, output=TextOutput(kind="text"), rules=Rules(max_length=30))
GOOD = Example(input="the rent", output="housing")


def what_blocks(task: Task, example: Example, room: Room = ROOM, format_: PromptFormat = FORMAT) -> list[str]:
    look = preflight(task, {"train": [example]}, format_, room)
    assert (look.bad["train"] == {example.id}) == bool(look.problems)
    return [problem.what for problem in look.problems]


def test_a_good_row_passes_in_both_languages() -> None:
    assert what_blocks(LABELS, GOOD) == []
    assert what_blocks(LABELS, Example(input="押金不退", output="housing", language="zh")) == []


@pytest.mark.parametrize("answer", ["", " \n"])
def test_an_empty_answer_blocks(answer: str) -> None:
    (what,) = what_blocks(TEXT, Example(input="the rent", output=answer))
    assert what.startswith("the answer is empty")


def test_an_answer_whose_end_is_not_trained_blocks() -> None:
    endless = dataclasses.replace(FORMAT, rendering=Rendering(template="chat", system_role=True, end_of_turn=[]))
    assert "the end of the answer would not be trained" in what_blocks(LABELS, GOOD, format_=endless)


def test_rows_up_to_the_last_token_that_fits_pass() -> None:
    encoded = FORMAT.encode(LABELS, GOOD)
    assert what_blocks(LABELS, GOOD, Room(len(encoded.ids), "")) == []
    (cut,) = what_blocks(LABELS, GOOD, Room(len(encoded.ids) - 1, ""))
    assert cut == f"the answer would be cut: {len(encoded.ids)} tokens in all, {len(encoded.ids) - 1} fit"
    (full,) = what_blocks(LABELS, GOOD, Room(encoded.prompt_length, ""))
    assert full == f"the prompt takes {encoded.prompt_length} tokens, and {encoded.prompt_length} fit with the answer"


def test_long_rows_get_the_fix_of_the_room() -> None:
    look = preflight(LABELS, {"train": [GOOD]}, FORMAT, Room(5, "choose another model"))
    assert look.problems[0].fix == "shorten the row, or choose another model"


def test_a_task_of_which_no_row_fits_is_one_problem() -> None:
    longer = Example(input="the rent " * 9, output="housing")
    encoded = [FORMAT.encode(LABELS, row) for row in (GOOD, longer)]
    fits = Room(encoded[0].prompt_length + 1, "choose another model")
    assert len(preflight(LABELS, {"train": [GOOD], "test": [longer]}, FORMAT, fits).problems) == 2
    look = preflight(LABELS, {"train": [GOOD], "test": [longer]}, FORMAT, Room(5, "choose another model"))
    (problem,) = look.problems
    assert (
        problem.what == f"no row fits: the shortest prompt takes {encoded[0].prompt_length} tokens, and 5 fit with the answer"
    )
    longest = len(encoded[1].ids)
    assert problem.fix == f"shorten the instruction, or choose another model; the longest row takes {longest} tokens"
    assert look.bad_rows == 2


@pytest.mark.parametrize("token", ["<|im_end|>", "<|im_start|>", "<|end|>"])
def test_a_control_token_in_the_text_blocks(token: str) -> None:
    (inside,) = what_blocks(LABELS, Example(input=f"the rent {token}", output="housing"))
    assert inside == f"the text holds {token}, which the model reads as a control token"
    assert what_blocks(TEXT, Example(input="the rent", output=f"a {token} b"))


@pytest.mark.parametrize(
    ("task", "example", "words"),
    [
        (LABELS, Example(input="x", output="housin"), "is not one of the task's 2 labels"),
        (TEXT, Example(input="x", output="long " * 10), "30"),
        (
            Task(
                name="facts",
                instruction={"en": "Copy."},
                output=JsonOutput(kind="json"),
                rules=Rules(copies_from_input=True),
            ),
            Example(input="the rent", output='{"what": "the wage"}'),
            "does not stand in the input",
        ),
    ],
)
def test_an_answer_that_breaks_the_tasks_rules_blocks(task: Task, example: Example, words: str) -> None:
    (what,) = what_blocks(task, example)
    assert words in what


def test_a_schema_that_is_none_is_refused_before_any_row_is_looked_at() -> None:
    with pytest.raises(ValidationError, match="no JSON Schema"):
        JsonOutput(kind="json", json_schema={"type": "objct"})


def test_rows_are_counted_by_split_and_problems_say_where() -> None:
    wrong = Example(input="the wage", output="work")
    splits: dict[SplitName, list[Example]] = {"train": [GOOD, wrong], "test": [GOOD]}
    look = preflight(LABELS, splits, FORMAT, ROOM)
    assert look.rows == {"train": 2, "test": 1}
    assert look.bad == {"train": frozenset({wrong.id}), "test": frozenset()}
    assert look.bad_rows == 1
    assert [problem.where for problem in look.problems] == ["train row 2"]
    told = preflight(LABELS, splits, FORMAT, ROOM, lambda split, number, row: f"{split}.jsonl:{number}:{row.output}")
    assert told.problems[0].where == "train.jsonl:2:work"


def test_length_and_trained_share_are_of_all_rows() -> None:
    long = Example(input="the rent " * 9, output="family")
    encoded = [FORMAT.encode(LABELS, row) for row in (GOOD, long)]
    look = preflight(LABELS, {"train": [GOOD], "dev": [long]}, FORMAT, ROOM)
    assert look.longest == max(len(row.ids) for row in encoded)
    assert look.trained_share == sum(row.answer_length for row in encoded) / sum(len(row.ids) for row in encoded)
    assert preflight(LABELS, {"train": []}, FORMAT, ROOM).trained_share == 0.0


# every character of every language, and what is easily taken apart wrongly
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40) | st.sampled_from(
    ["劳动仲裁🧑‍⚖️", "e\u0301", "\u200b", "\r\n\t", "甲\ufffd乙", "<|im_end|>"]
)


@pytest.mark.parametrize("format_", [FORMAT, PLAIN], ids=["chat", "plain"])
@given(question=TEXTS, answer=TEXTS)
def test_the_tokens_shown_are_the_whole_row_and_exactly_the_answer_is_marked(
    format_: PromptFormat, question: str, answer: str
) -> None:
    example = Example(input=question, output=answer)
    views = view_tokens(TEXT, example, format_)
    encoded = format_.encode(TEXT, example)
    end = str(format_.tokenizer.decode(format_.rendering.end_of_turn))
    assert "".join(view.text for view in views) == format_.tokenizer.decode(encoded.ids)
    assert "".join(view.text for view in views if view.trained) == answer + end
    assert "".join(view.text for view in views if not view.trained) == format_.prompt_text(TEXT, example)
    assert [view.trained for view in views] == sorted(view.trained for view in views)


def test_parts_of_one_character_are_shown_together() -> None:
    views = view_tokens(TEXT, Example(input="齉", output="龘"), FORMAT)
    assert [view.text for view in views if view.trained] == ["龘", "<|im_end|>"]
    assert "齉" in [view.text for view in views]


def test_the_view_is_made_for_any_model_folder(tiny_model: Path) -> None:
    from anytasktune.models.load import inspect_model

    info = inspect_model(str(tiny_model))
    assert view_tokens(LABELS, GOOD, info.format)[-1].text == "<|im_end|>"


@pytest.mark.parametrize(
    ("output", "rules", "reason"),
    [
        ({"type": "string", "minLength": 5, "maxLength": 2}, Rules(), "no string has at least 5 and at most 2 characters"),
        ({"type": "array", "items": {}, "maxItems": 2}, Rules(min_items=3), "no array has at least 3 and at most 2 items"),
        ({"type": "integer", "minimum": 5, "maximum": 2}, Rules(), "no answer keeps to output and rules"),
    ],
)
def test_output_and_rules_that_no_answer_can_keep_to_are_named_first(
    output: dict[str, object], rules: Rules, reason: str
) -> None:
    task = Task(name="t", instruction={"en": "Do."}, output=JsonOutput(kind="json", json_schema=output), rules=rules)
    first = preflight(task, {"train": [Example(input="a", output="[1]")]}, FORMAT, ROOM).problems[0]
    assert first.what.startswith(reason)
    assert first.where == "task t"
