"""Number tasks are answered with the median of the probabilities of all numbers they allow, with or without a head."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import save_tiny_model

from anytasktune.inference.label_scoring import score_labels, without_needless_ends
from anytasktune.inference.number_bands import NumberBands
from anytasktune.inference.task_lm import LABEL_HEADS, TaskLM
from anytasktune.inference.task_predictor import TaskPredictor, decoding_for
from anytasktune.models.load import BaseLM, load_base
from anytasktune.outputs import NumberOutput, reference_number
from anytasktune.schema import Example, Task
from anytasktune.settings import TrainConfig
from anytasktune.store.checksums import SUMS_FILE
from anytasktune.store.run_folder import ADAPTER_FOLDER, TASK_LM_FILE
from anytasktune.training.fit_head import fit_label_head
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import train_task_lm

RATINGS = {"awful": "1.0", "poor": "2.5", "fine": "4.5", "superb": "7.0"}


def rating_task(**rules: Any) -> Task:
    output = {"kind": "number", "minimum": 1, "maximum": 7, "decimals": 1}
    return Task.model_validate(
        {"name": "rating", "instruction": {"en": "Rate it from 1 to 7."}, "output": output, "rules": rules}
    )


def rating_rows(count: int, start: int = 0) -> list[Example]:
    words = list(RATINGS)
    every = ((number, words[number % len(words)]) for number in range(start, start + count))
    return [Example(input=f"item {number}: {word}, {word}", output=RATINGS[word]) for number, word in every]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseLM:
    return load_base(str(save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def ratings() -> TaskRows:
    return TaskRows(rating_task(), {"train": rating_rows(48), "dev": rating_rows(16, 48)}, "rating-rows")


def possible(output: dict[str, Any], known: list[str], style: int | None = None, **rules: Any) -> list[str]:
    task = Task.model_validate(
        {"name": "t", "instruction": {"en": "x"}, "output": {"kind": "number", **output}, "rules": rules}
    )
    return task.output.possible_answers(task.rules, known, "en", style)


def test_possible_numbers_are_those_of_the_range_or_those_that_repeat_in_training() -> None:
    assert possible({"minimum": 1, "maximum": 5}, []) == ["1", "2", "3", "4", "5"]
    assert possible({"minimum": -0.2, "maximum": 0.1, "decimals": 1}, [], 1) == ["-0.2", "-0.1", "0.0", "0.1"]
    assert possible({"minimum": 0, "maximum": 1, "decimals": 2}, ["0", "1"], 0) == ["0", "1"]
    assert len(possible({"minimum": 0, "maximum": 199}, [])) == 200
    assert possible({"minimum": 0, "maximum": 200}, []) == []
    assert possible({"minimum": 0, "maximum": 1e9}, ["1250000", "10", "10"] * 2) == ["10", "1250000"]
    assert possible({"minimum": 0, "maximum": 1e9}, [str(number) for number in range(90)]) == []
    assert possible({"minimum": 0, "maximum": 30}, [], pattern=r"1\d") == [str(number) for number in range(10, 20)]
    assert possible({"minimum": 0, "maximum": 30}, [], copies_from_input=True) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9).filter(lambda values: sum(values) > 0))
def test_the_answer_has_the_smallest_expected_error(probabilities: list[float]) -> None:
    best = NumberOutput(kind="number", minimum=0, maximum=9).best_place(probabilities)
    error = [sum(p * abs(place - other) for other, p in enumerate(probabilities)) for place in range(len(probabilities))]
    assert error[best] <= min(error) + 1e-9


@given(st.sets(st.integers(0, 300), min_size=1, max_size=30))
def test_ends_are_left_out_where_no_other_answer_goes_on(numbers: set[int]) -> None:
    every = [[int(digit) for digit in str(number)] + [99] for number in sorted(numbers)]
    bare = without_needless_ends(every, 1)
    for tokens, whole in zip(bare, every, strict=True):
        goes_on = any(other != whole and other[: len(whole) - 1] == whole[:-1] for other in every)
        assert tokens == (whole if goes_on else whole[:-1])


def test_scores_are_those_of_the_model(base: BaseLM) -> None:
    prompts = [[7, 8, 9, 10], [7, 8, 11]]
    answers = without_needless_ends([[20, 21, 2], [20, 21, 22, 2], [23, 2]], 1)
    found = score_labels(base.model, prompts, answers, 100)
    for row, prompt in enumerate(prompts):
        for place, answer in enumerate(answers):
            with torch.inference_mode():
                logits = base.model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            expected = float(logits[torch.arange(len(answer)), torch.tensor(answer)].sum())
            assert abs(float(found[row, place]) - expected) < 1e-3


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120), st.integers(31, 60), st.floats(0, 3), st.floats(-20, 80))
def test_bands_are_distributions_and_every_number_stands_in_one(
    places: list[int], count: int, error: float, predicted: float
) -> None:
    bands = NumberBands.of(range(count), places, error)
    of_each = bands.of_places(np.arange(count))
    assert (np.diff(of_each) >= 0).all()
    assert set(of_each.tolist()) == set(range(len(bands.shares))) == set(bands.of_places(np.array(places)).tolist())
    even = np.full((2, len(bands.shares)), -np.log(len(bands.shares)))
    for found in (bands.over_numbers(even), bands.around(np.array([predicted, 3.0]))):
        assert np.allclose(np.exp(found).sum(axis=1), 1, atol=1e-6)


def test_every_answer_is_a_possible_number_and_constraint_off_generates(base: BaseLM) -> None:
    task = rating_task()
    decoding = decoding_for(task, rating_rows(8), 5)
    answers = TaskPredictor(base, task, decoding).answer(rating_rows(5))
    for answer in answers:
        assert answer.output in decoding.numbers["en"]
        assert abs(sum((answer.probabilities or {}).values()) - 1) < 1e-3
    free = TaskPredictor(base, task, decoding.model_copy(update={"constrained": False})).answer(rating_rows(2))
    assert all(answer.probabilities is None and answer.tokens for answer in free)


def test_a_head_alone_learns_numbers(base: BaseLM, ratings: TaskRows) -> None:
    head = fit_label_head(base, ratings)
    assert head is not None
    rows = rating_rows(12, 100)
    predictor = TaskPredictor(base, ratings.task, decoding_for(ratings.task, rating_rows(48), 0), head=head)
    assert [answer.output for answer in predictor.answer(rows)] == [row.output for row in rows]
    long = Task.model_validate(rating_task().model_dump() | {"output": {"kind": "number", "minimum": 0, "maximum": 1e6}})
    assert fit_label_head(base, replace(ratings, task=long, splits={"train": _different(40)})) is None


def _different(count: int) -> list[Example]:
    return [Example(input=f"item {number}", output=str(number)) for number in range(count)]


@pytest.mark.parametrize("method", ["auto", "head"])
def test_a_number_task_lm_answers_as_it_was_trained(base: BaseLM, ratings: TaskRows, tmp_path: Path, method: str) -> None:
    settings = {"dtype": "float32", "device": "cpu", "epochs": 1, "batch_size": 16, "rank": 4, "method": method}
    train_task_lm(base, TrainingData("rating", (ratings,)), TrainConfig.model_validate(settings), tmp_path / "run")
    folder, rows = tmp_path / "run" / ADAPTER_FOLDER, rating_rows(8, 300)
    answers = [answer.output for answer in TaskLM.load(folder, base).answer(rows)]
    errors = [abs(float(answer) - reference_number(row.output)) for answer, row in zip(answers, rows, strict=True)]
    assert sum(errors) / len(errors) < 0.5
    assert [answer.output for answer in TaskLM.load(folder, base).answer(rows[::-1])] == answers[::-1]


def test_manifests_from_before_number_scoring_generate_as_they_did(base: BaseLM, ratings: TaskRows, tmp_path: Path) -> None:
    settings = {"dtype": "float32", "device": "cpu", "epochs": 1, "batch_size": 16, "rank": 4, "method": "lora"}
    train_task_lm(base, TrainingData("rating", (ratings,)), TrainConfig.model_validate(settings), tmp_path / "run")
    folder = tmp_path / "old"
    shutil.copytree(tmp_path / "run" / ADAPTER_FOLDER, folder)
    manifest = json.loads((folder / TASK_LM_FILE).read_bytes())
    manifest["decoding"]["rating"] |= {"method": "greedy"}
    del manifest["decoding"]["rating"]["numbers"], manifest["record_sha256"]
    assert not (folder / LABEL_HEADS).exists()
    (folder / TASK_LM_FILE).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / SUMS_FILE).unlink()
    answers = TaskLM.load(folder, base).answer(rating_rows(3))
    assert all(answer.tokens and answer.probabilities is None for answer in answers)
