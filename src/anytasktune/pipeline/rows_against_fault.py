"""Rows of a teacher aimed at a fault: generated, sent through the gates, and there to be reviewed, as those of `build`."""

from collections import Counter
from dataclasses import dataclass

from anytasktune.pipeline.build_context import BuildContext, BuildOptions
from anytasktune.pipeline.current_candidates import current_candidates
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.gating import gate_candidates
from anytasktune.pipeline.generating import generate_candidates
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Improvement, Task
from anytasktune.settings import Settings
from anytasktune.synthesis.candidates import places_of


@dataclass(frozen=True)
class RowsAsked:
    """Rows of a teacher against a fault.

    Attributes:
        wanted: rows per language that are to be there, older ones included.
        kept: new rows that passed the gates.
        left_out: other new rows, by reason.
    """

    wanted: int
    kept: int
    left_out: dict[str, int]


def ask_for_rows(
    workspace: Workspace,
    task: Task,
    plan: Improvement,
    options: BuildOptions,
    settings: Settings | None,
    on_event: OnEvent | None,
) -> RowsAsked:
    """Let the teacher write the wanted rows of a plan; those it has written for it already are not paid for again.

    Raises:
        ConfigError: no teacher is named.
        ConsentError, DataError, EndpointError: as `build`.
    """
    context = _context(workspace, task, plan, options, settings, on_event)
    with context.alone("improve", [task.name]):
        before = {candidate.id for run in context.existing(task).runs for candidate in run.candidates}
        failed_before = sum(len(run.failed) for run in context.existing(task).runs)
        runs = generate_candidates(context, task)
        gated = current_candidates(context, task, gate_candidates(context, task))
    failed = [one.reason for run in runs for one in run.failed][failed_before:]
    dropped = {one.id for one in gated.dropped} - before
    reasons = {verdict.candidate: verdict.reason or verdict.gate for verdict in gated.verdicts if not verdict.passed}
    left_out = Counter([*failed, *(reasons.get(one, "dropped") for one in dropped)])
    kept = sum(one.id not in before for one in gated.kept)
    return RowsAsked(context.settings.synthesis.rows, kept, dict(sorted(left_out.items())))


def _context(
    workspace: Workspace,
    task: Task,
    plan: Improvement,
    options: BuildOptions,
    settings: Settings | None,
    on_event: OnEvent | None,
) -> BuildContext:
    """A context that plans the rows there are, and those of the plan behind them."""
    context = BuildContext.begin(workspace, settings, on_event, options, (task.name,))
    languages = context.languages(task)
    places = [place for language, place in places_of(context.existing(task).done()) if language in languages]
    rows = plan.teacher_rows or max((place + 1 for place in places if place is not None), default=0) + -(
        -plan.wanted // len(languages)
    )
    update = {"rows": rows, "aimed_at": aims(task, plan)}
    synthesis = context.settings.synthesis.model_copy(update=update)
    context.settings = context.settings.model_copy(update={"synthesis": synthesis})
    return context


def aims(task: Task, plan: Improvement) -> list[str]:
    """The labels, in all languages, or the field that answers to the rows must have."""
    named = plan.expected or plan.given
    closed = [task.labels_in(language) or [] for language in task.languages]
    places = {labels.index(named) for labels in closed if named in labels}
    found = [labels[place] for place in places for labels in closed if place < len(labels)]
    return list(dict.fromkeys(found)) or [named.partition(".")[0]]
