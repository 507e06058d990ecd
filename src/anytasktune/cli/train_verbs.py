"""The verbs that check, train and measure: `check`, `train`, `eval`, `tune`, and `demo`."""

import gc
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.cluster_verbs import Cluster, GpuShare, Store, trainer
from anytasktune.cli.console import DONE, FORGOTTEN, MENDABLE, ROWS_DROPPED, UsageError, print_json, say, show
from anytasktune.cli.options import (
    Granularity,
    Json,
    Overrides,
    ProgressForm,
    ProjectFolder,
    TaskNames,
    Yes,
    open_project,
)
from anytasktune.cli.report_verbs import show_report
from anytasktune.invocation import command

if TYPE_CHECKING:
    from anytasktune.cli.progress import Reporter
    from anytasktune.pipeline import Settings, Workspace
    from anytasktune.pipeline.tuning import TrainTargets
    from anytasktune.schema import Report

Method = Annotated[
    Literal["auto", "lora", "head"] | None,
    typer.Option(help="`lora`: an adapter; `head`: label tasks only, a linear head, ready in a minute; `auto`: both together."),
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="MODEL",
        help="Compare with a general model: named as `train.model`, or http://HOST:PORT/v1:MODEL, which is sent the test "
        "inputs. Repeatable.",
    ),
]
WithKey = Annotated[
    list[str] | None,
    typer.Option(
        "--with-key",
        metavar="HOST=VARIABLE",
        help="The environment variable with the API key of an endpoint, such as api.deepseek.com=DEEPSEEK_API_KEY. Repeatable.",
    ),
]
_HOST_AND_VARIABLE = re.compile(r"(?P<host>[^=\s]+)\s*=\s*(?P<variable>[A-Z_][A-Z0-9_]*)")
AcrossTasks = Annotated[
    bool,
    typer.Option("--across-tasks", help="Evaluate every Task-LM on the dev rows of every task: which tasks to train together."),
]
EvalDryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be answered, how long it takes, what it costs.")]
Forgetting = Annotated[
    bool, typer.Option("--forgetting", help="Ask 80 general instructions before and after training: what was forgotten?")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the cost of training; nothing is trained.")]


def open_engine(project: Path, tasks: list[str] | None, overrides: list[str] | None) -> "tuple[Workspace, Settings]":
    """The project with its settings; then the engine is loaded, which takes seconds."""
    workspace, settings = open_project(project, tasks or (), overrides)
    gc.disable()  # a million objects are made that all stay: searching them for garbage takes a fifth of the time
    import anytasktune.pipeline.tuning  # noqa: F401

    gc.freeze()
    gc.enable()
    return workspace, settings


def _naming(general: list[str] | None, keys: list[str] | None) -> list[str]:
    """The overrides that name these general models, and the variables with the keys of their endpoints."""
    named = [f"eval.general_models={json.dumps(general, ensure_ascii=False)}"] if general else []
    pairs = [_HOST_AND_VARIABLE.fullmatch(key.strip()) for key in keys or ()]
    if not all(pairs):  # without what was given: it may be the key
        fix = "write host and variable, not the key itself: --with-key api.deepseek.com=DEEPSEEK_API_KEY"
        raise UsageError("--with-key needs a host and the name of an environment variable in capital letters", fix=fix)
    variables = {pair["host"].lower(): pair["variable"] for pair in pairs if pair}
    return [*named, *([f"eval.key_variables={json.dumps(variables)}"] if variables else [])]


def check(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Check every row as training will see it; show three rows token by token, trained tokens in green."""
    workspace, settings = open_engine(project, tasks, overrides)
    from anytasktune.cli import tables
    from anytasktune.cli.progress import reporter
    from anytasktune.errors import PreflightError
    from anytasktune.pipeline import check as check_tasks

    with reporter(progress, workspace) as on_event:
        results = check_tasks(workspace, tasks or (), settings, on_event)
    problems = [problem for result in results for problem in result.preflight.problems]
    if as_json:
        found = [{"what": problem.what, "where": problem.where, "fix": problem.fix} for problem in problems]
        rows = {result.task: result.preflight.rows for result in results}
        warned = [
            {"task": result.task, "code": one.code, "where": one.place, "why": one.why, "instead": one.instead}
            for result in results
            for one in result.findings
        ]
        print_json({"ok": not problems, "rows": rows, "problems": found, "warnings": warned})
        return MENDABLE if problems else _code(on_event)
    for result in results:
        show(tables.checked(result), whole_lines=True)
    if problems:
        raise PreflightError(problems)
    return _code(on_event)


def train(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    granularity: Granularity = "task",
    method: Method = None,
    cluster: Cluster = None,
    store: Store = None,
    gpu_share: GpuShare = None,
    overrides: Overrides = None,
    dry_run: DryRun = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Train Task-LMs. Finished training runs are skipped; a stopped or killed one resumes."""
    workspace, settings = open_engine(project, tasks, [*(overrides or []), *([f"train.method={method}"] if method else [])])
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import train as train_tasks

    if dry_run:
        return _show_plan(workspace, tasks, settings, granularity, reporter(progress, workspace), as_json)
    with reporter(progress, workspace) as on_event, trainer(cluster, store, gpu_share, settings, on_event) as train_them:
        runs = train_tasks(workspace, tasks or (), settings, on_event, granularity, train_them)
    folders = {run.target: workspace.project.runs(run.target) / run.id / "adapter" for run in runs}
    if as_json:
        print_json([run.model_dump(mode="json") | {"adapter": str(folders[run.target])} for run in runs])
        return _code(on_event)
    for unit, folder in folders.items():
        say(f"{unit}: {folder}")
    return _code(on_event)


def eval_(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    general: With = None,
    keys: WithKey = None,
    across_tasks: AcrossTasks = False,
    forgetting: Forgetting = False,
    overrides: Overrides = None,
    dry_run: EvalDryRun = False,
    yes: Yes = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Answer the test rows with the base model, with and without examples, and the Task-LMs, and compare them."""
    across = ["eval.across_tasks=true"] if across_tasks else []
    across += ["eval.forgetting=true"] if forgetting else []
    workspace, settings = open_engine(project, tasks, [*(overrides or []), *_naming(general, keys), *across])
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import evaluate

    events = reporter(progress, workspace)
    if dry_run:
        return _show_expected(workspace, tasks, settings, events, as_json)
    with events as on_event:
        report = evaluate(workspace, tasks or (), settings, on_event, agreement(yes, events))
    show_report(workspace, report, as_json)
    return _code_of(report, events)


def tune(
    tasks: TaskNames = None,
    project: ProjectFolder = Path(),
    granularity: Granularity = "task",
    method: Method = None,
    general: With = None,
    keys: WithKey = None,
    cluster: Cluster = None,
    store: Store = None,
    gpu_share: GpuShare = None,
    overrides: Overrides = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Run the whole chain: freeze the rows, check them, train, compare with the base model, report."""
    method_chosen = [f"train.method={method}"] if method else []
    workspace, settings = open_engine(project, tasks, [*(overrides or []), *method_chosen, *_naming(general, keys)])
    from anytasktune.cli.progress import reporter

    events = reporter(progress, workspace)
    if dry_run and settings.teacher.name:
        from anytasktune.pipeline.building import forecast_build

        with reporter(progress, workspace) as on_event:
            forecast_build(workspace, tasks or (), settings, on_event)
    if dry_run and settings.eval.general_models:
        from anytasktune.pipeline.expected_answers import expected_requests

        with reporter(progress, workspace) as on_event:
            expected_requests(workspace, tasks or (), settings, on_event)
    if dry_run:
        return _show_plan(workspace, tasks, settings, granularity, events, as_json)
    with trainer(cluster, store, gpu_share, settings, events) as train_them:
        return _tune(workspace, tasks, settings, granularity, events, as_json, yes=yes, train_them=train_them)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder for the example project.")] = Path("demo-project"),
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Tune three sub-tasks of a small law firm on the built-in model and compare with the untuned model."""
    from anytasktune.pipeline.initializing import init_project

    if not (folder / "domain.yaml").exists():
        init_project(folder, pack="demo")
    workspace, settings = open_engine(folder, None, overrides)
    from anytasktune.cli.progress import reporter

    code = _tune(workspace, None, settings, "task", reporter(progress, workspace), as_json)
    if not as_json:
        on = ("-p", "my-field")
        say(
            "\nNext, with your own work:\n"
            f"  1. {command('init', 'my-field')}\n"
            f"  2. describe a task in my-field/domain.yaml; {folder / 'domain.yaml'} is an example\n"
            f"  3. {command('import', 'rows.csv', '--task', 'my_task', '--columns', 'input=QUESTION,output=ANSWER', *on)}\n"
            f"  4. {command('tune', *on)}\n"
            f"  5. {command('ask', 'my_task', 'TEXT', *on)}, or for a file: "
            f"{command('predict', 'my_task', 'new.csv', '--input', 'QUESTION', '--out', 'answers.csv', *on)}"
        )
    return code


def _tune(
    workspace: "Workspace",
    tasks: list[str] | None,
    settings: "Settings",
    granularity: Granularity,
    events: "Reporter",
    as_json: bool,
    *,
    yes: bool = False,
    train_them: "TrainTargets | None" = None,
) -> int:
    from anytasktune.cli.consent_question import agreement
    from anytasktune.pipeline import BuildOptions
    from anytasktune.pipeline import tune as tune_tasks

    with events as on_event:
        options = BuildOptions(agreed=agreement(yes, events))
        report = tune_tasks(workspace, tasks or (), settings, on_event, granularity, options, train_them)
    show_report(workspace, report, as_json)
    return _code_of(report, events)


def _code_of(report: "Report", events: "Reporter") -> int:
    return FORGOTTEN if report.forgetting and report.forgetting.is_over_budget else _code(events)


def _code(events: "Reporter") -> int:
    return ROWS_DROPPED if events.rows_dropped else DONE


def _show_plan(
    workspace: "Workspace",
    tasks: list[str] | None,
    settings: "Settings",
    granularity: Granularity,
    events: "Reporter",
    as_json: bool,
) -> int:
    from anytasktune.cli import tables
    from anytasktune.pipeline.checking import plan
    from anytasktune.schema.task_plan import total_estimate

    with events as on_event:
        plans = plan(workspace, tasks or (), settings, on_event, granularity)
    if as_json:
        print_json([row.model_dump() for row in plans])
    else:
        show(tables.plans(plans, total_estimate(plans)))
    return DONE


def _show_expected(
    workspace: "Workspace", tasks: list[str] | None, settings: "Settings", events: "Reporter", as_json: bool
) -> int:
    from anytasktune.cli import tables
    from anytasktune.pipeline.expected_answers import expected_answers, expected_requests

    with events as on_event:
        expected = expected_answers(workspace, tasks or (), settings, on_event)
        expected_requests(workspace, tasks or (), settings, on_event)
    if as_json:
        print_json([asdict(one) for one in expected])
    else:
        show(tables.expected(expected))
    return DONE
