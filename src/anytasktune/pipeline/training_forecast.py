"""What training would take on this machine, before any of it is done."""

from collections.abc import Sequence

import torch

from anytasktune.models.load import choose_device, choose_dtype
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Estimate
from anytasktune.training.estimate import Machine
from anytasktune.training.probe import probe
from anytasktune.training.run_plan import Place, Planned, estimate_run, plan_run
from anytasktune.training.task_rows import TrainingData


def place_of(bench: TrainingContext) -> Place:
    """Where the settings make the model compute."""
    device = choose_device(bench.settings.train.device)
    return Place(choose_dtype(bench.settings.train.dtype, device), device.type)


def measure(bench: TrainingContext) -> Machine:
    """How fast this machine is with this model; takes a fifth of a second."""
    device = choose_device(bench.settings.train.device)
    return probe(bench.model_info.shape, device, getattr(torch, place_of(bench).dtype))


def planned(bench: TrainingContext, data: TrainingData) -> Planned:
    """A run as it would begin."""
    return plan_run(bench.model_info, data, bench.settings.train, place_of(bench), bench.encoder.encode)


def forecast(bench: TrainingContext, data: Sequence[TrainingData]) -> dict[str, Estimate]:
    """What each of these runs would take, by unit."""
    machine, config = measure(bench), bench.settings.train
    return {item.unit: estimate_run(planned(bench, item), bench.model_info, config, machine) for item in data}
