"""The metrics on cases worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, Metric, NumberOutput, Output, TextOutput
from anytasktune.schema import Task
from anytasktune.scorers import item_statistics, score_answer


def task_with(output: Output, metric: Metric | None = None) -> Task:
    return Task(name="task", instruction={"en": "Do it."}, output=output, metric=metric)


LABELS = LabelOutput(kind="label", labels=["a", "b", "c"])
EVENTS = task_with(LabelsOutput(kind="labels", separator="；"))
FACTS = task_with(JsonOutput(kind="json"))
SCALE = task_with(NumberOutput(kind="number", minimum=1, maximum=7, decimals=1))
TEXT = task_with(TextOutput(kind="text"))
BAG = task_with(TextOutput(kind="text"), "token_f1")


def score(task: Task, references: list[str], outputs: list[str]) -> float:
    return item_statistics(task, references, outputs).value()


def test_accuracy_is_the_share_of_answers_equal_to_the_reference_after_stripping() -> None:
    assert score(task_with(LABELS), ["a", "b", " c", "a"], ["a\n", " b", "c", "A"]) == 0.75


def test_macro_f1_averages_over_the_labels_that_occur_in_the_references() -> None:
    references = ["a", "a", "a", "b"]
    outputs = ["a", "a", "b", "b"]
    f1_a, f1_b = 2 * 2 / (3 + 2), 2 * 1 / (1 + 2)
    assert score(task_with(LABELS, "macro_f1"), references, outputs) == pytest.approx((f1_a + f1_b) / 2)


def test_macro_f1_counts_any_other_answer_as_a_miss() -> None:
    outputs = ["a", "c", "nonsense", "b"]
    f1_a, f1_b = 2 * 1 / (3 + 1), 1.0
    assert score(task_with(LABELS, "macro_f1"), ["a", "a", "a", "b"], outputs) == pytest.approx((f1_a + f1_b) / 2)


def test_set_f1_pools_the_items_of_all_rows() -> None:
    references = ["欺骗；支付/给付", "拘捕"]
    outputs = ["欺骗", "拘捕；受伤"]
    assert score(EVENTS, references, outputs) == pytest.approx(2 * 2 / (3 + 3))


def test_set_f1_takes_full_and_half_width_separators_and_spaces_as_the_same() -> None:
    assert score(EVENTS, ["欺骗；支付/给付；拘捕"], ["拘捕 ;欺骗; 支付/给付；欺骗"]) == 1.0


def test_set_f1_without_any_item_anywhere_is_one_because_nothing_was_missed() -> None:
    assert score(EVENTS, ["", ""], ["", "  "]) == 1.0
    assert score(EVENTS, ["", ""], ["", "欺骗"]) == 0.0


def test_json_f1_compares_a_key_path_with_each_of_its_values() -> None:
    reference = '{"疾病": ["乳腺癌", "感冒"], "时间": ["手术后"]}'
    output = '{"时间": ["手术后"], "疾病": ["感冒"], "药物": ["阿司匹林"]}'
    assert score(FACTS, [reference], [output]) == pytest.approx(2 * 2 / (3 + 3))


def test_json_f1_compares_nested_values_by_their_whole_path() -> None:
    reference = '{"intent": "GetWeather", "slots": {"city": "Rome", "time": "now"}}'
    output = '{"intent": "GetWeather", "slots": {"state": "Rome", "time": " now "}}'
    assert score(FACTS, [reference], [output]) == pytest.approx(2 * 2 / (3 + 3))


def test_json_f1_takes_each_object_of_a_list_as_one_fact() -> None:
    reference = '[{"act": "Inform", "value": "4分"}, {"act": "Select", "value": "餐馆"}]'
    output = '[{"value": "餐馆", "act": "Select"}, {"act": "Inform", "value": "5分"}]'
    assert score(FACTS, [reference], [output]) == 0.5


def test_json_f1_gives_output_that_is_not_json_no_facts() -> None:
    references = ['{"a": "x"}', '{"a": "y"}']
    assert score(FACTS, references, ['{"a": "x"', '{"a": "y"}']) == pytest.approx(2 * 1 / (2 + 1))


def test_json_f1_takes_equal_numbers_as_equal_and_true_as_no_number() -> None:
    assert score(FACTS, ['{"n": 1}'], ['{"n": 1.0}']) == 1.0
    assert score(FACTS, ['{"n": 1}'], ['{"n": true}']) == 0.0


@pytest.mark.parametrize("garbage", ["NaN", "[1e999]", "[" * 100_000, "[" * 500 + "]" * 500, "9" * 10_000, ""])
def test_json_f1_survives_json_no_decoder_should_follow(garbage: str) -> None:
    assert score(FACTS, ['{"a": 1}'], [garbage]) == 0.0


def test_rouge_l_compares_english_by_lower_case_word() -> None:
    reference, output = "What is the prognosis?", "what was the likely prognosis"
    assert score(TEXT, [reference], [output]) == pytest.approx(2 * 3 / (4 + 5))


def test_rouge_l_compares_chinese_by_character_with_its_punctuation() -> None:
    assert score(TEXT, ["我懂你。"], ["我很懂你"]) == pytest.approx(2 * 3 / (4 + 4))


def test_rouge_l_takes_a_latin_word_in_chinese_text_as_one_token() -> None:
    assert score(TEXT, ["用Wi-Fi上网"], ["用wi-fi上网"]) == 1.0
    assert score(TEXT, ["用5G上网"], ["用4G上网"]) == pytest.approx(2 * 3 / (4 + 4))


def test_rouge_l_averages_the_rows() -> None:
    assert score(TEXT, ["one two", "three"], ["one two", "four"]) == 0.5


def test_token_f1_ignores_order_but_not_repetition() -> None:
    assert score(BAG, ["a b c"], ["c b a"]) == 1.0
    assert score(BAG, ["a b"], ["a a"]) == pytest.approx(2 * 1 / (2 + 2))


def test_mae_is_the_mean_distance_and_lower_is_better() -> None:
    assert score(SCALE, ["2.8", "5"], ["3.8", "5.0"]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("I would say 4 of 7", 1.0),
        ("评分：３．５分", 1.5),
        ("score-4", 1.0),
        ("no idea", 6.0),
        ("", 6.0),
        ("2019", 6.0),
        ("-3", 6.0),
        ("9", 4.0),
        ("五", 6.0),
        (".5", 4.5),
    ],
)
def test_mae_takes_the_first_number_and_at_most_the_width_of_the_range(output: str, error: float) -> None:
    assert score(SCALE, ["5"], [output]) == pytest.approx(error)


def test_mae_reads_thousands_separators() -> None:
    price = task_with(NumberOutput(kind="number", minimum=0, maximum=10_000))
    assert score(price, ["1200"], ["约1,200元"]) == 0.0


def test_a_number_task_whose_reference_has_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        score(SCALE, ["high"], ["3"])


def test_a_judgement_has_the_value_of_the_row_and_what_is_wrong_with_its_form() -> None:
    judgement = score_answer(EVENTS, "", "欺骗；拘捕", "欺骗；；受伤")
    assert judgement.value == 0.5
    assert judgement.broken_rules == ["separator"]


def test_a_label_row_of_a_macro_f1_task_is_judged_right_or_wrong() -> None:
    assert score_answer(task_with(LABELS, "macro_f1"), "", "a", "a ").value == 1.0
    wrong = score_answer(task_with(LABELS, "macro_f1"), "", "a", "x")
    assert (wrong.value, wrong.parsed, wrong.broken_rules) == (0.0, False, ["unknown_label"])


labels = st.sampled_from(["a", "b", "c", "x"])


@settings(deadline=None)
@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=30))
def test_macro_f1_agrees_with_counting_label_by_label(pairs: list[tuple[str, str]]) -> None:
    references, outputs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    per_label = []
    for label in set(references):
        right = sum(1 for pair in pairs if pair == (label, label))
        precision = right / outputs.count(label) if outputs.count(label) else 0.0
        recall = right / references.count(label)
        per_label.append(2 * precision * recall / (precision + recall) if right else 0.0)
    expected = sum(per_label) / len(per_label)
    assert score(task_with(LABELS, "macro_f1"), references, outputs) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=20), st.data())
def test_weighting_an_item_is_the_same_as_repeating_it(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    task = task_with(LABELS, "macro_f1")
    references, outputs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    picks = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=20))
    statistics = item_statistics(task, references, outputs)
    weights = np.bincount(picks, minlength=len(pairs)).astype(np.float64)
    repeated = score(task, [references[i] for i in picks], [outputs[i] for i in picks])
    assert float(statistics.aggregate(weights @ statistics.columns)) == pytest.approx(repeated)


def test_no_items_at_all_have_no_accuracy() -> None:
    assert math.isnan(score(task_with(LABELS), [], []))
