"""Warnings about rows as they are divided; each says which rows it means."""

from collections.abc import Sequence

import pytest

from anytasktune.outputs import LabelOutput, LabelsOutput, NumberOutput, TextOutput
from anytasktune.outputs.json_output import JsonOutput
from anytasktune.records import Language
from anytasktune.schema import Example, SplitName, Task
from anytasktune.tasks import Finding
from anytasktune.tasks.split_checks import Splits, conflicting_answers, foreign_model, labels_without_rows, no_dev_rows

BOTH: dict[Language, str] = {"en": "Which team?", "zh": "哪个团队？"}
TEAM = Task(name="team", instruction=BOTH, output=LabelOutput(kind="label", labels=["housing", "family", "work"]))
TRANSLATED = Task(
    name="team", instruction=BOTH, output=LabelOutput(kind="label", labels={"en": ["yes", "no"], "zh": ["是", "否"]})
)


def rows(*pairs: tuple[str, str] | tuple[str, str, Language]) -> list[Example]:
    return [Example(input=pair[0], output=pair[1], language=pair[2] if len(pair) > 2 else "en") for pair in pairs]


def place(split: SplitName, number: int, _: Example) -> str:
    return f"data/{split}.jsonl:{number}"


def conflicts(task: Task, splits: Splits) -> list[Finding]:
    return list(conflicting_answers(task, splits, place))


@pytest.mark.parametrize(
    "other",
    ["a letter", " A  Letter", "ａ ｌｅｔｔｅｒ", "a\tletter\n", "A LETTER"],
    ids=["same", "space", "width", "lines", "case"],
)
def test_the_same_input_with_two_answers_names_both_rows(other: str) -> None:
    (found,) = conflicts(TEAM, {"train": rows(("a letter", "housing"), ("b", "work"), (other, "family"))})
    assert found.place == "data/train.jsonl:1"
    assert "'housing' (data/train.jsonl:1) and 'family' (data/train.jsonl:3)" in found.why
    assert "1 such input in 2 rows" in found.why
    assert found.level == "advice"


def test_a_contradiction_between_train_and_test_says_so() -> None:
    (found,) = conflicts(TEAM, {"train": rows(("a letter", "housing")), "test": rows(("x", "work"), ("A letter", "work"))})
    assert "'housing' (data/train.jsonl:1 in train) and 'work' (data/test.jsonl:2 in test)" in found.why


def test_of_many_contradictions_three_are_shown_and_all_are_counted() -> None:
    many = rows(*((f"letter {number}", label) for number in range(9) for label in ("housing", "work")))
    found = conflicts(TEAM, {"train": many})
    assert len(found) == 3
    assert "9 such inputs in 18 rows" in found[0].why


ITEMS = Task(name="t", instruction={"en": "?"}, output=LabelsOutput(kind="labels", labels=["a", "b"]))
DATA = Task(
    name="t",
    instruction={"en": "?"},
    output=JsonOutput(kind="json", json_schema={"type": "object", "properties": {"a": {}, "b": {}}}),
)
NUMBER = Task(name="t", instruction={"en": "?"}, output=NumberOutput(kind="number", minimum=0, maximum=100))
FREE = Task(name="t", instruction={"en": "?"}, output=TextOutput(kind="text"))


@pytest.mark.parametrize(
    ("task", "found", "answers"),
    [
        (TEAM, 0, ("housing", "housing")),
        (TRANSLATED, 1, ("yes", "no")),
        (ITEMS, 0, ("a; b", "b; a")),
        (ITEMS, 1, ("a; b", "a")),
        (DATA, 0, ('{"a": 1, "b": "x"}', '{"b":"x","a":1}')),
        (DATA, 1, ('{"a": 1}', '{"a": 2}')),
        (NUMBER, 0, ("7", "7.0")),
        (NUMBER, 1, ("7", "8")),
        (FREE, 0, ("Dear client", "Dear Sir")),
    ],
)
def test_only_answers_that_mean_something_else_contradict(task: Task, found: int, answers: Sequence[str]) -> None:
    assert len(conflicts(task, {"train": rows(*(("a letter", answer) for answer in answers))})) == found


def test_the_same_words_in_two_languages_are_two_inputs() -> None:
    assert conflicts(TRANSLATED, {"train": rows(("OK", "yes", "en"), ("OK", "否", "zh"))}) == []


def labels(task: Task, splits: Splits) -> list[str]:
    return [finding.why for finding in labels_without_rows(task, splits, place)]


def test_labels_without_train_rows_are_named_with_the_rows_that_have_them() -> None:
    every = rows(("a", "housing"), ("b", "family"), ("c", "work"))
    assert labels(TEAM, {"train": every, "test": every}) == []
    (found,) = labels(TEAM, {"train": every[:2], "dev": every[2:], "test": every})
    assert "no train row has the answer 'work' (1 of 3 labels)" in found
    assert "2 dev and test rows have it: data/dev.jsonl:1, data/test.jsonl:3" in found
    (nowhere,) = labels(TEAM, {"train": every[:2], "test": every[:2]})
    assert "'work' (1 of 3 labels), so it is never learned" in nowhere
    (untested,) = labels(TEAM, {"train": every, "test": every[:1]})
    assert "no test row has the answer 'family', 'work' (2 of 3 labels, 2 train rows)" in untested


def test_labels_are_looked_for_in_the_languages_that_the_rows_are_in() -> None:
    english = rows(("a", "yes"), ("b", "no"))
    assert labels(TRANSLATED, {"train": english, "test": english}) == []
    mixed = [*english, *rows(("甲", "是", "zh"))]
    (found,) = labels(TRANSLATED, {"train": mixed})
    assert "'否'" in found
    items = rows(("a", "a; b"), ("b", "a"))
    assert labels(ITEMS, {"train": items, "test": items[:1]}) == []


def test_labels_in_one_list_for_both_languages_need_no_row_in_each() -> None:
    mixed = rows(("a", "housing"), ("甲", "family", "zh"), ("乙", "work", "zh"))
    assert labels(TEAM, {"train": mixed, "test": mixed}) == []


def test_without_dev_rows_it_is_said_what_stops_training() -> None:
    some = rows(("a", "housing"))
    assert list(no_dev_rows(TEAM, {"train": some, "dev": some})) == []
    (found,) = no_dev_rows(TEAM, {"train": some, "test": some})
    assert "no dev rows beside 1 train row: training runs all its epochs and keeps the last weights" in found.why
    assert list(no_dev_rows(TEAM, {"test": some})) == []


CHINESE = rows(("房东拒绝退还押金，租客来信询问应当怎样处理", "housing", "zh"), ("a letter", "work"))


@pytest.mark.parametrize(("per_character", "warned"), [(0.6, False), (1.0, False), (1.3, False), (1.9, True), (3.0, True)])
def test_chinese_rows_for_a_tokenizer_that_falls_apart_on_them(per_character: float, warned: bool) -> None:
    def count(text: str) -> int:
        return round(per_character * len(text))

    found = list(foreign_model(TEAM, {"train": CHINESE}, place, count, "small", "big"))
    assert bool(found) == warned
    if warned:
        assert f"as {per_character} tokens" in found[0].why
        assert "1 of 2 rows are in Chinese" in found[0].why
        assert found[0].place == "data/train.jsonl:1"
        assert found[0].instead.endswith("-c train.model=big")
    assert list(foreign_model(TEAM, {"train": CHINESE[1:]}, place, lambda text: 9 * len(text), "small", "big")) == []
