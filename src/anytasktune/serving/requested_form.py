"""The form that a request wants of an answer (`response_format`), checked before it waits for the engine.

The base model is held to it. A Task-LM answers in the form it was trained for: a form is taken where every such answer fits it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from anytasktune.errors import AnyTaskTuneError
from anytasktune.ids import canonical_json
from anytasktune.inference.constraint import Constraint, token_table
from anytasktune.outputs.requested_json import RequestedJson
from anytasktune.outputs.schema_covering import schema_difference
from anytasktune.serving.api_errors import ApiError, not_honoured
from anytasktune.serving.api_requests import ChatRequest
from anytasktune.serving.served_models import ModelCatalog, ServedModel
from anytasktune.text.json_values import load_json

FIELD = "response_format"
_MOST_KEPT = 64


@dataclass(frozen=True, eq=False)
class RequestedForm:
    """A JSON Schema that an answer of the base model is held to.

    Attributes:
        grammar: with what the tokenizer puts before every text.
        constraint: the same as choices of tokens.
        shortest: tokens of a short answer; 0 where none was found.
    """

    json: RequestedJson
    grammar: str
    constraint: Constraint
    shortest: int


class RequestedForms:
    """Reads the forms that requests want; those used last are kept."""

    def __init__(self, models: ModelCatalog) -> None:
        self.models = models
        self._compiled: Callable[[str], RequestedForm] = lru_cache(maxsize=_MOST_KEPT)(self._compile)

    def form_for(self, model: ServedModel, request: ChatRequest) -> RequestedForm | None:
        """The form that the answer must be held to beside the model's own; None where there is none.

        Raises:
            ApiError: it is no JSON Schema, no answer can be held to it, or the model's answers need not fit it.
        """
        schema = _schema_of(request)
        if schema is None:
            return None
        try:
            if model.task is not None:
                _check_own_form(model, RequestedJson.of(schema))
                return None
            text = canonical_json(RequestedJson.of(schema).schema)
            form = self._compiled(text)
        except AnyTaskTuneError as error:
            what = error.problems[0].what.replace("output.json_schema", "the schema")  # it is none of a task
            raise ApiError(400, f"{FIELD}: {what}", param=FIELD, code="invalid_json_schema") from None
        most = request.max_tokens
        if most and form.shortest > most and form.constraint.shortest(most) is None:
            what = f"max_tokens: no answer that fits the schema has at most {most} tokens; one of {form.shortest} tokens does"
            raise ApiError(400, what, param="max_tokens", code="limit_too_short")
        return form

    def _compile(self, schema_text: str) -> RequestedForm:
        format_, json = self.models.info.format, RequestedJson(load_json(schema_text))
        table = token_table(format_.tokenizer, format_.rendering.end_of_turn)
        found = Constraint.of(table, json.grammar, otherwise="no answer can be held to the schema")
        constraint = replace(found, is_right=lambda ids: json.is_fit(format_.decode(ids)))
        shortest = constraint.shortest(self.models.info.context_length)
        return RequestedForm(json, table.opened(json.grammar), constraint, len(shortest or ()))


def _schema_of(request: ChatRequest) -> dict[str, Any] | None:
    """The schema that a request asks for; None where any text will do."""
    asked = request.response_format
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return {"type": "object"}
    if asked.json_schema is None or asked.json_schema.schema_ is None:
        what = f"{FIELD}: json_schema.schema is missing; send the JSON Schema there"
        raise ApiError(400, what, param=FIELD, code="invalid_json_schema")
    return dict(asked.json_schema.schema_)


def _check_own_form(model: ServedModel, asked: RequestedJson) -> None:
    """Raise ApiError where answers of a Task-LM need not fit a schema."""
    task = model.task
    if task is None:
        return
    own, advice = task.output.text_schema, f"leave it out: {model.name} answers in its own form"
    if own is None:
        raise not_honoured(FIELD, f"answers of task {task.name} are no JSON; {advice}")
    if found := schema_difference(asked.schema, own):
        why = f"the schema must be that of task {task.name} (GET /v1/models/{task.name} shows it) or a wider one; at {found}"
        raise not_honoured(FIELD, f"{why}; {advice}")
