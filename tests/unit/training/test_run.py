"""A run leaves an adapter that stock PEFT uses alike, and survives being killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.tiny_models import save_tiny_model
from tests.unit.training.rows import colour_rows, colour_task, shade_rows, shade_task

from anytasktune.errors import PreflightError, TrainingError
from anytasktune.exporting.export_source import ExportSource, write_companions
from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import load_base
from anytasktune.models.lora import WEIGHTS_FILE, Adapter, LoraSpec
from anytasktune.schema import GoldenPrompts, Run, StepMetrics, TaskLMManifest
from anytasktune.settings import TrainConfig
from anytasktune.store import read_lines, read_record
from anytasktune.store.run_folder import ADAPTER_FOLDER, METRICS_FILE, RUN_FILE, TASK_LM_FILE
from anytasktune.training.checkpoint import run_lock
from anytasktune.training.loop import Progress, TrainingRun
from anytasktune.training.run_plan import plan_run
from anytasktune.training.train_runs import Job, TrainingData, run_id, train_task_lm, train_task_lms

CONFIG = TrainConfig(dtype="float32", device="cpu", epochs=6, learning_rate=1e-2, batch_size=8, rank=4)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"), "qwen3")


def data(train: int = 60, dev: int = 12) -> TrainingData:
    splits = {"train": colour_rows(train), "dev": colour_rows(dev, 500), "test": colour_rows(50, 900)}
    return TrainingData.of_task(colour_task(), splits, "rows-1")


def shades(train: int = 60, dev: int = 32) -> TrainingData:
    return TrainingData.of_task(shade_task(), {"train": shade_rows(train), "dev": shade_rows(dev, 500)}, "rows-2")


@pytest.fixture(scope="module")
def trained(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_task_lm(load_base(str(model_folder), dtype="float32", device="cpu"), data(), CONFIG, folder)
    return folder


def test_training_lowers_the_loss_and_logs_it(trained: Path) -> None:
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    run = read_record(trained / RUN_FILE, Run)
    assert [line["step"] for line in lines] == list(range(1, run.steps_done + 1))
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]
    assert run.dev_curve[-1].dev_loss < run.dev_curve[0].dev_loss
    assert run.usage.tokens == sum(line["tokens"] for line in lines)


def test_stock_peft_gives_the_same_greedy_answers_on_fifty_rows(trained: Path, model_folder: Path, tmp_path: Path) -> None:
    task, rows = colour_task(), colour_rows(50, 900)
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    task_lm = TaskLM.load(trained / ADAPTER_FOLDER, base)
    plain = task_lm.manifest.decoding[task.name].model_copy(update={"constrained": False})
    ours = replace(task_lm.model(), decoding=plain).answer(rows)
    untuned = TaskPredictor(base, task, plain).answer(rows)

    golden = GoldenPrompts(task=task.name, task_lm="none", max_new_tokens=plain.max_new_tokens, prompts=[])
    source = ExportSource(task_lm, task, "tuned", len(rows), model_folder, str(model_folder), golden)
    write_companions(source, tmp_path)
    task_lm.adapter.save(tmp_path, str(model_folder))

    # from here on nothing of ours but the exported lines
    spec = spec_from_file_location("use", tmp_path / "use.py")
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(stock := module_from_spec(spec))
    exported = stock.TaskLM()
    theirs = [exported.answer(row.input, row.language or "en") for row in rows]

    assert [prediction.output for prediction in ours] == theirs
    assert [prediction.output for prediction in untuned] != theirs


def test_the_manifest_says_how_to_use_the_adapter(trained: Path) -> None:
    manifest = read_record(trained / ADAPTER_FOLDER / TASK_LM_FILE, TaskLMManifest)
    assert manifest.tasks == [colour_task()]
    assert manifest.rendering.template == "chat"
    assert manifest.decoding["colours"].method == "greedy"
    assert manifest.datasets == {"colours": "rows-1"}


def test_the_same_inputs_give_the_same_adapter(trained: Path, model_folder: Path, tmp_path: Path) -> None:
    train_task_lm(load_base(str(model_folder), dtype="float32", device="cpu"), data(), CONFIG, tmp_path)
    first, second = (
        read_record(folder / ADAPTER_FOLDER / TASK_LM_FILE, TaskLMManifest).adapter_sha256 for folder in (trained, tmp_path)
    )
    assert first == second


def test_the_time_a_device_needs_after_a_step_counts_as_that_of_the_run(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    plan = plan_run(base.info, data(), CONFIG, dtype="float32", device="cpu")
    run = TrainingRun(Adapter(base.model, LoraSpec(4, 8.0)), plan, CONFIG, tmp_path)
    with run.opened():
        run.add_seconds(9.0)  # no step has been done
        run.apply_step(torch.tensor(1.0), 2.0)
        run.add_seconds(0.5)
        run.log_steps()
    assert run.state.seconds == 2.5
    assert [line.seconds for line in read_lines(tmp_path / METRICS_FILE, StepMetrics)] == [2.5]


def test_a_finished_run_is_not_trained_again(trained: Path, model_folder: Path) -> None:
    steps: list[Progress] = []
    train_task_lm(load_base(str(model_folder), dtype="float32", device="cpu"), data(), CONFIG, trained, steps.append)
    assert steps == []


def test_a_run_whose_adapter_was_deleted_is_trained_again(trained: Path, model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / ADAPTER_FOLDER)
    train_task_lm(load_base(str(model_folder), dtype="float32", device="cpu"), data(), CONFIG, folder)
    weights = [path / ADAPTER_FOLDER / "adapter_model.safetensors" for path in (trained, folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_settings_that_change_the_result_change_the_run(model_folder: Path) -> None:
    ref = load_base(str(model_folder), dtype="float32", device="cpu").ref
    same = CONFIG.model_copy(update={"checkpoint_seconds": 1.0, "micro_batch_tokens": 64})
    assert run_id(ref, data(), same) == run_id(ref, data(), CONFIG)
    for change in ({"seed": 1}, {"epochs": 7.0}, {"rank": 8}, {"learning_rate": 2e-2}):
        assert run_id(ref, data(), CONFIG.model_copy(update=change)) != run_id(ref, data(), CONFIG)


def test_training_stops_when_dev_gets_worse_and_keeps_the_best(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    config = CONFIG.model_copy(update={"epochs": 80.0, "evals": 20, "patience": 2})
    run = train_task_lm(base, data(train=6), config, tmp_path)
    assert run.stopped_early
    assert run.average is not None
    assert run.kept == min([*run.dev_curve, run.average], key=lambda point: point.dev_loss)
    assert run.averaged_steps == [point.step for point in run.dev_curve[-3:]]


@pytest.mark.parametrize("label_loss", [0.0, 0.5])
def test_the_weights_with_the_best_dev_score_are_kept_and_among_equals_those_with_the_least_loss(
    model_folder: Path, tmp_path: Path, label_loss: float
) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    run = train_task_lm(base, shades(), CONFIG.model_copy(update={"method": "lora", "label_loss": label_loss}), tmp_path)
    assert run.average is not None
    assert run.kept == max([*run.dev_curve, run.average], key=lambda point: (point.dev_score, -point.dev_loss))
    assert run.resolved.scored_dev_rows == run.dev_rows == 32
    assert len({point.dev_score for point in run.dev_curve}) > 1
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    logged = {line["step"]: line["dev_score"] for line in lines if line["dev_score"] is not None}
    assert logged == {point.step: point.dev_score for point in run.dev_curve}

    rows = shade_rows(32, 500)
    answers = TaskLM.load(tmp_path / ADAPTER_FOLDER, base).answer(rows)
    right = sum(answer.output == row.output for answer, row in zip(answers, rows, strict=True))
    assert run.kept is not None
    assert run.kept.dev_score == right / len(rows)


def test_dev_loss_alone_decides_where_that_is_set(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    run = train_task_lm(base, shades(), CONFIG.model_copy(update={"method": "lora", "select_by": "loss"}), tmp_path)
    assert run.resolved.scored_dev_rows == 0
    assert [point.dev_score for point in run.dev_curve] == [None] * len(run.dev_curve)
    assert run.average is not None
    assert run.kept == min([*run.dev_curve, run.average], key=lambda point: point.dev_loss)


def test_generated_answers_are_scored_on_dev_where_training_takes_long_enough(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    short = CONFIG.model_copy(update={"epochs": 1.0, "evals": 2})
    assert train_task_lm(base, data(train=8, dev=48), short, tmp_path / "short").resolved.scored_dev_rows == 0
    long = short.model_copy(update={"epochs": 4.0, "batch_size": 1})
    run = train_task_lm(base, data(train=60, dev=48), long, tmp_path / "long")
    assert run.resolved.scored_dev_rows in {24, 48}
    assert all(point.dev_score is not None for point in run.dev_curve)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    with torch.no_grad():
        next(base.model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="learning_rate="):
        train_task_lm(base, data(), CONFIG, tmp_path)
    assert not (tmp_path / RUN_FILE).exists()


def test_rows_that_do_not_fit_are_refused_before_training(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    with pytest.raises(PreflightError, match="max_length"):
        train_task_lm(base, data(), CONFIG.model_copy(update={"max_length": 20}), tmp_path)


def test_adapters_trained_at_the_same_time_end_as_if_alone(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    pool = [data(train=10), shades(train=40), data(train=24), shades(train=6)]
    config = CONFIG.model_copy(update={"method": "lora"})
    alone = [train_task_lm(base, rows, config, tmp_path / "alone" / str(place)) for place, rows in enumerate(pool)]
    jobs = [Job(rows, tmp_path / "together" / str(place)) for place, rows in enumerate(pool)]
    together = {
        job.folder.name: run
        for job, run in train_task_lms(base, jobs, config.model_copy(update={"adapters_at_once": 3, "micro_batch_tokens": 300}))
    }
    assert len({run.steps_done for run in alone}) > 1  # so that places become free at different times
    for place, expected in enumerate(alone):
        run = together[str(place)]
        assert (run.steps_done, run.best_step, run.usage.tokens) == (
            expected.steps_done,
            expected.best_step,
            expected.usage.tokens,
        )
        assert [point.dev_score for point in run.dev_curve] == [point.dev_score for point in expected.dev_curve]
        assert run.average_kept == expected.average_kept
        weights = [load_file(tmp_path / kind / str(place) / ADAPTER_FOLDER / WEIGHTS_FILE) for kind in ("alone", "together")]
        assert all(torch.allclose(weights[1][name], tensor, atol=1e-4) for name, tensor in weights[0].items())


def test_a_pool_killed_between_two_runs_keeps_the_first(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    jobs = [Job(data(train=count), tmp_path / str(count)) for count in (8, 30)]
    runs = train_task_lms(base, jobs, CONFIG)
    next(runs)
    runs.close()
    assert (tmp_path / "8" / RUN_FILE).exists()
    assert not (tmp_path / "30" / RUN_FILE).exists()
    assert [run.train_rows for _, run in train_task_lms(base, jobs, CONFIG)] == [8, 30]


def test_a_model_that_cannot_pack_is_named_in_a_note(tmp_path: Path) -> None:
    base = load_base(str(save_tiny_model(tmp_path / "model", "bloom")), dtype="float32", device="cpu")
    said: list[str] = []
    config = CONFIG.model_copy(update={"epochs": 1.0})
    ((_, run),) = train_task_lms(base, [Job(data(train=8), tmp_path / "run")], config, said.append)
    assert run.steps_done == 1
    assert len(said) == 1
    assert "slower" in said[0]


def test_two_processes_never_train_the_same_run(model_folder: Path, tmp_path: Path) -> None:
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    with run_lock(tmp_path), pytest.raises(TrainingError, match="another process"):
        train_task_lm(base, data(), CONFIG, tmp_path)
    assert not list(tmp_path.glob(".*"))


_SCRIPT = """
import sys, time
from pathlib import Path
from typing import Any
from tests.unit.training.test_run import CONFIG, shades
from anytasktune.models.load import load_base
from anytasktune.models.lora import WEIGHTS_FILE
from anytasktune.training.train_runs import train_task_lm

