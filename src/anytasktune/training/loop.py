"""One run: its steps, dev losses, early stop and checkpoints. Knows nothing of tasks; it gets rows and numbers."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from anytasktune.errors import TrainingError
from anytasktune.models.lora import Adapter
from anytasktune.records import Record
from anytasktune.schema import EvalPoint, ResolvedTrainConfig
from anytasktune.settings import TrainConfig
from anytasktune.store import append_line, disk_errors, read_lines, write_atomic
from anytasktune.training.batches import RowSet, eval_steps, trunk_tokens
from anytasktune.training.checkpoint import Checkpoint, CheckpointWriter, RunState, load_checkpoint, sole_trainer
from anytasktune.training.estimate import Load, load_of
from anytasktune.training.optimizer import FlatAdamW, Schedule
from anytasktune.training.sampling import step_order
from anytasktune.training.streams import StepRows

METRICS_FILE = "metrics.jsonl"


class StepMetrics(Record):
    """One line of `metrics.jsonl`."""

    step: int
    loss: float
    learning_rate: float
    tokens: int
    """Trunk tokens of the step (a shared prefix once)."""
    seconds: float
    """Of several runs trained together, this one's share."""
    dev_loss: float | None = None


@dataclass(frozen=True)
class Progress:
    """What a display needs to know of a run."""

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


@dataclass(frozen=True)
class _Unread:
    """A step whose loss may still be on its way from the device."""

    step: int
    loss: torch.Tensor
    rate: float
    tokens: int
    seconds: float


class Learner:
    """One run on one RowSet; can be killed and made again."""

    def __init__(
        self,
        adapter: Adapter,
        rows: tuple[RowSet, RowSet],
        configs: tuple[TrainConfig, ResolvedTrainConfig],
        folder: Path,
        on_progress: OnProgress = ignore_progress,
    ) -> None:
        self.config, self.resolved = configs
        self.folder = folder
        self.adapter = adapter
        self.on_progress = on_progress
        self.train_rows, self.dev_rows = rows
        self.optimizer = FlatAdamW(adapter, weight_decay=self.config.weight_decay, max_grad_norm=self.config.max_grad_norm)
        self.schedule = Schedule(self.resolved.learning_rate, self.resolved.steps, self.config.warmup)
        sizes = list(self.resolved.rows_by_task.values())
        plan = self.config.batch_size, self.resolved.steps, self.config.seed, self.config.sampling_temperature
        self.order = step_order(sizes, *plan)
        self.eval_after = eval_steps(self.resolved.steps, self.config.evals)
        self.best = adapter.flat.clone()
        self.state = RunState(step=0)
        self._unread: list[_Unread] = []
        self._saved = time.monotonic()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Take the run's folder, go on from its last checkpoint, and write new ones for the length of the block.

        Raises:
            TrainingError: if another process works in the folder.
            StoreError: if a checkpoint or the log cannot be written.
        """
        with sole_trainer(self.folder), CheckpointWriter(self.folder) as self._writer:
            self._resume()
            self._saved = time.monotonic()
            yield

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or dev loss has stopped falling."""
        return self.state.step >= self.resolved.steps or self.state.worse_evals >= self.config.patience

    @property
    def wants_dev_loss(self) -> bool:
        """Whether dev loss is due after the step just made."""
        return bool(self.dev_rows.rows) and self.state.step in self.eval_after

    def next_part(self, slot: int) -> StepRows:
        """The rows of the next step."""
        return StepRows(slot, self.train_rows, self.order[self.state.step])

    def dev_part(self, slot: int) -> StepRows:
        """All dev rows."""
        return StepRows(slot, self.dev_rows, range(len(self.dev_rows.rows)))

    def next_tokens(self) -> int:
        """Trunk tokens of the next step."""
        return trunk_tokens(self.train_rows, self.order[self.state.step])

    def largest_step(self) -> Load:
        """The step with most tokens."""
        return max((load_of(self.train_rows, chosen) for chosen in self.order), key=lambda load: load.tokens)

    def longest_row(self) -> int:
        """Tokens of the longest training row with its prefix."""
        return max(len(self.train_rows.prefixes[row.group]) + len(row.suffix) for row in self.train_rows.rows)

    def make_step(self, loss: torch.Tensor, seconds: float) -> None:
        """Take the step whose gradient is in the adapter."""
        index, tokens = self.state.step, self.next_tokens()
        rate = self.schedule.rate(index)
        self.optimizer.step(rate)
        self._unread.append(_Unread(index + 1, loss, rate, tokens, seconds))
        done = {"step": index + 1, "tokens": self.state.tokens + tokens, "seconds": self.state.seconds + seconds}
        self.state = self.state.model_copy(update=done)

    def take_dev_loss(self, loss: float, seconds: float) -> None:
        """Note a dev loss; the best weights so far are kept."""
        state = self.state
        update: dict[str, object] = {
            "dev_curve": [*state.dev_curve, EvalPoint(step=state.step, dev_loss=loss)],
            "seconds": state.seconds + seconds,
        }
        if state.best_loss is None or loss < state.best_loss:
            self.best.copy_(self.adapter.flat)
            update |= {"best_loss": loss, "best_step": state.step, "worse_evals": 0}
        else:
            update["worse_evals"] = state.worse_evals + 1
        self.state = state.model_copy(update=update)

    def look(self) -> None:
        """Read the losses since the last look, log and show them, and save if it is time.

        Raises:
            TrainingError: if a loss is no longer a number.
        """
        if not self._unread:
            return
        unread, self._unread = self._unread, []
        losses = torch.stack([step.loss for step in unread]).tolist()
        for step, loss in zip(unread, losses, strict=True):
            self._log(step, loss)
        self.state = self.state.model_copy(update={"last_loss": losses[-1]})
        if time.monotonic() - self._saved >= self.config.checkpoint_seconds and not self.finished:
            self._save()
        self.on_progress(self._progress(losses[-1]))

    def _log(self, step: _Unread, loss: float) -> None:
        if not math.isfinite(loss):
            fix = "lower the rate, e.g. -c learning_rate=" + f"{self.resolved.learning_rate / 4:.1e}"
            raise TrainingError(f"the loss is {loss} at step {step.step}", where=str(self.folder), fix=fix)
        line = StepMetrics(
            step=step.step,
            loss=loss,
            learning_rate=step.rate,
            tokens=step.tokens,
            seconds=round(step.seconds, 4),
            dev_loss=self._dev_loss_at(step.step),
        )
        append_line(self.folder / METRICS_FILE, line)

    def _dev_loss_at(self, step: int) -> float | None:
        curve = self.state.dev_curve
        return curve[-1].dev_loss if curve and curve[-1].step == step else None

    def _progress(self, loss: float) -> Progress:
        state = self.state
        left = (self.resolved.steps - state.step) * state.seconds / state.step
        speed = state.tokens / max(state.seconds, 1e-9)
        return Progress(state.step, self.resolved.steps, loss, self._dev_loss_at(state.step), left, speed)

    def end(self) -> LoopResult:
        """Put the best weights into the adapter; how the run went."""
        stopped_early = self.state.step < self.resolved.steps
        if self.dev_rows.rows:
            self.adapter.flat.copy_(self.best)
        else:
            self.state = self.state.model_copy(update={"best_step": self.state.step})
        return LoopResult(self.state, stopped_early)

    def _save(self) -> None:
        tensors = {"weights": self.adapter.flat, "best": self.best}
        tensors |= {f"adamw.{key}": value for key, value in self.optimizer.state().items()}
        self._writer.submit(Checkpoint(self.state, tensors))
        self._saved = time.monotonic()

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
