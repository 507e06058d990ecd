"""A listener that draws: one line per finished thing, a moving bar with time left for what is going on."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from anytasktune.cli.amounts import against_estimate, cost, duration
from anytasktune.schema import DatasetManifest, DroppedRow, Estimate, Run
from anytasktune.settings import System
from anytasktune.training.preflight import Preflight

if TYPE_CHECKING:
    from anytasktune.training.loop import Progress as StepProgress

SYSTEM_WORDS: dict[System, str] = {
    "base": "base model",
    "few_shot": "base model with examples",
    "tuned": "Task-LM",
    "action": "Action-LM",
    "mixed": "Mixed-LM",
}
_SHOWN_ROWS = 3
_LOG_SECONDS = 30.0


class Display:
    """Shows the stages of a chain on standard error. Use as a context manager.

    In a terminal the stage going on has a moving bar; in a log it gets a line every half minute.

    Attributes:
        rows_dropped: whether any row was read and not used.
    """

    def __init__(self, *, silent: bool = False) -> None:
        self.console = Console(stderr=True, quiet=silent, highlight=False)
        self.console.soft_wrap = not self.console.is_terminal  # in a log lines stay whole
        self.bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}", style="dim"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.rows_dropped = False
        self._bar: tuple[str, TaskID] | None = None
        self._logged = time.monotonic()
        self._said = False
        self._pace: tuple[str, float, int] = ("", 0.0, 0)

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()
        if kind is None and self._said:
            self.console.print()

    def dataset(self, manifest: DatasetManifest, dropped: Sequence[DroppedRow], *, built: bool) -> None:
        """Rows per split, and which were dropped."""
        splits = ", ".join(f"{info.rows} {name}" for name, info in manifest.splits.items())
        self._done("data", manifest.task, f"{splits} rows{'' if built else ' (unchanged)'}")
        if not dropped:
            return
        self.rows_dropped = True
        self._warn(str(manifest.counts))
        for row in dropped[:_SHOWN_ROWS]:
            self._warn(f"  {row.file}:{row.row}: {row.reason}, {row.detail}")
        if len(dropped) > _SHOWN_ROWS:
            self._warn(f"  … and {len(dropped) - _SHOWN_ROWS} more")

    def left_out(self, look: Preflight) -> None:
        """How many rows are trained without, and why the first ones."""
        self.rows_dropped = True
        self._warn(f"{look.task}: {look.bad_rows} of {sum(look.rows.values())} rows left out (skip_bad_rows)")
        for problem in look.problems[:_SHOWN_ROWS]:
            self._warn(f"  {problem.where}: {problem.what}")
        if len(look.problems) > _SHOWN_ROWS:
            self._warn(f"  … and {len(look.problems) - _SHOWN_ROWS} more; all with: anytasktune check {look.task}")

    def note(self, text: str) -> None:
        """A line of its own."""
        self._warn(text)

    def loading(self, model: str) -> None:
        """Finding and loading can take a while the first time."""
        self.console.print(Text(f"· model  {model}", style="dim"))

    def estimated(self, runs: int, whole: Estimate) -> None:
        """What the training is expected to take."""
        self.console.print(Text(f"· train  {cost(runs, whole)}", style="dim"))

    def training(self, unit: str, progress: "StepProgress") -> None:
        """Loss and time left."""
        detail = f"loss {progress.loss:.3f}, {duration(progress.seconds_left)} left"
        self._advance("train", unit, (progress.step, progress.steps), detail)

    def trained(self, unit: str, run: Run, *, built: bool) -> None:
        """How the run ended."""
        best = next((point.dev_loss for point in run.dev_curve if point.step == run.best_step), None)
        facts = [f"{run.steps_done} step{'s' if run.steps_done != 1 else ''}", _took(run)]
        facts += [f"dev loss {best:.3f}"] if best is not None else []
        facts += ["stopped early"] if run.stopped_early else []
        self._done("train", unit, ", ".join(facts) if built else "already trained")

    def answering(self, task: str, system: System, done: int, total: int) -> None:
        """Rows answered."""
        self._advance("answer", f"{task}: {SYSTEM_WORDS[system]}", (done, total), f"{done}/{total} rows")

    def answered(self, task: str, system: System, *, built: bool) -> None:
        """A system is through."""
        self._done("answer", f"{task}: {SYSTEM_WORDS[system]}", "" if built else "already answered")

    def costing(self, task: str, expected: str) -> None:
        """What asking the teacher is expected to take."""
        self.console.print(Text(f"· teacher  {task}: {expected}", style="dim"))

    def making(self, stage: str, name: str, done: int, total: int, detail: str = "") -> None:
        """How far a stage of making data is, the time left at its pace so far, and the figure to watch."""
        label = _label(stage, name)
        if label != self._pace[0]:
            self._pace = (label, time.monotonic(), done)
        _, began, first = self._pace
        left = (time.monotonic() - began) / (done - first) * (total - done) if done > first else None
        facts = [f"{done}/{total}", *([detail] if detail else []), *([f"{duration(left)} left"] if left is not None else [])]
        self._advance(stage, name, (done, total), ", ".join(facts))

    def made(self, stage: str, name: str, detail: str, *, lost: Mapping[str, int] | None = None, built: bool = True) -> None:
        """What a stage of making data gave, and how much of it was lost why."""
        self._done(stage, name, detail if built else f"{detail} (unchanged)")
        if lost:
            ordered = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
            self._warn("  " + ", ".join(f"{count} {reason}" for reason, count in ordered))

    def _advance(self, stage: str, name: str, place: tuple[int, int], detail: str) -> None:
        done, total = place
        label = _label(stage, name)
        if self._bar is None or self._bar[0] != label:
            self._clear()
            self._bar = (label, self.bars.add_task(label, total=total, detail=detail))
        self.bars.update(self._bar[1], completed=done, total=total, detail=detail)
        if not self.console.is_terminal and time.monotonic() - self._logged >= _LOG_SECONDS:
            self._logged = time.monotonic()
            self.console.print(Text(f"  {label}  {done} of {total}, {detail}"))

    def _done(self, stage: str, name: str, detail: str) -> None:
        self._clear()
        self._said = True
        line = Text("✓ ", style="green")
        line.append(_label(stage, name), style="default")
        self.console.print(line.append(f"  {detail}" if detail else "", style="dim"))

    def _warn(self, text: str) -> None:
        self.console.print(Text(f"  ! {text}", style="yellow"))

    def _clear(self) -> None:
        if self._bar is not None:
            self.bars.remove_task(self._bar[1])
            self._bar = None


def _label(stage: str, name: str) -> str:
    return f"{stage:<7}{name}"


def _took(run: Run) -> str:
    """`6 min 40 s (11 % more than estimated)`."""
    compared = against_estimate(run)
    return duration(run.usage.seconds) + (f" ({compared})" if compared else "")
