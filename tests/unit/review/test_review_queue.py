"""The queue of a reviewer: its order, its reasons, and what is not in it."""

import time
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.review.rows import REPLY, TEAM, candidate, candidates, edit, gated, said, verdict

from anytasktune.review import GatedRows, review_queue
from anytasktune.schema import Candidate, Review, ReviewItem, Task


def queue(
    rows: GatedRows | list[Candidate], reviews: list[Review] | None = None, task: Task = TEAM, who: str = "anna", **more: Any
) -> list[ReviewItem]:
    found = rows if isinstance(rows, GatedRows) else gated(rows)
    return review_queue(task, found, reviews or [], who, **({"double_share": 0} | more))


def inputs(items: list[ReviewItem]) -> list[str]:
    return [item.candidate.input for item in items]


def numbers(items: list[ReviewItem], rows: list[Candidate]) -> list[int]:
    return [rows.index(item.candidate) for item in items]


def test_what_the_judge_was_unsure_of_comes_first_and_says_so() -> None:
    rows = candidates(6)
    said_of = [verdict(rows[0], score=1.0, border=0.0), verdict(rows[4], score=0.62, border=0.95)]
    first, *_, last = queue(gated(rows, [], said_of))
    assert (first.candidate, first.reasons[0]) == (rows[4], "border")
    assert first.verdicts == (said_of[1],)
    assert last.reasons == () or last.candidate != rows[4]


def test_samples_that_disagree_and_answers_that_were_not_asked_for_come_before_plain_ones() -> None:
    rows = [
        candidate(0),
        candidate(1, agreement=0.6),
        candidate(2, "work", asked="housing"),
        candidate(3, agreement=1.0),
        candidate(4, "work", asked="work"),
    ]
    items = queue(rows)
    assert set(numbers(items[:2], rows)) == {1, 2}
    assert {item.candidate.output: item.reasons for item in items[:2]} == {
        "housing": ("samples_differ",),
        "work": ("other_answer",),
    }


def test_an_answer_of_several_labels_holds_the_one_that_was_asked_for() -> None:
    labels = Task.model_validate(
        {"name": "tags", "instruction": {"en": "x"}, "output": {"kind": "labels", "labels": ["a", "b", "c"], "separator": "; "}}
    )
    right, wrong = candidate(0, "a; b", asked="b"), candidate(1, "a; c", asked="b")
    assert [item.reasons for item in queue([right, wrong], task=labels)] == [("other_answer",), ()]


def test_what_is_unlike_everything_reviewed_comes_before_what_is_alike() -> None:
    reviewed = [candidate(text=f"The landlord keeps the deposit of flat {number}, says tenant.") for number in range(6)]
    alike = [candidate(text=f"The landlord keeps the deposit of flat {number}, says tenant.") for number in range(30, 36)]
    unlike = candidate(text="An inheritance among four siblings who live abroad")
    items = queue([*reviewed, *alike, unlike], [said("anna", "accept", each) for each in reviewed])
    assert items[0].candidate == unlike
    assert "novel" in items[0].reasons
    assert all("novel" not in item.reasons for item in items[1:])


def test_novelty_is_seen_in_chinese_too() -> None:
    reviewed = [candidate(text=f"房东不退还第{number}号房的押金", language="zh") for number in range(6)]
    unlike = candidate(text="四个住在国外的兄弟姐妹分割遗产", language="zh")
    rows = [*reviewed, candidate(text="房东不退还第九号房的押金", language="zh"), unlike]
    items = queue(rows, [said("anna", "accept", each) for each in reviewed])
    assert [item.candidate.input[:2] for item in items] == ["四个", "房东"]
    assert "novel" in items[0].reasons


def test_labels_and_ways_take_turns() -> None:
    rows = [candidate(number, "housing", text=f"the very same matter {number}") for number in range(20)]
    rows += [
        candidate(0, "work", text="the very same matter a"),
        candidate(0, "family", text="the very same one", kind="task_only"),
    ]
    assert {item.candidate.output for item in queue(rows)[:3]} == {"housing", "work", "family"}


def test_a_candidate_that_one_person_decided_is_not_shown_to_another() -> None:
    rows = candidates(4)
    reviews = [said("ben", "accept", rows[0]), said("anna", "reject", rows[1]), edit("ben", rows[2], "work")]
    assert numbers(queue(rows, reviews), rows) == [3]


def test_what_was_taken_back_is_shown_again() -> None:
    rows = candidates(2)
    assert len(queue(rows, [said("anna", "accept", rows[0]), said("anna", "undo")])) == 2


def test_what_was_put_off_comes_last() -> None:
    rows = candidates(5)
    best = queue(rows)[0].candidate
    assert queue(rows, [said("anna", "skip", best)])[-1].candidate == best
    assert len(queue(rows, [said("ben", "skip", best)])) == 5, "that others put it off says nothing"


