"""`build`: documents, own rows and a teacher → frozen data sets with their cards."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import DataError, counted
from anytasktune.llm.costs import Expected
from anytasktune.pipeline.build_context import BuildContext, BuildOptions
from anytasktune.pipeline.candidate_runs import GatedCandidates
from anytasktune.pipeline.current_candidates import current_candidates
from anytasktune.pipeline.events import OnEvent, Started
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.gating import gate_candidates
from anytasktune.pipeline.generating import augment_rows, expected, generate_candidates
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Task
from anytasktune.settings import Settings


@dataclass(frozen=True)
class Built:
    """A task's data set and how it came to be.

    Attributes:
        gated: the generated rows that passed the gates.
        dataset: these and the task's own rows, frozen.
    """

    task: str
    gated: GatedCandidates
    dataset: FrozenDataset


def build(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: BuildOptions | None = None,
) -> list[Built]:
    """Generate candidates, send them through the gates, and freeze those that passed with the task's own rows.

    A killed build resumes with the same call, pays for nothing twice and ends with the same data sets.

    Raises:
        DataError: no candidate of a task passed the gates.
        AnyTaskTuneError: for anything else the user can mend.
    """
    context = BuildContext.begin(workspace, settings, on_event, options, task_names)
    with context.alone("build", task_names):
        return [_build_one(context, task) for task in workspace.tasks(task_names)]


def _build_one(context: BuildContext, task: Task) -> Built:
    generate_candidates(context, task)
    if context.settings.synthesis.augmentations:
        passed = gate_candidates(context, task)
        written = [candidate.example() for candidate in passed.kept if candidate.origin.place is not None]
        augment_rows(context, task, written)
    gated = current_candidates(context, task, gate_candidates(context, task))
    if not gated.kept:
        counts, command = gated.manifest.counts, context.workspace.project.command
        reasons = ", ".join(f"{count} {reason}" for reason, count in (counts.failed | counts.dropped).items())
        anew, look = command("build", task.name, "--teacher", "NAME", "--fresh"), command("review", task.name, "--dropped")
        fix = f"begin anew with a larger teacher: {anew}, or look at the dropped ones: {look}"
        what = f"none of {counted(counts.planned, 'candidate')} is left: {reasons}"
        raise DataError(what, where=f"task {task.name}", fix=fix)
    dataset = frozen_dataset(context.workspace, task, context.settings.split, context.on_event)
    return Built(task.name, gated, dataset)


def forecast_build(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
    options: BuildOptions | None = None,
) -> dict[str, Expected]:
    """Expected cost of the requests for each task; documents are read and test rows sealed, but no requests are sent.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    context = BuildContext.begin(workspace, settings, on_event, options, task_names)
    forecasts = {task.name: expected(context, task) for task in workspace.tasks(task_names)}
    for name, forecast in forecasts.items():
        context.on_event(Started(stage="teacher", name=name, detail=forecast.in_words(context.settings.teacher)))
    return forecasts
