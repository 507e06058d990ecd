"""Few-shot examples: the same ones for every input, or those most similar to each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_project import team_rows
from tests.unit.evaluation.report_builders import LABELS, task_with

from anytasktune.inference.few_shot import NO_SHOTS, FixedShots, choose_shots
from anytasktune.inference.similar_shots import SimilarShots
from anytasktune.outputs import TextOutput
from anytasktune.schema import Example, Task

TEXT = task_with(TextOutput(kind="text"))
BILINGUAL = TEXT.model_copy(update={"instruction": {"en": "Do it.", "zh": "请做。"}})
LABEL = task_with(LABELS)


def example(text: str, output: str = "good", language: str | None = None) -> Example:
    return Example.model_validate({"input": text, "output": output, "language": language})


def inputs(shots: tuple[Example, ...]) -> list[str]:
    return [shot.input for shot in shots]


def test_the_most_similar_rows_are_shown_the_most_similar_one_last() -> None:
    train = [example(text) for text in ("the lift is stuck", "my rent went up again", "the rent is late", "a new passport")]
    shots = SimilarShots.of(TEXT, train, 2).before(TEXT, example("the rent went up"))
    assert inputs(shots) == ["the rent is late", "my rent went up again"]


def test_chinese_is_compared_by_characters() -> None:
    train = [example(text, language="zh") for text in ("电梯坏了没人修", "房租又涨了", "护照丢了怎么补办", "你好")]
    shots = SimilarShots.of(TEXT, train, 1).before(TEXT, example("房东要涨房租", language="zh"))
    assert inputs(shots) == ["房租又涨了"]


def test_rows_of_the_other_language_are_not_shown_and_a_language_without_rows_is_shown_the_others() -> None:
    train = [*(example(f"rent {word}", language="en") for word in "abc"), example("房租 rent a", language="zh")]
    shots = SimilarShots.of(BILINGUAL, train, 3)
    assert {shot.language for shot in shots.before(BILINGUAL, example("rent a", language="zh"))} == {"zh"}
    assert {shot.language for shot in shots.before(BILINGUAL, example("rent d", language="en"))} == {"en"}
    english = SimilarShots.of(BILINGUAL, train[:3], 3)
    assert len(english.before(BILINGUAL, example("房租", language="zh"))) == 3


def test_half_of_the_labels_may_be_the_same_as_far_as_there_are_others() -> None:
    alike = [example(f"the room was very good {number}", "押金") for number in range(6)]
    others = [example("the sea was far", "租金"), example("a street", "租金")]
    question = example("the room was very good")

    def shown(task: Task, train: list[Example]) -> list[str]:
        return sorted(shot.output for shot in SimilarShots.of(task, train, 4).before(task, question))

    assert shown(LABEL, [*alike, *others]) == ["押金", "押金", "租金", "租金"]
    assert shown(LABEL, alike) == ["押金"] * 4
    assert shown(TEXT, [*alike, *others]) == ["押金"] * 4


def test_the_question_itself_and_repeated_rows_are_not_shown() -> None:
    train = [
        example("the rent went up"),
        example("rent again", "a"),
        example(" rent again ", "b"),
        example("a lift"),
        example("x"),
    ]
    shots = SimilarShots.of(TEXT, train, 4).before(TEXT, example(" the rent went up"))
    assert sorted(inputs(shots)) in (["a lift", "rent again", "x"], [" rent again ", "a lift", "x"])


@pytest.mark.parametrize("text", ["?", " ", "—", "1", "😀" * 3000])
def test_rows_without_words_can_be_compared(text: str) -> None:
    shots = SimilarShots.of(TEXT, [example(text), example("b"), example("c")], 2)
    assert len(shots.before(TEXT, example("a question?"))) == 2
    assert len(SimilarShots.of(TEXT, [example("b")] * 3 + [example("c")], 4).before(TEXT, example(text))) == 2


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=9), st.text(min_size=1, max_size=8), st.integers(1, 5))
def test_as_many_as_asked_for_are_shown_if_there_are_so_many(texts: list[str], question: str, count: int) -> None:
    shots = SimilarShots.of(TEXT, [example(text) for text in texts], count)
    shown = shots.before(TEXT, example(question))
    assert len(shown) <= shots.shown <= count
    assert len({shot.input.strip() for shot in shown}) == len(shown)
    assert question.strip() not in {shot.input.strip() for shot in shown}


def test_shots_are_identified_by_how_they_are_chosen_and_from_what() -> None:
    train = team_rows(20)
    identities = [
        NO_SHOTS.identity,
        FixedShots(choose_shots(LABEL, train, 2)).identity,
        FixedShots(choose_shots(LABEL, train, 3)).identity,
        SimilarShots.of(LABEL, train, 2).identity,
        SimilarShots.of(LABEL, train, 3).identity,
        SimilarShots.of(LABEL, train[1:], 2).identity,
    ]
    assert len({str(identity) for identity in identities}) == len(identities)
    assert SimilarShots.of(LABEL, train, 2).identity == identities[3]
