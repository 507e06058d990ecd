"""The verb `eval-router`."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anytasktune.cli.console import DONE, print_json, say, show
from anytasktune.cli.messages import phrase
from anytasktune.cli.options import Json, Overrides, ProgressForm, ProjectFolder, open_project

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anytasktune.schema.router_evaluation import RouterEvaluation

_SHOWN_OTHERS = 2
_SHOWN_COVERAGE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def eval_router(
    answered_by: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="SYSTEM",
            help="What answers for the tasks in the comparison with named tasks: tuned, action, mixed, linear, nearest, "
            "constant. Default: the Task-LM of each task that has one.",
        ),
    ] = "",
    project: ProjectFolder = Path(),
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Measure the router: right task, abstentions, out-of-scope inputs, and the score lost against naming the task."""
    workspace, settings = open_project(project, [], overrides)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.evaluating_router import evaluate_router
    from anytasktune.pipeline.reporting import router_page

    with reporter(progress, workspace) as on_event:
        found = evaluate_router(workspace, answered_by, settings, on_event)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(router_evaluation(found))
        page = router_page(workspace, found.id)
        say(
            f"Report: {page}"
            if page
            else f"To have it in the report, in English and Chinese: {workspace.project.command('eval')}"
        )
    return DONE


def router_evaluation(found: "RouterEvaluation") -> "RenderableType":
    """Confusion, abstention curve, refusals of inputs of no task, and gaps to named tasks."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_tasks(found), Text(), _curve(found)]
    if found.held_out:
        refused, inputs = sum(sum(one.refused.values()) for one in found.held_out), sum(one.inputs for one in found.held_out)
        parts += [Text(), _held_out(found)]
        parts.append(
            phrase(f"Inputs of no task: {refused} of {inputs} ({refused / inputs:.1%}) are sent to no task.", style="bold")
        )
    if found.gaps:
        parts += [Text(), _gaps(found)]
    if found.shared_inputs:
        what = f"{found.shared_inputs} of {found.inputs} test inputs are also inputs of another task; no router can tell theirs"
        parts.append(phrase(f"! {what}", style="yellow"))
    return Group(*parts, *(phrase(f"! {note}", style="yellow") for note in found.notes))


def _tasks(found: "RouterEvaluation") -> "RenderableType":
    from rich.console import Group

    from anytasktune.cli.tables import new_table

    table = new_table("task", "inputs", "right", "sent to a task", "of these right", "most often taken for", left=1)
    for one in found.tasks:
        others = ", ".join(f"{name} {count}" for name, count in islice(one.taken_for.items(), _SHOWN_OTHERS))
        right = f"{one.right / one.inputs:.3f}"
        table.add_row(one.task, str(one.inputs), right, str(one.routed), str(one.routed_right), others or "-")
    by, sent = found.accuracy, found.routed_accuracy
    lines = [f"Right task: {by.value:.1%} of {found.inputs} {found.split} inputs (95 % {by.low:.1%} to {by.high:.1%})."]
    if sent is not None:
        lines.append(f"Sent to a task: {found.routed / found.inputs:.1%}; of these right: {sent.value:.1%}.")
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in found.abstained.items())
    lines += [f"Sent to no task: {found.inputs - found.routed} ({reasons})."] if reasons else []
    return Group(table, *(phrase(line, style="bold") for line in lines))


def _curve(found: "RouterEvaluation") -> "RenderableType":
    from anytasktune.cli.tables import new_table

    table = new_table("inputs sent to a task", "right", "least probability")
    for share in _SHOWN_COVERAGE:
        point = min(found.curve, key=lambda one: abs(one.routed / found.inputs - share))
        table.add_row(f"{point.routed / found.inputs:.1%}", f"{point.right / point.routed:.1%}", f"{point.threshold:.3f}")
    return table


def _held_out(found: "RouterEvaluation") -> "RenderableType":
    from anytasktune.cli.tables import new_table

    table = new_table("task left out of the pool", "inputs", "sent to no task", "unlike the pool", "unsure", left=1)
    for one in found.held_out:
        reasons = (str(one.refused.get("unlike_pool", 0)), str(one.refused.get("unsure", 0)))
        table.add_row(one.task, str(one.inputs), f"{sum(one.refused.values()) / one.inputs:.1%}", *reasons)
    return table


def _gaps(found: "RouterEvaluation") -> "RenderableType":
    from rich.console import Group

    from anytasktune.cli.tables import new_table

    table = new_table(
        "task", "answered by", "metric", "named", "sent", "named, of these", "by the router", "difference", left=3
    )
    for one in found.gaps:
        scores = [f"{score.value:.3f}" if score else "-" for score in (one.routed_named, one.routed_score)]
        by = one.difference
        difference = f"{by.value:+.3f} ({by.low:+.3f} to {by.high:+.3f})" if by else "-"
        table.add_row(
            one.task, one.system, one.metric, f"{one.named.value:.3f}", f"{one.routed}/{one.inputs}", *scores, difference
        )
    remark = "named: score when the task is named. An input sent to another task counts as answered wrongly."
    return Group(table, phrase(remark, style="dim"))
