"""Masks for what leads to a person: the answer still fits, and nothing is left."""

import json

import pytest
from tests.unit.gates.gate_rows import COPYING, EXTRACTION, REPLY, candidate, extraction_rows, gated, only

from anytasktune.scorers import broken_rules
from anytasktune.settings import GateConfig
from anytasktune.text.personal_data import find_personal_data

ZH = "您好，我是李女士，电话13812345678，住在杭州市西湖区文三路138号2单元501室，邮箱li@example.cn。"


def test_each_kind_has_its_mask_and_the_answer_has_the_same() -> None:
    row = candidate(ZH, "好的，会打13812345678联系您，再发到li@example.cn。", "zh")
    found = gated(REPLY, [row])
    (kept,) = found.kept
    assert kept.candidate.input == "您好，我是李女士，电话[电话1]，住在[地址1]，邮箱[邮箱1]。"
    assert kept.candidate.output == "好的，会打[电话1]联系您，再发到[邮箱1]。"
    (verdict,) = found.verdicts
    assert (verdict.gate, verdict.passed, verdict.reason) == ("personal_data", True, "masked")
    assert verdict.candidate == kept.candidate.id
    assert "1 email" in verdict.detail
    assert kept.candidate.origin == row.origin


def test_a_number_that_is_seen_once_its_neighbour_is_masked_is_masked_too() -> None:
    (kept,) = gated(REPLY, [candidate("客服：电话是01059761355,01059761366。", "好的，谢谢。", "zh")]).kept
    assert sorted(kept.candidate.input.removeprefix("客服：电话是").removesuffix("。").split(",")) == ["[电话1]", "[电话2]"]


def test_two_numbers_stay_two_and_one_number_in_two_forms_stays_one() -> None:
    row = candidate("Call 212-555-0147 or (212) 555-0147, not 415-555-0199.", "We call 415-555-0199.")
    (kept,) = gated(REPLY, [row]).kept
    assert kept.candidate.input == "Call [PHONE_1] or [PHONE_1], not [PHONE_2]."
    assert kept.candidate.output == "We call [PHONE_2]."


@pytest.mark.parametrize("escaped", [False, True])
def test_what_was_copied_from_the_input_still_stands_there(escaped: bool) -> None:
    address = "杭州市西湖区文三路138号"
    row = candidate(
        f"请把水壶寄到{address}，谢谢您。", json.dumps({"goods": "水壶", "city": address}, ensure_ascii=escaped), "zh"
    )
    (kept,) = gated(COPYING, [row]).kept
    assert json.loads(kept.candidate.output) == {"goods": "水壶", "city": "[地址1]"}
    assert broken_rules(COPYING, kept.candidate.input, kept.candidate.output, "zh") == []


def test_a_row_whose_answer_is_part_of_what_would_be_masked_goes() -> None:
    text = "Please send one kettle to 12 Maple Street, Springfield, IL 62704 by Friday."
    row = candidate(text, '{"goods": "kettle", "city": "Springfield"}')
    for task in (COPYING, EXTRACTION):
        assert only(gated(task, [row], extraction_rows())).reason == "cannot_be_masked"


def test_a_number_that_json_has_without_quotes_cannot_be_masked() -> None:
    task = EXTRACTION.model_copy(update={"output": EXTRACTION.output.model_copy(update={"json_schema": {}})})
    row = candidate("Call 13812345678 about the kettle.", '{"phone": 13812345678}')
    assert only(gated(task, [row])).reason == "cannot_be_masked"


def test_the_setting_decides() -> None:
    row = candidate(ZH, "好的，马上联系您。", "zh")
    assert only(gated(REPLY, [row], config=GateConfig(personal_data="drop"))).reason == "holds_personal_data"
    (kept,) = gated(REPLY, [row], config=GateConfig(personal_data="keep")).kept
    assert kept.candidate == row


def test_masks_are_no_blanks_when_the_row_comes_again() -> None:
    (kept,) = gated(REPLY, [candidate(ZH, "好的，马上联系您。", "zh")]).kept
    assert gated(REPLY, [kept.candidate]).dropped == ()
    assert find_personal_data(kept.candidate.input) == []
