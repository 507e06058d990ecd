"""Exactness on a GPU: what a Task-LM learns and answers there is what it learns and answers on a CPU in float32."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anytasktune.inference.generation import Sampling
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.device import release_memory
from anytasktune.models.free_memory import free_memory
from anytasktune.models.load import choose_dtype, load_base
from anytasktune.pipeline.checking_gpu import check_device
from anytasktune.pipeline.tuning import train
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Run, StepMetrics
from anytasktune.store import read_lines
from anytasktune.store.run_folder import METRICS_FILE
from anytasktune.training.device_check import compare_device
from anytasktune.training.memory import ShrinkingStep
from tests.tiny_models import tiny_model
from tests.tiny_project import pool_rows, quick_settings, team_rows, write_pool

pytestmark = pytest.mark.gpu
TASKS = ("team", "reply")
Trained = dict[str, list[tuple[Path, Run]]]
"""Way of training → folder and record of each run."""


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_neox", "bloom"])
def test_losses_gradients_and_answers_of_every_architecture(device: torch.device, kind: str) -> None:
    findings = compare_device(device, choose_dtype("auto", device), lambda: tiny_model(kind))
    exact = [finding for finding in findings if "bfloat16" not in finding.name]
    assert [finding for finding in exact if not finding.passed] == []


def test_the_check_that_users_run_passes(device: torch.device) -> None:
    report = check_device(device)
    assert [finding for finding in report.findings if not finding.passed] == []
    assert report.speed.tokens_per_second > 0
    assert report.memory_bytes is None or report.memory_bytes >= (report.free_bytes or 0) > 0


@pytest.fixture(scope="module")
def trained(device: torch.device, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The same Task-LMs trained on the CPU, and on the device one by one and together."""
    ways = {"cpu": ("cpu", 1), "alone": (device.type, 1), "together": (device.type, 2)}
    runs = {}
    for way, (where, at_once) in ways.items():
        workspace = Workspace.open(write_pool(tmp_path_factory.mktemp(way) / "law"))
        settings = quick_settings(
            tiny_model,
            *(f"train.device={where}", "dtype=float32", "train.epochs=2", f"train.adapters_at_once={at_once}", "method=lora"),
        )
        runs[way] = [(workspace.project.runs(run.target) / run.id, run) for run in train(workspace, TASKS, settings, None)]
    return runs


def test_a_run_on_the_device_learns_what_one_on_the_cpu_learns(trained: Trained) -> None:
    for (_, expected), (_, alone), (_, together) in zip(*trained.values(), strict=True):
        assert alone.final_train_loss == pytest.approx(expected.final_train_loss, rel=1e-3)
        assert together.final_train_loss == pytest.approx(expected.final_train_loss, rel=1e-3)
        for point, other in zip(expected.dev_curve, together.dev_curve, strict=True):
            assert other.dev_loss == pytest.approx(point.dev_loss, rel=1e-3)


def test_the_seconds_of_a_run_are_those_of_its_steps(trained: Trained) -> None:
    for folder, run in trained["together"]:
        steps = list(read_lines(folder / METRICS_FILE, StepMetrics))
        assert len(steps) == run.steps_done
        assert 0 < sum(step.seconds for step in steps) <= run.usage.seconds + 0.01 * len(steps)


def test_answers_on_the_device_are_those_on_the_cpu(device: torch.device, tiny_model: Path, trained: Trained) -> None:
    for folder, run in trained["cpu"]:
        rows = team_rows(9) if run.target == "team" else pool_rows("reply", 9)
        answers = []
        for where in ("cpu", device.type):
            base = load_base(str(tiny_model), dtype="float32", device=where)
            answers.append([answer.output for answer in TaskLM.load(folder / "adapter", base).answer(rows)])
        assert answers[0] == answers[1]


def test_sampled_answers_need_no_float64_on_the_device(device: torch.device, tiny_model: Path, trained: Trained) -> None:

    folder, _ = trained["cpu"][1]
    predictor = TaskLM.load(folder / "adapter", load_base(str(tiny_model), dtype="float32", device=device.type)).model()
    sampled = replace(predictor, sampling=Sampling(seed=1, top_p=0.9))
    assert len(sampled.answer(pool_rows("reply", 3))) == 3


@pytest.fixture
def little_memory(device: torch.device) -> Iterator[int]:
    """A limit of 512 MB for this process; the limit itself."""
    if device.type != "cuda":
        pytest.skip("only CUDA limits the memory of a process")
    release_memory()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction((512 << 20) / total, device)
    yield 512 << 20
    torch.cuda.set_per_process_memory_fraction(1.0, device)


def test_a_step_that_finds_no_memory_goes_on_with_shorter_streams(device: torch.device, little_memory: int) -> None:
    said: list[str] = []

    def step(tokens: int) -> float:
        return float(torch.ones(tokens, 1 << 20, dtype=torch.uint8, device=device)[-1, -1])

    steps = ShrinkingStep(4096, release_memory, said.append)
    assert steps.run(step) == 1.0
    assert (steps.micro_batch_tokens < 512, len(said)) == (True, 4)
    release_memory()
    assert torch.cuda.memory_reserved(device) == 0


def test_free_memory_counts_what_is_kept_for_later(device: torch.device) -> None:
    before = free_memory(device)
    kept = torch.empty(64 << 20, dtype=torch.uint8, device=device)
    del kept
    after = free_memory(device)
    assert before is not None
    assert after is not None
    assert abs(after - before) < 256 << 20 or device.type != "cuda"
