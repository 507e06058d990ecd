"""Rewritten inputs: what a teacher is asked for each augmentation, and the checks before the answer is requested anew."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from anytasktune.errors import counted
from anytasktune.llm.asking import Asker, MisfitError, Question
from anytasktune.llm.prompts import marks, render_prompt
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.settings import Augmentation
from anytasktune.similarity import jaccard
from anytasktune.synthesis.anchors import copied_strings, field_words, json_form
from anytasktune.synthesis.brief import PROMPTS, Brief, object_schema
from anytasktune.synthesis.drafts import Draft, Meter, Refusal, Slot, ask_for_each
from anytasktune.synthesis.retry_messages import say
from anytasktune.synthesis.seeded_choice import Chance
from anytasktune.text.numbers import amounts_in, figures_in, lost_figures
from anytasktune.text.overlap import token_f1
from anytasktune.text.plain_text import collapse_space, normalise, occurs_in, shorten
from anytasktune.text.scripts import is_in_script, tokens

MOVES = ("order", "question", "voice", "sentences")
STYLES = ("formal", "colloquial", "spoken")
FAULTS = ("gap", "slip", "correction", "contradiction", "noise")
"""Faults of a `noisy_input`. A Task-LM learns input → output only, so a spoilt input teaches something when its answer is
right in spite of the fault: what is left out is not made up, a slip is understood, the correction counts and not the slip of
the tongue, and what has nothing to do with the matter stays out. The answer is requested anew and may be the old one."""
PRESERVING: frozenset[Augmentation] = frozenset({"paraphrase", "restructure", "expand", "simplify", "register", "typos"})
"""These must leave the answer as it is."""
SAME_TEXT = 0.9
"""A rewrite with this share of common character 5-grams is the same text."""
_SAME_RESTRUCTURED = 0.97
"""Clauses that only change places leave most of them."""
_CLOSE = 0.5
"""F1 of common words from which a counterfactual or a spoilt text is still that text."""
_LONGEST = 4
_SENTENCE_END = re.compile(r"[.!?;。！？；\n]+")
_SHORTEST_ECHO = 24
_SHORTEST_NAME = 3
TEXT_SCHEMA = object_schema({"text": {"type": "string"}})
_CHANGED_SCHEMA = object_schema({"change": {"type": "string"}, "text": {"type": "string"}})


def rewrite_inputs(asker: Asker, briefs: Mapping[Language, Brief], drafts: Sequence[Draft], meter: Meter) -> None:
    """Have the inputs of rows rewritten. A draft fails for the reasons of `check_rewrite`, or where the answer is unusable.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    questions = []
    for draft in drafts:
        brief = briefs[draft.slot.language]
        draft.expected = draft.row.output
        draft.add_prompts(*brief.prompt_ids(draft.slot.kind))
        questions.append(_question(brief, draft))

    def accept(draft: Draft, text: str) -> Refusal | None:
        draft.text = text
        return check_rewrite(briefs[draft.slot.language].task, draft)

    ask_for_each(asker, drafts, questions, accept, meter)


def _question(brief: Brief, draft: Draft) -> Question[str]:
    slot, text, language = draft.slot, draft.row.input, brief.language
    values: dict[str, Any] = {"instruction": brief.instruction, "text": text}
    if slot.kind in PRESERVING:
        values["kept"] = list(dict.fromkeys([*copied_strings(brief.task, draft.row), *field_words(text)]))
    values |= _own_values(brief, slot, draft.expected)
    values["open"], values["close"] = marks([text, brief.instruction])
    prompt = render_prompt(PROMPTS, slot.kind, language, **values)

    def read(value: Any) -> str:
        written = read_text(value, len(text) * _LONGEST + 200, language)
        if repeats(written, prompt, text):
            raise MisfitError(say("echo", language))
        return written

    return Question(
        messages=[{"role": "user", "content": prompt}],
        schema=_CHANGED_SCHEMA if slot.kind in {"counterfactual", "noisy_input"} else TEXT_SCHEMA,
        read=read,
        language=language,
        temperature=brief.config.temperature,
        sample=slot.variant,
    )


