"""A row in the other language: input and answer translated together, and the input translated back by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from anytasktune.llm.asking import Question
from anytasktune.llm.prompts import marks, prompt_id, render_prompt
from anytasktune.records import Language
from anytasktune.schema import Example, JsonOutput, LabelOutput, LabelsOutput, Task
from anytasktune.scorers import parse_output
from anytasktune.scorers.overlap import token_f1
from anytasktune.synthesis.augmentation.anchors import copied_strings, enumerated, free_strings, json_form
from anytasktune.synthesis.augmentation.augment_misfits import misfit
from anytasktune.synthesis.augmentation.augment_plan import Plan
from anytasktune.synthesis.augmentation.augmented_drafts import Draft, Outcome, Written
from anytasktune.synthesis.augmentation.rewriting import PROMPTS, TEXT_SCHEMA, read_text
from anytasktune.synthesis.json_form import JsonStyle, schema_in
from anytasktune.text.numbers import lost_figures
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import is_in_script

BACK_OVERLAP = 0.4
"""F1 of common words (Chinese: characters) from which a text that was translated back is taken for the original. Of two inputs
of one task that have nothing to do with each other, 95 in 100 pairs are below 0.35; close translations of a text above 0.55."""
_LONGEST = 8
Fixed = Mapping[Language, Mapping[str, list[str]]]
"""By language and property name, the words of which a value must be one."""


class UntranslatableError(ValueError):
    """A fixed word of an answer has no counterpart in the other language."""


def translate_question(task: Task, plan: Plan) -> Question[Written]:
    """What a teacher is asked in order to translate the input of a row and the free words of its answer."""
    pieces = free_strings(task, plan.row)
    longest = len(plan.row.input) * _LONGEST + 200
    return Question(
        messages=[_message("translate", plan.target, text=plan.row.input, pieces=list(pieces))],
        schema=_schema(len(pieces)),
        read=lambda value: _read(value, len(pieces), longest, plan.target),
        language=plan.target,
        temperature=plan.temperature if plan.variant else 0.0,
        sample=plan.variant,
    )


def back_question(draft: Draft) -> Question[str]:
    """What a teacher is asked in order to translate the new input back, without seeing the old one."""
    longest = len(draft.text) * _LONGEST + 200
    return Question(
        messages=[_message("back", draft.plan.language, text=draft.text)],
        schema=TEXT_SCHEMA,
        read=lambda value: read_text(value, longest, draft.plan.language),
        language=draft.plan.language,
    )


def translate_prompt(name: str, language: Language) -> str:
    """Id of a prompt of this module, by the language that is translated into."""
    return prompt_id(PROMPTS, name, language)


def _message(name: str, language: Language, **values: Any) -> dict[str, str]:
    opening, closing = marks([values["text"]])
    return {"role": "user", "content": render_prompt(PROMPTS, name, language, **values, open=opening, close=closing)}


def _schema(pieces: int) -> dict[str, Any]:
    properties: dict[str, Any] = {"text": {"type": "string"}}
    if pieces:
        properties["pieces"] = {"type": "array", "items": {"type": "string"}, "minItems": pieces, "maxItems": pieces}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _read(value: Any, count: int, longest: int, language: Language) -> Written:
    text = read_text(value, longest, language)
    pieces = value.get("pieces", []) if count else []
    if not isinstance(pieces, list) or not all(isinstance(piece, str) and piece.strip() for piece in pieces):
        raise misfit("bad_pieces", language)
    if len(pieces) != count:
        raise misfit("piece_count", language, size=len(pieces), limit=count)
    return Written(text, tuple(piece.strip() for piece in pieces))


def accept_translation(task: Task, draft: Draft, translation: Written) -> Outcome:
    """Put the new row together; it fails if facts were lost, the language is wrong or a fixed word has no counterpart."""
    plan, row = draft.plan, draft.plan.row
    translated = dict(zip(free_strings(task, row), translation.pieces, strict=True))
    if not is_in_script(translation.text, plan.target) or not _same_script(translated, plan.target):
        return draft.failed("wrong_language", shorten(translation.text))
    if json_form(row.input) is not None and json_form(translation.text) != json_form(row.input):
        return draft.failed("lost_form", "the keys of the JSON are not the same")
    lost = [translated[string] for string in copied_strings(task, row) if not occurs_in(translated[string], translation.text)]
    lost += lost_figures(row.input, translation.text)
    if lost:
        return draft.failed("lost_facts", f"not in the translation: {shorten(', '.join(lost), 120)}")
    try:
        output = translated_output(task, row, translated, plan)
    except UntranslatableError as error:
        return draft.failed("not_translatable", str(error))
    return replace(draft, text=translation.text, output=output)


def _same_script(translated: Mapping[str, str], target: Language) -> bool:
    """Pieces that were in the script of their language are now in that of the other; names and codes may stay."""
    source: Language = "zh" if target == "en" else "en"
    changing = [after for before, after in translated.items() if is_in_script(before, source)]
    return is_in_script(" ".join(changing), target)


def check_back(draft: Draft, back: str) -> Outcome:
    """Whether a text that was translated back still is the original."""
    before = draft.plan.row.input
    overlap = token_f1(before, back)
    if overlap < BACK_OVERLAP:
        return draft.failed("back_check", f"{overlap:.2f} of the words are the same: {shorten(back)}")
    if lost := lost_figures(before, back):
        return draft.failed("back_check", f"not in what was translated back: {shorten(', '.join(lost), 120)}")
    return draft


def translated_output(task: Task, row: Example, translated: Mapping[str, str], plan: Plan) -> str:
    """The answer of a row in the other language.

    Labels are taken by their position, fixed words of a JSON Schema too where it lists as many in each script; numbers and JSON
    keys stay; what is free text comes from `translated`.

    Raises:
        UntranslatableError: a fixed word has no counterpart.
    """
    output = task.output
    if isinstance(output, LabelOutput):
        return _label(task, row.output.strip(), plan)
    if isinstance(output, LabelsOutput):
        items = parse_output(task, row.output, plan.language).items
        return output.separator.join(translated[item] if item in translated else _label(task, item, plan) for item in items)
    if isinstance(output, JsonOutput):
        value = parse_output(task, row.output, plan.language).value
        changed = _json_value(value, "", _fixed(output.json_schema, plan), translated, plan)
        return JsonStyle.of([row.output], output.json_schema).dumps(changed)
    return translated.get(row.output.strip(), row.output)


def _label(task: Task, label: str, plan: Plan) -> str:
    own, other = task.labels_in(plan.language) or [], task.labels_in(plan.target) or []
    if label not in own:
        raise UntranslatableError(f"{shorten(label)!r} is not one of the task's labels")
    return other[own.index(label)]


def _json_value(value: Any, key: str, fixed: Fixed, translated: Mapping[str, str], plan: Plan) -> Any:
    if isinstance(value, dict):
        return {name: _json_value(child, name, fixed, translated, plan) for name, child in value.items()}
    if isinstance(value, list):
        return [_json_value(child, key, fixed, translated, plan) for child in value]
    if not isinstance(value, str) or not value.strip() or value in translated:
        return translated.get(value, value) if isinstance(value, str) else value
    own, other = fixed[plan.language].get(key, []), fixed[plan.target].get(key, [])
    if value in other or value not in own:
        return value
    if len(own) != len(other):
        raise UntranslatableError(f"{shorten(value)!r} has no counterpart: the JSON Schema lists more words in one language")
    return other[own.index(value)]


def _fixed(schema: Mapping[str, Any], plan: Plan) -> Fixed:
    return {language: _lists(schema_in(schema, language)) for language in (plan.language, plan.target)}


def _lists(schema: Any) -> dict[str, list[str]]:
    """For each property name, all words its values may be, from all places of a JSON Schema."""
    found: dict[str, list[str]] = {}
    for name, part in _properties(schema):
        words = found.setdefault(name, [])
        words += [word for word in enumerated(part) if word not in words]
    return found


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, Mapping):
        yield from (schema.get("properties") or {}).items()
        for part in schema.values():
            yield from _properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _properties(part)
