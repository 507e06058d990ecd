"""The verbs about frozen data sets: look into one, walk a row back to its source, compare versions, export."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json
from anytasktune.cli.options import Json, ProjectFolder, TaskNames

dataset_app = typer.Typer(help="Frozen data sets: show, compare, export.", no_args_is_help=True)
_Format = Literal["alpaca", "sharegpt", "messages", "parquet", "hf", "llama-factory"]
_TaskName = Annotated[str, typer.Argument(metavar="TASK", help="The task.")]


@dataset_app.command("show")
def show_dataset(
    task: _TaskName,
    which: Annotated[
        str | None,
        typer.Argument(metavar="[ID|ROW]", help="A version by its id; or a row, as SPLIT:NUMBER (test:3) or by its id."),
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """What a task's data set holds; or one row of it, walked back to the file, the prompts and the words it comes from."""
    from anytasktune.cli import show, show_datasets
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace, dataset_views

    workspace = Workspace.open(project)
    (chosen,) = workspace.tasks([task])
    ids = [manifest.id for manifest in dataset_views.versions(workspace, chosen)]
    names_version = which is not None and any(identity.startswith(which) for identity in ids)
    with Display(silent=as_json) as display:
        if which is not None and names_version:
            view = dataset_views.stored_dataset(workspace, chosen, which)
        else:
            view = dataset_views.current_dataset(workspace, chosen, display)
    if which is None or names_version:
        facts = {name: asdict(split) for name, split in view.facts.items()}
        document: Any = view.frozen.manifest.model_dump(mode="json") | {"facts": facts, "folder": str(view.folder)}
        shown = show_datasets.dataset(view, workspace.project.root)
    else:
        row = dataset_views.find_row(workspace, view, which)
        document, shown = _row_fields(row), show_datasets.row(row)
    if as_json:
        print_json(document)
    else:
        show.show(shown, whole_lines=True)
    return DONE


@dataset_app.command("diff")
def diff_datasets(
    task: _TaskName,
    old: Annotated[str | None, typer.Argument(help="Id of a version; the one before the last.")] = None,
    new: Annotated[str | None, typer.Argument(help="Id of a version; the rows as they are now.")] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """What changed from one version of a task's data set to another: rows, splits, answers, labels."""
    from anytasktune.cli import show, show_datasets
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace, dataset_views

    workspace = Workspace.open(project)
    (chosen,) = workspace.tasks([task])
    with Display(silent=as_json) as display:
        found = dataset_views.diff(workspace, chosen, old or "", new or "", display)
    if as_json:
        print_json(_diff_fields(found))
    else:
        show.show(show_datasets.difference(found), whole_lines=True)
    return DONE


@dataset_app.command("export")
def export_dataset(
    tasks: TaskNames = None,
    every: Annotated[bool, typer.Option("--all", help="All tasks.")] = False,
    format: Annotated[_Format, typer.Option("--format", "-f", help="The layout.")] = "alpaca",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("export"),
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Say of every JSON row its id, task, split, way and teacher.")
    ] = False,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Write data sets for other programs: Alpaca, ShareGPT, messages, parquet, a Hugging Face folder, LLaMA-Factory."""
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace, dataset_views

    if bool(tasks) == every:
        raise UsageError("which tasks?", fix="name them, or give --all")
    workspace = Workspace.open(project)
    with Display(silent=as_json) as display:
        files = dataset_views.export_datasets(
            workspace, workspace.tasks(tasks or ()), out, format, metadata=metadata, listener=display
        )
    if as_json:
        print_json({"format": format, "files": [str(path) for path in files]})
        return DONE
    for path in files:
        typer.echo(str(path))
    return DONE


def _row_fields(row: Any) -> dict[str, Any]:
    return {
        "split": row.split,
        "number": row.number,
        "id": row.row.id,
        "row": row.row.model_dump(mode="json"),
        "place": row.place,
        "lineage": row.lineage.model_dump(mode="json") if row.lineage else None,
        "parents": [
            {"id": parent.id, "place": parent.place, "row": parent.row.model_dump(mode="json") if parent.row else None}
            for parent in row.parents
        ],
        "verdicts": [verdict.model_dump(mode="json") for verdict in row.verdicts],
    }


def _diff_fields(found: Any) -> dict[str, Any]:
    def placed(place: Any) -> dict[str, Any]:
        return {"split": place.split, "id": place.row.id, **place.row.model_dump(mode="json")}

    return {
        "old": found.old,
        "new": found.new,
        "rows": {name: asdict(counts) for name, counts in found.rows.items()},
        "made": {name: asdict(counts) for name, counts in found.made.items()},
        "labels": {name: asdict(counts) for name, counts in found.labels.items()},
        "added": [placed(place) for place in found.added],
        "removed": [placed(place) for place in found.removed],
        "moved": [{"id": move.row.id, "before": move.before, "now": move.now} for move in found.moved],
        "changed": [{"before": placed(change.before), "now": placed(change.now)} for change in found.changed],
    }
