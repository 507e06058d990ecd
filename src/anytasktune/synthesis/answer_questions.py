"""Answers to inputs, asked for without telling what was hoped for, and what several samples agree on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from anytasktune.llm import render_prompt
from anytasktune.llm.asking import Question
from anytasktune.llm.prompts import marks
from anytasktune.records import Language
from anytasktune.schema import Example, JsonOutput, LabelsOutput, NumberOutput, Task
from anytasktune.scorers.json_facts import facts_of_text
from anytasktune.scorers.overlap import rouge_l
from anytasktune.scorers.parse import parse_output
from anytasktune.similarity import jaccard
from anytasktune.synthesis.answer_form import ANSWER
from anytasktune.synthesis.brief import PROMPTS, Brief, Messages, as_json
from anytasktune.synthesis.misfits import check_rules
from anytasktune.text.numbers import first_number
from anytasktune.text.plain_text import collapse_space

PROMPT = "answer"
TOO_NEAR = 0.5
"""A known row this similar to the input (Jaccard over character 5-grams) is not shown: it would give the answer away."""
TOLERANCE = 0.05
"""Two numbers say the same if they are no further apart than this share of the range."""
ALIKE = 0.4
"""Two texts say the same from this ROUGE-L on; two good answers in free words rarely overlap much more."""


def answer_messages(brief: Brief, input_text: str, number: object, but: Sequence[Example] = ()) -> Messages:
    """The prompt for one answer, with known rows as turns that were answered already.

    Args:
        number: what the choice of the known rows depends on.
        but: rows that are not shown.
    """
    shots = list(islice(_usable(brief, input_text, number, but), brief.config.shots))
    opening, closing = marks([input_text, brief.instruction, *(shot.input for shot in shots)])
    head = render_prompt(PROMPTS, PROMPT, brief.language, open=opening, close=closing, **_told(brief))
    turns: Messages = []
    for shot in shots:
        turns += [{"role": "user", "content": f"{opening}\n{shot.input}\n{closing}"}]
        turns += [{"role": "assistant", "content": as_json({ANSWER: brief.form.value(shot.output)})}]
    turns += [{"role": "user", "content": f"{opening}\n{input_text}\n{closing}"}]
    turns[0] = {"role": "user", "content": f"{head}\n\n{turns[0]['content']}"}
    return turns


def _usable(brief: Brief, input_text: str, number: object, but: Sequence[Example]) -> Any:
    left_out = {example.id for example in but}
    sources = {example.source for example in but if example.source}
    for shot in brief.shots.draw(brief.config.seed, "answers", brief.language, number):
        known = shot.id in left_out or shot.source in sources or brief.form.value(shot.output) is None
        if not known and jaccard(shot.input, input_text) < TOO_NEAR:
            yield shot


def _told(brief: Brief) -> dict[str, Any]:
    """What the prompt says of the task beside its instruction, as far as that does not say it already."""
    task, form, language = brief.task, brief.form, brief.language
    labels = [label for label in form.labels if label not in brief.instruction]
    keys = [key for key in form.json_schema.get("properties", {}) if key not in brief.instruction]
    comma = ", " if language == "en" else "、"
    rules = task.rules
    return {
        "instruction": brief.instruction,
        "labels": comma.join(form.labels) if labels else "",
        "keys": comma.join(form.json_schema["properties"]) if keys else "",
        "min_items": rules.min_items,
        "max_items": rules.max_items,
        "unit": _UNITS[language]["text" if task.output.kind == "text" else "items"],
        "max_length": rules.max_length,
        "copied": rules.copies_from_input,
        "written_in": rules.language,
        "limits": collapse_space(task.limits.get(language, "")),
        "form": _form_in_words(task, language),
    }


_UNITS: dict[Language, dict[str, str]] = {"en": {"text": "lines", "items": "items"}, "zh": {"text": "行", "items": "项"}}
_FORMS: dict[Language, dict[str, str]] = {
    "en": {"label": "the answer", "labels": "[the items]", "json": "the answer as JSON", "text": "the answer as one text"},
    "zh": {"label": "答案", "labels": "[各项]", "json": "JSON形式的答案", "text": "答案全文"},
}


def _form_in_words(task: Task, language: Language) -> str:
    output = task.output
    if not isinstance(output, NumberOutput):
        return _FORMS[language][output.kind]
    low, high = f"{output.minimum:g}", f"{output.maximum:g}"
    return f"a number from {low} to {high}" if language == "en" else f"{low}到{high}之间的数字"


def answer_questions(brief: Brief, input_text: str, number: object, but: Sequence[Example] = ()) -> list[Question[str]]:
    """The questions for the answer to one input: as many as there are samples; all with the same prompt.

    What they give is the output as a row holds it; it has the form of an answer and keeps the task's rules.
    """
    messages = answer_messages(brief, input_text, number, but)
    samples = brief.config.samples
    temperature = brief.config.temperature if samples > 1 else 0.0

    def read(said: Any) -> str:
        output = brief.form.text(said)
        check_rules(brief.task, brief.language, input_text, output)
        return output

    return [
        Question(messages, brief.form.schema, read, brief.language, temperature=temperature, sample=sample)
        for sample in range(samples)
    ]


@dataclass(frozen=True)
class Agreed:
    """The answer most samples agree on.

    Attributes:
        share: of all samples that were asked for, those that say the same; a sample that gave no answer agrees with none.
    """

    output: str
    share: float


def agree(task: Task, language: Language, outputs: Sequence[str], asked: int) -> Agreed | None:
    """The answer that agrees with most others (the nearest to them, then the first, on a tie); None where there is none.

    Labels agree when equal, lists when their items are, JSON when it states the same facts, numbers within `TOLERANCE` of the
    range, texts from `ALIKE` on.
    """
    if not outputs:
        return None
    likeness = [[_likeness(task, language, one, other) for other in outputs] for one in outputs]
    votes = [sum(value >= 0 for value in row) for row in likeness]
    closeness = [sum(value for value in row) for row in likeness]
    best = max(range(len(outputs)), key=lambda place: (votes[place], closeness[place], -place))
    return Agreed(outputs[best], votes[best] / max(asked, len(outputs)))


def _likeness(task: Task, language: Language, one: str, other: str) -> float:
    """How far two answers agree: from 0 to 1 where they say the same, below 0 where they do not."""
    output = task.output
    if isinstance(output, NumberOutput):
        width = output.maximum - output.minimum
        apart = abs((first_number(one) or 0.0) - (first_number(other) or 0.0)) / width
        return TOLERANCE - apart
    if output.kind == "text":
        return rouge_l(one, other) - ALIKE
    if isinstance(output, LabelsOutput):
        same = set(parse_output(task, one, language).items) == set(parse_output(task, other, language).items)
    elif isinstance(output, JsonOutput):
        same = facts_of_text(one) == facts_of_text(other)
    else:
        same = one == other
    return 1.0 if same else -1.0
