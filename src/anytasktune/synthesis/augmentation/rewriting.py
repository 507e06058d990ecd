"""The same matter in other words: what a teacher is asked, and what is checked before the answer is asked for anew."""

import re
from pathlib import Path
from typing import Any

from anytasktune.chat import instruction_for
from anytasktune.llm.asking import Question
from anytasktune.llm.prompts import marks, prompt_id, render_prompt
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers.overlap import token_f1
from anytasktune.settings import Augmentation
from anytasktune.similarity import jaccard
from anytasktune.synthesis.augmentation.anchors import copied_strings, field_words, fixed_words, json_form
from anytasktune.synthesis.augmentation.augment_choice import Chance
from anytasktune.synthesis.augmentation.augment_misfits import misfit
from anytasktune.synthesis.augmentation.augment_plan import Plan
from anytasktune.synthesis.augmentation.augmented_drafts import Draft, Outcome, Written
from anytasktune.text.numbers import amounts_in, figures_in, lost_figures
from anytasktune.text.plain_text import collapse_space, normalise, occurs_in, shorten
from anytasktune.text.scripts import is_in_script, tokens

PROMPTS = Path(__file__).parent / "prompts"
MOVES = ("order", "question", "voice", "sentences")
STYLES = ("formal", "colloquial", "spoken")
FAULTS = ("gap", "slip", "correction", "contradiction", "noise")
"""How a text is spoilt for `noisy_input`. A Task-LM learns input → output only, so a spoilt input teaches something when its
answer is right in spite of the fault: what is left out is not made up, a slip is understood, the correction counts and not the
slip of the tongue, and what has nothing to do with the matter stays out. The answer is asked for anew."""
PRESERVING: frozenset[Augmentation] = frozenset({"paraphrase", "restructure", "expand", "simplify", "register", "typos"})
"""These must leave the answer as it is."""
SAME_TEXT = 0.9
"""A rewrite with this share of common character 5-grams is the same text."""
_SAME_RESTRUCTURED = 0.97
"""Clauses that only change places leave most of them."""
_CLOSE = 0.5
"""F1 of common words from which a counter-example or a spoilt text is still that text."""
_LONGEST = 4
_SENTENCE_END = re.compile(r"[.!?;。！？；\n]+")
_SHORTEST_ECHO = 24
_SHORTEST_NAME = 3
TEXT_SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
_CHANGED_SCHEMA = {
    "type": "object",
    "properties": {"change": {"type": "string"}, "text": {"type": "string"}},
    "required": ["change", "text"],
    "additionalProperties": False,
}


def rewrite_question(task: Task, plan: Plan) -> Question[Written]:
    """What a teacher is asked in order to rewrite the input of a row."""
    chance = Chance(plan.seed, plan.way, plan.row.id, plan.variant)
    values: dict[str, Any] = {"instruction": instruction_for(task, plan.language), "text": plan.row.input}
    if plan.way in PRESERVING:
        values["kept"] = list(kept_strings(task, plan))
    values |= _own_values(task, plan, chance)
    values["open"], values["close"] = marks([plan.row.input, values["instruction"]])
    changing = plan.way in {"counterfactual", "noisy_input"}
    longest = len(plan.row.input) * _LONGEST + 200
    prompt = render_prompt(PROMPTS, plan.way, plan.language, **values)

    def read(value: Any) -> Written:
        text = read_text(value, longest, plan.language)
        if repeats(text, prompt, plan.row.input):
            raise misfit("echo", plan.language)
        return Written(text)

    return Question(
        messages=[{"role": "user", "content": prompt}],
        schema=_CHANGED_SCHEMA if changing else TEXT_SCHEMA,
        read=read,
        language=plan.language,
        temperature=plan.temperature,
        sample=plan.variant,
    )


def rewrite_prompt(plan: Plan) -> str:
    """Id of the prompt that `rewrite_question` uses."""
    return prompt_id(PROMPTS, plan.way, plan.language)


def _own_values(task: Task, plan: Plan, chance: Chance) -> dict[str, Any]:
    if plan.way == "restructure":
        return {"move": chance.pick(MOVES)}
    if plan.way == "register":
        return {"style": chance.pick(STYLES)}
    if plan.way == "noisy_input":
        return {"fault": chance.pick(FAULTS)}
    if plan.way == "expand":
        return {"answer": plan.row.output}
    if plan.way == "counterfactual":
        others = [label for label in task.labels_in(plan.language) or [] if label != plan.row.output]
        return {"answer": plan.row.output, "choices": others}
    return {}


