"""Answers to inputs: requested without a hint of the answer expected, agreed on by samples, and verified."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from anytasktune.ids import text_hash
from anytasktune.llm.asking import Asker, MisfitError, Question, Reply
from anytasktune.llm.prompts import marks, render_prompt
from anytasktune.outputs import UnfitAnswerError
from anytasktune.outputs.answer_in_json import ANSWER, answer_in, schema_with_answer
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.similarity import jaccard
from anytasktune.synthesis.brief import PROMPTS, Brief, Messages, as_json
from anytasktune.synthesis.drafts import Draft, Meter, Refusal
from anytasktune.synthesis.retry_messages import say
from anytasktune.text.plain_text import collapse_space, shorten

PROMPT = "answer"
TOO_NEAR = 0.5
"""A known row this similar to the input (Jaccard over character 5-grams) is not shown: it would give the answer away."""
_UNITS: dict[Language, dict[str, str]] = {"en": {"text": "lines", "items": "items"}, "zh": {"text": "行", "items": "项"}}


def answer_messages(brief: Brief, input_text: str, number: object, but: Sequence[Example] = ()) -> Messages:
    """The prompt for one answer, with known rows as turns that were answered already.

    Args:
        number: what the choice of the known rows depends on.
        but: rows that are not shown, nor others of their source.
    """
    shots = _shots(brief, input_text, number, but)
    opening, closing = marks([input_text, brief.instruction, *(shot.input for shot in shots)])
    head = render_prompt(PROMPTS, PROMPT, brief.language, open=opening, close=closing, **_facts(brief))
    turns: Messages = []
    for shot in shots:
        turns += [{"role": "user", "content": f"{opening}\n{shot.input}\n{closing}"}]
        turns += [{"role": "assistant", "content": as_json({ANSWER: brief.answer_value(shot.output)})}]
    turns += [{"role": "user", "content": f"{opening}\n{input_text}\n{closing}"}]
    turns[0] = {"role": "user", "content": f"{head}\n\n{turns[0]['content']}"}
    return turns


def _shots(brief: Brief, input_text: str, number: object, but: Sequence[Example]) -> list[Example]:
    left_out = {row.id for row in but}
    sources = {row.source for row in but if row.source}
    usable = (
        row
        for row in brief.shots.draw(brief.config.seed, "answers", brief.language, number)
        if row.id not in left_out
        and row.source not in sources
        and brief.answer_value(row.output) is not None
        and jaccard(row.input, input_text) < TOO_NEAR
    )
    return list(islice(usable, brief.config.shots))


def _facts(brief: Brief) -> dict[str, Any]:
    """Facts of the task for the prompt, as far as the instruction does not state them already."""
    task, language, output = brief.task, brief.language, brief.task.output
    keys = brief.answer_schema.get("properties", {})
    comma = ", " if language == "en" else "、"
    rules = task.rules
    return {
        "instruction": brief.instruction,
        "labels": "" if all(label in brief.instruction for label in brief.labels) else comma.join(brief.labels),
        "keys": "" if all(key in brief.instruction for key in keys) else comma.join(keys),
        "min_items": rules.min_items,
        "max_items": rules.max_items,
        "unit": _UNITS[language]["text" if output.free_text else "items"],
        "max_length": rules.max_length,
        "copied": rules.copies_from_input,
        "written_in": rules.language,
        "limits": collapse_space(task.limits.get(language, "")),
        "form": output.placeholder(language),
    }


def answer_questions(brief: Brief, input_text: str, number: object, but: Sequence[Example] = ()) -> list[Question[str]]:
    """The questions for the answer to one input: as many as there are samples; all with the same prompt.

    Their value is the output as a row holds it; it has the form of an answer and keeps the task's rules.
    """
    messages = answer_messages(brief, input_text, number, but)
    samples = brief.config.samples
    temperature = brief.config.temperature if samples > 1 else 0.0

    def read(said: Any) -> str:
        output = read_answer(brief, said)
        check_rules(brief, input_text, output)
        return output

    schema = reply_schema(brief)
    return [
        Question(messages, schema, read, brief.language, temperature=temperature, sample=sample) for sample in range(samples)
    ]


def reply_schema(brief: Brief) -> dict[str, Any]:
    """JSON Schema of a teacher's answer; definitions stay where references look for them."""
    return schema_with_answer(brief.answer_schema)


