"""The requests of a plan before any is sent: for showing its cost."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from anytasktune.ids import text_hash
from anytasktune.llm.asking import Question
from anytasktune.llm.costs import Tokens, likely_tokens
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.answers import answer_questions
from anytasktune.synthesis.brief import Brief, as_json
from anytasktune.synthesis.candidate_plan import plan_generation
from anytasktune.synthesis.drafts import Slot
from anytasktune.synthesis.excerpts import text_at
from anytasktune.synthesis.generate_inputs import question_for, requests
from anytasktune.synthesis.survey import document_questions, situation_questions

_RENDERED = 40
"""Prompts of one kind that are made to see how long they are; more are taken to be as long on average."""
_LIKELY_ANSWER = 40
"""Tokens of an answer where no row tells."""
_SITUATIONS_ANSWER, _CHOICE_ANSWER = 250, 8
_ENGLISH, _CHINESE = "Something went wrong with the parcel. ", "包裹出了问题，请帮忙处理。"


def expected_questions(
    task: Task,
    languages: Sequence[Language],
    rows: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    done: Collection[tuple[Language | None, int]] = (),
) -> Iterator[Tokens]:
    """The likely tokens of every request that `generate` would send if each answer is of use at once.

    Prompts are the real ones as far as they are known; where an input is yet to be written, a text of the planned length stands
    for it. Whether passages are inputs as they stand is not known yet, so all inputs are taken to be written.

    Args:
        rows: train rows.
        done: language and place of rows there are; they are not requested again.
    """
    for language in languages:
        brief = Brief.of(task, language, rows, config)
        plan = plan_generation([brief], passages)
        slots = [slot for slot in plan if slot.number < config.rows and slot.key not in done]
        if not slots:
            continue
        if "passage" in config.inputs_from and not brief.input_keys:
            yield from (_tokens(question, _CHOICE_ANSWER) for question in document_questions(brief, passages))
        if any(slot.kind != "passage" for slot in slots):
            yield from (_tokens(question, _SITUATIONS_ANSWER) for question in situation_questions(brief))
        for source in config.inputs_from:
            asked = list(requests(brief, plan, {slot.number for slot in slots if slot.kind == source}))
            known = []
            for request in asked[:_RENDERED]:
                quotes = 0 if request.passage is None else likely_tokens(request.passage.text) // 4 * len(request.slots)
                texts = as_json({"inputs": [_stand_in(brief, slot) for slot in request.slots]})
                known.append(_tokens(question_for(request), likely_tokens(texts) + quotes))
            yield from _scaled(known, len(asked))
        known, answer = [], _answer_tokens(brief)
        for slot in slots[:_RENDERED]:
            text = _stand_in(brief, slot)
            known += [_tokens(one, answer) for one in answer_questions(brief, text, text_hash(f"{text}{slot.number}"))]
        yield from _scaled(known, len(slots) * config.samples)


def expected_feasibility(
    task: Task, train: Sequence[Example], tried: Sequence[Example], config: SynthesisConfig
) -> Iterator[Tokens]:
    """The likely tokens of every request that `measure_feasibility` would send.

    Args:
        tried: the rows it would try, as `tried_rows` gives them.
    """
    once = config.model_copy(update={"samples": 1})
    briefs = {language: Brief.of(task, language, train, once) for language in task.languages}
    for row in tried:
        brief = briefs[task.language_of(row.language)]
        yield from (_tokens(question, _answer_tokens(brief)) for question in answer_questions(brief, row.input, row.id, [row]))


def _stand_in(brief: Brief, slot: Slot) -> str:
    """A text as long as the input of this slot is to be."""
    if slot.passage is not None and slot.excerpt is not None:
        return text_at(slot.passage, slot.excerpt)
    low, high = brief.lengths.range_of(slot.cell.length)
    words = _ENGLISH if brief.language == "en" else _CHINESE
    return (words * ((low + high) // 2 // len(words) + 1))[: (low + high) // 2]


def _answer_tokens(brief: Brief) -> int:
    sizes = [likely_tokens(as_json({"answer": brief.answer_value(row.output)})) for row in brief.rows[:_RENDERED]]
    return round(sum(sizes) / len(sizes)) if sizes else _LIKELY_ANSWER


def _tokens(question: Question[Any], answer: int) -> Tokens:
    prompt = sum(likely_tokens(message["content"]) for message in question.messages)
    return Tokens(prompt + likely_tokens(as_json(question.schema)), answer)


def _scaled(known: Sequence[Tokens], count: int) -> Iterator[Tokens]:
    """The known ones, and as many of their mean as make up `count`."""
    yield from known[:count]
    if known:
        prompt, answer = (sum(sizes) / len(known) for sizes in zip(*((one.prompt, one.answer) for one in known), strict=True))
        yield from (Tokens(round(prompt), round(answer)) for _ in range(count - len(known)))
