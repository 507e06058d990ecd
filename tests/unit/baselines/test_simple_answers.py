"""The constant answer and the nearest training row."""

from collections.abc import Sequence

from tests.unit.evaluation.report_builders import LABELS, number_task, task_with

from anytasktune.baselines import ConstantAnswer, NearestRow
from anytasktune.outputs import LabelOutput, LabelsOutput, TextOutput
from anytasktune.schema import Example, Task

BILINGUAL = Task.model_validate(
    {
        "name": "mood",
        "instruction": {"en": "Glad or cross?", "zh": "高兴还是生气？"},
        "output": LabelOutput(kind="label", labels={"en": ["glad", "cross"], "zh": ["高兴", "生气"]}),
    }
)
ROWS = [
    Example(input="the sofa is lovely", output="glad", language="en"),
    Example(input="the sofa is broken", output="cross", language="en"),
    Example(input="nobody answers me", output="cross", language="en"),
    Example(input="椅子很舒服", output="高兴", language="zh"),
]


def fixed(task: Task, outputs: Sequence[str]) -> str:
    rows = [Example(input=f"letter {number}", output=output) for number, output in enumerate(outputs)]
    return ConstantAnswer.of(task, rows).answer([Example(input="new", output="")])[0].output


def test_the_constant_answer_is_the_best_one_of_each_language() -> None:
    constant = ConstantAnswer.of(BILINGUAL, ROWS)
    assert [answer.output for answer in constant.answer(ROWS)] == ["cross", "cross", "cross", "高兴"]


def test_the_constant_answer_follows_the_metric() -> None:
    assert fixed(task_with(LABELS), ["租金", "other", "other"]) == "other"
    assert fixed(number_task(), ["1", "1", "2", "6", "7"]) == "2", "well formed: no more digits than an answer may have"
    several = task_with(LabelsOutput(kind="labels", labels=["a", "b", "c"]))
    assert fixed(several, ["a", "a", "b; c", "b; c", "a; b; c"]) == "a; b; c", "it shares items with every row"
    assert fixed(task_with(TextOutput(kind="text")), ["the rent is late", "the rent is paid", "hello"]).startswith("the rent")


def test_the_nearest_row_is_of_the_same_language() -> None:
    nearest = NearestRow.of(BILINGUAL, ROWS)
    asked = [
        Example(input="My SOFA is broken!", output="", language="en"),
        Example(input="the sofa is lovely", output="", language="zh"),
        Example(input="椅子", output="", language="zh"),
    ]
    assert [answer.output for answer in nearest.answer(asked)] == ["cross", "高兴", "高兴"]
    assert [answer.output for answer in nearest.answer(ROWS)] == [row.output for row in ROWS]


def test_an_unseen_language_and_unknown_characters_get_some_answer() -> None:
    english = [row for row in ROWS if row.language == "en"]
    asked = [Example(input="□□□", output="", language=language) for language in ("en", "zh")]
    assert [answer.output for answer in NearestRow.of(BILINGUAL, english).answer(asked)] == ["glad", "glad"]
    assert [answer.output for answer in ConstantAnswer.of(BILINGUAL, english).answer(asked)] == ["cross", "cross"]
