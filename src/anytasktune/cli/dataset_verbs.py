"""The verbs about rows and data sets: `import`, and `dataset show`, `dataset diff`, `dataset export`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, UsageError, print_json, say, show
from anytasktune.cli.options import ChosenTasks, Force, Json, ProjectFolder, open_project

if TYPE_CHECKING:
    from anytasktune.pipeline import DatasetDiff
    from anytasktune.pipeline.dataset_views import RowView

dataset_app = typer.Typer(help="Frozen data sets: show, compare, export.", no_args_is_help=True)
_Format = Literal["alpaca", "sharegpt", "messages", "parquet", "hf", "llama-factory"]
_TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="JSONL, JSON, CSV, TSV or parquet; a folder of splits; a task folder.")
    ],
    task: Annotated[str | None, typer.Option("--task", "-t", help="Task the rows belong to.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Columns to read: input=QUESTION,output=ANSWER; also language=, source=.")
    ] = None,
    language: Annotated[Literal["en", "zh"] | None, typer.Option(help="Language of the rows, if they do not say.")] = None,
    split: Annotated[Literal["train", "dev", "test"] | None, typer.Option(help="Put all rows into this split.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to the rows of the task.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the rows of the task.")] = False,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of a text file, e.g. cp1252 or gb18030; else detected.")
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Copy rows into the project; report how many were read, kept and dropped, with reasons."""
    workspace, _ = open_project(project)
    from anytasktune.cli import tables
    from anytasktune.pipeline import ImportOptions, import_rows

    if append and replace:
        raise UsageError("--append and --replace exclude each other", fix="give one of them")
    existing: Literal["refuse", "append", "replace"] = "append" if append else "replace" if replace else "refuse"
    result = import_rows(workspace, source, ImportOptions(task, columns, language, split, existing, encoding))
    if as_json:
        dropped = [row.model_dump() for row in result.dropped]
        facts = {"task": result.task, "added_task": result.added_task, "counts": result.counts.model_dump()}
        files = {str(path): count for path, count in result.files.items()}
        print_json(facts | {"files": files, "notes": list(result.notes), "dropped": dropped})
    else:
        show(tables.imported(result, workspace.project.root), whole_lines=True)
    return ROWS_DROPPED if result.dropped else DONE


@dataset_app.command("show")
def show_dataset(
    task: _TaskName,
    which: Annotated[
        str | None,
        typer.Argument(metavar="ID_OR_ROW", help="A version by its id; or a row, as SPLIT:NUMBER (test:3) or by its id."),
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Show the contents of a task's data set, or one row with its lineage: file, prompts, document."""
    workspace, _ = open_project(project, [task])
    from anytasktune.cli import dataset_tables
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import dataset_views

    (chosen,) = workspace.tasks([task])
    ids = [manifest.id for manifest in dataset_views.versions(workspace, chosen)]
    names_version = which is not None and any(identity.startswith(which) for identity in ids)
    with reporter("text", workspace) as on_event:
        if which is not None and names_version:
            view = dataset_views.stored_dataset(workspace, chosen, which)
        else:
            view = dataset_views.current_dataset(workspace, chosen, on_event)
    if which is None or names_version:
        facts = {name: asdict(split) for name, split in view.facts.items()}
        document: Any = view.frozen.manifest.model_dump(mode="json") | {"facts": facts, "folder": str(view.folder)}
        shown = dataset_tables.dataset(view, workspace.project.root)
    else:
        row = dataset_views.find_row(workspace, view, which)
        document, shown = _row_document(row), dataset_tables.row(row)
    if as_json:
        print_json(document)
    else:
        show(shown, whole_lines=True)
    return DONE


@dataset_app.command("diff")
def diff_datasets(
    task: _TaskName,
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="Id of a version; default: the one before the last.")] = None,
    new: Annotated[
        str | None, typer.Argument(metavar="NEW", help="Id of a version; default: the rows as they are now.")
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Compare two versions of a task's data set: rows, splits, answers, labels."""
    workspace, _ = open_project(project, [task])
    from anytasktune.cli import dataset_tables
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import dataset_views

    (chosen,) = workspace.tasks([task])
    with reporter("text", workspace) as on_event:
        found = dataset_views.diff(workspace, chosen, old or "", new or "", on_event)
    if as_json:
        print_json(_diff_document(found))
    else:
        show(dataset_tables.difference(found), whole_lines=True)
    return DONE


@dataset_app.command("export")
def export_dataset(
    tasks: ChosenTasks = None,
    every: Annotated[bool, typer.Option("--all", help="Export all tasks.")] = False,
    format: Annotated[_Format, typer.Option("--format", "-f", help="Format of the files.")] = "alpaca",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("export"),
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Add id, task, split, origin and teacher to every JSON row.")
    ] = False,
    force: Force = False,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Write data sets for other programs: Alpaca, ShareGPT, messages, parquet, a Hugging Face folder, LLaMA-Factory."""
    if bool(tasks) == every:
        raise UsageError(
            "no task is named" if not tasks else "--all and names of tasks exclude each other", fix="name tasks, or give --all"
        )
    workspace, _ = open_project(project, tasks or ())
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import dataset_views

    with reporter("text", workspace) as on_event:
        files = dataset_views.export_datasets(
            workspace, workspace.tasks(tasks or ()), out, format, metadata=metadata, force=force, on_event=on_event
        )
    if as_json:
        print_json({"format": format, "files": [str(path) for path in files]})
    for path in () if as_json else files:
        say(str(path))
    return DONE


def _row_document(row: "RowView") -> dict[str, Any]:
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


def _diff_document(found: "DatasetDiff") -> dict[str, Any]:
    def placed(place: Any) -> dict[str, Any]:
        return {"split": place.split, "id": place.row.id, **place.row.model_dump(mode="json")}

    return {
        "old": found.old,
        "new": found.new,
        "rows": {name: asdict(counts) for name, counts in found.rows.items()},
        "generated": {name: asdict(counts) for name, counts in found.generated.items()},
        "labels": {name: asdict(counts) for name, counts in found.labels.items()},
        "added": [placed(place) for place in found.added],
        "removed": [placed(place) for place in found.removed],
        "moved": [{"id": move.row.id, "before": move.before, "now": move.now} for move in found.moved],
        "changed": [{"before": placed(change.before), "now": placed(change.now)} for change in found.changed],
    }
