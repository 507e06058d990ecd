"""A teacher that is asked for JSON: what it answers, what it is asked again, and what is not asked twice."""

from typing import Any

import pytest
from tests.openai_server import Answer, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, MisfitError, Teacher
from anytasktune.schema.proposing import TeacherAnswer

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"}]


class InMemory:
    """Answers as long as the process lives."""

    def __init__(self) -> None:
        self.kept: dict[str, TeacherAnswer] = {}

    def get(self, key: str) -> TeacherAnswer | None:
        return self.kept.get(key)

    def put(self, key: str, answer: TeacherAnswer) -> None:
        self.kept[key] = answer


def teacher_at(url: str, answers: InMemory | None = None) -> Teacher:
    return Teacher(Endpoint(url, attempts=2, first_wait=0.01, timeout=5.0), "m", answers or InMemory())


def number(value: Any) -> int:
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise MisfitError("n is no whole number")
    return int(value["n"])


def needs_no_format(body: dict[str, Any]) -> Answer:
    return error(400, "response_format is not supported") if "response_format" in body else '{"n": 3}'


def needs_no_temperature(body: dict[str, Any]) -> Answer:
    return error(400, "temperature is not supported") if "temperature" in body else '{"n": 3}'


@pytest.mark.parametrize(
    "content",
    ['{"n": 3}', '```json\n{"n": 3}\n```', 'Sure! {"n": 3} Anything else?', '<think>{"n": 1}?</think>{"n": 3}'],
)
def test_the_json_in_an_answer_is_found(content: str) -> None:
    with serving(in_turn(content)) as served:
        reply = teacher_at(served.url).ask(MESSAGES, SCHEMA, number)
    assert (reply.value, reply.repaired) == (3, False)
    assert served.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert served.bodies[0]["temperature"] == 0


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("three", "no JSON object"),
        ('{"n": ', "no JSON"),
        ('{"n": "three"}', "n is no whole number"),
        ('{"n": NaN}', "NaN is no JSON number"),
        ("", "no JSON object"),
    ],
)
def test_an_answer_that_does_not_fit_is_put_right_once(content: str, fault: str) -> None:
    with serving(in_turn(content, '{"n": 3}')) as served:
        reply = teacher_at(served.url).ask(MESSAGES, SCHEMA, number)
    assert (reply.value, reply.repaired) == (3, True)
    *_, said, repair = served.bodies[1]["messages"]
    assert said == {"role": "assistant", "content": content}
    assert fault in repair["content"]


def test_an_answer_that_never_fits_gives_nothing_and_says_why() -> None:
    with serving(in_turn(completion('{"n": ', finish="length"))) as served:
        reply = teacher_at(served.url).ask(MESSAGES, SCHEMA, number)
    assert reply.value is None
    assert reply.fault.startswith("it was cut off: it is no JSON")
    assert len(served.bodies) == 2


@pytest.mark.parametrize(("answers", "requests"), [(needs_no_format, 2), (needs_no_temperature, 3)])
def test_what_a_server_refuses_is_left_out_and_not_tried_again(answers: Any, requests: int) -> None:
    with serving(answers) as served:
        teacher = teacher_at(served.url)
        assert teacher.ask(MESSAGES, SCHEMA, number).value == 3
        assert len(served.bodies) == requests
        assert '"integer"' in served.bodies[-1]["messages"][0]["content"]
        assert teacher.ask([MESSAGES[1]], SCHEMA, number).value == 3
    assert len(served.bodies) == requests + 1


def test_the_words_we_add_are_in_the_language_of_the_conversation() -> None:
    with serving(needs_no_format) as served:
        teacher_at(served.url).ask(MESSAGES, SCHEMA, number, "zh")
    assert "只输出一个JSON值" in served.bodies[1]["messages"][0]["content"]


def test_a_server_that_refuses_everything_is_given_up() -> None:
    with (
        serving(in_turn(error(400, "context length exceeded"))) as served,
        pytest.raises(EndpointError, match="context length"),
    ):
        teacher_at(served.url).ask(MESSAGES, SCHEMA, number)
    assert len(served.bodies) == 3


def test_nothing_is_paid_twice() -> None:
    answers = InMemory()
    with serving(in_turn("three", '{"n": 3}')) as served:
        first = teacher_at(served.url, answers)
        assert first.ask(MESSAGES, SCHEMA, number).value == 3
        again = teacher_at(served.url, answers)
        assert again.ask(MESSAGES, SCHEMA, number).value == 3
        assert len(served.bodies) == 2
        again.ask(MESSAGES, SCHEMA | {"title": "another"}, number)
    assert (first.spent.requests, first.spent.found, first.spent.prompt_tokens, first.spent.answer_tokens) == (2, 0, 60, 14)
    assert (again.spent.requests, again.spent.found) == (1, 2)


@pytest.mark.parametrize(
    "response", [{}, {"choices": []}, {"choices": [{"message": None}]}, {"choices": [{"message": {"content": 3}}]}]
)
def test_something_else_than_a_completion_is_said_so(response: dict[str, Any]) -> None:
    with serving(in_turn(response)) as served, pytest.raises(EndpointError, match="not as a chat completion"):
        teacher_at(served.url).ask(MESSAGES, SCHEMA, number)
