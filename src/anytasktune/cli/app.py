"""The verbs. Each loads what it needs, calls one function, and shows what came back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.build_commands import augment, build, gate, ingest, synth
from anytasktune.cli.console import DONE, MENDABLE, ROWS_DROPPED, UsageError, print_json
from anytasktune.cli.dataset_commands import dataset_app
from anytasktune.cli.init_command import init, packs
from anytasktune.cli.options import Granularity, Json, Overrides, ProjectFolder, TaskNames
from anytasktune.cli.review_command import review
from anytasktune.cli.startup import load_engine
from anytasktune.cli.task_commands import tasks_app

if TYPE_CHECKING:
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Settings, Workspace
    from anytasktune.schema import Report

app = typer.Typer(
    name="anytasktune",
    help="Small language models tuned on exactly the sub-tasks of your work, with proof that it was worth it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what training would take, and train nothing.")]


def _version(wanted: bool) -> None:
    if wanted:
        from anytasktune.version import __version__

        typer.echo(f"anytasktune {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    pass


app.command()(init)
app.command()(packs)
for verb in (ingest, synth, augment, gate, build):
    app.command()(verb)
app.command()(review)
app.add_typer(tasks_app, name="tasks")
app.add_typer(dataset_app, name="dataset")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="JSONL, JSON, CSV, TSV or parquet; a folder of splits; a task folder.")],
    task: Annotated[str | None, typer.Option("--task", "-t", help="The task the rows are for.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Which columns to take: input=QUESTION,output=ANSWER[,language=…][,source=…]")
    ] = None,
    language: Annotated[Literal["en", "zh"] | None, typer.Option(help="Language of the rows, if they do not say.")] = None,
    split: Annotated[Literal["train", "dev", "test"] | None, typer.Option(help="All rows are of this split.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to the rows the task has.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Put these in the place of the rows the task has.")] = False,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Copy rows into the project; says how many were read, kept and dropped, and why."""
    from anytasktune.cli import show
    from anytasktune.datasets import ColumnMap
    from anytasktune.pipeline import ImportOptions, Workspace, import_rows

    workspace = Workspace.open(project)
    if append and replace:
        raise UsageError("--append and --replace exclude each other", fix="give one of them")
    existing: Literal["refuse", "append", "replace"] = "append" if append else "replace" if replace else "refuse"
    chosen = ColumnMap.parse(columns) if columns else None
    result = import_rows(workspace, source, ImportOptions(task, chosen, language, split, existing))
    if as_json:
        dropped = [row.model_dump() for row in result.dropped]
        facts = {"task": result.task, "added_task": result.added_task, "counts": result.counts.model_dump()}
        files = {str(path): count for path, count in result.files.items()}
        print_json(facts | {"files": files, "notes": list(result.notes), "dropped": dropped})
    else:
        show.show(show.imported(result, workspace.project.root), whole_lines=True)
    return ROWS_DROPPED if result.dropped else 0


@app.command()
def check(tasks: TaskNames = None, project: ProjectFolder = Path(), overrides: Overrides = None, as_json: Json = False) -> int:
    """Look at every row as training would see it; shows three rows token by token, trained ones in green."""
    load_engine()
    from anytasktune.cli import show
    from anytasktune.cli.progress import Display
    from anytasktune.errors import PreflightError
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline import check as check_tasks

    workspace = Workspace.open(project)
    with Display(silent=as_json) as display:
        results = check_tasks(workspace, tasks or (), workspace.settings(overrides or ()), display)
    problems = [problem for result in results for problem in result.preflight.problems]
    if as_json:
        found = [{"what": problem.what, "where": problem.where, "fix": problem.fix} for problem in problems]
        rows = {result.task: result.preflight.rows for result in results}
        print_json({"ok": not problems, "rows": rows, "problems": found})
        return MENDABLE if problems else _code(display)
    for result in results:
        show.show(show.checked(result), whole_lines=True)
    if problems:
        raise PreflightError(problems)
    return _code(display)


