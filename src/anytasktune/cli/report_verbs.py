"""The verbs about reports: `report` and `verify`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, MENDABLE, UsageError, print_json, say, show
from anytasktune.cli.messages import spoken
from anytasktune.cli.options import Json, ProjectFolder, ShownLanguage, open_project
from anytasktune.errors import counted

if TYPE_CHECKING:
    from anytasktune.pipeline import Workspace
    from anytasktune.schema import Report, TaskReport

_MOST_SHOWN, _LONGEST_SHOWN = 20, 80
_ReportName = Annotated[
    str | None, typer.Argument(metavar="REPORT", help="Id of a report, or its beginning; default: the last one.")
]


report_app = typer.Typer(
    help="Show the last report; list all reports, show another one, or compare two.", invoke_without_command=True
)


@report_app.callback()
def report(ctx: typer.Context, project: ProjectFolder = Path(), language: ShownLanguage = None, as_json: Json = False) -> int:
    """Show the last report; list all reports, show another one, or compare two."""
    if ctx.invoked_subcommand is None:
        return _show(None, project, language, as_json)
    if project != Path():
        raise UsageError("-p stands before the verb", fix=f"write it behind: report {ctx.invoked_subcommand} … -p {project}")
    return DONE


@report_app.command("list")
def list_reports(project: ProjectFolder = Path(), language: ShownLanguage = None, as_json: Json = False) -> int:
    """List all reports with their base model and what they recommend; ● marks the last one."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.reporting import all_reports, render_list

    found, last = all_reports(workspace.project)
    if as_json:
        facts = [{"id": one.id, "created": one.created, "model": one.model, "last": one.id == last} for one in found]
        print_json([fact | {"tasks": [task.task for task in one.tasks]} for fact, one in zip(facts, found, strict=True)])
    elif found:
        show(render_list(found, last, language or spoken()))
    else:
        say(f"There is no report yet. Make one: {workspace.project.command('tune')}")
    return DONE


@report_app.command("show")
def show_one(
    name: _ReportName = None, project: ProjectFolder = Path(), language: ShownLanguage = None, as_json: Json = False
) -> int:
    """Show a report by its id."""
    return _show(name, project, language, as_json)


@report_app.command("diff")
def diff_reports(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="Id of the earlier report, or its beginning.")],
    second: Annotated[
        str | None, typer.Argument(metavar="SECOND", help="Id of the later report; default: the last one.")
    ] = None,
    project: ProjectFolder = Path(),
    language: ShownLanguage = None,
    as_json: Json = False,
) -> int:
    """Compare two reports, of two trainings or two base models: paired differences on the rows both have."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.diffing_reports import diff_stored_reports
    from anytasktune.pipeline.reporting import render_diff

    found = diff_stored_reports(workspace, first, second)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(render_diff(found, language or spoken()))
    return DONE


def verify(name: _ReportName = None, project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """Compute every number of a report again from the stored predictions and rows; exit code 1 if anything differs."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.verifying import verify as verify_report

    found = verify_report(workspace, name)
    code = MENDABLE if found.mismatches else DONE
    if as_json:
        print_json(asdict(found) | {"folder": str(found.folder), "ok": not found.mismatches})
        return code
    for one in found.mismatches[:_MOST_SHOWN]:
        values = f" (stored {one.stored}, computed {one.computed})" if one.stored or one.computed else ""
        say(f"✗ {one.place}: {one.what}{values}")
    if (hidden := len(found.mismatches) - _MOST_SHOWN) > 0:
        say(f"… and {counted(hidden, 'more mismatch', 'more mismatches')}; --json lists all")
    if found.mismatches:
        amount = counted(len(found.mismatches), "mismatch", "mismatches")
        say(f"Report {found.report} does not agree with what it was made from: {amount}.")
    else:
        amount = f"{counted(found.numbers, 'number')} from {counted(found.items, 'test row')}"
        say(f"✓ Report {found.report}: {amount} computed again, all as the report says.")
    if found.pages_skipped:
        say("The pages were only compared with their checksums: another version of the program made them.")
    return code


def _show(name: str | None, project: Path, language: Literal["en", "zh"] | None, as_json: bool) -> int:
    workspace, _ = open_project(project)
    from anytasktune.pipeline.reporting import load_report

    show_report(workspace, load_report(workspace, name), as_json, language)
    return DONE


def show_report(workspace: "Workspace", report: "Report", as_json: bool, language: Literal["en", "zh"] | None = None) -> None:
    """Print a report and the place of its page; in the language of messages unless one is given."""
    from anytasktune.pipeline.reporting import render

    folder = workspace.project.reports / report.id
    if as_json:
        print_json(report.model_dump(mode="json") | {"folder": str(folder)})
        return
    shown = language or spoken()
    show(render(report, shown))
    page = "report.zh.html" if shown == "zh" else "report.html"
    say("")
    if report.tasks:
        say(f"{'试一试：' if shown == 'zh' else 'Try it: '}{_question(workspace, report.tasks[0])}")
    say(f"Report: {folder / page}")


def _question(workspace: "Workspace", task: "TaskReport") -> str:
    """A command that asks the recommended system a short input of the report."""
    texts = [sample.input for sample in task.samples if len(sample.input) <= _LONGEST_SHOWN and sample.input.isprintable()]
    best = task.recommendation.system if task.recommendation else None
    others = ("--with", best) if best and best != "tuned" else ()
    return workspace.project.command("ask", task.task, texts[0] if texts else "TEXT", *others)
