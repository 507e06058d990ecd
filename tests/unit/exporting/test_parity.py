"""The first stage that differs between a Task-LM and its copy is named; what rounding explains is not a difference."""

from typing import Any

import pytest
from tests.tiny_project import LABELS, team_rows

from anytasktune.exporting.parity import compare_with_golden
from anytasktune.outputs import LabelOutput
from anytasktune.schema import CopyAnswer, GoldenAnswer, GoldenPrompt, GoldenPrompts, ParityResult, Task, TokenScore

TASK = Task(name="team", instruction={"en": "Which team?"}, output=LabelOutput(kind="label", labels=list(LABELS)))
FIRST = [TokenScore(token=token, log_probability=-float(token)) for token in (1, 2, 3, 4, 5)]


def golden(*, margins: tuple[float, ...] = (1.0, 1.0, 1.0)) -> GoldenPrompts:
    prompts = [
        GoldenPrompt(
            example=row,
            text="a",
            ids=[7, 8],
            first_tokens=FIRST,
            reported=row.output,
            generated=GoldenAnswer(output=row.output, ids=[1, 9], margins=list(margins)),
        )
        for row in team_rows(10)
    ]
    return GoldenPrompts(task="team", task_lm="x", max_new_tokens=4, prompts=prompts)


def copy_answers(recorded: GoldenPrompts, **changes: Any) -> list[CopyAnswer]:
    return [
        CopyAnswer.model_validate(
            {
                "text": "a",
                "ids": prompt.ids,
                "first_tokens": prompt.first_tokens,
                "output": prompt.generated.output,
                "answer_ids": prompt.generated.ids,
            }
            | changes
        )
        for prompt in recorded.prompts
    ]


def compared(recorded: GoldenPrompts, number_format: str = "f16", **changes: Any) -> ParityResult:
    return compare_with_golden(TASK, recorded, copy_answers(recorded, **changes), number_format, "a test", scored=False)


def test_equal_answers_have_parity() -> None:
    found = compared(golden())
    assert (found.ok, found.score, found.reference_score, found.same_top_five) == (True, 1.0, 1.0, 10)


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"text": "b"}, "text"),
        ({"ids": [7, 8, 8]}, "tokens"),
        ({"first_tokens": [FIRST[1], FIRST[0], *FIRST[2:]]}, "first token"),
        (
            {"first_tokens": [entry.model_copy(update={"log_probability": 2 * entry.log_probability}) for entry in FIRST]},
            "first token",
        ),
        ({"answer_ids": [1, 4]}, "answer"),
        ({"answer_ids": [1, 9, 9]}, "answer"),
        ({"answer_ids": [1]}, "answer"),
    ],
)
def test_the_first_stage_that_differs_is_named(changes: dict[str, Any], stage: str) -> None:
    found = compared(golden(), **changes, output="none of them")
    assert found.differing == {stage: 10}
    assert found.first_difference.startswith(f"golden prompt 1: {stage}: ")


def test_an_answer_that_does_not_stop_is_said_to_lack_a_stop_token() -> None:
    assert "stop tokens" in compared(golden(), answer_ids=[1, 9, 9]).first_difference


def test_a_token_that_rounding_decides_is_no_difference() -> None:
    found = compared(golden(margins=(1.0, 0.001, 1.0)), answer_ids=[1, 4], output="other")
    assert (found.ok, found.near_ties) == (True, 10)


def test_coarse_formats_must_keep_the_score() -> None:
    recorded = golden()
    assert compared(recorded, "q8_0", answer_ids=[1, 4]).ok
    found = compared(recorded, "q8_0", answer_ids=[1, 4], output="none of them")
    assert (found.differing, found.first_difference) == ({"score": 10}, "score: 0.000 instead of 1.000")
