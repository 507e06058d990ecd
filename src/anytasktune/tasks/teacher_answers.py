"""What a teacher is asked to answer, as JSON Schema, and its answers read with care: models write what they like."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from anytasktune.llm import MisfitError
from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.tasks.interview_answers import form_of_fields
from anytasktune.tasks.pool_drafts import Form, Kind, Texts
from anytasktune.text.plain_text import collapse_space
from anytasktune.text.scripts import is_in_script

_MOST_CHARACTERS = 4000
_LARGEST = 1_000_000


def outline_schema(languages: Sequence[Language]) -> dict[str, Any]:
    """Of the answer that names actions and steps."""
    texts = _texts_schema(languages, {"type": "string"})
    step = _object({"title": texts, "done_by": texts, "hands_over": texts, "goes_on": {"type": "boolean"}})
    action = _object({"title": texts, "steps": {"type": "array", "items": step, "minItems": 1, "maxItems": 6}})
    actions = {"type": "array", "items": action, "minItems": 1, "maxItems": 6}
    return _object({"name": {"type": "string"}, "title": texts, "description": {"type": "string"}, "actions": actions})


def step_schema(languages: Sequence[Language]) -> dict[str, Any]:
    """Of the answer that describes one step."""
    labels = _texts_schema(languages, {"type": "array", "items": {"type": "string"}})
    whole, number = {"type": "integer"}, {"type": "number"}
    properties = {
        "told": _texts_schema(languages, {"type": "string"}),
        "kind": {"enum": list(get_args(Kind))},
        "labels": labels,
        "fields": {"type": "array", "items": {"type": "string"}},
        "minimum": number,
        "maximum": number,
        "min_items": whole,
        "max_items": whole,
        "max_length": whole,
        "copied": {"type": "boolean"},
    }
    return _object(properties) | {"required": ["told", "kind"]}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False}


def _texts_schema(languages: Sequence[Language], one: Mapping[str, Any]) -> dict[str, Any]:
    return _object(dict.fromkeys(languages, one))


def read_texts(value: Any, languages: Sequence[Language]) -> Texts:
    """The texts that are in the languages they should be in; a bare text is in the first that it can be in."""
    if isinstance(value, str):
        value = next(({language: value} for language in languages if is_in_script(value, language)), {})
    if not isinstance(value, dict):
        return {}
    found: Texts = {}
    for language in languages:
        text = value.get(language)
        if isinstance(text, str) and text.strip() and is_in_script(text, language):
            found[language] = collapse_space(text)[:_MOST_CHARACTERS]
    return found


def read_form(value: Any, languages: Sequence[Language]) -> tuple[Texts, Form]:
    """How a step is done and what comes out; MisfitError with what is wrong, for the model to put right."""
    if not isinstance(value, dict):
        raise MisfitError("it is no JSON object")
    told = read_texts(value.get("told"), languages)
    if missing := [language for language in languages if language not in told]:
        raise MisfitError(f"told.{missing[0]} is missing, or not in that language")
    kind = str(value.get("kind"))
    if kind not in _READERS:
        raise MisfitError(f"kind is {kind[:40]!r}, not one of {', '.join(get_args(Kind))}")
    try:
        return told, _READERS[kind](value, languages)
    except ValidationError as error:
        raise MisfitError(f"{error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None


def _label(value: Mapping[str, Any], languages: Sequence[Language]) -> Form:
    labels = _labels(value.get("labels"), languages)
    if not labels:
        raise MisfitError("kind is label, and there is no list `labels`")
    return Form(kind="label", labels=labels)


def _items(value: Mapping[str, Any], languages: Sequence[Language]) -> Form:
    low, high = _whole(value.get("min_items")) or 1, _whole(value.get("max_items"))
    copied = value.get("copied") is True
    rules = Rules(min_items=min(low, high or low), max_items=high or None, copies_from_input=copied)
    return Form(kind="labels", labels=_labels(value.get("labels"), languages), rules=rules)


def _fields(value: Mapping[str, Any], _: Sequence[Language]) -> Form:
    given = value.get("fields")
    names = [_key(name) for name in given if isinstance(name, str) and name.strip()] if isinstance(given, list) else []
    if not names:
        raise MisfitError("kind is json, and there is no list `fields` with names of keys")
    return form_of_fields(dict.fromkeys(names, False), value.get("copied") is True)


def _key(name: str) -> str:
    return "_".join(name.split())


def _number(value: Mapping[str, Any], _: Sequence[Language]) -> Form:
    low, high = value.get("minimum"), value.get("maximum")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or not -_LARGEST <= low < high <= _LARGEST:
        raise MisfitError("kind is number, and minimum and maximum are not two numbers, the lower one first")
    return Form(kind="number", minimum=low, maximum=high, decimals=0 if float(low).is_integer() else 1)


def _text(value: Mapping[str, Any], _: Sequence[Language]) -> Form:
    return Form(kind="text", rules=Rules(max_length=_whole(value.get("max_length")) or None))


_READERS = {"label": _label, "labels": _items, "json": _fields, "number": _number, "text": _text}


def _labels(value: Any, languages: Sequence[Language]) -> dict[Language, list[str]]:
    """The labels per language; empty where there are none, MisfitError where there is one, or not as many in each."""
    if isinstance(value, list):
        value = {languages[0]: value}
    if not isinstance(value, dict):
        return {}
    found: dict[Language, list[str]] = {}
    for language in languages:
        given = value.get(language)
        names = (
            [collapse_space(name) for name in given if isinstance(name, str) and name.strip()]
            if isinstance(given, list)
            else []
        )
        if names:
            found[language] = list(dict.fromkeys(names))
    sizes = {len(names) for names in found.values()}
    if found and (min(sizes) < 2 or len(sizes) > 1):
        raise MisfitError("labels must be at least two different ones, as many in every language")
    return found


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < _LARGEST else 0
