"""Judge-scored results of a report, corrected by human marks where there are enough, and the audit of the judge."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from anytasktune.schema import ReportItem
from anytasktune.schema.judgement import (
    ENOUGH_HUMAN_MARKS,
    ENOUGH_OF_A_SYSTEM,
    JudgeAgreement,
    JudgeAudit,
    JudgedAnswer,
    JudgedScore,
    JudgedScores,
    Judgement,
    mean_mark,
)
from anytasktune.scorers.prediction_powered import corrected_mean, shifted_mean, uncorrected_mean
from anytasktune.scorers.statistics import rank_correlation
from anytasktune.settings import System

_FEWEST_JUDGED = 2
_DRAWS = 1000
_FAMILY = re.compile(r"[a-z]{2,}")
Key = tuple[str, str]
"""Id of the example and the answer."""


def judged_scores(items: Sequence[ReportItem], judgement: Judgement, base_models: Mapping[System, str]) -> JudgedScores:
    """Scores of the systems of a report by a judge's marks, and the audit of the judge.

    Args:
        items: the rows of the report with the answers of all systems.
        base_models: system → name of the model behind it; systems without one are left out.
    """
    marks = {(one.example, one.output): mean_mark(one.marks) for one in judgement.answers if one.marks}
    human = human_marks(judgement)
    seen = {key: human[key] for key in human if key in marks}
    errors = [mark - marks[key] for key, mark in seen.items()]
    systems = list(dict.fromkeys(system for item in items for system in item.answers))
    scores = [_score(system, items, marks, seen, errors) for system in systems]
    return JudgedScores(
        judgement=judgement.id,
        judge=judgement.judge,
        criteria=judgement.rubric,
        human_marks=len(seen),
        systems=[score for score in scores if score],
        audit=audit_judge(judgement, marks, seen, base_models),
    )


def human_marks(judgement: Judgement) -> dict[Key, float]:
    """The mean mark of people for each answer; of one person the last mark counts."""
    last = {(one.reviewer, one.example, one.output): mean_mark(one.marks) for one in judgement.human}
    found: dict[Key, list[float]] = defaultdict(list)
    for (_, example, output), mark in last.items():
        found[example, output].append(mark)
    return {key: fmean(given) for key, given in found.items()}


def _score(
    system: System, items: Sequence[ReportItem], marks: Mapping[Key, float], human: Mapping[Key, float], errors: Sequence[float]
) -> JudgedScore | None:
    """The judge-scored mean of one system; None where fewer than two of its answers are judged."""
    answers = [(item.id, item.answers[system]) for item in items if system in item.answers]
    keys = [(example, answer.output.strip()) for example, answer in answers if answer.error is None]
    judged = [key for key in keys if key in marks or not key[1]]
    if len(judged) < _FEWEST_JUDGED:
        return None
    own = {place: human[key] for place, key in enumerate(judged) if key in human}
    given = [marks.get(key, 0.0) for key in judged]  # nobody has to be asked about an empty answer
    if len(errors) < ENOUGH_HUMAN_MARKS:
        score, correction = uncorrected_mean(given), "none"
    elif len(own) < ENOUGH_OF_A_SYSTEM:
        score, correction = shifted_mean(given, errors), "pooled"
    else:
        score, correction = corrected_mean(given, own), "own"
    return JudgedScore.model_validate(
        {
            "system": system,
            "score": score,
            "own_mean": fmean(given),
            "judged": len(judged),
            "unjudged": len(answers) - len(judged),
            "human_marks": len(own),
            "correction": correction,
        }
    )


def audit_judge(
    judgement: Judgement, marks: Mapping[Key, float], human: Mapping[Key, float], base_models: Mapping[System, str]
) -> JudgeAudit:
    """Signs that the judge favours a place, length or its own family, and its agreement with people."""
    both = [pair for pair in judgement.pairs if pair.first and pair.second]
    first = sum(pair.first == "one" and pair.second == "other" for pair in both)
    second = sum(pair.first == "other" and pair.second == "one" for pair in both)
    changes = [_rise(one, marks) for one in judgement.repeated]
    raised, lowered = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    family = _family(judgement.judge)
    return JudgeAudit(
        pairs=len(both),
        flipped=sum(pair.first != pair.second for pair in both),
        first_favoured=first,
        position_p=_sign_test(first, second),
        repeated=sum(1 for one in judgement.repeated if one.marks and (one.example, one.output) in marks),
        raised=raised,
        lowered=lowered,
        length_p=_sign_test(raised, lowered),
        same_family=[system for system, model in base_models.items() if family and _family(model) == family],
        agreement=_agreement(marks, human) if len(human) >= ENOUGH_HUMAN_MARKS else None,
    )


def _rise(repeated: JudgedAnswer, marks: Mapping[Key, float]) -> float:
    """Rise of the mark of an answer that is written twice; 0 where one of both is not judged."""
    once = marks.get((repeated.example, repeated.output))
    return 0.0 if once is None or not repeated.marks else mean_mark(repeated.marks) - once


def _family(model: str) -> str:
    """The first word of a model's name without its owner: `Qwen/Qwen3-0.6B` → `qwen`."""
    found = _FAMILY.match(re.split(r"[/:\\]", model.lower())[-1])
    return found.group() if found else ""


def _sign_test(one: int, other: int) -> float:
    """Two-sided p value of so uneven a division by chance."""
    from scipy.special import bdtr  # noqa: PLC0415

    return min(1.0, 2 * float(bdtr(min(one, other), one + other, 0.5))) if one + other else 1.0


def _agreement(marks: Mapping[Key, float], human: Mapping[Key, float]) -> JudgeAgreement:
    keys = list(human)
    judge, people = np.array([marks[key] for key in keys]), np.array([human[key] for key in keys])
    random, drawn = np.random.default_rng(0), []
    for _ in range(_DRAWS):
        rows = random.integers(0, len(keys), len(keys))
        if (found := rank_correlation(judge[rows].tolist(), people[rows].tolist())) is not None:
            drawn.append(found)
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975])) if drawn else (None, None)
    return JudgeAgreement(
        answers=len(keys),
        correlation=rank_correlation(judge.tolist(), people.tolist()),
        low=low,
        high=high,
        lenience=float((judge - people).mean()),
        length_correlation=rank_correlation((judge - people).tolist(), [float(len(output)) for _, output in keys]),
    )
