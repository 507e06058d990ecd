"""Documents, seeds and a teacher → frozen data sets with their cards: all stages of making data, in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import DataError
from anytasktune.llm.expected_cost import Expected
from anytasktune.pipeline.build_context import BuildContext, BuildOptions
from anytasktune.pipeline.candidate_runs import GatedCandidates, Made
from anytasktune.pipeline.costing import expected, expected_in_words
from anytasktune.pipeline.events import Listener
from anytasktune.pipeline.frozen_datasets import frozen_dataset
from anytasktune.pipeline.gating import gate_task
from anytasktune.pipeline.generating import augment_task, synthesise_task
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Task
from anytasktune.settings import Settings


@dataclass(frozen=True)
class Built:
    """A task's data set and how it came to be.

    Attributes:
        gated: what was made and passed the gates.
        dataset: that and the task's own rows, frozen.
    """

    task: str
    gated: GatedCandidates
    dataset: FrozenDataset


def synth(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    options: BuildOptions | None = None,
) -> list[Made]:
    """Let a teacher write new rows of each task, from documents, from the task's own rows, and from the task alone.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    making = BuildContext.begin(workspace, settings, listener, options)
    return [synthesise_task(making, task) for task in workspace.tasks(task_names)]


def augment(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    options: BuildOptions | None = None,
) -> list[Made]:
    """Make augmentations of each task's train rows.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    making = BuildContext.begin(workspace, settings, listener, options)
    return [augment_task(making, task) for task in workspace.tasks(task_names)]


def gate(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    options: BuildOptions | None = None,
) -> list[GatedCandidates]:
    """Send the latest candidates of each task through the gates.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    making = BuildContext.begin(workspace, settings, listener, options)
    return [gate_task(making, task) for task in workspace.tasks(task_names)]


def build(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    options: BuildOptions | None = None,
) -> list[Built]:
    """Make candidates, send them through the gates, and freeze what is left with the task's own rows.

    Killed anywhere, the same call goes on where it was, pays for nothing twice and ends with the same data sets.

    Raises:
        DataError: nothing that was made for a task passed the gates.
        AnyTaskTuneError: for anything else the user can mend.
    """
    making = BuildContext.begin(workspace, settings, listener, options)
    return [_build_one(making, task) for task in workspace.tasks(task_names)]


def forecast_build(
    workspace: Workspace,
    task_names: Sequence[str] = (),
    settings: Settings | None = None,
    listener: Listener | None = None,
    options: BuildOptions | None = None,
) -> dict[str, Expected]:
    """What asking the teacher would take for each task; documents are read and test rows sealed, and nobody is asked.

    Raises:
        AnyTaskTuneError: for anything the user can mend.
    """
    making = BuildContext.begin(workspace, settings, listener, options)
    found = {task.name: expected(making, task) for task in workspace.tasks(task_names)}
    for name, one in found.items():
        making.listener.costing(name, expected_in_words(one, making.settings.teacher))
    return found


def _build_one(making: BuildContext, task: Task) -> Built:
    made = [synthesise_task(making, task)]
    if making.settings.synthesis.augmentations:
        first = gate_task(making, task, made)
        made.append(augment_task(making, task, [candidate.example() for candidate in first.kept]))
    gated = gate_task(making, task, made)
    if not gated.kept:
        counts = gated.manifest.counts
        reasons = ", ".join(f"{count} {reason}" for reason, count in (counts.failed | counts.dropped).items())
        fix = "name a larger teacher, or look at what was dropped: anytasktune review " + task.name + " --dropped"
        raise DataError(f"none of {counts.planned} candidates is left: {reasons}", where=f"task {task.name}", fix=fix)
    dataset = frozen_dataset(making.workspace, task, making.settings.split, making.listener)
    return Built(task.name, gated, dataset)
