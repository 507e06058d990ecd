"""The verb `language-transfer`: what the rows of one language bring to the other."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, print_json, say, show
from anytasktune.cli.messages import spoken
from anytasktune.cli.options import Json, Overrides, ProgressForm, ProjectFolder, ShownLanguage, TaskNames
from anytasktune.cli.train_verbs import DryRun, open_engine


def language_transfer(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    split: Annotated[Literal["dev", "test"], typer.Option("--split", help="Rows to measure on.")] = "test",
    language: ShownLanguage = None,
    overrides: Overrides = None,
    dry_run: DryRun = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Train on the English rows alone and on the Chinese rows alone, answer both, and compare with the Task-LM of all rows."""
    workspace, settings = open_engine(project, tasks, overrides)
    from anytasktune.cli import tables
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import measure_transfers, plan_transfers
    from anytasktune.pipeline.reporting import render_transfers

    events = reporter(progress, workspace)
    if dry_run:
        with events as on_event:
            plans = plan_transfers(workspace, tasks or (), settings, on_event, split)
        if as_json:
            print_json([asdict(plan) | {"estimate": plan.estimate.model_dump(mode="json")} for plan in plans])
        else:
            show(tables.transfer_plans(plans))
        return DONE
    with events as on_event:
        found = measure_transfers(workspace, tasks or (), settings, on_event, split)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    else:
        shown = language or spoken()
        show(render_transfers(found, shown))
        command = workspace.project.command("eval", *(tasks or ()), *(("-c", "eval.split=dev") if split == "dev" else ()))
        say(f"\n{'写进报告：' if shown == 'zh' else 'To have it in the report: '}{command}")
    return ROWS_DROPPED if events.rows_dropped else DONE
