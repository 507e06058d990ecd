"""Reviewers are compared in pairs, all together, and each with the judge."""

import pytest
from tests.unit.review.rows import candidates, edit, gated, said, verdict

from anytasktune.review import measure_agreement


def test_people_are_compared_in_pairs_all_together_and_each_with_the_judge() -> None:
    rows = candidates(8)
    marks = [verdict(each, score=0.9 if number < 6 else 0.2, passed=number < 6) for number, each in enumerate(rows)]
    reviews = [said("anna", "accept" if number < 6 else "reject", each) for number, each in enumerate(rows)]
    reviews += [said("ben", "accept", each) for each in rows[:4]]
    reviews += [edit("cem", each, "work") if number % 2 else said("cem", "accept", each) for number, each in enumerate(rows)]
    found = {kappa.raters: kappa for kappa in measure_agreement(gated(rows[:6], rows[6:], marks), reviews)}
    assert list(found) == [
        ("anna", "ben"),
        ("anna", "cem"),
        ("ben", "cem"),
        ("anna", "ben", "cem"),
        ("anna", "judge"),
        ("ben", "judge"),
        ("cem", "judge"),
    ]
    assert [kappa.items for kappa in found.values()] == [4, 8, 4, 8, 8, 4, 8]
    assert found["anna", "judge"].kappa == pytest.approx(1)
    assert found["ben", "judge"].remark == "one_answer"
    assert found["cem", "judge"].observed == 0.5, "what was edited was not right as it was made"


def test_nobody_to_compare_with_is_no_kappa() -> None:
    rows = candidates(3)
    assert measure_agreement(gated(rows), [said("anna", "accept", rows[0]), said("ben", "skip", rows[0])]) == []
