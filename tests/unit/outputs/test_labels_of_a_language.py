"""Which label is right depends on the language of the row."""

import pytest

from anytasktune.outputs import Metric
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers import broken_rules, explain_rules, item_statistics, score_answer

MOODS = {"en": ["glad", "cross", "sad"], "zh": ["高兴", "生气", "难过"]}


def moods(kind: str = "label", metric: Metric | None = None) -> Task:
    fields = {"name": "mood", "instruction": {"en": "Mood?", "zh": "情绪？"}, "metric": metric}
    return Task.model_validate(fields | {"output": {"kind": kind, "labels": MOODS}})


@pytest.mark.parametrize(("language", "answer"), [("en", "glad"), ("zh", "高兴"), (None, "glad")])
def test_a_label_of_the_rows_language_is_right(language: Language | None, answer: str) -> None:
    assert moods().parse(answer, language).value == answer
    assert broken_rules(moods(), "in", answer, language) == []


@pytest.mark.parametrize(("language", "answer"), [("zh", "glad"), ("en", "高兴"), (None, "高兴")])
def test_a_label_of_the_other_language_is_unknown(language: Language | None, answer: str) -> None:
    assert not moods().parse(answer, language).ok
    assert broken_rules(moods(), "in", answer, language) == ["unknown_label"]


def test_advice_names_labels_of_the_rows_language_only() -> None:
    (problem,) = explain_rules(moods(), "in", "愤慨", "zh")
    assert "生气" in problem.fix
    assert "cross" not in problem.fix


def test_lists_of_labels_are_read_in_the_rows_language() -> None:
    assert broken_rules(moods("labels"), "in", "高兴; 难过", "zh") == []
    assert broken_rules(moods("labels"), "in", "高兴; sad", "zh") == ["unknown_label"]
    assert broken_rules(moods("labels"), "in", "高兴、难过", "zh") == ["separator"]


def test_a_judgement_is_one_in_the_rows_language() -> None:
    assert score_answer(moods(), "in", "高兴", "高兴", "zh").parsed
    judgement = score_answer(moods(), "in", "高兴", "glad", "zh")
    assert (judgement.value, judgement.parsed, judgement.broken_rules) == (0.0, False, ["unknown_label"])


def test_labels_that_mean_the_same_are_one_class_of_macro_f1() -> None:
    both = item_statistics(moods(metric="macro_f1"), ["glad", "高兴", "cross"], ["glad", "难过", "cross"])
    one = item_statistics(moods(metric="macro_f1"), ["glad", "glad", "cross"], ["glad", "sad", "cross"])
    assert both.value() == one.value()


def test_an_answer_in_the_wrong_language_is_no_hit() -> None:
    statistics = item_statistics(moods(metric="macro_f1"), ["高兴", "生气"], ["glad", "生气"])
    assert statistics.value() == pytest.approx(0.5)


def test_labels_are_compared_in_the_first_language_and_other_text_is_left_alone() -> None:
    assert moods().in_first_language("生气", "生气") == "cross"
    assert moods().in_first_language("cross", "生气") == ""
    assert moods().in_first_language("x", "no label at all") == "x"
    plain = Task.model_validate({"name": "t", "instruction": {"en": "x"}, "output": {"kind": "label", "labels": ["a", "b"]}})
    assert plain.in_first_language("b", "a") == "b"
