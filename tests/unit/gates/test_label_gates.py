"""Gates on labels: contradictions, unlikely labels, labels out of proportion."""

from tests.unit.gates.gate_rows import REPLY, ROUTING, candidate, gated, only

from anytasktune.schema import Candidate, Example
from anytasktune.settings import GateConfig

LONG = "My new armchair was left at the wrong door this morning, can the driver please fetch it?"


def contradicting(*labels: str) -> list[Candidate]:
    return [candidate(LONG, label) for label in labels]


def test_a_train_row_is_right_whatever_candidates_say() -> None:
    own = [Example(input=LONG.upper(), output="delivery", language="en")]
    found = gated(ROUTING, contradicting("refund", "refund"), own)
    assert {verdict.reason for verdict in found.verdicts} == {"contradicts_train_row"}


def test_most_candidates_are_right_and_where_as_many_disagree_none_is() -> None:
    found = gated(ROUTING, contradicting("delivery", "refund", "delivery"))
    assert [item.position for item in found.kept] == [0]
    assert {verdict.position: verdict.gate for verdict in found.verdicts} == {1: "wrong_label", 2: "exact_duplicate"}
    assert gated(ROUTING, contradicting("delivery", "refund")).kept == ()


def test_a_label_that_all_similar_rows_speak_against_is_dropped() -> None:
    names = [
        f"{first}{second}"
        for first in ("Ald", "Ber", "Cor", "Dun", "Elm", "Fen")
        for second in ("ton", "wick", "ham", "by", "ford", "ley")
    ]
    rows = [
        ("delivery", "The courier of {} lost the parcel on its way."),
        ("refund", "I want my money back for what {} sold me."),
        ("repair", "The screen is broken and {} should mend it."),
    ]
    own = [
        Example(input=f"{text.format(name)} {other}", output=label, language="en")
        for label, text in rows
        for name, other in zip(names * 2, [*names[1:], *names], strict=False)
    ]
    wrong = candidate("The courier of Grantham lost the parcel on its way to me last week.", "repair")
    right = candidate("The courier of Luton lost the parcel somewhere on its way to the flat.", "delivery")
    loose = GateConfig(near_duplicate=1.0)
    found = gated(ROUTING, [wrong, right], own, loose)
    assert (only(found).gate, only(found).reason, only(found).position) == ("wrong_label", "unlike_other_rows", 0)
    assert found == gated(ROUTING, [wrong, right], own, loose)
    assert gated(ROUTING, [wrong, right], own[::4], loose).dropped == (), "too few trusted rows to learn from"


def test_free_texts_may_answer_one_question_differently() -> None:
    found = gated(REPLY, [candidate(LONG, "He will come at noon."), candidate(LONG, "Yes, of course.")])
    assert [verdict.gate for verdict in found.verdicts] == ["exact_duplicate"]


def many(label: str, count: int) -> list[Candidate]:
    nouns = ("oak", "tin", "red", "old", "wet", "dim", "big", "raw", "hot", "dry")
    return [
        candidate(f"{nouns[n % 10]} {label} {nouns[n // 10 % 10]} case {n * 7919} from {n * 104729}", label)
        for n in range(count)
    ]


def test_a_label_may_not_crowd_out_the_others() -> None:
    config = GateConfig(label_share=1.2)
    found = gated(ROUTING, [*many("delivery", 80), *many("refund", 10), *many("repair", 10)], None, config)
    dropped = {verdict.gate for verdict in found.verdicts if not verdict.passed}
    assert dropped == {"balance"}
    kept = [item.candidate.output for item in found.kept]
    assert (kept.count("refund"), kept.count("repair")) == (10, 10)
    assert 40 <= kept.count("delivery") <= 50
    assert gated(ROUTING, [*many("delivery", 40), *many("refund", 35), *many("repair", 35)], None, config).dropped == ()


def test_a_label_that_is_frequent_in_the_own_rows_may_be_frequent() -> None:
    own = [candidate.example() for candidate in many("delivery", 90)] + [
        candidate.example() for candidate in many("refund", 10)
    ]
    rows = [
        row.model_copy(update={"input": f"{row.input} again {number * 31}"}) for number, row in enumerate(many("delivery", 60))
    ]
    loose = GateConfig(label_share=1.0, near_duplicate=1.0, leak=1.0)
    assert [verdict for verdict in gated(ROUTING, rows, own, loose).verdicts if verdict.gate == "balance"] == []
