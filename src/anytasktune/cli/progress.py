"""Progress on standard error: drawn for people (`Display`), or one JSON line per event (`EventLines`)."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from rich.cells import cell_len
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from anytasktune.cli.amounts import against_estimate, cost, duration
from anytasktune.cli.console import escape_steering
from anytasktune.cli.messages import message
from anytasktune.cli.terminal import PlainConsole
from anytasktune.pipeline import events
from anytasktune.pipeline.events import Event
from anytasktune.settings.systems import System, general_model, is_shown_examples

if TYPE_CHECKING:
    from anytasktune.pipeline import Workspace

_SYSTEM_NAMES = {
    "constant": "constant answer",
    "nearest": "nearest training row",
    "linear": "linear model",
    "base": "base model",
    "few_shot": "base model with examples",
    "tuned": "Task-LM",
    "action": "Action-LM",
    "mixed": "Mixed-LM",
}
_ROWS_OF_THE_USER = {"data", "check"}
"""Stages whose dropped rows make the command end with ROWS_DROPPED."""
_LOG_SECONDS = 30.0
_LINE_SECONDS = 0.2


class Reporter:
    """Receives the events of a command; a context manager.

    Attributes:
        rows_dropped: whether any row of the user was read and not used.
    """

    rows_dropped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def pause(self) -> None:
        """Draw nothing until `resume`, while a question is asked."""

    def resume(self) -> None:
        """Draw again."""

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, events.Finished) and event.stage in _ROWS_OF_THE_USER and event.dropped:
            self.rows_dropped = True


def reporter(progress: Literal["text", "json"], workspace: "Workspace") -> Reporter:
    """The reporter a command asks for; both write to standard error, whatever the result is."""
    if progress == "json":
        return EventLines()
    return Display(workspace)


class EventLines(Reporter):
    """Prints each event as one JSON line on standard error; of the progress of one stage at most five lines a second."""

    _printed = -_LINE_SECONDS

    def __call__(self, event: Event) -> None:
        """Print an event."""
        super().__call__(event)
        if isinstance(event, events.Progress) and 0 < event.done < event.total:
            if time.monotonic() - self._printed < _LINE_SECONDS:
                return
            self._printed = time.monotonic()
        sys.stderr.write(escape_steering(event.model_dump_json()) + "\n")
        sys.stderr.flush()


class Display(Reporter):
    """Draws one line per finished thing and a moving bar with the time left; in a log a line every half minute."""

    def __init__(self, workspace: "Workspace", log_seconds: float = _LOG_SECONDS) -> None:
        self.workspace, self._log_seconds = workspace, log_seconds
        self.console = PlainConsole(stderr=True)
        self.console.soft_wrap = not self.console.is_terminal  # in a log lines stay whole
        self.bars = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._logged = time.monotonic()
        self._has_finished = False

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()
        if kind is None and self._has_finished:
            self.console.print()

    def pause(self) -> None:
        """Take the bar away."""
        self._clear()
        self.bars.stop()

    def resume(self) -> None:
        """Draw bars again."""
        self.bars.start()

    def __call__(self, event: Event) -> None:
        """Draw an event."""
        super().__call__(event)
        match event:
            case events.Note():
                self._warn(event.text)
            case events.Warned():
                self._warn(f"{event.where}: {event.what} → {event.fix}")
            case events.Started():
                detail = f", {cost(event.estimate)}" if event.estimate else f": {event.detail}" if event.detail else ""
                self.console.print(Text(f"· {_stage(event.stage)} {event.name}{message(detail)}", style="dim"))
            case events.Progress():
                self._advance(event)
            case events.Finished():
                self._finish(event)

    def _advance(self, event: events.Progress) -> None:
        label = _label(event)
        loss = [f"loss {event.loss:.3f}"] if event.loss is not None else []
        facts = [event.detail] if event.detail else []
        facts += [f"{duration(event.seconds_left)} left"] if event.seconds_left is not None else []
        facts += [f"on {event.node}"] if event.node else []
        detail = message(", ".join([*(loss or [f"{event.done}/{event.total}"]), *facts]))
        if label not in self._bars:
            if not event.node:  # on this machine, one thing is done after the other
                self._clear()
            self._bars[label] = self.bars.add_task(label, total=event.total, detail=detail)
        self.bars.update(self._bars[label], completed=event.done, total=event.total, detail=detail)
        if not self.console.is_terminal and time.monotonic() - self._logged >= self._log_seconds:
            self._logged = time.monotonic()
            said = message(", ".join([f"{event.done} of {event.total}", *loss, *facts]))
            self.console.print(Text(f"  {label}  {said}"))

    def _finish(self, event: events.Finished) -> None:
        self._clear(event.name)
        self._has_finished = True
        facts = [event.detail] if event.detail else []
        if event.seconds is not None and not event.reused:
            compared = against_estimate(event.seconds, event.estimate_error)
            facts.append(duration(event.seconds) + (f" ({compared})" if compared else ""))
        detail = message(", ".join(facts)) + (message(" (reused)") if event.reused else "")
        line = Text("✓ ", style="green")
        line.append(_label(event), style="default")
        self.console.print(line.append(f"  {detail.strip()}" if detail else "", style="dim"))
        if event.dropped:
            ordered = sorted(event.dropped.items(), key=lambda item: (-item[1], item[0]))
            lost = sum(event.dropped.values())
            share = f"{lost} of {event.kept + lost}" if event.kept is not None else str(lost)
            self._warn(f"dropped {share}: " + ", ".join(f"{count} {reason}" for reason, count in ordered))
        for example in event.examples:
            self._warn(f"  {example}")
        if event.stage == "check" and len(event.examples) < sum(event.dropped.values()):
            self._warn(f"  all of them: {self.workspace.project.command('check', event.name)}")

    def _warn(self, text: str) -> None:
        self.console.print(Text(f"  ! {message(text)}", style="yellow"))

    def _clear(self, name: str = "") -> None:
        """Take the bars away; those of other names stay where several things are done on a cluster."""
        ended = [label for label in self._bars if label.endswith(f" {name}")]
        for label in ended or list(self._bars):
            self.bars.remove_task(self._bars.pop(label))


def _system_name(system: System) -> str:
    model = general_model(system)
    if model is None:
        return _SYSTEM_NAMES[system]
    return f"{model} with examples" if is_shown_examples(system) else model


def _label(event: events.Progress | events.Finished) -> str:
    stage = "try" if event.stage == "feasibility" else event.stage
    return f"{_stage(stage)} {event.name}" + (f": {message(_system_name(event.system))}" if event.system else "")


def _stage(name: str) -> str:
    """The name of a stage, six columns wide or more."""
    said = message(name)
    return said + " " * max(0, 6 - cell_len(said))
