"""Training runs on one base model, one after the other or several at the same time.

The rows of several runs go through the model in the same forward passes; each run has its own rate, clipping, step count,
early stop and checkpoints, so that each ends as it would have alone.
"""

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from anytasktune.models.device import synchronise
from anytasktune.models.free_memory import free_memory
from anytasktune.models.load import BaseLM
from anytasktune.models.lora_stack import LoraStack, attached
from anytasktune.training.checkpoint import remove_checkpoints
from anytasktune.training.estimate import NOTHING
from anytasktune.training.loop import TrainingRun
from anytasktune.training.memory import Footprint, ShrinkingStep, plan_micro_batch_tokens
from anytasktune.training.presets import stream_tokens
from anytasktune.training.step import StepEngine
from anytasktune.training.streams import StepRows

_LOG_EVERY = 0.5
"""Seconds between two reads of the losses of a GPU, each of which makes it wait. On a CPU nothing waits."""


def train_adapters(
    base: BaseLM, runs: Iterable[TrainingRun], *, at_once: int = 1, note: Callable[[str], None] = lambda _: None
) -> Iterator[TrainingRun]:
    """Train every run to its end, up to `at_once` of them at the same time; yields each as it ends, its folder still locked.

    Args:
        runs: share `micro_batch_tokens`, `prompt_loss_weight` and `label_loss`; taken one by one, as places become free.
        note: receives a line when something is done differently than planned.

    Raises:
        TrainingError: if a loss is no longer a number, or another process works in a run's folder.
        StoreError: if a checkpoint or a log cannot be written.
    """
    waiting = iter(runs)
    active: list[tuple[TrainingRun, contextlib.ExitStack]] = []
    with contextlib.ExitStack() as everything:
        while True:
            for run in itertools.islice(waiting, at_once - len(active)):
                closing = everything.enter_context(contextlib.ExitStack())
                closing.enter_context(run.opened())
                active.append((run, closing))
            if not active:
                return
            if not any(run.finished for run, _ in active):
                current = [run for run, _ in active]
                with attached(base.model, [run.adapter for run in current]) as stack:
                    _JointSteps(base, stack, current, note).until_one_ends()
            for run, closing in [entry for entry in active if entry[0].finished]:
                run.keep_best()
                yield run
                remove_checkpoints(run.folder)
                closing.close()
            active = [entry for entry in active if not entry[0].finished]


class _JointSteps:
    """Steps of several runs at the same time.

    Streams have as many tokens as set, or as fit into the free memory.

    Raises:
        PreflightError: if not even one row at a time fits.
    """

    def __init__(self, base: BaseLM, stack: LoraStack, runs: Sequence[TrainingRun], note: Callable[[str], None]) -> None:
        config = runs[0].config
        wanted = stream_tokens(config, base.device.type)
        largest = sum((run.largest_step() for run in runs), NOTHING)
        rank = sum(run.adapter.spec.rank for run in runs)
        longest = max(max(run.plan.lengths) for run in runs)
        footprint = Footprint(base.info.shape, base.model.dtype.itemsize, rank, largest, longest)
        tokens = plan_micro_batch_tokens(wanted, footprint, free_memory(base.device))
        if tokens < wanted:
            note(f"little memory is free: micro_batch_tokens={tokens} instead of {wanted}, to the same result")
        self.runs, self.device = list(enumerate(runs)), base.device
        self.engine = StepEngine(
            stack, max_tokens=tokens, prompt_weight=config.prompt_loss_weight, label_share=config.label_loss
        )
        self.shrinking = ShrinkingStep(tokens, stack.forget, note)
        self.log_every = 0.0 if base.device.type == "cpu" else _LOG_EVERY

    def until_one_ends(self) -> None:
        """Steps of all runs, until one of them has ended."""
        logged = time.monotonic()
        while not any(run.finished for _, run in self.runs):
            self._step()
            due = time.monotonic() - logged >= self.log_every
            if due or any(run.finished for _, run in self.runs):
                self._count_wait()
            for _, run in self.runs:
                if due or run.needs_evaluation or run.finished:
                    run.log_steps()
            if due:
                logged = time.monotonic()
        for slot, run in self.runs:
            if run.finished and run.averaged_steps:
                run.take_average()
                run.record_average(*self._evaluation(slot, run))

    def _step(self) -> None:
        start = time.monotonic()
        tokens = [run.next_tokens() for _, run in self.runs]
        losses = self._computed(self.engine.loss_and_grad, [run.next_rows(slot) for slot, run in self.runs])
        seconds = time.monotonic() - start
        for slot, run in self.runs:
            run.apply_step(losses[slot], seconds * tokens[slot] / sum(tokens))
        for slot, run in self.runs:
            if run.needs_evaluation:
                run.record_evaluation(*self._evaluation(slot, run))

    def _count_wait(self) -> None:
        """Count the time that a GPU still needs for the steps it was given; a CPU has done them."""
        if self.device.type == "cpu":
            return
        start = time.monotonic()
        synchronise(self.device)
        waited = time.monotonic() - start
        for _, run in self.runs:
            run.add_seconds(waited / len(self.runs))

    def _evaluation(self, slot: int, run: TrainingRun) -> tuple[float, float | None, float]:
        """Dev loss, dev score and the seconds they took."""
        start = time.monotonic()
        loss = float(self._computed(self.engine.mean_losses, [run.dev_rows(slot)])[slot])
        if run.score is None or not math.isfinite(loss):
            return loss, None, time.monotonic() - start
        with self.engine.stack.detached():
            score = run.score(run.adapter)
        return loss, score, time.monotonic() - start

    def _computed(self, compute: Callable[[list[StepRows]], torch.Tensor], rows: list[StepRows]) -> torch.Tensor:
        """Run the engine over the rows, in shorter streams if an allocation fails."""

        def attempt(max_tokens: int) -> torch.Tensor:
            self.engine.cut_to(max_tokens)
            return compute(rows)

        return self.shrinking.run(attempt)
