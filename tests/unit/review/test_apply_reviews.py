"""Decisions carried out: what becomes of every candidate."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.review.rows import TEAM, candidate, candidates, edit, gated, said, verdict

from anytasktune.review import apply_reviews, edit_candidate, review_outcomes

KEPT = candidates(6)
DROPPED = [candidate(10), candidate(11, "nonsense"), candidate(12, "work"), KEPT[0]]
VERDICTS = [
    verdict(DROPPED[0], "length", passed=False),
    verdict(DROPPED[1], "schema", passed=False),
    verdict(DROPPED[2], "leak", passed=False),
    verdict(KEPT[0], "exact_duplicate", passed=False),
]
ROWS = gated(KEPT, DROPPED, VERDICTS)


def test_without_reviews_everything_that_was_kept_stays() -> None:
    result = apply_reviews(TEAM, ROWS, [])
    assert result.rows == KEPT
    assert result.fates == {"unseen": 6}


def test_every_decision_is_carried_out_and_the_counts_balance() -> None:
    reviews = [
        said("anna", "accept", KEPT[0]),
        said("anna", "reject", KEPT[1]),
        edit("anna", KEPT[2], "housing"),
        said("anna", "accept", KEPT[3]),
        said("ben", "reject", KEPT[3]),
        edit("anna", KEPT[4], "not a label"),
        said("anna", "accept", "gone"),
    ]
    result = apply_reviews(TEAM, ROWS, reviews)
    assert result.fates == {"accepted": 1, "rejected": 1, "edited": 1, "disputed": 1, "refused": 1, "unseen": 1}
    assert [row.input for row in result.rows] == [KEPT[number].input for number in (0, 2, 5)]
    assert result.disputed == [KEPT[3]]
    assert result.refused[0].candidate == KEPT[4]
    assert "not one of the task's 3 labels" in result.refused[0].problems[0].what
    assert result.unknown == 1


def test_an_edited_row_keeps_its_origin_and_has_another_id() -> None:
    (row,) = apply_reviews(TEAM, gated([KEPT[0]]), [edit("anna", KEPT[0], "work")]).rows
    assert (row.output, row.origin, row.source) == ("work", KEPT[0].origin, KEPT[0].source)
    assert row.id != KEPT[0].id


def test_an_accepted_dropped_candidate_comes_back_behind_the_kept_ones() -> None:
    result = apply_reviews(TEAM, ROWS, [said("anna", "accept", DROPPED[0])])
    assert result.rows == [*KEPT, DROPPED[0]]
    assert (result.returned, result.fates) == (1, {"unseen": 6})


def test_what_gives_away_a_test_row_never_comes_back_not_even_edited() -> None:
    for line in (said("anna", "accept", DROPPED[2]), edit("anna", DROPPED[2], "housing")):
        result = apply_reviews(TEAM, ROWS, [line])
        assert (result.rows, result.returned) == (KEPT, 0)
        assert "test row" in result.refused[0].problems[0].what


def test_a_dropped_candidate_that_breaks_the_rules_comes_back_only_when_it_is_mended() -> None:
    assert apply_reviews(TEAM, ROWS, [said("anna", "accept", DROPPED[1])]).returned == 0
    assert apply_reviews(TEAM, ROWS, [edit("anna", DROPPED[1], "work")]).rows[-1].output == "work"


def test_no_row_comes_in_twice() -> None:
    one, two, three = (candidate(number, text=f"matter {number}") for number in range(3))
    same = said("anna", "edit", one, input=two.input, output=two.output)
    also = said("anna", "edit", three, input="new words", output="work")
    back = candidate(text="new words", output="work")
    result = apply_reviews(TEAM, gated([one, two, three], [back]), [same, also, said("anna", "accept", back)])
    assert [row.input for row in result.rows] == ["matter 1", "new words"]
    assert result.fates == {"unseen": 1, "repeated": 1, "edited": 1}
    assert result.returned == 0


def test_an_edit_without_an_input_is_refused_with_the_reason() -> None:
    line = said("anna", "edit", KEPT[0], input=" ", output="work")
    assert "input is empty" in apply_reviews(TEAM, gated(KEPT), [line]).refused[0].problems[0].what
    with pytest.raises(ValueError, match="input is empty"):
        edit_candidate(KEPT[0], "", "work")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["anna", "ben", "cem"]),
            st.sampled_from(["accept", "reject", "edit", "skip", "undo"]),
            st.integers(min_value=0, max_value=len(KEPT) + len(DROPPED) - 1),
            st.sampled_from(["housing", "work", "nonsense"]),
        ),
        max_size=30,
    )
)
def test_every_kept_candidate_has_one_fate_whatever_was_said(moves: list[tuple[str, Any, int, str]]) -> None:
    everything = [*KEPT, *DROPPED]
    lines = [
        edit(who, everything[place], output) if what == "edit" else said(who, what, everything[place])
        for who, what, place, output in moves
    ]
    result = apply_reviews(TEAM, ROWS, lines)
    inside = sum(result.fates.get(fate, 0) for fate in ("unseen", "accepted", "edited"))
    assert sum(result.fates.values()) == len(KEPT)
    assert len(result.rows) == inside + result.returned
    assert len({row.id for row in result.rows}) == len(result.rows)
    refused = {refusal.candidate.id for refusal in result.refused}
    disputed = {key for key, outcome in review_outcomes(lines).items() if outcome.status == "disputed"}
    assert {each.id for each in result.disputed} == disputed
    assert not refused & disputed