def slowly(progress):
    print(progress.step, flush=True)
    time.sleep(0.03)

model, folder = sys.argv[1:]
config = CONFIG.model_copy(update={"checkpoint_seconds": 0.1, "method": "lora"})
train_task_lm(load_base(model, dtype="float32", device="cpu"), shades(), config, Path(folder), slowly)
"""


def _start(model_folder: Path, folder: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", _SCRIPT, str(model_folder), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_twice_and_started_again_it_ends_with_the_same_adapter(
    model_folder: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    whole = tmp_path_factory.mktemp("unbroken")
    base = load_base(str(model_folder), dtype="float32", device="cpu")
    expected = train_task_lm(base, shades(), CONFIG.model_copy(update={"method": "lora"}), whole)
    for steps in (9, 8):
        process = _start(model_folder, tmp_path)
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(steps)]
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert seen == list(range(seen[0], seen[0] + steps))
        assert not (tmp_path / RUN_FILE).exists()
    process = _start(model_folder, tmp_path)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    assert int(output.split()[0]) > 9, "the third start went on from a checkpoint"

    unbroken, broken = (folder / ADAPTER_FOLDER / "adapter_model.safetensors" for folder in (whole, tmp_path))
    assert broken.read_bytes() == unbroken.read_bytes()
    run = read_record(tmp_path / RUN_FILE, Run)
    assert (run.dev_curve, run.average, run.kept) == (expected.dev_curve, expected.average, expected.kept)

    def curve(folder: Path) -> list[tuple[int, float, float | None, float | None]]:
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [(row["step"], row["loss"], row["dev_loss"], row["dev_score"]) for row in map(json.loads, lines)]

    assert curve(tmp_path) == curve(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "golden.json", "metrics.jsonl", "run.json"]
