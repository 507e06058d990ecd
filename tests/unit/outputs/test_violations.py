"""Which rules an answer breaks, and how that is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, Rules, TextOutput
from anytasktune.schema import Task
from anytasktune.scorers import broken_rules, explain_rules

ROLE = LabelOutput(kind="label", labels=["Evidence", "Legal rule", "Other"])
EVENTS = LabelsOutput(kind="labels", labels=["欺骗", "拘捕", "支付/给付"], separator="；")
KEYWORDS = LabelsOutput(kind="labels", separator="; ")
SCORE = NumberOutput(kind="number", minimum=1, maximum=7, decimals=1)
TEXT = TextOutput(kind="text")
PERSON = JsonOutput(
    kind="json",
    json_schema={
        "type": "object",
        "properties": {"姓名": {"type": "array", "items": {"type": "string"}}},
        "additionalProperties": False,
    },
)


def task_with(output: Output, **rules: object) -> Task:
    return Task(name="task", instruction={"en": "Do it."}, output=output, rules=Rules.model_validate(rules))


def broken(output: Output, answer: str, input_text: str = "", **rules: object) -> list[str]:
    return broken_rules(task_with(output, **rules), input_text, answer)


@pytest.mark.parametrize(
    ("output", "answer", "names"),
    [
        (ROLE, " Legal rule\n", []),
        (ROLE, "legal rule", ["unknown_label"]),
        (ROLE, " ", ["empty_output"]),
        (EVENTS, "欺骗；支付/给付", []),
        (EVENTS, "欺骗; 拘捕", []),
        (EVENTS, "欺骗、拘捕", ["separator"]),
        (EVENTS, "欺骗；；拘捕", ["separator"]),
        (EVENTS, "欺骗；", ["separator"]),
        (EVENTS, "欺骗；逃跑", ["unknown_label"]),
        (EVENTS, "", []),
        (KEYWORDS, "statute of limitations; lease", []),
        (KEYWORDS, "lease\ndeposit", ["separator"]),
        (PERSON, '{"姓名": ["司国晨"]}', []),
        (PERSON, '{"姓名": "司国晨"}', ["schema"]),
        (PERSON, '{"姓名": [], "年龄": 5}', ["schema"]),
        (PERSON, '{"姓名": [], "姓名": []}', ["duplicate_key"]),
        (PERSON, "{'姓名': []}", ["bad_json"]),
        (PERSON, "", ["empty_output"]),
        (SCORE, "3.5", []),
        (SCORE, "３．５", []),
        (SCORE, "3.5 points", ["bad_number"]),
        (SCORE, "7.5", ["out_of_range"]),
        (SCORE, "3.55", ["decimals"]),
        (SCORE, "9.55", ["out_of_range", "decimals"]),
        (TEXT, "anything", []),
        (TEXT, "", ["empty_output"]),
    ],
)
def test_an_answer_without_the_form_of_its_output_kind_breaks_a_rule(output: Output, answer: str, names: list[str]) -> None:
    assert broken(output, answer) == names


@pytest.mark.parametrize(
    ("output", "answer", "rules", "names"),
    [
        (KEYWORDS, "a; b", {"min_items": 3}, ["min_items"]),
        (KEYWORDS, "", {"min_items": 1}, ["min_items"]),
        (KEYWORDS, "a; b; b; b", {"max_items": 3}, ["max_items"]),
        (JsonOutput(kind="json"), '["a", "b"]', {"max_items": 1}, ["max_items"]),
        (JsonOutput(kind="json"), '{"a": ["b", "c"]}', {"max_items": 1}, []),
        (TEXT, "one\n\ntwo\n", {"max_items": 2, "min_items": 2}, []),
        (TEXT, "四个汉字", {"max_length": 4}, []),
        (TEXT, "五个汉字呢", {"max_length": 4}, ["max_length"]),
        (TEXT, "法院驳回上诉", {"language": "en"}, ["language"]),
        (TEXT, "The appeal is dismissed", {"language": "zh"}, ["language"]),
        (JsonOutput(kind="json"), '{"city": "罗马"}', {"language": "zh"}, []),
        (TEXT, "AB-12", {"pattern": "[A-Z]{2}-[0-9]+"}, []),
        (TEXT, "see AB-12", {"pattern": "[A-Z]{2}-[0-9]+"}, ["pattern"]),
    ],
)
def test_the_rules_of_a_task_are_checked(output: Output, answer: str, rules: dict[str, object], names: list[str]) -> None:
    assert broken(output, answer, **rules) == names


def test_copies_from_input_wants_every_item_word_for_word() -> None:
    source = "The tenant withheld\nthe security deposit."
    assert broken(KEYWORDS, "security deposit; tenant withheld the", source, copies_from_input=True) == []
    assert broken(KEYWORDS, "Security deposit", source, copies_from_input=True) == ["copies_from_input"]


def test_copies_from_input_looks_at_strings_inside_json_but_not_at_keys() -> None:
    answer = '{"药物": ["布洛芬"], "时间": ["昨天"]}'
    assert broken(JsonOutput(kind="json"), answer, "昨天吃了布洛芬", copies_from_input=True) == []
    assert broken(JsonOutput(kind="json"), answer, "今天吃了布洛芬", copies_from_input=True) == ["copies_from_input"]


def test_a_rule_broken_twice_is_named_once_and_explained_twice() -> None:
    task = task_with(KEYWORDS, copies_from_input=True)
    assert broken_rules(task, "nothing", "a1; b2") == ["copies_from_input"]
    assert len(explain_rules(task, "nothing", "a1; b2")) == 2


def test_an_unknown_label_is_answered_with_the_nearest_right_one() -> None:
    (problem,) = explain_rules(task_with(ROLE), "", "Evidense")
    assert "'Evidense'" in problem.what
    assert "'Evidence'" in problem.fix


def test_bad_json_is_explained_with_the_place_of_the_fault() -> None:
    (problem,) = explain_rules(task_with(PERSON), "", '{"姓名": [}')
    assert "character 9" in problem.what


def test_a_schema_fault_is_explained_with_its_path() -> None:
    (problem,) = explain_rules(task_with(PERSON), "", '{"姓名": ["a", 5]}')
    assert "姓名/1" in problem.what


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"$ref": "https://example.org/person.json"},
        {"$ref": "#"},
        {"type": "string", "pattern": "("},
    ],
)
def test_a_schema_that_cannot_be_used_is_an_error_of_the_task_and_nothing_is_fetched(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"output\.json_schema"):  # when the task is read, or when an answer is checked
        broken(JsonOutput(kind="json", json_schema=schema), '"x"')


ANY_OUTPUT = st.sampled_from([ROLE, EVENTS, KEYWORDS, PERSON, SCORE, TEXT])


@settings(deadline=None)
@given(ANY_OUTPUT, st.text(max_size=60), st.text(max_size=60))
def test_any_text_at_all_can_be_checked(output: Output, input_text: str, answer: str) -> None:
    task = task_with(output, language="zh", copies_from_input=True, max_items=2, max_length=9)
    names = broken_rules(task, input_text, answer)
    assert len(names) == len(set(names))
    assert bool(names) == bool(explain_rules(task, input_text, answer))


@settings(deadline=None)
@given(st.lists(st.sampled_from(EVENTS.labels or []), max_size=5))
def test_items_joined_by_the_separator_of_the_task_are_read_back(items: list[str]) -> None:
    parsed = task_with(EVENTS).parse(EVENTS.separator.join(items))
    assert parsed.value == tuple(items)
    assert parsed.ok
