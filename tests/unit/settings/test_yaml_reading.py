"""YAML as people write it, and every mistake named with its line."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.errors import ConfigError, Problem
from anytasktune.outputs import JsonOutput
from anytasktune.schema import Domain
from anytasktune.settings import Settings
from anytasktune.settings.yaml_reading import nearest, parse_record

GOOD = """\
schema_version: 1
name: law
actions:
  - name: intake
    steps: [team, facts]
tasks:
  - name: team
    instruction: {en: Which team?}
    output: {kind: label, labels: [a, b]}
  - name: facts
    instruction:
      en: Facts.
    output:
      kind: labels
      separator: ";"
    rules:
      min_items: 3
    input_from: team
"""


def fault(text: str) -> Problem:
    """The one problem `text` has as a domain.yaml."""
    with pytest.raises(ConfigError) as caught:
        parse_record(Domain, text, "domain.yaml")
    (problem,) = caught.value.problems
    return problem


def test_a_right_file_gives_its_record() -> None:
    domain = parse_record(Domain, GOOD, "domain.yaml")
    assert [task.name for task in domain.tasks] == ["team", "facts"]
    assert domain.task("facts").rules.min_items == 3


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "fix"),
    [
        ("rules:", "ruls:", 16, "tasks[facts].ruls: there is no such field", "did you mean 'rules'?"),
        ("min_items: 3", "min_itmes: 3", 17, "tasks[facts].rules.min_itmes: there is no such field", "'min_items'"),
        ("labels: [a", "lables: [a", 9, "tasks[team].output.lables: there is no such field", "'labels'"),
        ("separator: ", "separators: ", 15, "tasks[facts].output.separators: there is no such field", "'separator'"),
        ("min_items: 3", "min_items: three", 17, "tasks[facts].rules.min_items: must be a valid integer", ""),
        ("{en: Which team?}", "Which team?", 8, "tasks[team].instruction: must hold fields", "instruction: {en: ...}"),
        ("{en: Which team?}", "{english: x}", 8, "tasks[team].instruction.english: must be 'en' or 'zh'", ""),
        ("kind: label,", "kind: lable,", 9, "tasks[team].output: needs `kind:`, one of label, labels", "'label'"),
        ("kind: label, ", "", 9, "tasks[team].output: needs `kind:`", ""),
        ("[a, b]", "[1, b]", 9, "tasks[team].output.labels[#1]: must be text", "put it in quotes"),
        ("[a, b]", "a", 9, "tasks[team].output.labels: must be a list", "write [one, two]"),
        ("- name: facts\n    i", "- i", 10, "tasks[#2].name: is missing", "add `name:`"),
        ("name: law", "name: Our Law", 2, "name: may hold only lower-case letters", "first_contact"),
        ("name: law\n", "", 1, "name: is missing", "add `name:`"),
        ("schema_version: 1", "schema_version: 2", 1, "schema_version: must be 1", ""),
        ("tasks:\n", "tasks:\n  - hello\n", 7, "tasks[#1]: must hold fields", ""),
    ],
)
def test_a_wrong_field_is_named_with_its_line_its_task_and_the_right_word(
    old: str, new: str, line: int, what: str, fix: str
) -> None:
    problem = fault(GOOD.replace(old, new, 1))
    assert problem.where == f"domain.yaml:{line}"
    assert problem.what.startswith(what)
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("[team, facts]", "[team, fact]", 5, "action intake has step fact, but no task is called that"),
        ("[team, facts]", "[facts, team]", 18, "task facts takes its input from team, no earlier step of intake"),
        ("name: facts", "name: team", 10, "two tasks are called team"),
        ("{en: Which team?}", "{en: ' '}", 8, "instruction.en is empty"),
        ("[a, b]", "[a, a]", 9, "output.labels lists a more than once"),
        ("[a, b]", "[a, ' b']", 9, "an empty label or one with space around it"),
        ("    input_from", "    metric: mae\n    input_from", 18, "metric mae cannot judge output kind labels; use set_f1"),
        ("min_items: 3", "min_items: 3\n      max_items: 2", 17, "min_items 3 is above max_items 2"),
        ("min_items: 3", "pattern: '['", 17, "pattern is not a regular expression"),
        ('labels\n      separator: ";"', "number\n      minimum: 5\n      maximum: 1", 15, "minimum 5 must be below maximum 1"),
    ],
)
def test_fields_that_do_not_go_together_point_at_the_line_to_look_at(old: str, new: str, line: int, what: str) -> None:
    problem = fault(GOOD.replace(old, new, 1))
    assert problem.where == f"domain.yaml:{line}"
    assert what in problem.what


def test_a_misspelt_step_is_told_the_nearest_task() -> None:
    assert fault(GOOD.replace("[team, facts]", "[team, fact]")).fix == "did you mean 'facts'?"


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_record(Domain, GOOD.replace("min_items", "min_item").replace("name: law", "name: 5"), "domain.yaml")
    assert [problem.where for problem in caught.value.problems] == ["domain.yaml:2", "domain.yaml:17"]


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (GOOD.replace("name: law", "name: law\nname: two"), "domain.yaml:3", "keep one of the two"),
        (GOOD.replace("    output: {kind", "\toutput: {kind"), "domain.yaml:9", "with spaces, not with tabs"),
        (GOOD.replace("en: Facts.", "en: Facts: all"), "domain.yaml:12", "stands in quotes"),
        (GOOD.replace("name: law", "name: *law"), "domain.yaml:2", "begins with * into quotes"),
        (GOOD.replace("name: law", "name: law\n---\nname: x"), "domain.yaml:3", "one document"),
        ("name: a\n\x07\n", "domain.yaml:2", "plain UTF-8 text"),
        ("", "domain.yaml", "anytasktune schema Domain"),
        ("# only a remark\n", "domain.yaml", "anytasktune schema Domain"),
        ("- a list\n", "domain.yaml", "anytasktune schema Domain"),
        ("a: " + "[" * 400, "domain.yaml", "check the indentation"),
        ("tasks: &a [*a]\n", "domain.yaml", ""),
    ],
)
def test_text_that_is_no_yaml_of_fields_is_refused_with_its_line(text: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_record(Domain, text, "domain.yaml")
    assert caught.value.problems[0].where.startswith(where)
    assert any(words in problem.fix for problem in caught.value.problems)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_at_all_makes_the_reader_crash(text: str) -> None:
    try:
        parse_record(Domain, text, "domain.yaml")
    except ConfigError as error:
        assert error.problems


@given(st.integers(0, len(GOOD) - 1), st.sampled_from("\t:-[]{}#&*!|>'\"%@`,?\n甲"))
def test_no_single_typo_makes_the_reader_crash(place: int, character: str) -> None:
    text = GOOD[:place] + character + GOOD[place + 1 :]
    try:
        parse_record(Domain, text, "domain.yaml")
    except ConfigError as error:
        assert all(problem.where.startswith("domain.yaml") for problem in error.problems)


def test_numbers_without_end_are_refused_and_dates_are_text() -> None:
    number = GOOD.replace('labels\n      separator: ";"', "json\n      json_schema: {const: 2024-01-31, maximum: .inf}")
    problem = fault(number)
    assert problem.where == "domain.yaml:15"
    assert problem.what == "tasks[facts].output.json_schema.maximum: must be a finite number"
    output = parse_record(Domain, number.replace(".inf", "3"), "domain.yaml").task("facts").output
    assert isinstance(output, JsonOutput)
    assert output.json_schema == {"const": "2024-01-31", "maximum": 3}


def test_fields_taken_over_by_a_merge_key_are_checked_like_others() -> None:
    merged = GOOD.replace("{en: Which team?}", "{en: x}\n    <<: {metric: mae}", 1)
    assert "metric mae cannot judge" in fault(merged).what


def test_the_nearest_word_is_named_or_else_all_of_them() -> None:
    assert nearest("trian", ["train", "tune"]) == "did you mean 'train'?"
    assert nearest("甲", ["train", "tune"]) == "known: train, tune"


@pytest.mark.parametrize(
    ("given", "instead", "what"),
    [
        ("labels: [rent, other]", "labels: [rent]", "must have at least 2 items, not 1"),
        ("labels: [rent, other]", "labels:", "has no value"),
        ("kind: label", "kind: text", "does not go with the `kind:` beside it"),
    ],
)
def test_frequent_mistakes_are_told_in_plain_words(given: str, instead: str, what: str) -> None:
    text = "schema_version: 1\nname: law\ntasks:\n  - name: team\n    instruction: {en: Which?}\n"
    text += "    output:\n      kind: label\n      labels: [rent, other]\n"
    assert given in text
    with pytest.raises(ConfigError) as caught:
        parse_record(Domain, text.replace(given, instead), "domain.yaml")
    (problem,) = caught.value.problems
    assert problem.what == f"tasks[team].output.labels: {what}"


def test_an_anchor_that_is_given_again_holds_from_there_on_without_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = parse_record(Settings, "split: {dev: &a 0.1, test: &a 0.2}\n", "settings.yaml")
    assert (settings.split.test, capfd.readouterr().err) == (0.2, "")
