"""Agreement of reviewers with each other and with the judge, beyond what chance alone would give."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from anytasktune.review.gated import GatedRows
from anytasktune.review.review_log import by_reviewer, first_decisions
from anytasktune.schema import Review
from anytasktune.scorers.statistics import Kappa, cohen_kappa, fleiss_kappa

JUDGE = "judge"


def agreement(gated: GatedRows, reviews: Iterable[Review]) -> list[Kappa]:
    """Agreement of every two people, of all of them where there are more, and of each with the judge.

    Among people the categories are accept, edit and reject. With the judge they are right and not right as it was made: the
    judge passed it or not, the person accepted it, or edited or rejected it. Decisions on candidates that are not in this set
    count among people too. What counts is a person's first decision that holds: a later one may have been made in view of what
    the others said.
    """
    standing = {
        reviewer: {key: review.decision for key, review in first_decisions(lines).items()}
        for reviewer, lines in by_reviewer(reviews).items()
    }
    standing = {reviewer: said for reviewer, said in standing.items() if said}
    found = [_between(standing, pair) for pair in combinations(standing, 2)]
    if len(standing) > 2:
        keys = dict.fromkeys(key for said in standing.values() for key in said)
        ratings = [[said[key] for said in standing.values() if key in said] for key in keys]
        found.append(fleiss_kappa(ratings, tuple(standing)))
    judged = _judged(gated)
    return found + [_with_judge(judged, reviewer, said) for reviewer, said in standing.items() if judged]


def _between(standing: Mapping[str, Mapping[str, str]], pair: tuple[str, str]) -> Kappa:
    first, second = (standing[reviewer] for reviewer in pair)
    common = [key for key in first if key in second]
    return cohen_kappa([first[key] for key in common], [second[key] for key in common], pair)


def _with_judge(judged: Mapping[str, bool], reviewer: str, said: Mapping[str, str]) -> Kappa:
    common = [key for key in said if key in judged]
    return cohen_kappa([said[key] == "accept" for key in common], [judged[key] for key in common], (reviewer, JUDGE))


def _judged(gated: GatedRows) -> dict[str, bool]:
    """Whether the judge, whose verdicts are those with a score, passed a candidate."""
    return {verdict.candidate: verdict.passed for verdict in gated.verdicts if verdict.score is not None}
