"""Gates that compare inputs: duplicates and leaks."""

import pytest
from tests.unit.gates.gate_rows import REPLY, ROUTING, candidate, gated, only, routing_rows

from anytasktune.schema import Example
from anytasktune.settings import GateConfig
from anytasktune.similarity import jaccard

LONG = "My new armchair was left at the wrong door this morning, can the driver please fetch it?"


@pytest.mark.parametrize(
    ("again", "gate"),
    [
        (LONG, "exact_duplicate"),
        (LONG.upper().replace(",", " ;"), "exact_duplicate"),
        (f"{LONG} Thanks!", "near_duplicate"),
        (LONG.replace("armchair", "armchiar"), "near_duplicate"),
    ],
)
def test_of_rows_that_say_the_same_the_first_is_kept(again: str, gate: str) -> None:
    found = gated(ROUTING, [candidate(LONG, "delivery"), candidate(again, "delivery")], routing_rows())
    assert only(found).gate == gate
    assert [item.position for item in found.kept] == [0]


def test_what_repeats_a_train_row_teaches_nothing_new() -> None:
    row = routing_rows()[0]
    assert only(gated(ROUTING, [candidate(row.input + "!", "delivery")], routing_rows())).gate == "exact_duplicate"


def test_short_rows_one_letter_apart_are_the_same_only_with_the_same_answer() -> None:
    own = [
        Example(input="退货流程怎么走呢", output="退款", language="zh"),
        Example(input="能修好这个门锁吗", output="维修", language="zh"),
    ]
    same, other = (candidate("退货流程怎么走吗", label, "zh") for label in ("退款", "维修"))
    assert only(gated(ROUTING, [same], own)).gate == "near_duplicate"
    assert gated(ROUTING, [other], own).dropped == ()


def test_an_enhancement_may_be_near_the_row_it_was_made_from_but_not_near_another() -> None:
    parent = Example(input=LONG, output="delivery", language="en")
    typos = [
        candidate(text, "delivery", kind="typos", parents=(parent.id,))
        for text in (LONG.replace("door", "dor"), LONG.replace("door", "doo"))
    ]
    assert gated(ROUTING, typos[:1], [parent]).dropped == ()
    assert only(gated(ROUTING, typos, [parent])).position == 1
    stranger = typos[0].model_copy(update={"origin": typos[0].origin.model_copy(update={"parents": ()})})
    assert only(gated(ROUTING, [stranger], [parent])).gate == "near_duplicate"


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.lower().replace("?", ""),
        f"Hello! {LONG}",
        LONG.replace("this morning", "today"),
        "已取消的订单会退钱吗？",
        "请问已取消的订单会退钱吗",
    ],
)
def test_nothing_that_dev_or_test_asks_gets_through(text: str) -> None:
    sealed = [Example(input=LONG, output="delivery"), Example(input="已取消的订单会退钱吗", output="退款", language="zh")]
    row = candidate(text, "delivery" if text.isascii() else "退款", "en" if text.isascii() else "zh")
    for rows in ({"dev": sealed}, {"test": sealed}):
        verdict = only(gated(ROUTING, [row], [], **rows))
        assert verdict.gate == "leak"
        assert next(iter(rows)) in verdict.detail


def test_a_leak_is_found_although_a_number_in_it_was_masked() -> None:
    text = "Please call 138 1234 5678 today."
    assert only(gated(REPLY, [candidate(text, "We will.")], [], test=[Example(input=text, output="Yes.")])).gate == "leak"


def test_a_changed_number_makes_another_short_row() -> None:
    sealed = [Example(input="年龄：18岁至70岁", output="配送", language="zh")]
    assert gated(ROUTING, [candidate("年龄：18岁至75岁", "配送", "zh")], [], test=sealed).dropped == ()


def test_a_near_miss_is_kept_and_remembered() -> None:
    words = LONG.split()
    other = " ".join([*words[:12], "and", "carry", "it", "to", "my", "flat?"])
    assert 0.5 < jaccard(LONG, other) < 0.6
    (verdict,) = gated(ROUTING, [candidate(other, "delivery")], [], test=[Example(input=LONG, output="x")]).verdicts
    assert (verdict.gate, verdict.passed) == ("leak", True)
    assert verdict.border is not None
    assert 0 < verdict.border < 1


def test_the_same_words_in_another_order_are_no_new_row() -> None:
    first = candidate("After I deposited the cheque on Monday, the balance of my account did not change.", "refund")
    again = candidate("The balance of my account did not change after I deposited the cheque on Monday.", "refund")
    other = again.model_copy(update={"output": "repair"})
    loose = GateConfig(near_duplicate=1.0)
    assert only(gated(ROUTING, [first, again], None, loose)).gate == "lexical_duplicate"
    assert gated(ROUTING, [first, other], None, loose).dropped == (), "words do not tell who did what, answers do"
    assert gated(ROUTING, [first, again], None, GateConfig(near_duplicate=1.0, lexical_duplicate=1)).dropped == ()
    assert only(gated(ROUTING, [again], [first.example()], loose)).gate == "lexical_duplicate"
    made = again.model_copy(update={"origin": again.origin.model_copy(update={"kind": "restructure", "parents": (first.id,)})})
    assert gated(ROUTING, [made], [first.example()], loose).dropped == ()


def test_a_test_row_leaks_through_its_words_and_through_what_was_made_from_it() -> None:
    sealed = Example(input="After I deposited the cheque on Monday, the balance of my account did not change.", output="x")
    again = candidate("The balance of my account did not change after I deposited the cheque on Monday.", "Yes.")
    made = candidate(
        "周一存了支票，余额却没有变化，请帮忙看看是什么原因。", "好的。", "zh", kind="translate", parents=(sealed.id,)
    )
    high = GateConfig(leak=1.0)
    reasons = {verdict.position: verdict.reason for verdict in gated(REPLY, [again, made], test=[sealed], config=high).verdicts}
    assert reasons == {0: "same_words", 1: "made_from_sealed_row"}
    assert gated(REPLY, [made], [sealed], test=[sealed], config=high).dropped == (), "it is a train row too"


def test_what_was_made_from_a_leak_leaks_with_it() -> None:
    sealed = Example(input=LONG, output="x")
    leak = candidate(LONG.upper(), "Yes.")
    translated = candidate("我的新扶手椅今早送错了门，司机能来取吗？", "好的。", "zh", kind="translate", parents=(leak.id,))
    shorter = candidate("新扶手椅送错门了，能来取吗？", "好的。", "zh", kind="simplify", parents=(translated.id,))
    reasons = {
        verdict.position: verdict.reason for verdict in gated(REPLY, [shorter, leak, translated], test=[sealed]).verdicts
    }
    assert reasons == {0: "made_from_leak", 1: "same_input", 2: "made_from_leak"}
