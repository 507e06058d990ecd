"""What every output kind keeps to; a new kind joins by an entry in `SAMPLES`."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from anytasktune.outputs import OUTPUT_KINDS, AnswerTarget, Output, OutputKind, Rules, UnfitAnswerError
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.records import Language

SCHEMA = {"type": "object", "properties": {"who": {"type": "string"}, "urgent": {"enum": ["yes", "no"]}}, "required": ["who"]}
SAMPLES: dict[str, tuple[dict[str, object], list[str]]] = {
    "label": ({"labels": {"en": ["glad", "cross"], "zh": ["高兴", "生气"]}}, ["glad", "cross"]),
    "labels": ({"labels": ["rent", "deposit", "repairs"], "separator": "; "}, ["rent; deposit", "repairs"]),
    "json": ({"json_schema": SCHEMA}, ['{"who": "Ann", "urgent": "yes"}', '{"who": "Bob"}']),
    "number": ({"minimum": 1, "maximum": 7, "decimals": 1}, ["3.5", "7.0"]),
    "text": ({}, ["The parcel is late.", "包裹迟到了。"]),
}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
adapter: TypeAdapter[OutputKind] = TypeAdapter(Output)


def output_of(kind: str) -> OutputKind:
    return adapter.validate_python({"kind": kind} | SAMPLES[kind][0])


KINDS = [pytest.param(output_of(kind), SAMPLES[kind][1], id=kind) for kind in SAMPLES]
every_kind = pytest.mark.parametrize(("output", "answers"), KINDS)


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(OUTPUT_KINDS)


@every_kind
def test_a_right_answer_is_read_and_breaks_nothing(output: OutputKind, answers: list[str]) -> None:
    for answer in answers:
        assert output.parse(f" {answer}\n", "en").ok
        assert list(output.violations(answer, Rules(), "", "en")) == []


@every_kind
def test_an_answer_goes_to_json_and_back(output: OutputKind, answers: list[str]) -> None:
    style = output.style_of(answers, "en")
    for answer in answers:
        value = output.to_json(answer, "en")
        assert schema_fault(output.answer_schema("en", Rules(), answers), value) == ""
        assert output.from_json(value, "en", style) == answer


@every_kind
def test_an_answer_says_the_same_as_itself_and_not_as_another(output: OutputKind, answers: list[str]) -> None:
    one, other = answers
    assert output.likeness(one, one, "en") >= 0 > output.likeness(one, other, "en")
    assert output.says_the_same(one, one, "en")
    assert output.meaning(one, "en") == output.meaning(f"{one} ", "en") != output.meaning(other, "en")
    assert output.facts(one) == output.facts(one) != output.facts(other)


@every_kind
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_is_told_in_both_languages(output: OutputKind, answers: list[str], language: Language) -> None:
    told = [output.placeholder(language), output.correctness(language), *output.form_sentences(Rules(), language)]
    told += output.constraints(language)
    other = "zh" if language == "en" else "en"
    assert all(text.strip() for text in told)
    assert output.correctness(language) != output.correctness(other)


@every_kind
def test_targets_have_weights_and_known_answers_meet_one(output: OutputKind, answers: list[str]) -> None:
    assert all(weight > 0 for weight in output.targets("en", Rules(), answers).values())
    assert all(isinstance(output.target_met_by(answer, "en"), AnswerTarget) for answer in answers)


@every_kind
def test_the_default_metric_and_decoding_fit(output: OutputKind, answers: list[str]) -> None:
    assert output.metrics
    assert (output.decoding == "label_scoring") == (output.single_choice and output.labels_in("en") is not None)
    assert 0 < output.plausible_from <= 1
    assert output.full_range > 0


@every_kind
def test_the_commonest_answer_is_the_fixed_one_unless_all_differ(output: OutputKind, answers: list[str]) -> None:
    one, other = answers
    fixed = output.constant_answer([one, one, other])
    assert fixed is not None
    assert output.meaning(fixed, "en") == output.meaning(one, "en")


@settings(deadline=None)
@given(st.sampled_from([output_of(kind) for kind in SAMPLES]), st.text(max_size=40), st.sampled_from(LANGUAGES))
def test_every_fault_of_any_text_has_a_name_and_a_chinese_sentence(output: OutputKind, text: str, language: Language) -> None:
    rules = Rules(language=language, copies_from_input=True, max_items=1, min_items=1, max_length=9, pattern="x")
    for violation in output.violations(text, rules, "", language):
        assert re.fullmatch(r"[a-z][a-z_]*", violation.rule)
        assert violation.what
        assert violation.zh


@settings(deadline=None)
@given(
    st.sampled_from([output_of(kind) for kind in SAMPLES]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=4), max_size=3),
    st.sampled_from(LANGUAGES),
)
def test_any_json_value_becomes_an_answer_or_is_refused_in_both_languages(
    output: OutputKind, value: object, language: Language
) -> None:
    try:
        assert isinstance(output.from_json(value, language, output.style_of([], language)), str)
    except UnfitAnswerError as unfit:
        assert set(unfit.sentences) == set(LANGUAGES)
        assert all(unfit.sentences.values())