@app.command()
def train(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    granularity: Granularity = "task",
    overrides: Overrides = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Train Task-LMs. Stopped or killed, the same command goes on; what is trained already is skipped."""
    load_engine()
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline import train as train_tasks

    workspace = Workspace.open(project)
    settings = workspace.settings(overrides or ())
    if dry_run:
        return _show_plan(workspace, tasks, settings, granularity, as_json)
    with Display(silent=as_json) as display:
        runs = train_tasks(workspace, tasks or (), settings, display, granularity)
    folders = {run.unit: workspace.project.runs(run.unit) / run.id / "adapter" for run in runs}
    if as_json:
        print_json([run.model_dump(mode="json") | {"adapter": str(folders[run.unit])} for run in runs])
        return _code(display)
    for unit, folder in folders.items():
        typer.echo(f"{unit}: {folder}")
    return _code(display)


def _code(display: "Display") -> int:
    return ROWS_DROPPED if display.rows_dropped else DONE


def _show_plan(
    workspace: "Workspace", tasks: list[str] | None, settings: "Settings", granularity: Granularity, as_json: bool
) -> int:
    from dataclasses import asdict

    from anytasktune.cli import show
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import plan

    with Display(silent=as_json) as display:
        plans = plan(workspace, tasks or (), settings, display, granularity)
    if as_json:
        print_json([asdict(row) for row in plans])
    else:
        show.show(show.plans(plans))
    return 0


@app.command("eval")
def eval_(tasks: TaskNames = None, project: ProjectFolder = Path(), overrides: Overrides = None, as_json: Json = False) -> int:
    """Let the base model, the base model with examples and the Task-LMs answer the test rows, and compare."""
    load_engine()
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace, evaluate

    workspace = Workspace.open(project)
    with Display(silent=as_json) as display:
        report = evaluate(workspace, tasks or (), workspace.settings(overrides or ()), display)
    _show_report(workspace, report, as_json)
    return _code(display)


@app.command()
def tune(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    granularity: Granularity = "task",
    overrides: Overrides = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """The whole chain: freeze the rows, check them, train, compare with the base model, report."""
    load_engine()
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline import tune as tune_tasks

    workspace = Workspace.open(project)
    settings = workspace.settings(overrides or ())
    if dry_run:
        return _show_plan(workspace, tasks, settings, granularity, as_json)
    with Display(silent=as_json) as display:
        report = tune_tasks(workspace, tasks or (), settings, display, granularity)
    _show_report(workspace, report, as_json)
    return _code(display)


def _show_report(workspace: "Workspace", report: "Report", as_json: bool, language: Literal["en", "zh"] = "en") -> None:
    from anytasktune.cli import show
    from anytasktune.reports import terminal

    folder = workspace.project.reports / report.id
    if as_json:
        print_json(report.model_dump(mode="json") | {"folder": str(folder)})
        return
    show.show(terminal.render(report, language))
    page = "report.zh.html" if language == "zh" else "report.html"
    typer.echo(f"\nReport: {folder / page}")


@app.command()
def report(
    project: ProjectFolder = Path(),
    language: Annotated[Literal["en", "zh"], typer.Option(help="Language of the report.")] = "en",
    as_json: Json = False,
) -> int:
    """Show the last report again."""
    from anytasktune.errors import EvaluationError
    from anytasktune.pipeline import Workspace
    from anytasktune.schema import Report
    from anytasktune.store import read_record, read_ref

    workspace = Workspace.open(project)
    identity = read_ref(workspace.project.reports)
    if identity is None:
        raise EvaluationError("there is no report yet", where=str(workspace.project.reports), fix="run `anytasktune tune`")
    record = read_record(workspace.project.reports / identity / "report.json", Report)
    _show_report(workspace, record, as_json, language)
    return DONE


@app.command()
def models(
    action: Annotated[Literal["list", "fetch"], typer.Argument(help="`list` them, or `fetch` one.")] = "list",
    name: Annotated[str | None, typer.Argument(help="What to fetch: alias, folder, .gguf, Hub id, modelscope:ID.")] = None,
    as_json: Json = False,
) -> int:
    """List the base models we name, or fetch one so that it can be used offline."""
    from dataclasses import asdict

    from anytasktune.cli import show
    from anytasktune.models import list_models, resolve_model
    from anytasktune.models.catalog import DEFAULT_MODEL

    if action == "fetch":
        folder = resolve_model(name or DEFAULT_MODEL)
        print_json({"model": name or DEFAULT_MODEL, "folder": str(folder)}) if as_json else typer.echo(str(folder))
        return 0
    listing = list_models()
    if as_json:
        print_json([asdict(entry) for entry in listing])
    else:
        show.show(show.models(listing), whole_lines=True)
    return 0


@app.command()
def schema(
    name: Annotated[str | None, typer.Argument(help="One record, e.g. Domain or TrainConfig; all if left out.")] = None,
    _: Annotated[bool, typer.Option("--json", help="It is JSON anyway.")] = True,
) -> int:
    """Print the JSON Schema of every file we read or write; editors complete domain.yaml from it."""
    from anytasktune import schema as artefacts
    from anytasktune import settings
    from anytasktune.errors import ConfigError
    from anytasktune.records import Artifact, Record
    from anytasktune.settings.yaml_reading import nearest

    known: dict[str, type[Record]] = {"Task": artefacts.Task, "Example": artefacts.Example}
    for module in (artefacts, settings):
        for word in module.__all__:
            kind = getattr(module, word)
            if isinstance(kind, type) and issubclass(kind, Artifact):
                known[word] = kind
    if name is not None and name not in known:
        raise ConfigError(f"there is no record {name!r}", fix=nearest(name, known))
    schemas = {word: kind.model_json_schema() for word, kind in sorted(known.items())}
    print_json(schemas[name] if name else schemas)
    return 0


@app.command()
def doctor(as_json: Json = False) -> int:
    """Is this machine ready? Says what is missing and what to do."""
    from dataclasses import asdict

    from anytasktune.cli.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return 0
    for finding in findings:
        typer.echo(f"{'!' if finding.advice else '✓'} {finding.name:<14} {finding.value}")
        if finding.advice:
            typer.echo(f"  → {finding.advice}")
    return 0


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put the example project.")] = Path("demo-project"),
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Tune three sub-tasks of a small law firm on the embedded model and compare with the untuned one."""
    load_engine()
    from anytasktune.cli.progress import Display
    from anytasktune.pipeline import Workspace, init_project
    from anytasktune.pipeline import tune as tune_tasks

    if not (folder / "domain.yaml").exists():
        init_project(folder, pack="demo")
    workspace = Workspace.open(folder)
    with Display(silent=as_json) as display:
        report = tune_tasks(workspace, (), workspace.settings(overrides or ()), display)
    _show_report(workspace, report, as_json)
    if not as_json:
        typer.echo(_next_steps(folder))
    return _code(display)


def _next_steps(folder: Path) -> str:
    return (
        "\nNext, with your own work:\n"
        f"  1. anytasktune init my-field                    (or look at {folder / 'domain.yaml'} for an example)\n"
        "  2. describe a task in my-field/domain.yaml\n"
        "  3. anytasktune import rows.csv --task my_task --columns input=QUESTION,output=ANSWER -p my-field\n"
        "  4. anytasktune tune -p my-field"
    )
