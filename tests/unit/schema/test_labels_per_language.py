"""Labels that differ by language, and what a task says about its place in the work."""

import json

import pytest
from jsonschema import Draft202012Validator

from anytasktune.domain_yaml import add_task
from anytasktune.errors import ConfigError, Problem
from anytasktune.schema import Domain, Task
from anytasktune.settings.yaml_reading import parse_record

DOMAIN = """\
schema_version: 1
name: shop
limits: {en: Drafts only., zh: 仅供起草参考。}
jurisdiction: {en: None., zh: 无。}
tasks:
  - name: mood
    instruction: {en: Which mood?, zh: 什么情绪？}
    output: {kind: label, labels: LABELS}
    done_by: {en: the front desk, zh: 前台}
    hands_over: {en: the mood, zh: 情绪}
    limits: {en: Not a diagnosis., zh: 不是诊断。}
"""
GOOD = "{en: [glad, cross], zh: [高兴, 生气]}"


def read(labels: str) -> Domain:
    return parse_record(Domain, DOMAIN.replace("LABELS", labels), "domain.yaml")


def fault(labels: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        read(labels)
    return caught.value.problems[0]


def test_each_language_has_its_labels_and_a_row_without_one_has_those_of_the_first() -> None:
    task = read(GOOD).task("mood")
    assert task.labels_in("zh") == ["高兴", "生气"]
    assert task.labels_in("en") == task.labels_in(None) == ["glad", "cross"]


def test_one_list_holds_in_every_language() -> None:
    task = read("[glad, cross]").task("mood")
    assert task.labels_in("zh") == task.labels_in("en") == ["glad", "cross"]


def test_a_task_of_another_kind_has_no_labels() -> None:
    task = Task.model_validate({"name": "t", "instruction": {"en": "x"}, "output": {"kind": "text"}})
    assert task.labels_in("en") is None


def test_a_row_in_a_language_the_task_does_not_speak_is_handled_in_its_first() -> None:
    task = Task.model_validate({"name": "t", "instruction": {"zh": "写"}, "output": {"kind": "text"}})
    assert task.language_of("en") == task.language_of(None) == "zh"


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ("{en: [glad, cross]}", "is given in en, the instruction in en, zh"),
        ("{}", "is given in no language"),
        ("{en: [glad, cross, sad], zh: [高兴, 生气]}", "there are 3 in en, 2 in zh"),
        ("{en: [glad, cross], zh: [高兴, 高兴]}", "lists 高兴 more than once"),
        ("{en: [glad, OK], zh: [OK, 生气]}", "has OK at different positions in two languages"),
        ("{en: [glad], zh: [高兴]}", "tasks[mood].output.labels.en: must have at least 2 items"),
        ("{en: glad, zh: 高兴}", "tasks[mood].output.labels.en: must be a list"),
        ("{english: [glad, cross]}", "tasks[mood].output.labels.english: must be 'en' or 'zh'"),
        ("{en: [glad, 3], zh: [高兴, 生气]}", "tasks[mood].output.labels.en[#2]: must be text"),
        ("glad", "tasks[mood].output.labels: must be a list"),
    ],
)
def test_labels_that_do_not_go_together_are_told_with_their_line(labels: str, what: str) -> None:
    problem = fault(labels)
    assert problem.where == "domain.yaml:8"
    assert what in problem.what


@pytest.mark.parametrize("labels", [GOOD, "[glad, cross]"])
def test_the_schema_for_editors_takes_both_forms(labels: str) -> None:
    domain = json.loads(read(labels).model_dump_json())
    Draft202012Validator(Domain.model_json_schema()).validate(domain)


@pytest.mark.parametrize("labels", ["{en: [glad], zh: [高兴]}", "{fr: [content, triste]}", "3"])
def test_the_schema_for_editors_refuses_what_the_program_refuses(labels: str) -> None:
    domain = json.loads(read(GOOD).model_dump_json())
    domain["tasks"][0]["output"]["labels"] = parse_record_of_any(labels)
    assert not Draft202012Validator(Domain.model_json_schema()).is_valid(domain)


def parse_record_of_any(text: str) -> object:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(text)


def test_a_task_added_to_a_file_is_read_back_the_same() -> None:
    task = read(GOOD).task("mood")
    text = add_task("schema_version: 1\nname: other\ntasks: []\n", task)
    assert parse_record(Domain, text, "domain.yaml").tasks == [task]


def test_what_a_task_says_of_its_place_in_the_work_is_kept_per_language() -> None:
    domain = read(GOOD)
    task = domain.task("mood")
    assert (domain.limits["zh"], domain.jurisdiction["en"]) == ("仅供起草参考。", "None.")
    assert (task.limits["en"], task.done_by["zh"], task.hands_over["en"]) == ("Not a diagnosis.", "前台", "the mood")
