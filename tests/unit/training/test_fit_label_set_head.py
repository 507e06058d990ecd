"""Tasks with several labels an answer: a head chooses the labels where dev says that it does so better than generation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_models import save_tiny_model

from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.task_predictor import TaskPredictor, decoding_for
from anytasktune.models.load import BaseLM, load_base
from anytasktune.schema import Example, Task, TaskLMManifest
from anytasktune.settings import TrainConfig
from anytasktune.store import read_record
from anytasktune.store.run_folder import ADAPTER_FOLDER, TASK_LM_FILE
from anytasktune.training.fit_label_set_head import fit_label_set_head
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import train_task_lm

WORDS = {"rent": "money", "fine": "money", "roof": "repair", "leak": "repair", "flat": "home", "stairs": "home"}
LABELS = {"en": ["money", "repair", "home"], "zh": ["钱", "修理", "住处"]}


def topics_task(**rules: object) -> Task:
    output = {"kind": "labels", "labels": LABELS, "separator": ", "}
    instruction = {"en": "Which topics are in it?", "zh": "涉及哪些话题？"}
    return Task.model_validate({"name": "topics", "instruction": instruction, "output": output, "rules": rules})


def topics_rows(count: int, start: int = 0) -> list[Example]:
    """One or two topics a row; every third row has Chinese labels."""
    rows, draw = [], np.random.default_rng(start)
    for number in range(start, start + count):
        words = draw.choice(list(WORDS), size=1 + number % 2, replace=False).tolist()
        language = "zh" if number % 3 == 2 else "en"
        places = sorted({LABELS["en"].index(WORDS[word]) for word in words})
        output = ", ".join(LABELS[language][place] for place in places)
        rows.append(Example.model_validate({"input": f"item: {' and '.join(words)}", "output": output, "language": language}))
    return rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseLM:
    return load_base(str(save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def topics() -> TaskRows:
    return TaskRows(topics_task(), {"train": topics_rows(90), "dev": topics_rows(30, 90)}, "topics-rows")


def test_a_head_alone_chooses_labels_in_the_language_of_the_row(base: BaseLM, topics: TaskRows) -> None:
    decoding = decoding_for(topics.task, topics.splits["train"], 8)
    head = fit_label_set_head(base, topics, None, decoding)
    assert head is not None
    assert head.weights.tokens == 0
    assert head.dev_scores["joined"] > 0.9
    chosen = decoding.model_copy(update={"method": "label_set_scoring"})
    rows = topics_rows(20, 300)
    answers = TaskPredictor(base, topics.task, chosen, head=head).answer(rows)
    right = [row.output == answer.output for row, answer in zip(rows, answers, strict=True)]
    assert sum(right) >= 18
    assert all(answer.tokens == 0 and set(answer.probabilities or {}) <= {*LABELS["en"], *LABELS["zh"]} for answer in answers)
    free = TaskPredictor(base, topics.task, chosen.model_copy(update={"constrained": False}), head=head).answer(rows[:2])
    assert all(answer.tokens and answer.probabilities is None for answer in free)


def test_tasks_whose_labels_are_limited_by_the_input_or_have_few_rows_get_no_head(base: BaseLM, topics: TaskRows) -> None:
    decoding = decoding_for(topics.task, topics.splits["train"], 8)
    assert fit_label_set_head(base, replace(topics, task=topics_task(copies_from_input=True)), None, decoding) is None
    assert fit_label_set_head(base, replace(topics, splits={"train": topics_rows(90)}), None, decoding) is None


@pytest.mark.parametrize("method", ["auto", "head", "lora"])
def test_a_task_lm_records_and_repeats_how_its_label_sets_are_chosen(
    base: BaseLM, topics: TaskRows, tmp_path: Path, method: str
) -> None:
    settings = {"dtype": "float32", "device": "cpu", "epochs": 1, "batch_size": 16, "rank": 4, "method": method}
    train_task_lm(base, TrainingData("topics", (topics,)), TrainConfig.model_validate(settings), tmp_path / "run")
    folder, rows = tmp_path / "run" / ADAPTER_FOLDER, topics_rows(8, 400)
    manifest = read_record(folder / TASK_LM_FILE, TaskLMManifest)
    assert manifest.decoding["topics"].method == ("greedy" if method == "lora" else "label_set_scoring")
    answers = [answer.output for answer in TaskLM.load(folder, base).answer(rows)]
    assert [answer.output for answer in TaskLM.load(folder, base).answer(rows[::-1])] == answers[::-1]
    if method != "lora":
        scores = manifest.label_heads["topics"].dev_scores
        assert set(scores) == ({"joined"} if method == "head" else {"joined", "generated"})
        assert sum(answer == row.output for answer, row in zip(answers, rows, strict=True)) >= 6
