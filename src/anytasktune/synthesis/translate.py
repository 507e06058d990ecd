"""A row in the other language: input and answer translated together, and the input translated back by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from anytasktune.llm.asking import Asker, MisfitError, Question
from anytasktune.records import Language
from anytasktune.schema import JsonOutput, LabelOutput, LabelsOutput, Task
from anytasktune.scorers import parse_output
from anytasktune.scorers.overlap import token_f1
from anytasktune.synthesis.anchors import copied_strings, enumerated, free_strings, json_form
from anytasktune.synthesis.brief import Brief, object_schema
from anytasktune.synthesis.drafts import Draft, Meter, Refusal, Slot, ask_for_each, open_drafts
from anytasktune.synthesis.json_form import JsonStyle, schema_in
from anytasktune.synthesis.misfits import say
from anytasktune.synthesis.rewrite_inputs import TEXT_SCHEMA, read_text
from anytasktune.text.numbers import lost_figures
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import is_in_script

BACK_OVERLAP = 0.4
"""F1 of common words (Chinese: characters) from which a text that was translated back is taken for the original. Of two inputs
of one task that have nothing to do with each other, 95 in 100 pairs are below 0.35; close translations of a text above 0.55."""
_LONGEST = 8
Fixed = Mapping[Language, Mapping[str, list[str]]]
"""By language and property name, the words of which a value must be one."""
Translation = tuple[str, list[str]]
"""The translated text, and the translated pieces of the answer."""


class UntranslatableError(ValueError):
    """A fixed word of an answer has no counterpart in the other language."""


def translate(asker: Asker, briefs: Mapping[Language, Brief], drafts: Sequence[Draft], meter: Meter) -> None:
    """Have rows translated, and the new inputs translated back.

    Reasons to fail, besides unusable answers: `wrong_language`, `lost_form`, `lost_facts`, `not_translatable`, `back_check`.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    task = next(iter(briefs.values())).task
    questions = [_forth(briefs[draft.slot.language], draft) for draft in drafts]
    ask_for_each(asker, drafts, questions, lambda draft, written: _accept(task, draft, *written), meter)
    back = open_drafts(drafts)
    ask_for_each(asker, back, [_back(briefs[draft.slot.row_language], draft) for draft in back], _check_back, meter)


def _forth(brief: Brief, draft: Draft) -> Question[Translation]:
    """The question for the translated input of a row and the free words of its answer."""
    slot, text = draft.slot, draft.row.input
    draft.add_prompts(*brief.prompt_ids("translate"))
    pieces = list(free_strings(brief.task, draft.row))
    properties: dict[str, Any] = {"text": {"type": "string"}}
    if pieces:
        texts = {"type": "array", "items": {"type": "string"}}
        properties["pieces"] = texts | {"minItems": len(pieces), "maxItems": len(pieces)}
    return Question(
        brief.messages("translate", [text], text=text, pieces=pieces),
        object_schema(properties),
        lambda value: _read(value, len(pieces), len(text) * _LONGEST + 200, brief.language),
        brief.language,
        temperature=brief.config.temperature if slot.variant else 0.0,
        sample=slot.variant,
    )


def _back(brief: Brief, draft: Draft) -> Question[str]:
    """The question for the new input translated back, without the old one."""
    draft.add_prompts(*brief.prompt_ids("back"))
    longest = len(draft.text) * _LONGEST + 200
    return Question(
        brief.messages("back", [draft.text], text=draft.text),
        TEXT_SCHEMA,
        lambda value: read_text(value, longest, brief.language),
        brief.language,
    )


def _read(value: Any, count: int, longest: int, language: Language) -> Translation:
    text = read_text(value, longest, language)
    pieces = value.get("pieces", []) if count else []
    if not isinstance(pieces, list) or not all(isinstance(piece, str) and piece.strip() for piece in pieces):
        raise MisfitError(say("bad_pieces", language))
    if len(pieces) != count:
        raise MisfitError(say("piece_count", language, size=len(pieces), limit=count))
    return text, [piece.strip() for piece in pieces]


