"""The verb `learning-curve`: what more training rows would bring."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, print_json, say, show
from anytasktune.cli.messages import spoken
from anytasktune.cli.options import Json, Overrides, ProgressForm, ProjectFolder, ShownLanguage, TaskNames
from anytasktune.cli.train_verbs import DryRun, open_engine


def learning_curve(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    split: Annotated[
        Literal["dev", "test"], typer.Option("--split", help="Rows to measure on; test is best kept for the report.")
    ] = "dev",
    language: ShownLanguage = None,
    overrides: Overrides = None,
    dry_run: DryRun = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Train on an eighth, a quarter, half and all of the rows, and estimate what twice as many would bring."""
    workspace, settings = open_engine(project, tasks, overrides)
    from anytasktune.cli import tables
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import measure_learning_curves, plan_learning_curves
    from anytasktune.pipeline.reporting import render_curves

    events = reporter(progress, workspace)
    if dry_run:
        with events as on_event:
            plans = plan_learning_curves(workspace, tasks or (), settings, on_event, split)
        if as_json:
            print_json([asdict(plan) | {"estimate": plan.estimate.model_dump(mode="json")} for plan in plans])
        else:
            show(tables.curve_plans(plans))
        return DONE
    with events as on_event:
        curves = measure_learning_curves(workspace, tasks or (), settings, on_event, split)
    if as_json:
        print_json([one.model_dump(mode="json") for one in curves])
    else:
        show(render_curves(curves, shown := language or spoken()))
        command = workspace.project.command("eval", *(tasks or ()))
        say(f"\n{'画进报告：' if shown == 'zh' else 'To have it in the report: '}{command}")
    return ROWS_DROPPED if events.rows_dropped else DONE
