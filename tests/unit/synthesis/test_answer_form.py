"""What a teacher answers becomes the text that rows hold, written as the seeds write it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.synthesis.generation_play import CARD, KEYWORDS, RATING, ROUTING, SUMMARY, TASKS, quick, rows_of

from anytasktune.llm import MisfitError
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.synthesis.answers import agree, check_rules, read_answer, reply_schema
from anytasktune.synthesis.brief import Brief


def form(task: Task, language: Language = "en", outputs: list[str] | None = None) -> Brief:
    seeds = rows_of(task, 6, language) if outputs is None else [Example(input="x", output=output) for output in outputs]
    return Brief(task, language, tuple(seeds), quick())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_seed_as_a_teacher_would_answer_it_comes_back_as_it_was(task: Task, language: Language) -> None:
    of_task = form(task, language)
    for row in of_task.rows:
        said = {"answer": of_task.answer_value(row.output)}
        assert schema_fault(reply_schema(of_task), said) == ""
        assert read_answer(of_task, said) == row.output


@pytest.mark.parametrize(
    ("task", "language", "said", "output"),
    [
        (ROUTING, "en", {"answer": " Billing "}, "billing"),
        (ROUTING, "zh", {"team": "账单"}, "账单"),
        (KEYWORDS, "en", {"answer": ["late", " late ", "", "lost  card"]}, "late; lost card"),
        (KEYWORDS, "zh", {"answer": "迟到；包裹"}, "迟到; 包裹"),
        (RATING, "en", {"answer": 3}, "3.0"),
        (RATING, "en", {"answer": "about 3.24"}, "3.2"),
        (CARD, "en", {"deadline": None, "urgency": "low"}, '{"urgency": "low", "deadline": null}'),
        (CARD, "zh", {"answer": '{"urgency": "高", "deadline": "周五"}'}, '{"urgency": "高", "deadline": "周五"}'),
        (SUMMARY, "en", {"answer": " Late. "}, "Late."),
    ],
)
def test_answers_are_understood_when_they_can_be(task: Task, language: Language, said: Any, output: str) -> None:
    assert read_answer(form(task, language), said) == output


@pytest.mark.parametrize(
    ("task", "language", "said", "why"),
    [
        (ROUTING, "en", {"answer": "account"}, '"account" is not one of: billing, delivery, repair'),
        (ROUTING, "zh", {"answer": "billing"}, "只能从以下各项中选：账单, 配送, 维修"),
        (ROUTING, "en", [], 'no key "answer"'),
        (ROUTING, "en", {"a": 1, "b": 2}, 'no key "answer"'),
        (KEYWORDS, "en", {"answer": ["a; b", "c"]}, 'contain ";"'),
        (KEYWORDS, "en", {"answer": 3}, "not a list"),
        (RATING, "en", {"answer": True}, "not a number"),
        (RATING, "en", {"answer": "high"}, "not a number"),
        (CARD, "zh", {"answer": {"urgency": "low", "deadline": None}}, "不符合格式"),
        (CARD, "en", {"answer": {"urgency": "low"}}, "does not fit"),
        (SUMMARY, "zh", {"answer": ""}, "不是文字"),
    ],
)
def test_what_has_not_the_form_is_sent_back_with_a_sentence(task: Task, language: Language, said: Any, why: str) -> None:
    with pytest.raises(MisfitError, match=why):
        read_answer(form(task, language), said)


@given(
    st.sampled_from(TASKS),
    st.sampled_from(["en", "zh"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda part: (
            st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["answer", "urgency", "x"]), part, max_size=3)
        ),
        max_leaves=6,
    ),
)
def test_whatever_a_teacher_answers_is_an_output_or_a_misfit(task: Task, language: Language, said: Any) -> None:
    try:
        assert isinstance(read_answer(form(task, language), said), str)
    except MisfitError as misfit:
        assert str(misfit)


@pytest.mark.parametrize(
    "written",
    [
        '{"urgency":"low","deadline":null}',
        '{"deadline": null, "urgency": "low"}',
        '{\n  "urgency": "low",\n  "deadline": null\n}',
    ],
)
def test_json_is_written_as_the_seeds_write_it(written: str) -> None:
    said = {"answer": {"urgency": "low", "deadline": None}}
    assert read_answer(form(CARD, "en", [written] * 3), said) == written


def test_escapes_are_kept_where_the_seeds_have_them() -> None:
    seeds = ['{"urgency": "\\u9ad8", "deadline": null}'] * 2
    assert read_answer(form(CARD, "zh", seeds), {"answer": {"urgency": "高", "deadline": None}}) == seeds[0]


def test_numbers_and_separators_are_written_as_the_seeds_write_them() -> None:
    assert read_answer(form(RATING, "en", ["3", "4.5"]), {"answer": 3.0}) == "3"
    assert read_answer(form(RATING, "en", ["3.0", "4.5"]), {"answer": 3}) == "3.0"
    assert read_answer(form(KEYWORDS, "en", ["a;b", "c;d"]), {"answer": ["late", "parcel"]}) == "late;parcel"


def test_definitions_of_a_schema_stay_where_references_look_for_them() -> None:
    schema = {
        "type": "object",
        "properties": {"who": {"$ref": "#/$defs/person"}},
        "$defs": {"person": {"type": "string"}},
        "required": ["who"],
    }
    output = {"kind": "json", "json_schema": schema}
    of_task = form(Task.model_validate({"name": "a", "instruction": {"en": "x"}, "output": output}), outputs=[])
    assert schema_fault(reply_schema(of_task), {"answer": {"who": "Ann"}}) == ""
    assert schema_fault(reply_schema(of_task), {"answer": {"who": 3}})


@pytest.mark.parametrize(
    ("task", "outputs", "kept", "share"),
    [
        (ROUTING, ["billing", "repair", "repair"], "repair", 2 / 3),
        (ROUTING, ["billing", "repair"], "billing", 1 / 2),
        (KEYWORDS, ["a; b", "b; c", "b; a"], "a; b", 2 / 3),
        (
            CARD,
            ['{"urgency":"low","deadline":null}', '{"deadline": null, "urgency": "low"}'],
            '{"urgency":"low","deadline":null}',
            1,
        ),
        (RATING, ["1.0", "3.0", "3.1", "3.2"], "3.1", 3 / 4),
        (SUMMARY, ["The parcel is late.", "No idea at all", "The parcel was late."], "The parcel is late.", 2 / 3),
    ],
)
def test_the_answer_most_samples_agree_on_is_kept(task: Task, outputs: list[str], kept: str, share: float) -> None:
    agreed = agree(task, "en", outputs, len(outputs))
    assert agreed.output == kept
    assert agreed.share == pytest.approx(share)


def test_a_sample_without_an_answer_agrees_with_none() -> None:
    agreed = agree(ROUTING, "en", ["repair", "repair"], 4)
    assert agreed.share == 0.5
    assert agree(ROUTING, "en", [], 3).output is None


def test_what_breaks_a_rule_is_named_in_the_language_of_the_row() -> None:
    copying = KEYWORDS.model_copy(update={"rules": KEYWORDS.rules.model_copy(update={"copies_from_input": True})})
    with pytest.raises(MisfitError, match="“退款”不是输入中的原文"):
        check_rules(form(copying, "zh"), "包裹迟到了。", "包裹; 退款")
    with pytest.raises(MisfitError, match="'refund' does not stand in the input"):
        check_rules(form(copying, "en"), "The parcel is late.", "parcel; refund")
    with pytest.raises(MisfitError, match="至少要有2项"):
        check_rules(form(copying, "zh"), "包裹迟到了。", "包裹")
    check_rules(form(copying, "zh"), "包裹迟到了。", "包裹; 迟到")
