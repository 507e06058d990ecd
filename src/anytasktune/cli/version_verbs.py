"""The verbs about the Task-LM in production: `promote`, `rollback`, `versions`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anytasktune.cli.console import DONE, print_json, say, show
from anytasktune.cli.options import Json, ProgressForm, ProjectFolder, UseOverrides, open_project
from anytasktune.cli.person_name import person_name
from anytasktune.errors import counted

if TYPE_CHECKING:
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline.stored_versions import Version
    from anytasktune.schema import Promotion, PromotionEvidence

_TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]
_By = Annotated[str | None, typer.Option("--by", help="Your name in the log; default: user.name of git, or your account.")]
_RESTART = "A server that is running goes on with the version it started with: start it again."


def promote(
    task: _TaskName,
    version: Annotated[
        str,
        typer.Argument(metavar="VERSION", help="Beginning of the id of a training run or Task-LM; default: the newest."),
    ] = "",
    on: Annotated[
        Path | None, typer.Option("--on", metavar="FILE", help="Compare on these new rows with answers; default: dev rows.")
    ] = None,
    despite_report: Annotated[
        bool,
        typer.Option(
            "--despite-report", help="Promote a first version even if a simple baseline is better or there is no report."
        ),
    ] = False,
    by: _By = None,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Put a Task-LM into production, if it is no worse than the one there on rows that neither has learned."""
    workspace, settings = open_project(project, [task], overrides)
    name = person_name(by, workspace.project.root, "--by")
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.promoting import PromoteOptions
    from anytasktune.pipeline.promoting import promote as promote_version

    options = PromoteOptions(version, on, despite_report, name)
    with reporter(progress, workspace) as on_event:
        line = promote_version(workspace, task, options, settings, on_event)
    return _shown(line, as_json)


def rollback(task: _TaskName, by: _By = None, project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """Put the Task-LM back into production that was there before the last promotion."""
    workspace, _ = open_project(project, [task])
    name = person_name(by, workspace.project.root, "--by")
    from anytasktune.pipeline.production import rollback as roll_back

    return _shown(roll_back(workspace, task, name), as_json)


def versions(task: _TaskName, project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """List the Task-LMs of a task, which one is in production, since when and on what evidence."""
    workspace, _ = open_project(project, [task])
    from anytasktune.pipeline.stored_versions import versions as list_versions

    found, lines = list_versions(workspace, task)
    if as_json:
        rows = [asdict(one) | {"promotion": one.promotion.model_dump() if one.promotion else None} for one in found]
        print_json({"task": task, "versions": rows, "changes": [line.model_dump() for line in lines]})
    elif found:
        _show_versions(workspace, task, found, lines)
    else:
        say(f"Task {task} has no Task-LM yet. Train one: {workspace.project.command('tune', task)}")
    return DONE


def _shown(line: "Promotion", as_json: bool) -> int:
    if as_json:
        print_json(line.model_dump(mode="json"))
        return DONE
    if line.run:
        say(f"✓ {line.task}: version {line.run} is in production" + (f"; before: {line.before}" if line.before else ""))
    else:
        say(f"✓ {line.task}: no version is promoted any more; the newest Task-LM answers")
    if line.evidence is not None:
        say(f"  {_evidence(line.evidence)}")
        if line.evidence.scores_lower:
            say(f"  ! it scores lower than the {line.evidence.against} baseline; that may be chance")
    elif line.change == "promote":
        say("  ! no report has measured it")
    say(f"  {_RESTART}")
    return DONE


def _evidence(evidence: "PromotionEvidence") -> str:
    """`accuracy 0.912 against 0.875 of 1a2b3c on 120 rows of dev; difference +0.037, p 0.21`."""
    said = f"{evidence.metric} {evidence.score:.3f}"
    if evidence.other_score is not None:
        said += f" against {evidence.other_score:.3f} of {evidence.against}"
    where = f"report {evidence.source}" if evidence.basis == "report" else f"{evidence.source}, a paired test"
    said += f" on {counted(evidence.rows, 'row')} ({where})"
    if evidence.difference is not None and evidence.p_value is not None:
        low, high = evidence.difference.low, evidence.difference.high
        said += f"; difference {evidence.difference.value:+.3f} [{low:+.3f}, {high:+.3f}], p {evidence.p_value:.3f}"
    if evidence.left_out:
        said += "; left out " + ", ".join(f"{count} {reason}" for reason, count in sorted(evidence.left_out.items()))
    return said


def _show_versions(workspace: "Workspace", task: str, found: "list[Version]", lines: "list[Promotion]") -> None:
    from anytasktune.cli.tables import new_table

    table = new_table("", "version", "kind", "trained", "base model", "rows", "dev", "test", left=5)
    for one in found:
        table.add_row(
            "●" if one.promotion else "",
            one.run,
            one.system,
            one.trained[:16].replace("T", " "),
            one.base_model.rpartition("/")[2],
            str(one.train_rows),
            "" if one.dev_score is None else f"{one.dev_score:.3f}",
            "" if one.test_score is None else f"{one.test_score:.3f}",
        )
    show(table)
    for line in lines:
        what = f"{line.run} promoted" if line.change == "promote" else f"rolled back to {line.run or 'the newest Task-LM'}"
        say(
            f"  {line.at[:16].replace('T', ' ')} {what} by {line.by}"
            + (f": {_evidence(line.evidence)}" if line.evidence else "")
        )
    if not any(one.promotion for one in found):
        newest = next((one.run for one in found if one.newest), found[0].run)
        command = workspace.project.command("promote", task)
        say(f"  No version is promoted: the newest, {newest}, answers. To keep one in production: {command}")
