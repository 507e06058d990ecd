"""Decisions posted by windows: once each, in order, with undo of the window's own, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pipeline.test_reviewing import DROPPED, KEPT, save_candidates
from tests.unit.review.rows import TEAM, candidates

from anytasktune.errors import DataError
from anytasktune.pipeline.posted_reviews import CandidateShelf, DecisionResult, PostedDecision, PostedDecisions, write_posted
from anytasktune.pipeline.reviewing import ReviewSession, read_reviews
from anytasktune.review import remove_undone
from anytasktune.schema import Candidate, Review
from anytasktune.store import Project

FIRST, SECOND = "aaaaaaaa-1", "bbbbbbbb-2"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return save_candidates(tmp_path / "law")


def post(
    project: Project, *decisions: PostedDecision, window: str = FIRST, shelf: CandidateShelf | None = None
) -> list[DecisionResult]:
    posted = PostedDecisions(window=window, reviewer="anna", decisions=list(decisions))
    return write_posted(shelf or CandidateShelf(), project, TEAM, posted)


def said(number: int, decision: str, of: Candidate | None = None, **more: str) -> PostedDecision:
    return PostedDecision.model_validate({"number": number, "decision": decision, "candidate": of.id if of else "", **more})


def standing(project: Project) -> list[tuple[str, str]]:
    return [(line.decision, line.candidate) for line in remove_undone(read_reviews(project, TEAM))]


def test_what_is_posted_again_is_written_once_and_acknowledged_again(project: Project) -> None:
    first = post(project, said(1, "accept", KEPT[0]), said(2, "reject", KEPT[1], note="too vague"))
    again = post(project, said(1, "accept", KEPT[0]), said(2, "reject", KEPT[1]), said(3, "skip", KEPT[2]))
    assert [one.status for one in first] == ["written", "written"]
    assert [one.status for one in again] == ["known", "known", "written"]
    assert [(line.decision, line.note, line.posted) for line in read_reviews(project, TEAM)] == [
        ("accept", "", f"{FIRST}:1"),
        ("reject", "too vague", f"{FIRST}:2"),
        ("skip", "", f"{FIRST}:3"),
    ]


def test_an_undo_posted_again_takes_back_one_decision_only(project: Project) -> None:
    post(project, said(1, "accept", KEPT[0]), said(2, "accept", KEPT[1]))
    for _ in range(3):
        post(project, said(3, "undo", KEPT[1]))
    assert standing(project) == [("accept", KEPT[0].id)]


def test_each_of_two_windows_undoes_its_own_decision(project: Project) -> None:
    post(project, said(1, "accept", KEPT[0]))
    post(project, said(1, "reject", KEPT[1]), window=SECOND)
    (result,) = post(project, said(2, "undo", KEPT[0]))
    assert (result.status, result.candidate) == ("written", KEPT[0].id)
    assert standing(project) == [("reject", KEPT[1].id)]


def test_an_undo_without_a_candidate_takes_back_the_last_one_of_any_window_or_terminal(project: Project) -> None:
    ReviewSession.open(project, TEAM, "anna").accept(KEPT[3])
    (result,) = post(project, said(1, "undo"))
    assert (result.status, result.candidate) == ("written", KEPT[3].id)
    (result,) = post(project, said(2, "undo"))
    assert result.status == "nothing_to_undo"


def test_an_edit_keeps_the_text_that_was_not_touched(project: Project) -> None:
    post(project, said(1, "edit", KEPT[0], output="work", note="about wages"))
    (line,) = read_reviews(project, TEAM)
    assert (line.input, line.output, line.note) == (KEPT[0].input, "work", "about wages")


def test_a_refused_decision_says_why_and_those_after_it_are_written(project: Project) -> None:
    results = post(
        project,
        said(1, "edit", KEPT[0], output="houses"),
        said(2, "accept", DROPPED[2]),
        said(3, "accept", candidates(90)[-1]),
        said(4, "accept", KEPT[1]),
    )
    assert [one.status for one in results] == ["refused", "refused", "refused", "written"]
    assert "not one of the task's 3 labels" in results[0].problems[0].what
    assert "test row" in results[1].problems[0].what
    assert "no candidate" in results[2].problems[0].what
    assert standing(project) == [("accept", KEPT[1].id)]


def test_equal_requests_at_the_same_time_write_each_decision_once(project: Project) -> None:
    decisions = [said(number, "accept", row) for number, row in enumerate(KEPT, 1)]
    shelf = CandidateShelf()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: post(project, *decisions, shelf=shelf), range(8)))
    assert standing(project) == [("accept", row.id) for row in KEPT]


def test_candidates_made_anew_take_the_place_of_those_on_the_shelf(project: Project) -> None:
    shelf = CandidateShelf()
    assert len(shelf.take(project, TEAM).gated.kept) == len(KEPT)
    assert shelf.take(project, TEAM) is shelf.take(project, TEAM)
    save_candidates(project.root, kept=candidates(9), identity="ffffffffffff")
    assert len(shelf.take(project, TEAM).gated.kept) == 9


def test_a_line_that_is_no_review_is_named_and_nothing_is_written(project: Project) -> None:
    path = project.reviews("team") / "anna.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a line of a review"):
        post(project, said(1, "accept", KEPT[0]))
    assert path.read_text(encoding="utf-8") == "nonsense\n"


@given(st.lists(st.sampled_from(["a", "b", "undo a", "undo b", "undo"]), max_size=12))
def test_undoing_by_name_leaves_the_lines_on_other_candidates(keys: list[str]) -> None:
    lines = [
        Review(reviewer="anna", decision="undo", candidate=key[5:])
        if key.startswith("undo")
        else Review(reviewer="anna", decision="accept", candidate=key)
        for key in keys
    ]
    expected: list[str] = []
    for line in lines:
        if line.decision != "undo":
            expected.append(line.candidate)
        elif not line.candidate:
            expected = expected[:-1]
        elif line.candidate in expected:
            place = len(expected) - 1 - expected[::-1].index(line.candidate)
            expected = expected[:place] + expected[place + 1 :]
    assert [line.candidate for line in remove_undone(lines)] == expected
