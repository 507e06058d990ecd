"""`response_format`: the base model is held to the client's schema; a Task-LM takes its own schema or a wider one."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpx
import pytest
from openai import BadRequestError, OpenAI
from pydantic import BaseModel
from tests.tiny_project import team_rows

from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.serving.answer_engine import AnswerEngine

TEXT = team_rows(1, 5000)[0].input
MATTER = {
    "type": "object",
    "properties": {
        "who": {"type": "string", "maxLength": 12},
        "paid": {"type": "number"},
        "days": {"type": "array", "items": {"enum": ["Mon", "Tue"]}, "maxItems": 2},
    },
    "required": ["who", "paid", "days"],
    "additionalProperties": False,
}
OWN = {
    "type": "object",
    "properties": {"kind": {"enum": ["rent", "wage"]}, "urgent": {"type": "boolean"}},
    "required": ["kind", "urgent"],
    "additionalProperties": False,
}


def asked(schema: dict[str, Any] | None, model: str = "tiny", **more: Any) -> dict[str, Any]:
    form = (
        {"type": "json_object"} if schema is None else {"type": "json_schema", "json_schema": {"name": "m", "schema": schema}}
    )
    return {"model": model, "messages": [{"role": "user", "content": TEXT}], "response_format": form, **more}


@pytest.mark.parametrize("schema", [MATTER, {"type": "integer", "minimum": 3}, {"enum": ["a", 2]}, None], ids=str)
def test_the_base_model_is_held_to_the_schema_at_any_length(openai: OpenAI, schema: dict[str, Any] | None) -> None:
    for more in ({}, {"max_tokens": 40}, {"temperature": 1.5, "seed": 3, "n": 3}):
        reply = openai.chat.completions.create(**asked(schema, **more))
        assert (reply.model_extra or {})["anytasktune"]["constrained"]
        for choice in reply.choices:
            assert not schema_fault(schema or {"type": "object"}, json.loads(choice.message.content or ""))


def test_a_stream_joins_to_the_same_json(openai: OpenAI) -> None:
    whole = openai.chat.completions.create(**asked(MATTER)).choices[0].message.content
    parts = openai.chat.completions.create(**asked(MATTER), stream=True)
    assert "".join(choice.delta.content or "" for part in parts for choice in part.choices) == whole


def test_requests_with_schemas_of_their_own_run_together(openai: OpenAI) -> None:
    schemas = [{"type": "object", "properties": {f"k{n}": {"const": n}}, "required": [f"k{n}"]} for n in range(12)]

    def answer(schema: dict[str, Any]) -> str | None:
        return openai.chat.completions.create(**asked(schema, max_tokens=30)).choices[0].message.content

    alone = [answer(schema) for schema in schemas]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(answer, schemas)) == alone
    assert all(json.loads(text or "")[f"k{n}"] == n for n, text in enumerate(alone))


class Facts(BaseModel, extra="forbid"):
    kind: Literal["rent", "wage", "lease"]
    urgent: bool


def test_a_json_task_takes_its_own_schema_and_wider_ones(openai: OpenAI) -> None:
    plain = openai.chat.completions.create(**asked(None, "facts")).choices[0].message.content
    (shown,) = [(model.model_extra or {})["json_schema"] for model in openai.models.list() if model.id == "facts"]
    assert shown == OWN
    for schema in (OWN, {}, {"type": "object", "required": ["kind"]}, {"type": ["object", "array"]}):
        assert openai.chat.completions.create(**asked(schema, "facts")).choices[0].message.content == plain
    read = openai.chat.completions.parse(
        model="facts", messages=[{"role": "user", "content": TEXT}], response_format=Facts
    )  # as the official client makes schemas of classes
    assert read.choices[0].message.parsed == Facts(**json.loads(plain or ""))


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({**OWN, "required": ["kind", "urgent", "why"]}, "/why: it may be missing"),
        ({"type": "array"}, "a value of type object may stand there"),
        ({**OWN, "properties": {"kind": {"const": "rent"}, "urgent": {}}}, '/kind: "wage" may stand there'),
    ],
)
def test_a_narrower_schema_than_the_task_s_is_refused_with_the_place(openai: OpenAI, schema: Any, says: str) -> None:
    with pytest.raises(BadRequestError, match="GET /v1/models/facts shows it") as error:
        openai.chat.completions.create(**asked(schema, "facts"))
    assert says in str(error.value)
    assert error.value.param == "response_format"


@pytest.fixture
def before(engine: AnswerEngine) -> Iterator[Callable[[], bool]]:
    """Whether the engine was handed nothing since the start of the test."""

    def handed() -> float:
        return engine.metrics.registry.get_sample_value("anytasktune_taken_rows_count") or 0

    start = handed()
    yield lambda: handed() == start


DEEP = b'{"type": "json_schema", "json_schema": {"schema": ' + b'{"not": ' * 3000 + b"{}" + b"}" * 3000 + b"}}"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "colour"}, "no JSON Schema"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "at least 5 and at most 2"),
        ({"enum": []}, "no value that could stand there"),
        ({"not": {}}, '"not"'),
        ({"type": "array", "uniqueItems": True}, '"uniqueItems"'),
        ({"type": "string", "format": "colour"}, "Unknown format: colour"),
        ({"type": "string", "pattern": "(a)\\1"}, "backreferences"),
        ({"$ref": "https://example.org/schema"}, "leaves the schema"),
        ({"$ref": "#/$defs/none"}, "names nothing"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}}},
            "without end",
        ),
        ({"enum": ["x" * 100 + str(number) for number in range(2000)]}, "more than the 100000"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "'a' is unsatisfiable"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_schemas_that_cannot_be_honoured_are_refused_by_name_before_they_wait(
    http: httpx.Client, before: Callable[[], bool], schema: Any, says: str
) -> None:
    reply = http.post("/v1/chat/completions", json=asked(schema))
    error = reply.json()["error"]
    assert reply.status_code == 400
    assert error["param"] == "response_format"
    assert says in error["message"], error["message"]
    assert "output.json_schema" not in error["message"]
    assert before()


def test_wrong_forms_are_refused(http: httpx.Client) -> None:
    for form in ({"type": "json_schema"}, {"type": "json_schema", "json_schema": {"name": "x"}}, {"type": "xml"}, [1]):
        reply = http.post("/v1/chat/completions", json=asked({}) | {"response_format": form})
        assert reply.status_code == 400
        assert "response_format" in reply.json()["error"]["message"]
    body = json.dumps(asked({})).encode().replace(b'{"type": "json_schema", "json_schema": {"name": "m", "schema": {}}}', DEEP)
    assert DEEP in body
    assert http.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}).status_code == 400
    assert http.post("/v1/chat/completions", json=asked({}, "reply")).json()["error"]["code"] == "unsupported_parameter"


def test_a_limit_too_short_for_any_answer_is_refused(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="has at most 4 tokens") as error:
        openai.chat.completions.create(**asked(MATTER, max_tokens=4))
    assert error.value.param == "max_tokens"
