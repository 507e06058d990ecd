"""Label heads: features do not depend on other rows, heads learn, and a Task-LM answers with its head as it was trained."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_models import save_tiny_model

from anytasktune.errors import ModelError
from anytasktune.inference.label_head import joined
from anytasktune.inference.task_lm import LABEL_HEADS, TaskLM
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM, load_base
from anytasktune.models.lora import WEIGHTS_FILE
from anytasktune.outputs import LabelOutput
from anytasktune.schema import Decoding, Example, Task
from anytasktune.settings import TrainConfig
from anytasktune.store.checksums import SUMS_FILE
from anytasktune.store.run_folder import ADAPTER_FOLDER, TASK_LM_FILE
from anytasktune.training.fit_head import fit_label_head, fit_linear_head, source_weights
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.training.train_runs import train_task_lm

WORDS = {"sun": "weather", "rain": "weather", "wage": "work", "boss": "work", "soup": "food", "rice": "food"}
CHINESE = {"weather": "天气", "work": "工作", "food": "食物"}


def topic_task() -> Task:
    labels = {"en": list(CHINESE), "zh": list(CHINESE.values())}
    instruction = {"en": "Which topic is it?", "zh": "这是什么话题？"}
    return Task(name="topic", instruction=instruction, output=LabelOutput(kind="label", labels=labels))


def topic_rows(count: int, start: int = 0) -> list[Example]:
    """Every third row is Chinese; what is said is in English words all the same."""
    rows = []
    for number in range(start, start + count):
        word, topic = list(WORDS.items())[number % len(WORDS)]
        chinese = number % 3 == 0
        text = f"item {number}: {word} and {word}"
        rows.append(Example(input=text, output=CHINESE[topic] if chinese else topic, language="zh" if chinese else "en"))
    return rows


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")


@pytest.fixture(scope="module")
def base(model_folder: Path) -> BaseLM:
    return load_base(str(model_folder), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def topics() -> TaskRows:
    return TaskRows(topic_task(), {"train": topic_rows(60), "dev": topic_rows(18, 60)}, "topic-rows")


def test_features_of_a_row_depend_on_that_row_alone(base: BaseLM) -> None:
    predictor = TaskPredictor(base, topic_task(), Decoding(method="label_scoring", max_new_tokens=0))
    rows = topic_rows(7)
    together = predictor.features(rows)
    for row, features in zip(rows, together, strict=True):
        np.testing.assert_allclose(predictor.features([row])[0], features, rtol=1e-4, atol=1e-5)


def test_features_of_packed_rows_are_those_of_whole_rows(base: BaseLM, tmp_path: Path) -> None:
    for kind in ("gpt_neox", "bloom"):
        other = load_base(str(save_tiny_model(tmp_path / kind, kind)), dtype="float32", device="cpu")
        predictor = TaskPredictor(other, topic_task(), Decoding(method="label_scoring", max_new_tokens=0))
        assert np.isfinite(predictor.features(topic_rows(4))).all()
    predictor, row = TaskPredictor(base, topic_task(), Decoding(method="label_scoring", max_new_tokens=0)), topic_rows(2)[1]
    prompt = base.format.prompt_ids(predictor.task, row)
    last = base.model.base_model(base.model.dummy_inputs["input_ids"].new_tensor([prompt])).last_hidden_state[0, -1]
    np.testing.assert_allclose(predictor.features([row])[0][-len(last) :], last.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels_seen", [1, 2, 4])
def test_a_linear_head_learns_what_is_linear_and_never_gives_a_label_without_rows(labels_seen: int) -> None:
    draw = np.random.default_rng(0)
    classes = draw.integers(0, labels_seen, 80)
    features = (np.eye(5)[classes] + 0.05 * draw.normal(size=(80, 5))).astype(np.float32)
    head = fit_linear_head(features, classes, 5, balanced=True)
    found = head.log_probabilities(features)
    assert (found.argmax(axis=1) == classes).all()
    assert np.allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)
    assert np.exp(found[:, labels_seen:]).max() == 0


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 1000))
def test_joined_sources_are_a_distribution_and_one_source_alone_keeps_its_order(rows: int, labels: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    sources = [np.log(draw.dirichlet(np.ones(labels), rows) + 1e-12) for _ in range(3)]
    sources[0][:, labels - 1] = -np.inf if labels > 1 else 0.0
    assert np.allclose(np.exp(joined(sources, [0.3, 1.2, 0.0])).sum(axis=1), 1)
    assert (joined(sources, [0, 0.7, 0]).argmax(axis=1) == sources[1].argmax(axis=1)).all()


def test_weights_follow_the_better_source_and_stay_near_the_prior_where_rows_are_few() -> None:
    draw = np.random.default_rng(1)
    classes = draw.integers(0, 3, 200)
    good = np.log(0.8 * np.eye(3)[classes] + 0.2 / 3)
    bad = np.log(draw.dirichlet(np.ones(3), 200))
    many = source_weights([good, bad], classes, [0.5, 0.5], balanced=False)
    few = source_weights([good[:4], bad[:4]], classes[:4], [0.5, 0.5], balanced=False)
    assert many[0] > 0.8
    assert many[1] < 0.3
    assert max(abs(weight - 0.5) for weight in few) < max(abs(weight - 0.5) for weight in many)


def test_a_head_alone_answers_in_the_language_of_the_row(base: BaseLM, topics: TaskRows) -> None:
    head = fit_label_head(base, topics)
    assert head is not None
    assert head.weights.tokens == 0
    predictor = TaskPredictor(base, topics.task, Decoding(method="label_scoring", max_new_tokens=0), head=head)
    rows = topic_rows(12, 100)
    answers = predictor.answer(rows)
    assert [answer.output for answer in answers] == [row.output for row in rows]
    assert all(abs(sum((answer.probabilities or {}).values()) - 1) < 1e-4 for answer in answers)


def test_few_rows_or_free_text_get_no_head(base: BaseLM, topics: TaskRows) -> None:
    assert fit_label_head(base, replace(topics, splits={"train": topic_rows(6)})) is None
    without_dev = fit_label_head(base, replace(topics, splits={"train": topic_rows(30)}))
    assert without_dev is not None


@pytest.fixture(scope="module", params=["auto", "head"])
def trained(base: BaseLM, topics: TaskRows, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    settings = {"dtype": "float32", "device": "cpu", "epochs": 2, "batch_size": 16, "rank": 4, "method": request.param}
    folder = tmp_path_factory.mktemp(str(request.param))
    run = train_task_lm(base, TrainingData("topic", (topics,)), TrainConfig.model_validate(settings), folder)
    assert (run.steps_done == 0) == (request.param == "head")
    return folder / ADAPTER_FOLDER


def test_a_task_lm_answers_with_its_head_and_refuses_a_changed_one(trained: Path, base: BaseLM, tmp_path: Path) -> None:
    task_lm, rows = TaskLM.load(trained, base), topic_rows(9, 300)
    first = task_lm.answer(rows)
    assert [answer.output for answer in first] == [row.output for row in rows]
    assert [answer.output for answer in TaskLM.load(trained, base).answer(rows[::-1])] == [row.output for row in rows[::-1]]
    for name in ("heads.safetensors", "words/linear.safetensors"):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(trained, copy)
        file = copy / LABEL_HEADS / "topic" / name
        data = bytearray(file.read_bytes())
        data[-3] ^= 1
        file.write_bytes(bytes(data))
        with pytest.raises(ModelError, match=r"head|linear"):
            TaskLM.load(copy, base)


def test_the_files_of_the_adapter_stay_those_of_peft(trained: Path) -> None:
    files = {path.name for path in trained.iterdir() if path.is_file()} - {SUMS_FILE}
    assert files == {WEIGHTS_FILE, "adapter_config.json", TASK_LM_FILE}
