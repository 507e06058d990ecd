"""A listener that draws: one line per finished thing, a moving bar with time left for what is going on."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from anytasktune.schema import DatasetManifest, Run, System
from anytasktune.training.loop import Progress as StepProgress

SYSTEM_WORDS: dict[System, str] = {"base": "base model", "few_shot": "base model with examples", "tuned": "Task-LM"}


class Display:
    """Shows the stages of a chain on standard error. Use as a context manager."""

    def __init__(self, *, silent: bool = False) -> None:
        self.console = Console(stderr=True, quiet=silent, highlight=False)
        self.bars = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}", style="dim"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._bar: tuple[str, TaskID] | None = None

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def dataset(self, manifest: DatasetManifest, *, built: bool) -> None:
        """Rows per split, and what was dropped."""
        splits = ", ".join(f"{info.rows} {name}" for name, info in manifest.splits.items())
        self._done(f"data   {manifest.task}", f"{splits} rows{'' if built else ' (unchanged)'}")
        if manifest.counts.dropped:
            self.console.print(Text(f"         ! {manifest.counts}", style="yellow"))

    def loading(self, model: str) -> None:
        """Finding and loading can take a while the first time."""
        self.console.print(Text(f"· model  {model}", style="dim"))

    def training(self, task: str, progress: StepProgress) -> None:
        """Loss and time left."""
        detail = f"loss {progress.loss:.3f}  {progress.tokens_per_second:,.0f} tok/s  {_time(progress.seconds_left)} left"
        self._advance(f"train  {task}", progress.step, progress.steps, detail)

    def trained(self, task: str, run: Run, *, built: bool) -> None:
        """How the run ended."""
        best = next((point.dev_loss for point in run.dev_curve if point.step == run.best_step), None)
        facts = [f"{run.steps_done} steps", f"{_time(run.usage.seconds)}"]
        facts += [f"dev loss {best:.3f}"] if best is not None else []
        facts += ["stopped early"] if run.stopped_early else []
        self._done(f"train  {task}", "already trained" if not built else ", ".join(facts))

    def answering(self, task: str, system: System, done: int, total: int) -> None:
        """Rows answered."""
        self._advance(f"ask    {task}: {SYSTEM_WORDS[system]}", done, total, f"{done}/{total} rows")

    def answered(self, task: str, system: System, *, built: bool) -> None:
        """A system is through."""
        self._done(f"ask    {task}: {SYSTEM_WORDS[system]}", "" if built else "already answered")

    def _advance(self, name: str, done: int, total: int, detail: str) -> None:
        if self._bar is None or self._bar[0] != name:
            self._clear()
            self._bar = (name, self.bars.add_task(name, total=total, detail=detail))
        self.bars.update(self._bar[1], completed=done, total=total, detail=detail)

    def _done(self, name: str, detail: str) -> None:
        self._clear()
        line = Text("✓ ", style="green")
        line.append(name, style="default")
        self.console.print(line.append(f"  {detail}", style="dim"))

    def _clear(self) -> None:
        if self._bar is not None:
            self.bars.remove_task(self._bar[1])
            self._bar = None


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
