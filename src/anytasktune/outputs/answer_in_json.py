"""An answer of any output kind as the one key of a JSON object: the form in which endpoints are asked for it."""

from collections.abc import Mapping
from typing import Any

from anytasktune.outputs.output_kind import OutputKind
from anytasktune.records import Language

ANSWER = "answer"
"""The only key of such an object."""
_DEFINITIONS = ("$defs", "definitions")


def schema_with_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of the object, from that of an answer; definitions stay where references look for them."""
    definitions = {key: answer[key] for key in _DEFINITIONS if key in answer}
    part = {key: value for key, value in answer.items() if key not in _DEFINITIONS}
    properties = {"properties": {ANSWER: part}, "required": [ANSWER]}
    return {"type": "object", **properties, "additionalProperties": False} | definitions


def answer_in(said: Any, output: OutputKind, language: Language) -> Any:
    """The answer in what a model said; without the wrapping, or with another key, it is understood too.

    Raises:
        LookupError: there is none.
    """
    if not isinstance(said, dict):
        raise LookupError
    if ANSWER in said:
        return said[ANSWER]
    if output.is_whole_answer(said, language):
        return said
    if len(said) == 1:
        return next(iter(said.values()))
    raise LookupError
