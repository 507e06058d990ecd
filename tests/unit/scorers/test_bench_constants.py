"""The score of one fixed answer on real tasks, as published beside the data."""

import json
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, Metric, NumberOutput, Output, TextOutput
from anytasktune.schema import Task
from anytasktune.scorers import item_statistics

BENCH = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "bench"
JSON = JsonOutput(kind="json")
ANY_LABEL = LabelOutput(kind="label", labels=["one", "two"])
TASKS: list[tuple[str, Output, Metric, float]] = [
    ("law_en_sentence_role", ANY_LABEL, "macro_f1", 0.095),
    ("law_zh_event_detection", LabelsOutput(kind="labels", separator="；"), "set_f1", 0.090),
    ("health_en_question_summary", TextOutput(kind="text"), "rouge_l", 0.033),
    ("health_zh_medical_ner", JSON, "json_f1", 0.010),
    ("health_zh_trial_criteria", ANY_LABEL, "macro_f1", 0.011),
    ("fin_en_banking_intent", ANY_LABEL, "accuracy", 0.014),
    ("fin_zh_relation", ANY_LABEL, "macro_f1", 0.012),
    ("psy_en_empathy_score", NumberOutput(kind="number", minimum=1, maximum=7, decimals=1), "mae", 1.526),
    ("psy_zh_counsel_reply", TextOutput(kind="text"), "rouge_l", 0.186),
    ("cs_en_request_slots", JSON, "json_f1", 0.048),
    ("cs_zh_dialog_acts", JSON, "json_f1", 0.099),
    ("hr_en_skill_extraction", JSON, "json_f1", 0.000),
    ("hr_zh_resume_ner", JSON, "json_f1", 0.000),
]


def outputs_of(name: str, split: str) -> list[str]:
    path = BENCH / name / f"{split}.jsonl"
    if not path.exists():
        pytest.skip("the benchmark data is not on this machine")
    return [json.loads(line)["output"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("name", "output", "metric", "expected"), TASKS, ids=[task[0] for task in TASKS])
def test_one_fixed_answer_scores_what_the_data_says(name: str, output: Output, metric: Metric, expected: float) -> None:
    train, references = outputs_of(name, "train"), outputs_of(name, "test")
    task = Task(name=name, instruction={"en": "Do it."}, output=output, metric=metric)
    fixed = f"{median(map(float, train)):g}" if metric == "mae" else Counter(train).most_common(1)[0][0]
    value = item_statistics(task, references, [fixed] * len(references)).value()
    assert value == pytest.approx(expected, abs=0.00051)
