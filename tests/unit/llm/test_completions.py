"""The JSON in an answer: after thoughts whatever the marks, and the last object that fits where there are several."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.openai_server import completion

from anytasktune.llm import Endpoint, MisfitError
from anytasktune.llm.completions import decode, read_completion
from anytasktune.llm.costs import Tokens

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["red", "blue"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
FREE = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": False}
RED, BLUE = '{"answer": "red"}', '{"answer": "blue"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<think>", "</think>"),
        ("<Thinking>\n", "\n</Thinking>\n\n"),
        ("<thoughts lang='en'>", "</thoughts>"),
        ("<reasoning>", "</reasoning>"),
        ("<scratchpad>first: ", "</scratchpad>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("[REASONING] so ", " [/REASONING]"),
        ("◁think▷", "◁/think▷"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<unused94>thought\n", "<unused95>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        ("<think>outer <think>inner</think> still ", "</think>"),
        ("Well, ", "</think>"),  # the opening mark is part of some chat templates
    ],
)
def test_a_draft_in_thoughts_is_no_answer(before: str, after: str) -> None:
    assert decode(f"{before}maybe {BLUE}? or {BLUE}{after}{RED}", SCHEMA) == {"answer": "red"}


@pytest.mark.parametrize("start", ["<think>", "<thinking>", "[THINK]", "<|channel|>analysis<|message|>", "  <analysis>"])
def test_a_draft_in_thoughts_without_end_is_no_answer_either(start: str) -> None:
    with pytest.raises(MisfitError, match="in the middle of thinking"):
        decode(f"{start}maybe {RED}, or", SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        f"Draft: {BLUE}\nFinal answer: {RED}",
        f'Options: {{"answer": "green"}}, {RED}. Not meant: {{"colour": "blue"}}',
        f'{RED}\nThe form was {{"answer": "red or blue"}}.',
        f'The first try {{"answer": blue}} was no JSON. {RED}',
        f"[{RED}]",
        json.dumps(RED),
        f"Which of {{red, blue}}? ```json\n{RED}\n```",
    ],
)
def test_of_several_objects_the_last_that_fits_is_the_answer(text: str) -> None:
    assert decode(text, SCHEMA) == {"answer": "red"}


def test_a_last_answer_in_other_case_is_preferred_to_a_draft() -> None:
    assert decode(f'{BLUE} No: {{"answer": " Red"}}', SCHEMA) == {"answer": " Red"}


@pytest.mark.parametrize("said", ["a <thinking> tag", "press [THINK] now", "</think> ends it", "{braces} and <|end|><|start|>"])
def test_marks_inside_of_an_answer_are_its_words(said: str) -> None:
    assert decode(f"<think>hm</think>{json.dumps({'answer': said})}", FREE) == {"answer": said}


@pytest.mark.parametrize("prose", ["My analysis: <analysis> of the text.", "By [reasoning] alone.", "See <reflection>."])
def test_marks_in_prose_without_an_end_hide_no_answer(prose: str) -> None:
    assert decode(f"{prose} {RED}", SCHEMA) == {"answer": "red"}


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "a,}b",}',
        "{'answer': 'a,}b'}",
        '{"answer": "a,}b", }\nDone.',
        "Here: {'answer': \"a,}b\",}",
        '[{"answer": "a,}b"},]',
    ],
)
def test_a_comma_too_many_and_the_quotes_of_python_do_no_harm(text: str) -> None:
    assert decode(text, FREE) == {"answer": "a,}b"}


@pytest.mark.parametrize(
    "text", ["{'answer': {1, 2}}", "{'answer': b'x'}", "{'answer': x}", "{'a': 1e999}", "{1: 'x'}", "{'a': " * 500]
)
def test_other_python_is_no_answer(text: str) -> None:
    with pytest.raises(MisfitError):
        decode(text, FREE)


def test_what_stands_inside_of_a_broken_object_is_no_answer() -> None:
    for text in ('{"draft": {"answer": "red"}, "more": ', '{"draft": {"answer": "red"}, oops: 1}'):
        with pytest.raises(MisfitError, match="no JSON"):
            decode(text, SCHEMA)


@given(st.text(alphabet="{}[]\"'\\<>/thinkTHINK:,.0 \n|", max_size=80))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        assert isinstance(decode(text, SCHEMA), dict)
    except MisfitError as misfit:
        assert str(misfit)


def read(message: dict[str, Any], finish: str = "stop", **more: Any) -> Any:
    response = completion("") | more
    response["choices"][0] = {"index": 0, "message": message, "finish_reason": finish}
    return read_completion(response, "m", Tokens(100, 50), Endpoint("http://localhost/v1"))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", ["", None, " \n"])
def test_an_answer_in_the_field_for_thoughts_is_found(field: str, content: str | None) -> None:
    answer = read({"content": content, field: f"I say: {BLUE}, no, {RED}"})
    assert decode(answer.content, SCHEMA) == {"answer": "red"}


def test_thoughts_beside_an_answer_or_cut_short_are_none() -> None:
    assert read({"content": RED, "reasoning": BLUE}).content == RED
    assert read({"content": None, "reasoning_content": f"perhaps {BLUE}"}, "length").content == ""
    assert read({"content": "", "reasoning_content": f"{BLUE} or so"}).content == ""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": BLUE}]}, {"type": "text", "text": RED}]
    assert read({"content": parts}).content == RED


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": "30", "completion_tokens": 7.0}, (30, 7)),
        ({"prompt_tokens": 30, "completion_tokens": None}, (30, 0)),
        ({"prompt_tokens": "many"}, (100, 18)),
        ({"prompt_tokens": True}, (100, 18)),
        (None, (100, 18)),
    ],
)
def test_tokens_are_counted_however_they_are_written(usage: Any, tokens: tuple[int, int]) -> None:
    answer = read({"content": RED}, usage=usage)
    assert (answer.prompt_tokens, answer.answer_tokens) == tokens