def kept_strings(task: Task, plan: Plan) -> tuple[str, ...]:
    """What must stand in a rewrite word for word: what the answer copies, and field names with the values they refer to."""
    return tuple(dict.fromkeys([*copied_strings(task, plan.row), *field_words(plan.row.input)]))


def read_text(value: Any, longest: int, language: Language) -> str:
    """The new text in an answer.

    Raises:
        MisfitError: there is none, or it is far too long.
    """
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise misfit("no_text", language)
    if len(text) > longest:
        raise misfit("too_long", language, size=len(text), limit=longest)
    return text.strip()


def repeats(text: str, prompt: str, material: str) -> bool:
    """Whether a whole sentence of `text` stands in the prompt it was asked for with, and not in the material given there."""
    told, given = prompt.casefold(), material.casefold()
    for sentence in _SENTENCE_END.split(text.casefold()):
        said = sentence.strip()
        shortest = _SHORTEST_ECHO if said.isascii() else _SHORTEST_ECHO // 2
        if len(said) >= shortest and said in told and said not in given:
            return True
    return False


def check_rewrite(task: Task, draft: Draft) -> Outcome:
    """Whether a rewrite is another text in the right language, of the same form, with the facts it must have."""
    plan, text = draft.plan, draft.text
    before = plan.row.input
    if is_in_script(before, plan.language) and not is_in_script(text, plan.language):
        return draft.failed("wrong_language", shorten(text))
    if is_same_text(plan.way, before, text):
        return draft.failed("unchanged", shorten(text))
    if missing := lost_form(before, text):
        return draft.failed("lost_form", missing)
    if plan.way in PRESERVING:
        return _check_facts(task, draft)
    if token_f1(before, text) < _CLOSE:
        return draft.failed("too_different", shorten(text))
    return _check_names(task, draft)


def is_same_text(way: Augmentation, before: str, after: str) -> bool:
    """Whether nothing worth mentioning was changed. Where little is meant to change, only an equal text is the same."""
    if normalise(before) == normalise(after):
        return True
    if way in {"counterfactual", "noisy_input", "typos"}:
        return False
    return jaccard(before, after) >= (_SAME_RESTRUCTURED if way == "restructure" else SAME_TEXT)


def lost_form(before: str, after: str) -> str:
    """What is no longer there of the form of a text with fields or of a JSON text; empty if the form is the same."""
    form = json_form(before)
    if form is not None:
        return "" if json_form(after) == form else "the keys of the JSON are not the same"
    gone = [word for word in field_words(before) if not occurs_in(word, after)]
    return f"not in the new text: {shorten(', '.join(gone), 120)}" if gone else ""


def _check_facts(task: Task, draft: Draft) -> Outcome:
    plan, text = draft.plan, draft.text
    lost = [string for string in copied_strings(task, plan.row) if not occurs_in(string, text)]
    lost += lost_amounts(draft)
    if lost:
        return draft.failed("lost_facts", f"not in the new text: {shorten(', '.join(lost), 120)}")
    before, after = len(tokens(plan.row.input)), len(tokens(text))
    if (plan.way == "expand" and after <= before) or (plan.way == "simplify" and after >= before):
        return draft.failed("wrong_length", f"{before} words before, {after} after")
    return _check_names(task, draft) if plan.way == "expand" else draft


def lost_amounts(draft: Draft) -> list[str]:
    """Numbers in digits that a rewrite should still say: all of the input, of a simplified one those the answer names too."""
    row = draft.plan.row
    lost = lost_figures(row.input, draft.text)
    if draft.plan.way != "simplify":
        return lost
    answer, figures = amounts_in(row.output), figures_in(row.input)
    return [figure for figure in lost if figures[figure] in answer]


def _check_names(task: Task, draft: Draft) -> Outcome:
    """Where the teacher knew the answer, it must not have written one of the possible answers into the input."""
    before, after = (collapse_space(text).casefold() for text in (draft.plan.row.input, draft.text))
    for word in sorted(fixed_words(task)):
        name = word.casefold()
        if _is_telling(word) and name in after and name not in before:
            return draft.failed("names_answer", word)
    return draft


def _is_telling(label: str) -> bool:
    """Short everyday words (`low`, `other`) stand in many a text by chance."""
    return (not label.isascii() and len(label) >= _SHORTEST_NAME) or " " in label or "_" in label
