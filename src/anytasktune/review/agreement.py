"""Agreement of reviewers with each other and with the judge beyond chance."""

from collections.abc import Iterable
from itertools import combinations

from anytasktune.review.gated_rows import GatedRows
from anytasktune.review.review_log import group_by_reviewer, standing_decisions
from anytasktune.schema import JUDGE, Agreement, Review
from anytasktune.scorers.statistics import cohen_kappa, fleiss_kappa


def measure_agreement(gated: GatedRows, reviews: Iterable[Review]) -> list[Agreement]:
    """Agreement of every two people, of all of them where there are more, and of each with the judge.

    Among people the categories are accept, edit and reject. With the judge they are right and not right as it was made: the
    judge passed it or not, the person accepted it, or edited or rejected it. Decisions on candidates that are not in this set
    count among people too. Only a person's first standing decision counts: a later one may have been made in view of those of
    the others.
    """
    first: dict[str, dict[str, str]] = {}
    for reviewer, lines in group_by_reviewer(reviews).items():
        if standing := standing_decisions(lines, first=True):
            first[reviewer] = {key: review.decision for key, review in standing.items()}
    found = []
    for one, two in combinations(first, 2):
        common = [key for key in first[one] if key in first[two]]
        found.append(cohen_kappa([first[one][key] for key in common], [first[two][key] for key in common], (one, two)))
    if len(first) > 2:
        keys = dict.fromkeys(key for decisions in first.values() for key in decisions)
        ratings = [[decisions[key] for decisions in first.values() if key in decisions] for key in keys]
        found.append(fleiss_kappa(ratings, tuple(first)))
    judged = {verdict.candidate: verdict.passed for verdict in gated.verdicts if verdict.score is not None}
    for reviewer, decisions in first.items() if judged else ():
        common = [key for key in decisions if key in judged]
        accepted, passed = [decisions[key] == "accept" for key in common], [judged[key] for key in common]
        found.append(cohen_kappa(accepted, passed, (reviewer, JUDGE)))
    return found
