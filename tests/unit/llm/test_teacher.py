"""A teacher: what it is asked, how its answers are read, put right, and not asked twice."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import Answer, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, MisfitError, Question, Reply, Teacher
from anytasktune.records import Language
from anytasktune.settings import TeacherConfig

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many?"}]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "teacher" / "answers.sqlite"


def teacher_at(url: str, book: Path, **settings: Any) -> Teacher:
    return Teacher.at(Endpoint(url, attempts=2, first_wait=0.01, timeout=5.0), TeacherConfig(name="m", **settings), book)


def number(value: Any) -> int:
    if not isinstance(value, dict) or not isinstance(value.get("n"), int):
        raise MisfitError("n is no whole number")
    return int(value["n"])


def how_many(place: int | str = "", language: Language = "en", **more: Any) -> Question[int]:
    system, user = MESSAGES
    return Question(
        [system, user | {"content": f"{user['content']}{place}"}], more.pop("schema", SCHEMA), number, language, **more
    )


def needs_no_format(body: dict[str, Any]) -> Answer:
    return error(400, "response_format is not supported") if "response_format" in body else '{"n": 3}'


def needs_no_schema(body: dict[str, Any]) -> Answer:
    asked = body.get("response_format", {}).get("type")
    return error(400, "This response_format type is unavailable now") if asked == "json_schema" else '{"n": 3}'


def needs_no_temperature(body: dict[str, Any]) -> Answer:
    return error(400, "temperature is not supported") if "temperature" in body else '{"n": 3}'


def has_another_limit(body: dict[str, Any]) -> Answer:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return error(400, said) if "max_tokens" in body else '{"n": 3}'


@pytest.mark.parametrize(
    "content",
    [
        '{"n": 3}',
        '```json\n{"n": 3}\n```',
        'Sure! {"n": 3} Anything else?',
        'Of the set {1, 2, 3}: {"n": 3}',
        '<think>{"n": 1}?</think>{"n": 3}',
        '{"n": 3, "why": "two\nlines"}',
    ],
)
def test_the_json_in_an_answer_is_found(content: str, book: Path) -> None:
    with serving(in_turn(content)) as served:
        reply = teacher_at(served.url, book).ask(how_many())
    assert (reply.value, reply.fault, reply.repaired) == (3, "", False)
    (body,) = served.bodies
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert (body["temperature"], body["max_tokens"], "seed" in body) == (0, 1024, False)


def test_an_answer_in_parts_is_put_together(book: Path) -> None:
    parts = [{"type": "text", "text": '{"n"'}, {"type": "text", "text": ": 3}"}]
    response = completion("")
    response["choices"][0]["message"]["content"] = parts
    with serving(in_turn(response)) as served:
        assert teacher_at(served.url, book).ask(how_many()).value == 3


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("three", "no JSON object"),
        ('{"n": ', "no JSON"),
        ('{"a": {"n": 3}, "b": ', "no JSON"),
        ('{"n": "three"}', "n is no whole number"),
        ('{"n": NaN}', "NaN is no JSON number"),
        ('{"n": 1e999}', "too large"),
        ('{"n": ' + "9" * 5000 + "}", "too large"),
        ('{"n": "\\ud83d"}', "half a character"),
        ('{"n": ' + "[" * 100_000, "no JSON|nested too deeply"),
        ('<think>{"n": 3} or', "in the middle of thinking"),
        ("", "no JSON object"),
    ],
)
def test_an_answer_that_does_not_fit_is_put_right_once(content: str, fault: str, book: Path) -> None:
    with serving(in_turn(content, '{"n": 3}')) as served:
        reply = teacher_at(served.url, book).ask(how_many())
    assert (reply.value, reply.repaired) == (3, True)
    *_, said, repair = served.bodies[1]["messages"]
    assert said == {"role": "assistant", "content": content[:8000] or "…"}
    assert any(one in repair["content"] for one in fault.split("|"))


def test_an_answer_that_never_fits_gives_nothing_and_says_why(book: Path) -> None:
    with serving(in_turn(completion('{"n": ', finish="length"))) as served:
        reply = teacher_at(served.url, book).ask(how_many())
    assert (reply.value, reply.fault) == (None, "unusable_answer")
    assert reply.detail.startswith("it was cut off: it is no JSON")
    assert len(served.bodies) == 2


@pytest.mark.parametrize(
    ("answers", "requests"),
    [(needs_no_format, 4), (needs_no_schema, 3), (needs_no_temperature, 2), (has_another_limit, 2)],
)
def test_what_a_server_refuses_is_left_out_and_not_tried_again(answers: Any, requests: int, book: Path) -> None:
    with serving(answers) as served:
        teacher = teacher_at(served.url, book)
        assert teacher.ask(how_many(1)).value == 3
        assert len(served.bodies) == requests
        assert "integer" in str(served.bodies[-1])
        assert teacher.ask(how_many(2)).value == 3
    assert len(served.bodies) == requests + 1
    assert teacher.usage.requests == 2


def test_the_words_we_add_are_in_the_language_of_the_conversation(book: Path) -> None:
    with serving(needs_no_format) as served:
        teacher_at(served.url, book).ask(how_many(language="zh"))
    assert "只输出一个JSON值" in served.bodies[-1]["messages"][0]["content"]


def test_a_schema_that_a_server_passes_over_is_told_in_words_from_then_on(book: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        return '{"n": 3}' if "JSON Schema" in str(body["messages"]) else "three"

    with serving(answer) as served:
        teacher = teacher_at(served.url, book)
        assert teacher.ask(how_many(1)).repaired
        assert not teacher.ask(how_many(2)).repaired
    assert len(served.bodies) == 3


def test_a_schema_with_optional_keys_is_not_sent_as_strict(book: Path) -> None:
    schema = {key: value for key, value in SCHEMA.items() if key != "required"}
    with serving(in_turn('{"n": 3}')) as served:
        teacher_at(served.url, book).ask(how_many(schema=schema))
    assert served.bodies[0]["response_format"]["json_schema"] == {"name": "answer", "schema": schema}


def test_a_request_that_is_refused_has_no_answer_and_the_others_have_one(book: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return error(400, "context length exceeded") if "How many?7" in str(body["messages"]) else '{"n": 3}'

    with serving(answer) as served:
        replies = teacher_at(served.url, book).ask_all([how_many(place) for place in range(20)])
    assert [place for place, reply in enumerate(replies) if reply.value is None] == [7]
    assert (replies[7].fault, "context length" in replies[7].detail) == ("not_answered", True)


def test_a_server_that_refuses_everything_is_given_up(book: Path) -> None:
    with (
        serving(in_turn(error(400, "no such model"))) as served,
        pytest.raises(EndpointError, match="no such model"),
    ):
        teacher_at(served.url, book).ask_all([how_many(place) for place in range(500)])
    assert len(served.bodies) < 100


def test_nothing_is_paid_twice(book: Path) -> None:
    with serving(in_turn("three", '{"n": 3}')) as served:
        first = teacher_at(served.url, book)
        assert first.ask(how_many()).value == 3
        again = teacher_at(served.url, book)
        assert again.ask(how_many()).value == 3
        assert len(served.bodies) == 2
        again.ask(how_many(schema=SCHEMA | {"title": "another"}))
    usage = first.usage
    assert (usage.requests, usage.reused, usage.prompt_tokens, usage.answer_tokens) == (2, 0, 60, 14)
    assert (again.usage.requests, again.usage.reused) == (1, 2)


def test_the_same_question_twice_in_a_row_is_sent_once_and_another_sample_again(book: Path) -> None:
    with serving(in_turn('{"n": 3}')) as served:
        teacher = teacher_at(served.url, book)
        replies = teacher.ask_all([how_many(), how_many(), how_many(temperature=0.7), how_many(temperature=0.7, sample=1)])
    assert [reply.value for reply in replies] == [3, 3, 3, 3]
    assert len(served.bodies) == 3
    seeds = [body["seed"] for body in served.bodies if body["temperature"]]
    assert len(set(seeds)) == 2


def test_every_reply_is_told_with_its_place(book: Path) -> None:
    told: dict[int, int | None] = {}
    with serving(lambda body: body["messages"][1]["content"].replace("How many?", '{"n": ') + "}") as served:
        replies = teacher_at(served.url, book).ask_all(
            [how_many(place) for place in range(40)], lambda place, reply: told.update({place: reply.value})
        )
    assert [reply.value for reply in replies] == list(range(40))
    assert told == dict(enumerate(range(40)))


@pytest.mark.parametrize("content", ['{"n": 3}\ud83d', '\x00{"n": 3}'])
def test_odd_characters_in_questions_and_answers_do_no_harm(content: str, book: Path) -> None:
    with serving(in_turn(Raw(200, json.dumps(completion(content))))) as served:
        teacher = teacher_at(served.url, book)
        assert teacher.ask(how_many("\ud800\x00")).value == 3
        assert teacher.ask(how_many("\ud800\x00")).value == 3
    assert len(served.bodies) == 1


@pytest.mark.parametrize(
    "response",
    [{}, {"choices": [{"message": None}]}, {"choices": [{"message": {"content": 3}}]}, []],
)
def test_something_else_than_a_completion_is_said_so(response: Any, book: Path) -> None:
    with serving(in_turn(response)) as served, pytest.raises(EndpointError, match="not as a chat completion"):
        teacher_at(served.url, book).ask(how_many())
    assert len(served.bodies) == 1, "asked again it would answer the same, and may be paid"


def test_an_error_in_an_answer_that_says_ok_is_shown(book: Path) -> None:
    response = {"error": {"message": "the provider is away", "code": 502}}
    with serving(in_turn(response)) as served, pytest.raises(EndpointError, match="the provider is away"):
        teacher_at(served.url, book).ask(how_many())


def test_no_question_needs_no_server(book: Path) -> None:
    assert teacher_at("http://127.0.0.1:9/v1", book).ask_all([]) == []


def test_a_conversation_that_the_guard_refuses_is_not_sent_and_the_others_are(book: Path) -> None:
    def guard(messages: Sequence[Mapping[str, str]]) -> str | None:
        return "it holds a secret" if messages[1]["content"].endswith("3") else None

    with serving(in_turn('{"n": 3}')) as served:
        endpoint, config = Endpoint(served.url, attempts=2), TeacherConfig(name="m")
        replies = Teacher.at(endpoint, config, book, guard=guard).ask_all([how_many(place) for place in range(9)])
        assert replies[3] == Reply(None, "sealed", "it holds a secret")
        assert [reply.value for reply in replies] == [3, 3, 3, None, 3, 3, 3, 3, 3]
        assert len(served.bodies) == 8


def test_the_guard_sees_a_request_for_repair_too(book: Path) -> None:
    with serving(in_turn('{"n": "the secret"}')) as served:
        config, endpoint = TeacherConfig(name="m"), Endpoint(served.url, attempts=2)
        teacher = Teacher.at(endpoint, config, book, guard=lambda said: "no" if "secret" in str(said) else None)
        assert teacher.ask(how_many()) == Reply(None, "sealed", "no")
        assert len(served.bodies) == 1


async def asked_inside_a_loop(teacher: Teacher) -> int | None:
    return teacher.ask(how_many()).value


def test_it_can_be_asked_where_an_event_loop_runs(book: Path) -> None:
    import asyncio

    with serving(in_turn('{"n": 3}')) as served:
        assert asyncio.run(asked_inside_a_loop(teacher_at(served.url, book))) == 3


@pytest.mark.parametrize("said", ["This model's maximum context length is 2048 tokens", "max_tokens must be in [1, 300]"])
def test_an_answer_may_be_shorter_where_the_model_cannot_hold_the_longest(said: str, book: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return error(400, said) if body["max_tokens"] > 300 else '{"n": 3}'

    with serving(answer) as served:
        teacher = teacher_at(served.url, book)
        assert teacher.ask(how_many(1)).value == 3
        assert teacher.ask(how_many(2, max_tokens=200)).value == 3
    assert [body["max_tokens"] for body in served.bodies] == [1024, 256, 200]


def test_a_wrong_key_is_said_once_and_counts_nothing(book: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        time.sleep(0.05)
        return error(401, "who are you?")

    with serving(answer) as served:
        teacher = teacher_at(served.url, book)
        with pytest.raises(EndpointError, match="who are you"):
            teacher.ask_all([how_many(place) for place in range(50)])
    assert len(served.bodies) <= 8
    assert teacher.usage.requests == 0
