"""One training run: its steps, evaluations on dev, early stop and checkpoints. It knows rows and settings, not tasks."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from anytasktune.errors import TrainingError
from anytasktune.models.lora import Adapter
from anytasktune.schema import EvalPoint, StepMetrics
from anytasktune.settings import TrainConfig
from anytasktune.store import append_line, read_lines, write_atomic
from anytasktune.store.run_folder import METRICS_FILE
from anytasktune.training.checkpoint import Checkpoint, CheckpointWriter, RunState, load_checkpoint, run_lock
from anytasktune.training.estimate import Load, load_of
from anytasktune.training.optimizer import FlatAdamW, Schedule
from anytasktune.training.run_plan import RunPlan
from anytasktune.training.streams import StepRows

_AVERAGED = 3
"""The weights of so many last evaluations are averaged as one more candidate."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run."""

    step: int
    steps: int
    loss: float
    dev_loss: float | None
    seconds_left: float
    tokens_per_second: float


ScoreDev = Callable[[Adapter], float | None]
"""The score of an adapter on dev, larger is better; None where nothing could be scored."""
OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class _UnreadStep:
    """A step whose loss may still be computed on the device."""

    step: int
    loss: torch.Tensor
    rate: float
    tokens: int
    seconds: float


class TrainingRun:
    """One run of one adapter; killed and made again, it resumes from its last checkpoint."""

    def __init__(
        self,
        adapter: Adapter,
        plan: RunPlan,
        config: TrainConfig,
        folder: Path,
        on_progress: OnProgress = ignore_progress,
        note: Callable[[str], None] = lambda _: None,
        score: ScoreDev | None = None,
    ) -> None:
        self.adapter = adapter
        self.plan = plan
        self.config = config
        self.folder = folder
        self.on_progress = on_progress
        self.note = note
        self.score = score
        self.on_checkpoint: Callable[[Path], None] = lambda _: None
        self.steps = plan.resolved.steps
        self.optimizer = FlatAdamW(adapter, weight_decay=config.weight_decay, max_grad_norm=config.max_grad_norm)
        self.schedule = Schedule(plan.resolved.learning_rate, self.steps, config.warmup)
        self.eval_after = eval_steps(self.steps, config.evals)
        self.best = adapter.flat.clone()
        self.evaluated: list[torch.Tensor] = []
        self.state = RunState(step=0)
        self.average: EvalPoint | None = None
        self._unread: list[_UnreadStep] = []
        self._saved = time.monotonic()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Lock the run's folder, resume from its last checkpoint, and write new ones for the length of the block.

        Raises:
            TrainingError: if another process works in the folder.
            StoreError: if a checkpoint or the log cannot be written.
        """
        with run_lock(self.folder), CheckpointWriter(self.folder, self.on_checkpoint) as self._writer:
            checkpoint = load_checkpoint(self.folder, self.note)
            if checkpoint is not None:
                self.state = checkpoint.state
                with torch.no_grad():
                    self.adapter.flat.copy_(checkpoint.tensors["weights"])
                    self.best.copy_(checkpoint.tensors["best"])
                self.evaluated = list(checkpoint.tensors["evaluated"].to(self.adapter.device))
                moments = {name: tensor for name, tensor in checkpoint.tensors.items() if name.startswith("adamw.")}
                self.optimizer.restore({name.removeprefix("adamw."): tensor for name, tensor in moments.items()})
            log = self.folder / METRICS_FILE
            kept = [line for line in read_lines(log, StepMetrics) if line.step <= self.state.step]
            write_atomic(log, "".join(line.model_dump_json() + "\n" for line in kept))  # later steps are repeated
            self._saved = time.monotonic()
            yield

    @property
    def seconds_of_all_steps(self) -> float:
        """Seconds that all planned steps take at the pace of those done; 0 before the first."""
        return self.state.seconds * self.steps / self.state.step if self.state.step else 0.0

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or dev evaluations have stopped getting better."""
        return self.state.step >= self.steps or self.state.worse_evals >= self.config.patience

    @property
    def stopped_early(self) -> bool:
        """Whether a finished run ended before its last step."""
        return self.state.step < self.steps

    @property
    def needs_evaluation(self) -> bool:
        """Whether an evaluation on dev is due after the step just done."""
        return bool(self.plan.dev.rows) and self.state.step in self.eval_after

    def next_rows(self, slot: int) -> StepRows:
        """The rows of the next step."""
        return StepRows(slot, self.plan.train, self.plan.order[self.state.step])

    def dev_rows(self, slot: int) -> StepRows:
        """All dev rows."""
        return StepRows(slot, self.plan.dev, range(len(self.plan.dev.rows)))

    def next_tokens(self) -> int:
        """Trunk tokens of the next step; 0 where there is none."""
        return 0 if self.state.step >= self.steps else load_of(self.plan.train, self.plan.order[self.state.step]).tokens

    def largest_step(self) -> Load:
        """The step with most tokens."""
        return max((load_of(self.plan.train, chosen) for chosen in self.plan.order), key=lambda load: load.tokens)

    def apply_step(self, loss: torch.Tensor, seconds: float) -> None:
        """Update the weights with the gradient that is in the adapter."""
        index, tokens = self.state.step, self.next_tokens()
        rate = self.schedule.rate(index)
        self.optimizer.step(rate)
        self._unread.append(_UnreadStep(index + 1, loss, rate, tokens, seconds))
        done = {"step": index + 1, "tokens": self.state.tokens + tokens, "seconds": self.state.seconds + seconds}
        self.state = self.state.model_copy(update=done)

    def add_seconds(self, seconds: float) -> None:
        """Add time in which the device worked on the steps that are not logged yet; nothing where there are none."""
        if self._unread:
            last = self._unread[-1]
            self._unread[-1] = replace(last, seconds=last.seconds + seconds)
            self.state = self.state.model_copy(update={"seconds": self.state.seconds + seconds})

    def record_evaluation(self, loss: float, score: float | None, seconds: float) -> None:
        """Record an evaluation on dev; the best weights so far are kept."""
        state, point = self.state, EvalPoint(step=self.state.step, dev_loss=loss, dev_score=score)
        lower_loss = all(loss < earlier.dev_loss for earlier in state.dev_curve)
        better = state.best is None or point.rank > state.best.rank
        if better:
            self.best.copy_(self.adapter.flat)
        self.evaluated = [*self.evaluated, self.adapter.flat.clone()][-_AVERAGED:]
        self.state = state.model_copy(
            update={
                "dev_curve": [*state.dev_curve, point],
                "best": point if better else state.best,
                "worse_evals": 0 if better or lower_loss else state.worse_evals + 1,
                "seconds": state.seconds + seconds,
            }
        )

    @property
    def averaged_steps(self) -> list[int]:
        """The steps whose weights a finished run averages as one more candidate."""
        return [point.step for point in self.state.dev_curve[-_AVERAGED:]] if len(self.evaluated) > 1 else []

    def take_average(self) -> None:
        """Put the average of the last evaluated weights into the adapter."""
        self.adapter.flat.copy_(torch.stack(self.evaluated).mean(dim=0))

    def record_average(self, loss: float, score: float | None, seconds: float) -> None:
        """Record the evaluation of that average, which is kept if it is the best."""
        self.average = EvalPoint(step=self.state.step, dev_loss=loss, dev_score=score)
        self.state = self.state.model_copy(update={"seconds": self.state.seconds + seconds})
        if self.average_kept:
            self.best.copy_(self.adapter.flat)

    @property
    def average_kept(self) -> bool:
        """Whether the average is better than the weights of every step."""
        return self.average is not None and self.state.best is not None and self.average.rank > self.state.best.rank

    @property
    def best_step(self) -> int:
        """The step whose weights are kept: of the average the last one, without dev rows the last of all."""
        if self.state.best is None or self.average_kept:
            return self.state.step
        return self.state.best.step

    def log_steps(self) -> None:
        """Read the losses of the steps since the last call, log and report them, and save a checkpoint if one is due.

        Raises:
            TrainingError: if a loss is no longer a number.
        """
        if not self._unread:
            return
        unread, self._unread = self._unread, []
        losses = torch.stack([step.loss for step in unread]).tolist()
        for step, loss in zip(unread, losses, strict=True):
            self._log(step, loss)
        self.state = state = self.state.model_copy(update={"last_loss": losses[-1]})
        if time.monotonic() - self._saved >= self.config.checkpoint_seconds and not self.finished:
            tensors = {
                "weights": self.adapter.flat,
                "best": self.best,
                "evaluated": torch.stack(self.evaluated) if self.evaluated else torch.zeros(0),
            }
            tensors |= {f"adamw.{key}": value for key, value in self.optimizer.state().items()}
            self._writer.submit(Checkpoint(state, tensors))
            self._saved = time.monotonic()
        left = (self.steps - state.step) * state.seconds / state.step
        speed = state.tokens / max(state.seconds, 1e-9)
        point = self._evaluation_at(state.step)
        dev_loss = None if point is None else point.dev_loss
        self.on_progress(Progress(state.step, self.steps, losses[-1], dev_loss, left, speed))

    def _log(self, step: _UnreadStep, loss: float) -> None:
        if not math.isfinite(loss):
            fix = "lower the rate, e.g. -c learning_rate=" + f"{self.plan.resolved.learning_rate / 4:.1e}"
            raise TrainingError(f"the loss is {loss} at step {step.step}", where=str(self.folder), fix=fix)
        point = self._evaluation_at(step.step)
        line = StepMetrics(
            step=step.step,
            loss=loss,
            learning_rate=step.rate,
            tokens=step.tokens,
            seconds=round(step.seconds, 4),
            dev_loss=None if point is None else point.dev_loss,
            dev_score=None if point is None else point.dev_score,
        )
        append_line(self.folder / METRICS_FILE, line)

    def _evaluation_at(self, step: int) -> EvalPoint | None:
        curve = self.state.dev_curve
        return curve[-1] if curve and curve[-1].step == step else None

    def keep_best(self) -> None:
        """Put the best weights into the adapter of a finished run; without dev rows the last ones are best."""
        if self.plan.dev.rows:
            self.adapter.flat.copy_(self.best)


def eval_steps(steps: int, evals: int) -> set[int]:
    """The steps (1-based) after which dev loss is measured: `evals` times, evenly, the last at the end."""
    count = min(steps, evals)
    return {math.ceil(steps * (index + 1) / count) for index in range(count)}