def _accept(task: Task, draft: Draft, text: str, pieces: Sequence[str]) -> Refusal | None:
    """Put the new row together; it fails if facts were lost, the language is wrong or a fixed word has no counterpart."""
    slot, row = draft.slot, draft.row
    translated = dict(zip(free_strings(task, row), pieces, strict=True))
    changing = [after for before, after in translated.items() if is_in_script(before, slot.row_language)]
    if not is_in_script(text, slot.language) or not is_in_script(" ".join(changing), slot.language):
        return Refusal("wrong_language", shorten(text))  # names and codes among the pieces may stay
    if json_form(row.input) is not None and json_form(text) != json_form(row.input):
        return Refusal("lost_form", "the keys of the JSON are not the same")
    lost = [translated[string] for string in copied_strings(task, row) if not occurs_in(translated[string], text)]
    if lost := lost + lost_figures(row.input, text):
        return Refusal("lost_facts", f"not in the translation: {shorten(', '.join(lost), 120)}")
    try:
        draft.text, draft.expected = text, translated_output(task, draft.slot, row.output, translated)
    except UntranslatableError as error:
        return Refusal("not_translatable", str(error))
    return None


def _check_back(draft: Draft, back: str) -> Refusal | None:
    """Check that a text that was translated back still is the original."""
    before = draft.row.input
    overlap = token_f1(before, back)
    if overlap < BACK_OVERLAP:
        return Refusal("back_check", f"{overlap:.2f} of the words are the same: {shorten(back)}")
    if lost := lost_figures(before, back):
        return Refusal("back_check", f"not in what was translated back: {shorten(', '.join(lost), 120)}")
    return None


def translated_output(task: Task, slot: Slot, answer: str, translated: Mapping[str, str]) -> str:
    """The answer of a row in the other language.

    Labels are taken by their position, fixed words of a JSON Schema too where it lists as many in each script; numbers and JSON
    keys stay; what is free text comes from `translated`.

    Raises:
        UntranslatableError: a fixed word has no counterpart.
    """
    output = task.output
    if isinstance(output, LabelOutput):
        return _label(task, answer.strip(), slot)
    if isinstance(output, LabelsOutput):
        items = parse_output(task, answer, slot.row_language).items
        return output.separator.join(translated[item] if item in translated else _label(task, item, slot) for item in items)
    if isinstance(output, JsonOutput):
        value = parse_output(task, answer, slot.row_language).value
        fixed = {language: _lists(schema_in(output.json_schema, language)) for language in (slot.row_language, slot.language)}
        return JsonStyle.of([answer], output.json_schema).dumps(_json_value(value, "", fixed, translated, slot))
    return translated.get(answer.strip(), answer)


def _label(task: Task, label: str, slot: Slot) -> str:
    own, other = task.labels_in(slot.row_language) or [], task.labels_in(slot.language) or []
    if label not in own:
        raise UntranslatableError(f"{shorten(label)!r} is not one of the task's labels")
    return other[own.index(label)]


def _json_value(value: Any, key: str, fixed: Fixed, translated: Mapping[str, str], slot: Slot) -> Any:
    if isinstance(value, dict):
        return {name: _json_value(child, name, fixed, translated, slot) for name, child in value.items()}
    if isinstance(value, list):
        return [_json_value(child, key, fixed, translated, slot) for child in value]
    if not isinstance(value, str) or not value.strip() or value in translated:
        return translated.get(value, value) if isinstance(value, str) else value
    own, other = fixed[slot.row_language].get(key, []), fixed[slot.language].get(key, [])
    if value in other or value not in own:
        return value
    if len(own) != len(other):
        raise UntranslatableError(f"{shorten(value)!r} has no counterpart: the JSON Schema lists more words in one language")
    return other[own.index(value)]


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