def _own_values(brief: Brief, slot: Slot, answer: str) -> dict[str, Any]:
    """Values that only the prompt of this augmentation has."""
    chance = Chance(brief.config.seed, slot.kind, slot.row.id if slot.row else "", slot.variant)
    if slot.kind == "restructure":
        return {"move": chance.pick(MOVES)}
    if slot.kind == "register":
        return {"style": chance.pick(STYLES)}
    if slot.kind == "noisy_input":
        return {"fault": chance.pick(FAULTS)}
    if slot.kind == "expand":
        return {"answer": answer}
    if slot.kind == "counterfactual":
        return {"answer": answer, "choices": [label for label in brief.labels if label != answer]}
    return {}


def read_text(value: Any, longest: int, language: Language) -> str:
    """The new text in an answer.

    Raises:
        MisfitError: there is none, or it is far too long.
    """
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise MisfitError(say("no_rewrite", language))
    if len(text) > longest:
        raise MisfitError(say("too_long", language, size=len(text), limit=longest))
    return text.strip()


def repeats(text: str, prompt: str, material: str) -> bool:
    """Whether a whole sentence of `text` stands in the prompt it was written for, and not in the material given there."""
    told, given = prompt.casefold(), material.casefold()
    for sentence in _SENTENCE_END.split(text.casefold()):
        said = sentence.strip()
        shortest = _SHORTEST_ECHO if said.isascii() else _SHORTEST_ECHO // 2
        if len(said) >= shortest and said in told and said not in given:
            return True
    return False


def check_rewrite(task: Task, draft: Draft) -> Refusal | None:
    """Check that a rewrite is another text in the right language, of the same form, with the facts it must have.

    Reasons: `wrong_language`, `unchanged`, `lost_form`, `lost_facts`, `wrong_length`, `too_different`, `names_answer`.
    """
    slot, before, after = draft.slot, draft.row.input, draft.text
    if is_in_script(before, slot.language) and not is_in_script(after, slot.language):
        return Refusal("wrong_language", shorten(after))
    if is_same_text(slot.kind, before, after):
        return Refusal("unchanged", shorten(after))
    if missing := lost_form(before, after):
        return Refusal("lost_form", missing)
    if slot.kind not in PRESERVING:
        return Refusal("too_different", shorten(after)) if token_f1(before, after) < _CLOSE else _check_names(task, draft)
    lost = [string for string in copied_strings(task, draft.row) if not occurs_in(string, after)]
    if lost := lost + lost_amounts(draft):
        return Refusal("lost_facts", f"not in the new text: {shorten(', '.join(lost), 120)}")
    words, now = len(tokens(before)), len(tokens(after))
    if (slot.kind == "expand" and now <= words) or (slot.kind == "simplify" and now >= words):
        return Refusal("wrong_length", f"{counted(words, 'word')} before, {now} after")
    return _check_names(task, draft) if slot.kind == "expand" else None


def is_same_text(kind: str, before: str, after: str) -> bool:
    """Whether nothing worth mentioning was changed. Where little is meant to change, only an equal text is the same."""
    if normalise(before) == normalise(after):
        return True
    if kind in {"counterfactual", "noisy_input", "typos"}:
        return False
    return jaccard(before, after) >= (_SAME_RESTRUCTURED if kind == "restructure" else SAME_TEXT)


def lost_form(before: str, after: str) -> str:
    """Parts of the form of a text with fields or of a JSON text that are lost; empty if the form is the same."""
    form = json_form(before)
    if form is not None:
        return "" if json_form(after) == form else "the keys of the JSON are not the same"
    gone = [word for word in field_words(before) if not occurs_in(word, after)]
    return f"not in the new text: {shorten(', '.join(gone), 120)}" if gone else ""


def lost_amounts(draft: Draft) -> list[str]:
    """Numbers in digits that a rewrite should still say: all of the input, of a simplified one those the answer names too."""
    lost = lost_figures(draft.row.input, draft.text)
    if draft.slot.kind != "simplify":
        return lost
    answer, figures = amounts_in(draft.expected), figures_in(draft.row.input)
    return [figure for figure in lost if figures[figure] in answer]


def _check_names(task: Task, draft: Draft) -> Refusal | None:
    """Check that a teacher that knew the answer has not written a possible answer into the input.

    Short everyday words (`low`, `other`) stand in many a text by chance and do not count.
    """
    before, after = (collapse_space(text).casefold() for text in (draft.row.input, draft.text))
    for label in sorted(task.output.fixed_words):
        name = label.casefold()
        revealing = " " in label or "_" in label or (not label.isascii() and len(label) >= _SHORTEST_NAME)
        if revealing and name in after and name not in before:
            return Refusal("names_answer", label)
    return None