def test_a_share_chosen_by_hash_is_looked_at_twice() -> None:
    rows = candidates(400)
    reviews = [said("ben", "accept", each) for each in rows]
    second = queue(rows, reviews, double_share=0.25)
    assert 60 <= len(second) <= 140
    assert {item.reasons[0] for item in second} == {"second_opinion"}
    wider = queue(rows, reviews, double_share=0.5)
    assert {*inputs(second)} < {*inputs(wider)}, "a larger share holds the smaller one"
    twice = [*reviews, *(said("cem", "accept", each) for each in rows)]
    assert queue(rows, twice, double_share=1) == []


def test_second_opinions_come_before_new_candidates_and_disputes_before_both() -> None:
    rows = candidates(30)
    reviews = [said("ben", "accept", rows[7]), said("ben", "accept", rows[9]), said("cem", "reject", rows[9])]
    items = queue(rows, reviews, double_share=1)
    assert numbers(items[:2], rows) == [9, 7]
    assert [item.reasons[0] for item in items[:2]] == ["disputed", "second_opinion"]
    assert items[0].outcome is not None
    assert list(items[0].outcome.votes) == ["ben", "cem"]


def test_two_people_who_begin_at_the_same_time_begin_with_different_candidates() -> None:
    rows = candidates(60)
    begun = [said("anna", "accept", rows[0]), said("ben", "accept", rows[1])]
    mine = queue(rows, begun)
    theirs = queue(rows, begun, who="ben")
    assert not {*inputs(mine[:20])} & {*inputs(theirs[:20])}
    assert {*inputs(mine)} == {*inputs(theirs)}, "nothing is left undone if the other stays away"


def test_dropped_candidates_are_shown_on_their_own_with_the_reason() -> None:
    kept, dropped = candidates(3), [candidate(7), candidate(8), candidate(0)]
    rows = gated(kept, dropped, [verdict(dropped[0], "length", passed=False), verdict(dropped[1], passed=False, border=0.9)])
    items = queue(rows, show="dropped")
    assert numbers(items, dropped) == [1, 0], "the copy of a kept one is not shown again"
    assert items[1].verdicts[0].gate == "length"


def test_what_can_never_come_back_is_shown_last() -> None:
    dropped = candidates(12)
    said_of = [verdict(each, "leak", passed=False, border=1.0) for each in dropped[:3]]
    said_of += [verdict(each, "length", passed=False) for each in dropped[3:]]
    items = queue(gated([], dropped, said_of), show="dropped")
    assert sorted(numbers(items[-3:], dropped)) == [0, 1, 2]


def test_a_kept_candidate_is_not_shown_with_what_made_a_gate_drop_its_copy() -> None:
    one = candidate(1)
    rows = gated([one], [one], [verdict(one, "exact_duplicate", passed=False, border=1.0), verdict(one, score=0.9)])
    (item,) = queue(rows)
    assert [each.gate for each in item.verdicts] == ["judge"]
    assert "border" not in item.reasons


def test_disputes_are_shown_even_to_those_who_decided() -> None:
    rows, dropped = candidates(3), [candidate(9)]
    reviews = [said(who, what, of) for of in (rows[1], dropped[0]) for who, what in (("anna", "accept"), ("ben", "reject"))]
    assert sorted(numbers(queue(rows, reviews), rows)) == [0, 2]
    shown = queue(gated(rows, dropped), reviews, show="disputed")
    assert {item.candidate.id for item in shown} == {rows[1].id, dropped[0].id}


def test_the_same_words_are_shown_once() -> None:
    assert len(queue([candidate(1), candidate(1)])) == 1


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(min_value=0, max_value=12))
def test_the_order_depends_on_nothing_but_what_there_is(random: object, decided: int) -> None:
    rows = candidates(12)
    reviews = [said("ben" if number % 2 else "anna", "accept", rows[number]) for number in range(decided)]
    expected = inputs(queue(rows, reviews))
    random.shuffle(rows)  # type: ignore[attr-defined]
    shuffled = sorted(reviews, key=lambda line: line.reviewer)
    assert inputs(queue(rows, shuffled)) == expected
    assert inputs(queue(rows, shuffled, limit=3)) == expected[:3]


def test_free_text_has_no_labels_to_take_turns() -> None:
    rows = [candidate(number, f"Answer {number}.") for number in range(8)]
    assert len(queue(rows, task=REPLY)) == 8


def test_nothing_to_look_at_is_an_empty_queue() -> None:
    assert queue([]) == []


def test_many_candidates_are_ordered_quickly() -> None:
    rows = gated([candidate(number, ("housing", "work")[number % 2]) for number in range(20_000)])
    assert len(rows.kept_by_id) == 20_000
    began = time.process_time()
    items = queue(rows, limit=100)
    assert time.process_time() - began < 5
    assert Counter(item.candidate.output for item in items) == {"housing": 50, "work": 50}
