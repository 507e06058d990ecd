"""Marks of an LLM judge for candidates: by a rubric, without knowing where they come from."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.chat import instruction_for
from anytasktune.gates.gate import NOT_JUDGED, Row, closeness
from anytasktune.llm.asking import Asker, MisfitError, Question, Reply
from anytasktune.llm.costs import Tokens, likely_tokens
from anytasktune.llm.prompts import marks, prompt_id, render_prompt
from anytasktune.records import Language
from anytasktune.schema import JUDGE, Candidate, Example, Task, Verdict
from anytasktune.settings import GateConfig
from anytasktune.text.plain_text import shorten

WEIGHTS = {"right": 0.4, "rules": 0.2, "grounded": 0.2, "real": 0.1, "safe": 0.1}
"""Weight of each mark in the mean."""
REASONS = {
    "right": "wrong_answer",
    "rules": "breaks_rules",
    "grounded": "not_grounded",
    "real": "not_like_real",
    "safe": "unsafe",
}
"""Reasons for dropping a candidate, by the criterion it fails most."""
_DECISIVE = ("right", "safe")
_ORDER = ("real", "right", "rules", "grounded", "safe")
_LOWEST, _HIGHEST = 1, 5
_PROPERTIES: dict[str, Any] = {
    "reason": {"type": "string"},
    **{name: {"type": "integer", "minimum": _LOWEST, "maximum": _HIGHEST} for name in _ORDER},
}
_SCHEMA = {"type": "object", "properties": _PROPERTIES, "required": list(_PROPERTIES), "additionalProperties": False}
_LONGEST_REASON = 300
_MEASURED_ROWS = 8
_JUDGEMENT_TOKENS = 90
"""A reason in a line, and marks."""
_PROMPTS = Path(__file__).parent / "prompts"
_NAME = "judge"
_SENTENCE_END = re.compile(r"[.!?;。！？；]+\s*")
_SHORTEST_ECHO = 24
"""Shorter reasons (`no flaw`) may well stand in what a judge was told."""
_FAULTS: dict[Language, dict[str, str]] = {
    "en": {
        "object": "the answer must be one JSON object.",
        "mark": "{name} must be a whole number from 1 to 5.",
        "echo": "reason repeats the statements; say in your own words what is wrong with this answer, and mark it by that.",
    },
    "zh": {
        "object": "回答应为一个JSON对象。",
        "mark": "{name} 应为1到5的整数。",
        "echo": "reason 只是照抄了评判的说法；请用自己的话说出这个答案的毛病，并据此打分。",
    },
}
_RULES: dict[Language, dict[str, str]] = {
    "en": {
        "items": "from {low} to {high} items",
        "fewest": "at least {low} items",
        "most": "at most {high} items",
        "length": "at most {length} characters",
        "copies": "every item and every text in it stands in the input word for word",
        "en": "written in English",
        "zh": "written in Chinese",
    },
    "zh": {
        "items": "{low}至{high}项",
        "fewest": "至少{low}项",
        "most": "至多{high}项",
        "length": "不超过{length}个字符",
        "copies": "每一项、每一处文字都照抄自输入，一字不差",
        "en": "用英文写",
        "zh": "用中文写",
    },
}


@dataclass(frozen=True)
class Marks:
    """A judge's answer about one candidate.

    Attributes:
        marks: 1 to 5 by criterion.
        reason: in one sentence.
    """

    marks: Mapping[str, int]
    reason: str

    @property
    def score(self) -> float:
        """From 0 to 1: the weighted mean of the marks, but no more than one mark above a wrong or unsafe answer's own.

        The mean alone would let an answer pass that is wrong and beautifully written.
        """
        mean = sum(weight * self.marks[name] for name, weight in WEIGHTS.items())
        held = min(mean, *(self.marks[name] + 1 for name in _DECISIVE))
        return round((held - _LOWEST) / (_HIGHEST - _LOWEST), 3)

    @property
    def worst(self) -> str:
        """The criterion with the lowest mark; of several, the one that counts most."""
        return min(self.marks, key=lambda name: (self.marks[name], -WEIGHTS[name]))


def judge_candidates(
    asker: Asker,
    task: Task,
    candidates: Sequence[Candidate],
    config: GateConfig,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> list[Verdict]:
    """Let a judge mark candidates.

    It sees the task, the input and the answer, not where they come from. Equal candidates are judged once. A judgement that
    cannot be used drops nothing: the candidate passes with the reason `not_judged`.

    Args:
        on_progress: receives how many of how many are judged.

    Returns:
        A verdict per candidate, in their order; `position` counts them from 0. None where `judge_threshold` is 0.

    Raises:
        EndpointError: the judge cannot be asked at all.
    """
    if config.judge_threshold == 0:
        return []
    different = list({candidate.id: candidate for candidate in candidates}.values())
    judged = 0

    def count(*_: object) -> None:
        nonlocal judged
        judged += 1
        on_progress(judged, len(different))

    replies = asker.ask_all([judge_question(task, candidate) for candidate in different], count)
    found = {candidate.id: reply for candidate, reply in zip(different, replies, strict=True)}
    return [_verdict(candidate, place, found[candidate.id], config) for place, candidate in enumerate(candidates)]


def expected_judgements(task: Task, rows: Sequence[Example], count: int, config: GateConfig) -> Iterator[Tokens]:
    """Likely tokens of judging `count` candidates about as long as these rows; none without rows or without a judge."""
    shown = [] if config.judge_threshold == 0 else rows[:_MEASURED_ROWS]
    asked = [judge_question(task, row) for row in shown]
    lengths = [sum(likely_tokens(message["content"]) for message in question.messages) for question in asked]
    return (Tokens(lengths[place % len(lengths)], _JUDGEMENT_TOKENS) for place in range(count if lengths else 0))


def judge_prompt(language: Language) -> str:
    """Id of the prompt of a judge."""
    return prompt_id(_PROMPTS, _NAME, language)


def judge_question(task: Task, row: Row) -> Question[Marks]:
    """The request for marks of one row."""
    language = task.language_of(row.language)
    prompt = _prompt(task, language, row.input, row.output)
    told = _prompt(task, language, "", "")
    return Question([{"role": "user", "content": prompt}], _SCHEMA, lambda value: read_marks(value, language, told), language)


def _prompt(task: Task, language: Language, input_text: str, output: str) -> str:
    opening, closing = marks([input_text + output])
    return render_prompt(
        _PROMPTS,
        _NAME,
        language,
        correctness=task.output.correctness(language),
        instruction=instruction_for(task, language),
        labels=task.labels_in(language) or [],
        rules=_rules(task, language),
        input=input_text,
        output=output,
        open=opening,
        close=closing,
    )


def _rules(task: Task, language: Language) -> list[str]:
    """Rules that a program checks, in words; a judge is to know them, whoever else checks them."""
    words, rules = _RULES[language], task.rules
    low, high = rules.min_items, rules.max_items
    said = task.output.constraints(language)
    if low is not None or high is not None:
        form = "fewest" if high is None else "most" if low is None else "items"
        said.append(words[form].format(low=low, high=high))
    if rules.max_length is not None:
        said.append(words["length"].format(length=rules.max_length))
    if rules.language is not None:
        said.append(words[rules.language])
    return [*said, words["copies"]] if rules.copies_from_input else said


def read_marks(value: Any, language: Language = "en", told: str = "") -> Marks:
    """The marks in a judge's answer; a reason may be missing, a mark may be written as text.

    Args:
        language: of the conversation.
        told: what the judge was told about its work. Very small models give a sentence of it back as their reason, and marks
            that have nothing to do with the candidate.

    Raises:
        MisfitError: a mark is missing or is none of 1 to 5, or the reason is only what the judge was told.
    """
    if not isinstance(value, dict):
        raise MisfitError(_FAULTS[language]["object"])
    marks = {name: _mark(name, value.get(name), language) for name in _ORDER}
    reason = value.get("reason")
    reason = shorten(reason, _LONGEST_REASON) if isinstance(reason, str) else ""
    sentences = [sentence.strip().casefold() for sentence in _SENTENCE_END.split(reason) if len(sentence.strip()) > 1]
    long_enough = len(reason) >= (_SHORTEST_ECHO if reason.isascii() else _SHORTEST_ECHO // 2)
    if long_enough and all(sentence in told.casefold() for sentence in sentences):
        raise MisfitError(_FAULTS[language]["echo"])
    return Marks(marks, reason)


def _mark(name: str, said: Any, language: Language) -> int:
    given = said.strip() if isinstance(said, str) else said
    if isinstance(given, str) and given in {"1", "2", "3", "4", "5"}:
        return int(given)
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not _LOWEST <= given <= _HIGHEST:
        raise MisfitError(_FAULTS[language]["mark"].format(name=name))
    return given


def _verdict(candidate: Candidate, position: int, reply: Reply[Marks], config: GateConfig) -> Verdict:
    if reply.value is None:
        detail = f"{reply.fault}: {reply.detail}" if reply.detail else reply.fault
        return Verdict(candidate=candidate.id, position=position, gate=JUDGE, passed=True, reason=NOT_JUDGED, detail=detail)
    marks, threshold = reply.value, config.judge_threshold
    passed = marks.score >= threshold
    said = ", ".join(f"{name} {mark}" for name, mark in marks.marks.items())
    return Verdict(
        candidate=candidate.id,
        position=position,
        gate=JUDGE,
        passed=passed,
        reason="" if passed else REASONS[marks.worst],
        detail=f"{marks.reason} ({said})".strip(),
        score=marks.score,
        border=closeness(marks.score, threshold, max(threshold, 1 - threshold)),
    )