def read_answer(brief: Brief, said: Any) -> str:
    """A teacher's whole answer as a row's output; without the wrapping, or with another key, it is understood too.

    Raises:
        MisfitError: it has not the form of an answer of this task.
    """
    output, language = brief.task.output, brief.language
    try:
        value = answer_in(said, output, language)
    except LookupError:
        raise MisfitError(say("no_answer", language)) from None
    try:
        return output.from_json(value, language, brief.answer_style)
    except UnfitAnswerError as unfit:
        raise MisfitError(unfit.sentences[language]) from None


def check_rules(brief: Brief, input_text: str, output: str) -> None:
    """Raise MisfitError with a sentence for each rule that `output` breaks as the answer to `input_text`."""
    violations = brief.task.violations(input_text, output, brief.language)
    if violations and brief.language == "zh":
        raise MisfitError("".join(dict.fromkeys(violation.zh for violation in violations)))
    if violations:
        raise MisfitError(" ".join(f"{violation}." for violation in violations))


@dataclass(frozen=True)
class Unanswered:
    """An input that is to be answered.

    Attributes:
        language: of the input.
        row: the known row that it is or was made from; neither that nor another one of its source is shown.
    """

    text: str
    language: Language
    row: Example | None = None


@dataclass(frozen=True)
class Answered:
    """The answer to an input.

    Attributes:
        output: as a row holds it; None where there is none.
        refusal: why there is none.
        share: of all samples that were asked for, those that say the same; a sample that gave no answer agrees with none.
    """

    output: str | None
    share: float = 0.0
    refusal: Refusal | None = None


def ask_answers(
    asker: Asker,
    briefs: Mapping[Language, Brief],
    inputs: Sequence[Unanswered],
    on_answer: Callable[[int], None] = lambda _: None,
) -> list[Answered]:
    """An answer per input, in their order.

    An input and the one it was made from are shown the same known rows, as far as they are not too like one of the two.

    Args:
        on_answer: receives the place of every input whose answers are all there.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    groups = [
        answer_questions(briefs[one.language], one.text, one.row.id, [one.row])
        if one.row
        else answer_questions(briefs[one.language], one.text, text_hash(one.text))
        for one in inputs
    ]
    group_of = [place for place, group in enumerate(groups) for _ in group]
    missing = [len(group) for group in groups]

    def count(place: int, _: Reply[str]) -> None:
        missing[group_of[place]] -= 1
        if missing[group_of[place]] == 0:
            on_answer(group_of[place])

    replies = iter(asker.ask_all([question for group in groups for question in group], count))
    return [_agreed(briefs[one.language], [next(replies) for _ in group]) for one, group in zip(inputs, groups, strict=True)]


def _agreed(brief: Brief, replies: Sequence[Reply[str]]) -> Answered:
    outputs = [reply.value for reply in replies if reply.value is not None]
    agreed = agree(brief.task, brief.language, outputs, len(replies))
    if agreed.output is None:
        return Answered(None, 0.0, Refusal(replies[0].fault or "unusable_answer", replies[0].detail))
    if len(replies) > 1 and agreed.share < brief.config.least_agreement:
        detail = f"{agreed.share:.0%} of {len(replies)} samples agree: {shorten(' | '.join(outputs), 120)}"
        return Answered(None, agreed.share, Refusal("answers_disagree", detail))
    return agreed


def agree(task: Task, language: Language, outputs: Sequence[str], asked: int) -> Answered:
    """The answer that agrees with most others (the nearest to them, then the first, on a tie); none where there are no outputs.

    Two answers agree as `OutputKind.likeness` says.
    """
    if not outputs:
        return Answered(None)
    likeness = [[task.output.likeness(one, other, language) for other in outputs] for one in outputs]
    votes = [sum(value >= 0 for value in row) for row in likeness]
    closeness = [sum(value for value in row) for row in likeness]
    best = max(range(len(outputs)), key=lambda place: (votes[place], closeness[place], -place))
    return Answered(outputs[best], votes[best] / max(asked, len(outputs)))


def answer_drafts(asker: Asker, briefs: Mapping[Language, Brief], drafts: Sequence[Draft], meter: Meter) -> None:
    """Have the inputs of drafts answered; augmented ones are verified (see `verify`), the others keep the answer they get.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    inputs = [Unanswered(draft.text, draft.slot.language, draft.slot.row) for draft in drafts]
    answers = ask_answers(asker, briefs, inputs, lambda place: meter.step("answers", drafts[place].slot))
    for draft, answer in zip(drafts, answers, strict=True):
        brief = briefs[draft.slot.language]
        draft.add_prompts(*brief.prompt_ids(PROMPT))
        draft.output, draft.refusal = answer.output or "", answer.refusal
        if brief.config.samples > 1 and answer.share:
            draft.agreement = answer.share
