"""One run: steps, dev evaluations, early stop, checkpoints. Knows nothing of tasks; it gets rows and numbers."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from anytasktune.errors import TrainingError
from anytasktune.models.load import BaseLM
from anytasktune.models.lora import Adapter
from anytasktune.schema import EvalPoint, Record, ResolvedTrainConfig, TrainConfig
from anytasktune.store import append_line, disk_errors, read_lines, write_atomic
from anytasktune.training.batches import RowSet, eval_steps, step_order, trunk_tokens
from anytasktune.training.checkpoint import Checkpoint, RunState, load_checkpoint, remove_checkpoints, save_checkpoint
from anytasktune.training.optimizer import FlatAdamW, Schedule
from anytasktune.training.step import StepEngine

METRICS_FILE = "metrics.jsonl"


class StepMetrics(Record):
    """One line of `metrics.jsonl`."""

    step: int
    loss: float
    learning_rate: float
    tokens: int
    """Trunk tokens of the step (a shared prefix once)."""
    seconds: float
    dev_loss: float | None = None


@dataclass(frozen=True)
class Progress:
    """What a display needs to know after a step."""

    step: int
    steps: int
    loss: float
    dev_loss: float | None
    seconds_left: float
    tokens_per_second: float


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class LoopResult:
    """How a run ended; the adapter holds the best weights."""

    state: RunState
    stopped_early: bool


def ignore_progress(_: Progress) -> None:
    """For callers that show nothing."""


class TrainingLoop:
    """Trains one adapter on one RowSet; can be killed and called again."""

    def __init__(
        self,
        base: BaseLM,
        adapter: Adapter,
        rows: tuple[RowSet, RowSet],
        configs: tuple[TrainConfig, ResolvedTrainConfig],
        folder: Path,
    ) -> None:
        self.config, self.resolved = configs
        self.folder = folder
        self.adapter = adapter
        self.train_rows, self.dev_rows = rows
        tokens = self.config.micro_batch_tokens
        self.engine = StepEngine(base.model, self.train_rows, max_tokens=tokens)
        self.dev_engine = StepEngine(base.model, self.dev_rows, max_tokens=tokens) if self.dev_rows.rows else None
        self.optimizer = FlatAdamW(adapter, weight_decay=self.config.weight_decay, max_grad_norm=self.config.max_grad_norm)
        self.schedule = Schedule(self.resolved.learning_rate, self.resolved.steps, self.config.warmup)
        self.order = step_order(len(self.train_rows.rows), self.config.batch_size, self.resolved.steps, self.config.seed)
        self.eval_after = eval_steps(self.resolved.steps, self.config.evals)
        self.best = adapter.flat.clone()
        self.state = RunState(step=0)

    def run(self, on_progress: OnProgress = ignore_progress) -> LoopResult:
        """Train to the end, or to the early stop, from the last checkpoint if there is one.

        Raises:
            TrainingError: if the loss is no longer a number.
            StoreError: if a checkpoint or the log cannot be written.
        """
        self._resume()
        saved = time.monotonic()
        while not self._finished():
            progress = self._one_step()
            if time.monotonic() - saved >= self.config.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
            on_progress(progress)
        stopped_early = self.state.step < self.resolved.steps
        if self.dev_engine:
            self.adapter.flat.copy_(self.best)
        else:
            self.state = self.state.model_copy(update={"best_step": self.state.step})
        remove_checkpoints(self.folder)
        return LoopResult(self.state, stopped_early)

    def _finished(self) -> bool:
        return self.state.step >= self.resolved.steps or self.state.worse_evals >= self.config.patience

    def _one_step(self) -> Progress:
        start = time.monotonic()
        index = self.state.step
        rate = self.schedule.rate(index)
        loss = float(self.engine.loss_and_grad(self.order[index]))
        if not math.isfinite(loss):
            fix = "lower the rate, e.g. -c learning_rate=" + f"{self.resolved.learning_rate / 4:.1e}"
            raise TrainingError(f"the loss is {loss} at step {index + 1}", where=str(self.folder), fix=fix)
        self.optimizer.step(rate)
        dev_loss = self._evaluate(self.dev_engine, index + 1) if self.dev_engine and index + 1 in self.eval_after else None
        seconds = time.monotonic() - start
        tokens = trunk_tokens(self.train_rows, self.order[index])
        done = {"step": index + 1, "last_loss": loss, "tokens": self.state.tokens + tokens}
        self.state = self.state.model_copy(update=done | {"seconds": self.state.seconds + seconds})
        metrics = StepMetrics(
            step=index + 1, loss=loss, learning_rate=rate, tokens=tokens, seconds=round(seconds, 4), dev_loss=dev_loss
        )
        append_line(self.folder / METRICS_FILE, metrics)
        return self._progress(loss, dev_loss)

    def _evaluate(self, engine: StepEngine, step: int) -> float:
        loss = engine.mean_loss()
        state = self.state
        update: dict[str, object] = {"dev_curve": [*state.dev_curve, EvalPoint(step=step, dev_loss=loss)]}
        if state.best_loss is None or loss < state.best_loss:
            self.best.copy_(self.adapter.flat)
            update |= {"best_loss": loss, "best_step": step, "worse_evals": 0}
        else:
            update["worse_evals"] = state.worse_evals + 1
        self.state = state.model_copy(update=update)
        return loss

    def _progress(self, loss: float, dev_loss: float | None) -> Progress:
        state = self.state
        left = (self.resolved.steps - state.step) * state.seconds / state.step
        return Progress(state.step, self.resolved.steps, loss, dev_loss, left, state.tokens / max(state.seconds, 1e-9))

    def _save(self) -> None:
        tensors = {"weights": self.adapter.flat.detach().cpu().clone(), "best": self.best.cpu().clone()}
        tensors |= {f"adamw.{key}": value for key, value in self.optimizer.state().items()}
        save_checkpoint(self.folder, Checkpoint(self.state, tensors))

    def _resume(self) -> None:
        checkpoint = load_checkpoint(self.folder)
        if checkpoint is not None:
            self.state = checkpoint.state
            with torch.no_grad():
                self.adapter.flat.copy_(checkpoint.tensors["weights"])
                self.best.copy_(checkpoint.tensors["best"])
            names = [name for name in checkpoint.tensors if name.startswith("adamw.")]
            self.optimizer.restore({name.removeprefix("adamw."): checkpoint.tensors[name] for name in names})
        self._trim_metrics()

    def _trim_metrics(self) -> None:
        """Steps after the checkpoint are done again, so their lines go."""
        path = self.folder / METRICS_FILE
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in read_lines(path, StepMetrics) if line.step <= self.state.step]
        write_atomic(path, "".join(line.model_dump_json() + "\n" for line in kept))
