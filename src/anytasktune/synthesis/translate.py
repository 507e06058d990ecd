"""A row in the other language: input and answer translated together, and the input translated back by itself."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from anytasktune.llm.asking import Asker, MisfitError, Question
from anytasktune.outputs import UntranslatableError
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.synthesis.anchors import copied_strings, free_strings, json_form
from anytasktune.synthesis.brief import Brief, object_schema
from anytasktune.synthesis.drafts import Draft, Meter, Refusal, ask_for_each, open_drafts
from anytasktune.synthesis.retry_messages import say
from anytasktune.synthesis.rewrite_inputs import TEXT_SCHEMA, read_text
from anytasktune.text.numbers import lost_figures
from anytasktune.text.overlap import token_f1
from anytasktune.text.plain_text import occurs_in, shorten
from anytasktune.text.scripts import is_in_script

BACK_OVERLAP = 0.4
"""F1 of common words (Chinese: characters) from which a text that was translated back is taken for the original. Of two inputs
of one task that have nothing to do with each other, 95 in 100 pairs are below 0.35; close translations of a text above 0.55."""
_LONGEST = 8
Translation = tuple[str, list[str]]
"""The translated text, and the translated pieces of the answer."""


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
    backwards = []
    for draft in back:
        brief = briefs[draft.slot.row_language]
        draft.add_prompts(*brief.prompt_ids("back"))
        read = functools.partial(read_text, longest=len(draft.text) * _LONGEST + 200, language=brief.language)
        messages = brief.messages("back", [draft.text], text=draft.text)  # without the old input
        backwards.append(Question(messages, TEXT_SCHEMA, read, brief.language))
    ask_for_each(asker, back, backwards, _check_back, meter)


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
        draft.text, draft.expected = text, task.output.translated(row.output, slot.row_language, slot.language, translated)
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
