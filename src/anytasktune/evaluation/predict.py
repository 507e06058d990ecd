"""Predictions of a system on the rows of a task. Nothing is scored here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anytasktune.errors import EvaluationError
from anytasktune.evaluation.energy import EnergyMeter
from anytasktune.inference.few_shot import NO_SHOTS, Shots
from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.task_predictor import BATCH_TOKENS, OnRows, TaskPredictor
from anytasktune.models.load import BaseLM
from anytasktune.schema import AnsweringUsage, AnswerThreshold, Decoding, Example, GeneralModel, Prediction, ShotChoice, Task
from anytasktune.settings import System


@dataclass(frozen=True)
class EvaluatedSystem:
    """A system to evaluate on one task, before its weights are in memory.

    Attributes:
        name: of the system.
        task: instruction and labels of its prompts; for a Task-LM those it was trained for.
        decoding: method and length limit of its answers.
        shots: examples shown before each input (`few_shot`).
        shot_choice: how those were chosen.
        adapter: folder of the adapter, for a Task-LM.
        task_lm: its id.
        threshold: below which its answers are unsure.
        general_model: the model, where it is not the base model of the project.
    """

    name: System
    task: Task
    decoding: Decoding
    shots: Shots = NO_SHOTS
    shot_choice: ShotChoice | None = None
    adapter: Path | None = None
    task_lm: str | None = None
    threshold: AnswerThreshold | None = None
    general_model: GeneralModel | None = None


def predictor(base: BaseLM, system: EvaluatedSystem) -> TaskPredictor:
    """The system with its weights in memory; ModelError if its adapter cannot be used with this base model."""
    if system.adapter is None:
        return TaskPredictor(base, system.task, system.decoding, system.shots)
    task_lm = TaskLM.load(system.adapter, base)
    if system.task.name not in task_lm.manifest.decoding:
        return task_lm.on_other_task(system.task, system.decoding)
    return replace(task_lm.model(system.task.name), decoding=system.decoding)


def predict(
    base: BaseLM,
    system: EvaluatedSystem,
    examples: Sequence[Example],
    batch_tokens: int = BATCH_TOKENS,
    on_rows: OnRows = lambda _: None,
) -> tuple[list[Prediction], AnsweringUsage]:
    """Answer every example, in order; see `TaskPredictor.answer`. The usage does not name the machine.

    Raises:
        EvaluationError: if there are no examples.
        ModelError: if the adapter cannot be used with this base model.
    """
    if not examples:
        raise EvaluationError(f"task {system.task.name} has no rows to answer", fix="import more rows, or lower the dev share")
    start, energy = time.monotonic(), EnergyMeter.start(gpu=base.device.type == "cuda")

    def on_answered(rows: int) -> None:
        energy.sample()
        on_rows(rows)

    answers = predictor(base, system).answer(examples, batch_tokens=batch_tokens, on_rows=on_answered)
    seconds = round(time.monotonic() - start, 3)
    energy.sample()
    predictions = [
        Prediction(example_id=example.id, system=system.name, **answer.model_dump())
        for example, answer in zip(examples, answers, strict=True)
    ]
    tokens = sum(answer.prompt_tokens + answer.tokens for answer in answers)
    given = sum(answer.error is None for answer in answers)
    return predictions, AnsweringUsage(seconds=seconds, tokens=tokens, answers=given, joules=energy.joules)
