"""The run through all gates: nothing is lost, the first gate that objects decides, the same rows give the same verdicts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gates.gate_rows import (
    COPYING,
    EXTRACTION,
    REPLY,
    ROUTING,
    candidate,
    extraction_rows,
    gated,
    only,
    routing_rows,
)

from anytasktune.gates import GATES, GateContext, Gated, Placed, apply_judge, run_gates
from anytasktune.outputs import LabelsOutput
from anytasktune.schema import Candidate, Example, Passage, Span, Task, Verdict
from anytasktune.settings import GateConfig

GOOD = candidate("My new armchair was left at the wrong door this morning, can the driver fetch it?", "delivery")
GOOD_ZH = candidate("昨天送来的书柜少了一块隔板，能不能让师傅下午再送一趟过来？", "配送", "zh")


def test_a_good_row_passes_every_gate() -> None:
    found = gated(ROUTING, [GOOD, GOOD_ZH], routing_rows())
    assert [item.candidate for item in found.kept] == [GOOD, GOOD_ZH]
    assert found.dropped == ()


_TEXT = st.sampled_from(
    [
        GOOD.input,
        GOOD_ZH.input,
        "hi",
        "I'm sorry, but I can't assist with that request.",
        "Call me on 13812345678 about my order today.",
    ]
) | st.text(min_size=1, max_size=40)
_CANDIDATES = st.lists(
    st.builds(candidate, _TEXT, st.sampled_from(["delivery", "refund", "配送", "nothing", ""]), st.sampled_from(["en", "zh"])),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_CANDIDATES)
def test_kept_and_dropped_are_all_candidates_and_every_drop_has_one_reason(candidates: list[Candidate]) -> None:
    found = gated(ROUTING, candidates, routing_rows(), test=routing_rows()[:2])
    assert sorted([item.position for item in (*found.kept, *found.dropped)]) == list(range(len(candidates)))
    failed = [verdict.position for verdict in found.verdicts if not verdict.passed]
    assert failed == [item.position for item in found.dropped]
    assert found.counts({"not_answered": 2}).balanced
    assert found.counts({"not_answered": 2}).planned == len(candidates) + 2
    assert all(verdict.reason and verdict.gate in GATES for verdict in found.verdicts)
    assert found == gated(ROUTING, candidates, routing_rows(), test=routing_rows()[:2])


def test_a_row_with_two_faults_stops_at_the_cheaper_gate() -> None:
    verdict = only(gated(ROUTING, [candidate("I'm sorry, but I can't assist with that request.", "unclear")], routing_rows()))
    assert (verdict.gate, verdict.reason) == ("schema", "unknown_label")
    assert "unclear" in verdict.detail


@pytest.mark.parametrize(
    "output", ["", '{"goods": "lamp"', "```json\n{}\n```", '{"colour": "red"}', '{"goods": "a", "goods": "b"}']
)
def test_answers_without_the_form_of_the_task_are_dropped(output: str) -> None:
    assert only(gated(EXTRACTION, [candidate("Send a lamp to Ghent.", output)], extraction_rows())).gate == "schema"


def test_the_tasks_own_rules_hold() -> None:
    verdict = only(gated(COPYING, [candidate("Send a lamp to Ghent.", '{"goods": "lantern"}')]))
    assert (verdict.gate, verdict.reason) == ("rules", "copies_from_input")


def test_what_all_own_rows_copy_from_the_input_has_to_stand_there_without_a_rule() -> None:
    rows = [
        candidate("Kindly send us a crate to the yard in Riga.", answer)
        for answer in ('{"goods": "crate"}', '{"goods": "rate"}')
    ]
    found = gated(EXTRACTION, rows, extraction_rows())
    assert only(found).reason == "not_in_input"
    assert [item.position for item in found.kept] == [0]


def test_a_candidate_rests_on_a_passage_there_is() -> None:
    passage = Passage(span=Span(document="a.md", start=10, end=60), text="x" * 50)
    inside, outside = (Span(document="a.md", start=start, end=start + 20) for start in (12, 55))
    rows = [
        candidate(
            f"Tell me about {name}, the new rule for hiring staff in {city}.",
            "Here you are.",
            kind="passage",
            passage=where,
            span=span,
        )
        for name, city, where, span in [
            ("holiday", "Kiel", passage.id, inside),
            ("notice", "Bonn", passage.id, outside),
            ("wages", "Ulm", "0", inside),
        ]
    ]
    found = gated(REPLY, rows, passages=[passage])
    assert {verdict.position: verdict.reason for verdict in found.verdicts} == {1: "span_outside_passage", 2: "unknown_passage"}
    assert gated(REPLY, rows, passages=[passage], config=GateConfig(grounded=False)).dropped == ()


def test_a_judge_decides_about_what_the_other_gates_left() -> None:
    rows = [candidate("short", "nothing"), GOOD, GOOD_ZH]
    found = gated(ROUTING, rows, routing_rows())
    marks = [Verdict(candidate=GOOD.id, position=1, gate="judge", passed=True, score=score) for score in (0.55,)]
    judged = apply_judge(found, marks, GateConfig())
    assert [item.position for item in judged.kept] == [2]
    low, unmarked = [verdict for verdict in judged.verdicts if verdict.gate == "judge"]
    assert (low.passed, low.reason, low.border) == (False, "low_score", 0.75)
    assert (unmarked.passed, unmarked.reason) == (True, "not_judged")
    assert judged.counts().balanced
    assert apply_judge(found, marks, GateConfig(judge_threshold=0)) == found


def test_places_are_kept_however_many_rows_go() -> None:
    rows = [candidate("x", "nothing"), GOOD, candidate("y", "nothing"), GOOD_ZH]
    assert gated(ROUTING, rows, routing_rows()).kept == (Placed(1, GOOD, GOOD.input), Placed(3, GOOD_ZH, GOOD_ZH.input))


def test_an_empty_list_of_labels_is_no_answer_where_no_own_row_has_one() -> None:
    output = LabelsOutput(kind="labels", labels=["delivery", "refund"])
    task = Task(name="desks", instruction={"en": "Name every desk."}, output=output)
    own = [row for row in routing_rows() if row.language == "en"]
    assert only(gated(task, [candidate(GOOD.input, "")], own)).reason == "empty"
    goodbye = Example(input="Thank you all very much for your help, and goodbye.", output="", language="en")
    assert gated(task, [candidate(GOOD.input, "")], [*own, goodbye]).dropped == ()


def test_later_candidates_are_compared_with_earlier_ones_that_are_not_gated_again() -> None:
    context = GateContext(train=routing_rows())
    nearly = candidate(f"{GOOD.input} Thanks!", "delivery")
    other = candidate("The mirror arrived cracked in its box and I would like to have my money back.", "refund")
    first = run_gates(ROUTING, [candidate("short", "nothing"), GOOD], context, GateConfig())
    later = run_gates(ROUTING, [nearly, other], context, GateConfig(), first)
    assert [item.position for item in later.kept] == [3]
    assert (only(later).position, only(later).gate) == (2, "near_duplicate")
    assert "candidate 1" in only(later).detail
    both = first.followed_by(later)
    assert both == gated(ROUTING, [candidate("short", "nothing"), GOOD, nearly, other], routing_rows())
    assert both.counts().planned == 4 and both.counts().balanced


def test_an_earlier_answer_speaks_against_a_later_one_and_earlier_labels_count() -> None:
    context, config = GateContext(), GateConfig(label_share=1.2, near_duplicate=1.0, lexical_duplicate=1)
    first = run_gates(ROUTING, [GOOD], context, config)
    other = GOOD.model_copy(update={"output": "refund"})
    assert only(run_gates(ROUTING, [other], context, config, first)).reason == "contradicts_candidates"
    nouns = ("oak", "tin", "red", "old", "wet", "dim", "big", "raw", "hot", "dry")
    rows = [
        candidate(f"{nouns[n % 10]} {nouns[n // 10 % 10]} case {n * 7919} from {n * 104729}", "delivery") for n in range(60)
    ]
    even = [
        row.model_copy(update={"input": f"{row.input} {label}", "output": label})
        for row in rows[:20]
        for label in ("refund", "repair")
    ]
    before = run_gates(ROUTING, [*rows[:20], *even], context, config)
    assert before.dropped == ()
    found = run_gates(ROUTING, rows[20:], context, config, before)
    assert {verdict.gate for verdict in found.verdicts if not verdict.passed} == {"balance"}
    assert len(found.kept) == 30, "of 100 rows at most 50 may have the label, and 20 have it already"


def test_a_stored_result_is_restored() -> None:
    rows = [candidate("short", "nothing"), GOOD, candidate("Ring me on 13812345678 about my lamp.", "repair"), GOOD, GOOD_ZH]
    found = gated(ROUTING, rows, routing_rows())
    kept, dropped = ([item.candidate for item in part] for part in (found.kept, found.dropped))
    again = Gated.restored(kept, dropped, found.verdicts)
    assert [item.position for item in again.kept] == [item.position for item in found.kept]
    assert (again.dropped, again.verdicts, again.counts()) == (found.dropped, found.verdicts, found.counts())
