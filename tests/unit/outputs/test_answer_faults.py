"""Differences between an answer and the reference, by output kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.outputs import AnswerFault, JsonOutput, LabelOutput, LabelsOutput, NumberOutput, OutputKind, TextOutput

TOPICS = {"en": ["rent", "deposit"], "zh": ["租金", "押金"]}
LABEL = LabelOutput.model_validate({"kind": "label", "labels": TOPICS})
LABELS = LabelsOutput.model_validate({"kind": "labels", "labels": TOPICS})
FREE = LabelsOutput(kind="labels")
JSON = JsonOutput(kind="json")
NUMBER = NumberOutput(kind="number", minimum=1, maximum=7, decimals=1)


@pytest.mark.parametrize(
    ("kind", "reference", "answer", "faults"),
    [
        (LABEL, "rent", "rent", []),
        (LABEL, "rent", "deposit", [AnswerFault("confused", "rent", "deposit")]),
        (LABEL, "租金", "押金", [AnswerFault("confused", "rent", "deposit")]),
        (LABEL, "rent", "nonsense", [AnswerFault("confused", "rent", "nonsense")]),
        (LABELS, "rent; deposit", "rent", [AnswerFault("missed", "deposit")]),
        (LABELS, "租金", "押金", [AnswerFault("missed", "rent"), AnswerFault("spurious", "", "deposit")]),
        (FREE, "a lease; a deposit", "a deposit; a lease", []),
        (FREE, "a lease", "a lease; rent", [AnswerFault("spurious", "", "rent")]),
        (JSON, '{"a": 1, "b": {"c": "x"}}', '{"b": {"c": "x"}, "a": 1.0}', []),
        (JSON, '{"a": 1, "b": {"c": "x"}}', '{"a": 2, "b": {"c": "x"}}', [AnswerFault("wrong_value", "a", "a")]),
        (
            JSON,
            '{"a": 1, "b": {"c": "x"}}',
            '{"a": 1, "d": 5}',
            [AnswerFault("missed", "b.c"), AnswerFault("spurious", "", "d")],
        ),
        (JSON, '{"a": 1}', "{", [AnswerFault("malformed")]),
        (JSON, "[1, 2]", "[2, 3]", [AnswerFault("wrong_value")]),
        (NUMBER, "3", "3.0", []),
        (NUMBER, "3", "2.5", [AnswerFault("too_low")]),
        (NUMBER, "3", "about 4", [AnswerFault("too_high")]),
        (NUMBER, "3", "many", [AnswerFault("malformed")]),
        (TextOutput(kind="text"), "yes", "no", []),
    ],
)
def test_faults_of_answers(kind: OutputKind, reference: str, answer: str, faults: list[AnswerFault]) -> None:
    assert sorted(kind.faults(reference, answer, "en")) == sorted(faults)


@given(
    st.sampled_from([LABEL, FREE, JSON, TextOutput(kind="text")]),
    st.text('租金ab;{}[]":1, ', max_size=20),
    st.text(max_size=20),
)
def test_the_reference_itself_has_no_fault_and_other_text_never_fails(kind: OutputKind, reference: str, answer: str) -> None:
    parsed = kind.parse(reference)
    if parsed.ok:
        assert not kind.faults(reference, reference, "en")
        kind.faults(reference, answer, "en")
