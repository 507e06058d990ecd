"""Questions to an LLM judge about answers to test rows: marks by the task's rubric, and the better one of two answers.

The judge sees the task, the input, the reference and the answer, never whose answer it is. Equal answers are judged once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from anytasktune.chat import instruction_for
from anytasktune.llm.asking import MisfitError, Question, Reply
from anytasktune.llm.prompts import marks, render_prompt
from anytasktune.records import Language
from anytasktune.schema import ReportItem, Task
from anytasktune.schema.judgement import HIGHEST_MARK, LOWEST_MARK, Choice, JudgedAnswer, JudgedPair
from anytasktune.text.plain_text import shorten

MOST_PAIRS, MOST_REPEATED = 40, 40
"""Answers on which the judge itself is tested: pairs shown in both orders, and answers written twice."""
_PROMPTS = Path(__file__).parent / "prompts"
_LONGEST_REASON = 300
_FAULTS: Mapping[Language, Mapping[str, str]] = {
    "en": {"mark": "{name} must be a whole number from 1 to 5.", "better": 'better must be "1", "2" or "tie".'},
    "zh": {"mark": "{name} 应为1到5的整数。", "better": 'better 应为 "1"、"2" 或 "tie"。'},
}
_CHOICE_SCHEMA = {
    "type": "object",
    "properties": {"better": {"enum": ["1", "2", "tie"]}},
    "required": ["better"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class RubricMarks:
    """A judge's reply about one answer: 1 to 5 per criterion."""

    marks: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class JudgePlan:
    """Everything a judge is asked about one task.

    Attributes:
        answers: the different answers, each with a row it is an answer to.
        repeated: those of them that are also judged written twice.
        pairs: two different answers to the same row, shown in both orders.
    """

    task: Task
    answers: tuple[tuple[ReportItem, str], ...]
    repeated: tuple[tuple[ReportItem, str], ...]
    pairs: tuple[tuple[ReportItem, str, str], ...]

    @classmethod
    def of(cls, task: Task, items: Sequence[ReportItem], seed: int) -> "JudgePlan":
        """The plan for all answers of a report; rows for the tests of the judge are drawn with `seed`."""
        by_row = [
            (item, list(dict.fromkeys(answer.output.strip() for answer in item.answers.values() if answer.error is None)))
            for item in items
        ]
        answers = {(item.id, output): (item, output) for item, outputs in by_row for output in outputs if output}
        pairs = [(item, one, two) for item, outputs in by_row for one, two in combinations([o for o in outputs if o], 2)]
        random = np.random.default_rng(seed)
        everything = list(answers.values())
        twice = [everything[place] for place in sorted(random.permutation(len(everything))[:MOST_REPEATED])]
        drawn = [pairs[place] for place in sorted(random.permutation(len(pairs))[:MOST_PAIRS])]
        return cls(task, tuple(everything), tuple(twice), tuple(drawn))

    @property
    def mark_questions(self) -> list[Question[RubricMarks]]:
        """A question per answer, then one per repeated answer."""
        questions = [mark_question(self.task, item, output) for item, output in self.answers]
        return questions + [mark_question(self.task, item, _twice(output)) for item, output in self.repeated]

    @property
    def pair_questions(self) -> list[Question[str]]:
        """Two questions per pair: in the one order, then in the other."""
        orders = [(item, *order) for item, one, two in self.pairs for order in ((one, two), (two, one))]
        return [pair_question(self.task, item, first, second) for item, first, second in orders]

    def judged_answers(self, replies: Sequence[Reply[RubricMarks]]) -> tuple[list[JudgedAnswer], list[JudgedAnswer]]:
        """The judged answers and the repeated ones, from the replies to `mark_questions`."""
        asked = (*self.answers, *self.repeated)
        judged = [
            JudgedAnswer(
                example=item.id,
                output=output,
                marks=list(reply.value.marks) if reply.value else None,
                reason=reply.value.reason if reply.value else f"{reply.fault}: {reply.detail}",
            )
            for (item, output), reply in zip(asked, replies, strict=True)
        ]
        return judged[: len(self.answers)], judged[len(self.answers) :]

    def judged_pairs(self, replies: Sequence[Reply[str]]) -> list[JudgedPair]:
        """The compared pairs, from the replies to `pair_questions`."""
        forward: Mapping[str | None, Choice | None] = {"1": "one", "2": "other", "tie": "tie", None: None}
        backward: Mapping[str | None, Choice | None] = {"1": "other", "2": "one", "tie": "tie", None: None}
        return [
            JudgedPair(example=item.id, one=one, other=two, first=forward[there.value], second=backward[back.value])
            for (item, one, two), there, back in zip(self.pairs, replies[::2], replies[1::2], strict=True)
        ]


def _twice(output: str) -> str:
    return f"{output}\n\n{output}"


def mark_question(task: Task, item: ReportItem, output: str) -> Question[RubricMarks]:
    """The request for marks of one answer."""
    language = task.language_of(item.language)
    criteria = task.rubric_in(language)
    opening, closing = marks([item.input, item.reference, output])
    prompt = render_prompt(
        _PROMPTS,
        "rubric_marks",
        language,
        instruction=instruction_for(task, language),
        input=item.input,
        reference=item.reference,
        output=output,
        criteria=criteria,
        open=opening,
        close=closing,
    )
    names = [f"c{number}" for number in range(1, len(criteria) + 1)]
    properties: dict[str, Any] = {"reason": {"type": "string"}}
    properties |= {name: {"type": "integer", "minimum": LOWEST_MARK, "maximum": HIGHEST_MARK} for name in names}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

    def read(value: Any) -> RubricMarks:
        given = value if isinstance(value, dict) else {}
        found = []
        for name in names:
            said = given.get(name)
            said = int(said) if isinstance(said, str) and said.strip() in set("12345") else said
            if isinstance(said, bool) or not isinstance(said, int) or not LOWEST_MARK <= said <= HIGHEST_MARK:
                raise MisfitError(_FAULTS[language]["mark"].format(name=name))
            found.append(said)
        reason = given.get("reason")
        return RubricMarks(tuple(found), shorten(reason, _LONGEST_REASON) if isinstance(reason, str) else "")

    return Question([{"role": "user", "content": prompt}], schema, read, language)


def pair_question(task: Task, item: ReportItem, first: str, second: str) -> Question[str]:
    """The request for the better one of two answers: "1", "2" or "tie"."""
    language = task.language_of(item.language)
    opening, closing = marks([item.input, first, second])
    prompt = render_prompt(
        _PROMPTS,
        "better_answer",
        language,
        instruction=instruction_for(task, language),
        input=item.input,
        first=first,
        second=second,
        criteria=task.rubric_in(language),
        open=opening,
        close=closing,
    )

    def read(value: Any) -> str:
        said = str(value.get("better")).strip() if isinstance(value, dict) else ""
        if said not in ("1", "2", "tie"):
            raise MisfitError(_FAULTS[language]["better"])
        return said

    return Question([{"role": "user", "content": prompt}], _CHOICE_SCHEMA, read, language)
