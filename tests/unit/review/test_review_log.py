"""What reviewers' lines come to: undo, several reviewers, damaged files."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.review.rows import candidate, edit, said

from anytasktune.errors import DataError
from anytasktune.review import parse_reviews, remove_undone, review_outcomes, skipped_candidates, standing_decisions
from anytasktune.schema import Review, ReviewOutcome

ONE, TWO = candidate(1), candidate(2)
LINES = st.builds(
    lambda decision, key, output: Review(
        reviewer="anna",
        decision=decision,
        candidate="" if decision == "undo" else key,
        input="in" if decision == "edit" else "",
        output=output if decision == "edit" else "",
    ),
    st.sampled_from(["accept", "edit", "reject", "skip", "undo"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["x", "y"]),
)


def outcome_of(*lines: Review) -> ReviewOutcome:
    return review_outcomes(lines)[ONE.id]


def as_file(lines: Sequence[Review]) -> bytes:
    return "".join(line.model_dump_json() + "\n" for line in lines).encode()


@given(st.lists(LINES.filter(lambda line: line.decision != "undo"), max_size=20))
def test_as_many_undos_as_decisions_leave_nothing(lines: list[Review]) -> None:
    undone = [*lines, *[said("anna", "undo")] * len(lines)]
    assert (remove_undone(undone), standing_decisions(undone), review_outcomes(undone)) == ([], {}, {})


@given(st.lists(LINES, max_size=20), LINES.filter(lambda line: line.decision != "undo"))
def test_an_undo_takes_back_exactly_the_line_before_it(lines: list[Review], line: Review) -> None:
    assert remove_undone([*lines, line, said("anna", "undo")]) == remove_undone(lines)


@given(st.lists(LINES, max_size=10), st.lists(LINES, max_size=10), st.lists(LINES, max_size=10), st.randoms())
def test_how_the_lines_of_reviewers_are_interleaved_does_not_matter(
    one: list[Review], two: list[Review], three: list[Review], random: object
) -> None:
    files = {name: [line.model_copy(update={"reviewer": name}) for line in lines]
             for name, lines in (("anna", one), ("ben", two), ("cem", three))}  # fmt: skip
    names = [name for name, lines in files.items() for _ in lines]
    random.shuffle(names)  # type: ignore[attr-defined]
    streams = {name: iter(lines) for name, lines in files.items()}
    assert review_outcomes(next(streams[name]) for name in names) == review_outcomes(
        [line for lines in files.values() for line in lines]
    )


@given(
    st.permutations(
        [said("anna", "accept", ONE), edit("ben", ONE, "work"), edit("cem", ONE, "work"), said("dan", "reject", ONE)]
    )
)
def test_nobody_counts_more_for_coming_first(lines: list[Review]) -> None:
    together = outcome_of(*lines)
    assert together.status == "edited"
    assert together.edit is not None
    assert together.edit.output == "work"
    assert list(together.votes) == ["anna", "ben", "cem", "dan"]


def test_the_last_decision_of_a_reviewer_holds_and_an_undo_brings_the_one_before_back() -> None:
    changed = [said("anna", "reject", ONE), said("anna", "accept", ONE)]
    assert outcome_of(*changed).status == "accepted"
    assert outcome_of(*changed, said("anna", "undo")).status == "rejected"


def test_to_skip_is_no_decision_and_takes_none_back() -> None:
    lines = [said("anna", "accept", ONE), said("anna", "skip", ONE), said("anna", "skip", TWO)]
    assert list(standing_decisions(lines)) == [ONE.id]
    assert skipped_candidates(lines) == {TWO.id}


def test_an_undo_without_anything_to_take_back_changes_nothing() -> None:
    assert outcome_of(said("anna", "undo"), said("anna", "accept", ONE)).status == "accepted"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([said("anna", "accept", ONE), said("ben", "accept", ONE)], "accepted"),
        ([said("anna", "accept", ONE), said("ben", "reject", ONE)], "disputed"),
        ([said("anna", "accept", ONE), said("ben", "reject", ONE), said("cem", "reject", ONE)], "rejected"),
        ([said("anna", "accept", ONE), said("ben", "reject", ONE), said("cem", "accept", ONE)], "accepted"),
        ([said("anna", "accept", ONE), edit("ben", ONE, "work")], "edited"),
        ([said("anna", "accept", ONE), edit("ben", ONE, "work"), said("cem", "accept", ONE)], "accepted"),
        ([edit("anna", ONE, "work"), edit("ben", ONE, "work")], "edited"),
        ([edit("anna", ONE, "work"), edit("ben", ONE, "family")], "disputed"),
        ([edit("anna", ONE, "work"), edit("ben", ONE, "family"), edit("cem", ONE, "family")], "edited"),
        ([edit("anna", ONE, "work"), said("ben", "reject", ONE)], "disputed"),
        ([said("anna", "reject", ONE)], "rejected"),
    ],
)
def test_what_several_reviewers_say_comes_to(lines: list[Review], status: str) -> None:
    assert outcome_of(*lines).status == status


def test_a_dispute_shows_every_version() -> None:
    together = outcome_of(edit("ben", ONE, "family"), edit("anna", ONE, "work"), edit("cem", ONE, "housing"))
    assert [output for _, output in together.versions] == ["work", "family", "housing"]


@given(st.lists(LINES, max_size=10), st.integers(min_value=1, max_value=40))
def test_a_line_cut_off_by_a_crash_costs_only_that_line(lines: list[Review], cut: int) -> None:
    last = said("anna", "accept", ONE).model_dump_json().encode()
    assert parse_reviews(as_file(lines) + last[:cut], "anna", "f") == lines


def test_a_whole_last_line_without_an_end_counts_as_editors_may_leave_it_so() -> None:
    line = said("anna", "accept", ONE)
    windows = as_file([line, line]).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert parse_reviews(b"\xef\xbb\xbf" + windows, "anna", "f") == [line, line]


def test_every_line_that_is_none_is_named_with_what_to_do() -> None:
    good, other = said("anna", "accept", ONE), said("ben", "accept", ONE)
    content = as_file([good]) + b"<<<<<<< HEAD\n" + b"\n" + b'{"reviewer": "anna", "decision": "maybe"}\n' + as_file([other])
    with pytest.raises(DataError) as caught:
        parse_reviews(content, "anna", "reviews/team/anna.jsonl")
    problems = caught.value.problems
    assert [problem.where.rpartition(":")[2] for problem in problems] == ["2", "4", "5"]
    assert "merge conflict" in problems[0].what
    assert "move it to ben.jsonl" in problems[2].fix
