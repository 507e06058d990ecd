"""Tasks that are badly cut: nothing to check, labels alike, two that are one, steps that do not go on from each other."""

from typing import Any

import pytest
from tests.unit.tasks.pools import chinese, codes, english, review, task

TOPIC = {"zh": "写出留言的主题：高兴、生气、担心，三选一。"}
CLEAR = "Read the customer's message and write down what the customer wants from us, in the form that is asked for."


@pytest.mark.parametrize(
    "output",
    [{"kind": "text"}, {"kind": "labels"}, {"kind": "json"}],
)
def test_an_answer_that_nothing_could_be_wrong_with_is_an_error(output: dict[str, str]) -> None:
    (finding,) = [finding for finding in review(english(CLEAR, output)) if finding.code == "no_checkable_rule"]
    assert finding.level == "error"


@pytest.mark.parametrize(
    ("output", "rules"),
    [
        ({"kind": "text"}, {"max_length": 200}),
        ({"kind": "text"}, {"pattern": "[A-Z].*"}),
        ({"kind": "labels"}, {"copies_from_input": True}),
        ({"kind": "number", "minimum": 0, "maximum": 9}, {}),
    ],
)
def test_one_rule_is_enough(output: dict[str, Any], rules: dict[str, Any]) -> None:
    assert "no_checkable_rule" not in codes(review(english(CLEAR, output, rules=rules)))


@pytest.mark.parametrize(
    "labels",
    [
        ["Refund", "refund "[:-1]],
        ["refund", "refund request"],
        ["late-delivery", "late delivery"],
        ["delivery delayed", "delivery delays"],
    ],
)
def test_labels_that_are_nearly_the_same_are_found(labels: list[str]) -> None:
    text = f"{CLEAR} Answer with exactly one of: {', '.join(labels)}."
    assert "labels_overlap" in codes(review(english(text, {"kind": "label", "labels": labels})))


@pytest.mark.parametrize("labels", [["satisfied", "dissatisfied"], ["refund", "exchange"], ["can wait", "cannot wait"]])
def test_opposites_and_different_words_are_fine(labels: list[str]) -> None:
    text = f"{CLEAR} Answer with exactly one of: {', '.join(labels)}."
    assert review(english(text, {"kind": "label", "labels": labels})) == []


def test_chinese_labels_that_hold_one_another_are_found() -> None:
    text = "阅读顾客的留言，判断他想要什么。只回答以下之一：退款、退款进度、满意、不满意。"
    findings = review(chinese(text, {"kind": "label", "labels": ["退款", "退款进度", "满意", "不满意"]}))
    assert ["退款" in finding.why and "满意" not in finding.why for finding in findings] == [True]


def test_two_tasks_that_are_one_are_found() -> None:
    spoken = {language: text.replace("Read", "Please read") for language, text in task().instruction.items()}
    assert codes(review(task(), task(name="feeling", instruction=spoken))) == ["twin_tasks"]


def test_an_action_whose_steps_stand_side_by_side_is_found() -> None:
    steps = [{"name": "answer", "steps": ["mood", "topic"]}]
    topic = task(name="topic", instruction={"en": f"{CLEAR} glad cross worried", **TOPIC})
    assert codes(review(task(), topic, actions=steps)) == ["loose_action"]
    assert review(task(), topic.model_copy(update={"input_from": "mood"}), actions=steps) == []


def test_a_task_that_continues_one_that_is_not_there_is_found() -> None:
    topic = task(name="topic", instruction={"en": f"{CLEAR} glad cross worried", **TOPIC}, input_from="moud")
    (finding,) = review(task(), topic)
    assert (finding.code, finding.at) == ("unknown_source", ("tasks", "topic", "input_from"))
    assert finding.instead == "remove input_from, or name another task: did you mean 'mood'?"


def test_a_step_that_others_go_on_from_says_what_it_hands_over() -> None:
    steps = [{"name": "answer", "steps": ["mood", "topic"]}]
    topic = task(
        name="topic",
        instruction={"en": f"{CLEAR} glad cross worried", **TOPIC},
        input_from="mood",
    )
    (finding,) = review(task(hands_over={"en": "the mood"}), topic, actions=steps)
    assert finding.code == "language_missing"  # one language lacks it
    found = review(task(hands_over={}), topic, actions=steps)
    assert codes(found) == ["nothing_handed_over"]


def test_a_task_in_no_action_is_found_once_there_are_actions() -> None:
    topic = task(name="topic", instruction={"en": f"{CLEAR} glad cross worried", **TOPIC})
    assert codes(review(task(), topic, actions=[{"name": "answer", "steps": ["mood"]}])) == ["task_without_action"]


def test_a_language_that_other_tasks_speak_is_missed() -> None:
    silent = english(CLEAR, {"kind": "number", "minimum": 1, "maximum": 5}, name="urgency")
    findings = [finding for finding in review(task(), silent) if finding.code == "language_missing"]
    assert [(finding.level, finding.at) for finding in findings] == [("error", ("tasks", "urgency", "instruction"))]


def test_errors_come_before_advice() -> None:
    levels = [finding.level for finding in review(task(), english("Do it etc.", {"kind": "text"}))]
    assert levels == sorted(levels, key=["error", "advice"].index)
    assert set(levels) == {"error", "advice"}
