"""Feasibility of a task for a teacher: it answers rows whose answers are known, before anything is made with it."""

from collections.abc import Sequence
from typing import Any, Literal

from anytasktune.ids import content_id
from anytasktune.inference.few_shot import VariedShots
from anytasktune.llm.asking import Asker
from anytasktune.records import Language
from anytasktune.schema import Example, Feasibility, Interval, Task
from anytasktune.scorers import item_statistics, item_value, share_of_best
from anytasktune.scorers.intervals import score_interval
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.answers import PROMPT, Unanswered, ask_answers
from anytasktune.synthesis.brief import Brief
from anytasktune.text.plain_text import shorten

SHOWN_WRONG = 8
_NEVER_ASKED = frozenset({"not_answered", "over_budget", "sealed", "not_masked"})
_FREE_TEXT = frozenset({"rouge_l", "token_f1"})

_Given = tuple[Example, str]
"""A row and the teacher's answer."""


def measure_feasibility(
    asker: Asker, task: Task, rows: Sequence[Example], config: SynthesisConfig, train: Sequence[Example] | None = None
) -> Feasibility:
    """Try a teacher on `config.feasibility_rows` of the rows, as many of each answer as can be.

    It is asked exactly as it will be for the answers to new inputs, once per row. It is shown examples, but never the row it is
    tried on, another one of the same source, or one that is nearly the same. A row that was not answered at all (no answer from
    the server, no money left) does not count; an answer that cannot be used is a wrong one.

    Args:
        rows: train and dev rows.
        train: rows that may be shown; None: all of `rows`.

    Raises:
        EndpointError: the teacher cannot be asked at all.
    """
    shown = rows if train is None else train
    tried = tried_rows(task, rows, config)
    once = config.model_copy(update={"samples": 1})
    briefs = {language: Brief.of(task, language, shown, once) for language in task.languages}
    answers = ask_answers(asker, briefs, [Unanswered(row.input, task.language_of(row.language), row) for row in tried])
    given = [
        (row, answer.output or "")
        for row, answer in zip(tried, answers, strict=True)
        if answer.refusal is None or answer.refusal.reason not in _NEVER_ASKED
    ]
    settings = config.model_dump(include={"feasibility_rows", "feasibility_threshold", "shots", "seed"})
    prompts = [briefs[language].prompt_ids(PROMPT) for language in task.languages]
    known = [[row.id for row in part] for part in (rows, shown)]
    name = content_id([task.model_dump(mode="json"), asker.model, settings, prompts, known])
    judged = _judged(task, given, config)
    return Feasibility(id=name, task=task.name, teacher=asker.model, unanswered=len(tried) - len(given), **judged)


def tried_rows(task: Task, rows: Sequence[Example], config: SynthesisConfig) -> list[Example]:
    """The rows a teacher is tried on: by turns of each language, each with answers that differ as long as they can."""
    by_language: dict[Language, list[Example]] = {language: [] for language in task.languages}
    for row in rows:
        by_language[task.language_of(row.language)].append(row)
    drawn = [
        list(VariedShots.of(mine, config.seed).draw(config.seed, "feasibility", language))
        for language, mine in by_language.items()
        if mine
    ]
    turns = sorted(((turn, place) for place, mine in enumerate(drawn) for turn in range(len(mine))))
    return [drawn[place][turn] for turn, place in turns[: config.feasibility_rows]]


def _judged(task: Task, given: Sequence[_Given], config: SynthesisConfig) -> dict[str, Any]:
    """The fields of a `Feasibility` that follow from the answers."""
    score = _score(task, given, config.seed)
    fixed = _best_fixed(task, [row for row, _ in given])
    by_language = {
        language: _score(task, mine, config.seed).value
        for language in task.languages
        if (mine := [(row, said) for row, said in given if task.language_of(row.language) == language])
    }
    threshold = config.feasibility_threshold
    decision: Literal["go", "unsure", "stop"] = "go" if score.value >= max(threshold, fixed) else "unsure"
    # two good texts in free words overlap little: overlap alone never stops a task of free text
    if score.high < fixed or (task.scored_by not in _FREE_TEXT and score.high < threshold):
        decision = "stop"
    values = [share_of_best(task, item_value(task, row.output, said)) for row, said in given]
    wrong = sorted((value, place) for place, value in enumerate(values) if value < 1)[:SHOWN_WRONG]
    return {
        "metric": task.scored_by,
        "rows": len(given),
        "score": score.value,
        "low": score.low,
        "high": score.high,
        "constant_baseline": fixed,
        "by_language": by_language,
        "threshold": threshold,
        "decision": decision,
        "wrong": [
            f"{shorten(row.input, 160)} → {shorten(row.output, 100)} ✗ {shorten(said, 100) or '—'}"
            for row, said in (given[place] for _, place in wrong)
        ],
    }


def _score(task: Task, given: Sequence[_Given], seed: int) -> Interval:
    """The task's metric, turned so that 1 is best, with its interval."""
    if not given:
        return Interval(value=0.0, low=0.0, high=1.0)
    statistics = item_statistics(task, [row.output for row, _ in given], [said for _, said in given])
    spread = score_interval(statistics, seed=seed)
    ends = sorted((share_of_best(task, spread.low), share_of_best(task, spread.high)))
    return Interval(value=share_of_best(task, spread.value), low=ends[0], high=ends[1])


def _best_fixed(task: Task, rows: Sequence[Example]) -> float:
    """The score of giving one and the same answer to every row of a language: the commonest, or the median of numbers."""
    by_language = {key: [row.output.strip() for row in some] for key, some in task.by_language(rows).items()}
    fixed = {key: task.output.constant_answer(outputs) or outputs[0] for key, outputs in by_language.items()}
    if not rows:
        return 0.0
    said = [fixed[task.language_of(row.language)] for row in rows]
    return share_of_best(task, item_statistics(task, [row.output for row in rows], said).value())
