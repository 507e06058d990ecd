"""What a teacher is expected to cost, told before it is asked."""

from collections.abc import Iterator
from itertools import chain

from anytasktune.gates.llm_judge import judge_question
from anytasktune.llm.expected_cost import Expected, expected_cost
from anytasktune.llm.prices import Tokens, likely_tokens
from anytasktune.pipeline.build_context import BuildContext, Sources
from anytasktune.schema import Candidate, Origin, Task
from anytasktune.settings import TeacherConfig
from anytasktune.synthesis.cost_forecast import expected_feasibility, expected_questions
from anytasktune.synthesis.feasibility import tried_rows

_JUDGED_FOR_LENGTH = 8
_JUDGEMENT = 90
"""Tokens of a judgement: a reason in a line, and marks."""


def expected(making: BuildContext, task: Task) -> Expected:
    """What trying the teacher, making rows and judging them would take, were nothing known yet; nothing is sent."""
    sources, config = making.sources(task), making.settings.synthesis
    tried = tried_rows(task, [*sources.shown_train, *sources.shown_dev], config) if config.feasibility_rows else []
    made = expected_questions(task, making.languages(task), sources.shown_train, sources.passages, config)
    known = expected_feasibility(task, sources.shown_train, tried, config)
    return expected_cost(chain(known, made, _judging(making, sources)), making.settings.teacher)


def _judging(making: BuildContext, sources: Sources) -> Iterator[Tokens]:
    """The judge's share, as long as judging rows of the task's own would be; nothing where there are none."""
    rows = sources.train[:_JUDGED_FOR_LENGTH]
    if not rows or making.settings.gates.judge_threshold == 0:
        return
    task = sources.task
    shown = [
        Candidate(input=row.input, output=row.output, language=task.language_of(row.language), origin=Origin(kind="example"))
        for row in rows
    ]
    lengths = [
        sum(likely_tokens(message["content"]) for message in judge_question(task, candidate).messages) for candidate in shown
    ]
    for place in range(making.settings.synthesis.rows * len(making.languages(task))):
        yield Tokens(lengths[place % len(lengths)], _JUDGEMENT)


def expected_in_words(found: Expected, config: TeacherConfig) -> str:
    """`240 requests, about 180,000 + 60,000 tokens, 0.12 USD (at most 0.31); cap 1.00 USD`."""
    facts = [f"{found.requests:,} requests, about {_round(found.likely.prompt)} + {_round(found.likely.answer)} tokens"]
    if found.likely_cost is not None and found.most_cost is not None:
        facts.append(f"{found.likely_cost:.2f} {found.currency} (at most {found.most_cost:.2f})")
    else:
        facts.append(f"at most {_round(found.most.prompt + found.most.answer)}")
    caps = [f"{config.max_cost:g} {config.currency}"] if config.max_cost is not None else []
    caps += [f"{config.max_tokens:,} tokens"] if config.max_tokens is not None else []
    return ", ".join(facts) + f"; cap {' and '.join(caps) or 'none'}"


def _round(number: int) -> str:
    """Two digits are more than an estimate deserves."""
    size = max(0, len(str(number)) - 2)
    return f"{round(number, -size):,}"
