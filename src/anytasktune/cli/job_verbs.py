"""The verbs about jobs: `jobs list`, `jobs show`, `jobs stop`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anytasktune.cli.console import DONE, print_json, say, show
from anytasktune.cli.options import Json, ProjectFolder, open_project

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anytasktune.pipeline.background_jobs import JobView
    from anytasktune.pipeline.events import Event

jobs_app = typer.Typer(help="Commands that run in processes of their own: list, show, stop.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job, or the beginning of one.")]


@jobs_app.command("list")
def list_jobs(project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """List the jobs of a project, the oldest first."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline import background_jobs

    found = background_jobs.list_jobs(workspace.project)
    if as_json:
        print_json([view.model_dump(mode="json") for view in found])
    elif found:
        show(_table(found))
    else:
        say("no job was started yet; `anytasktune studio` and agents (`anytasktune mcp`) start them")
    return DONE


@jobs_app.command("show")
def show_job(
    job: JobId,
    lines: Annotated[int, typer.Option("--lines", min=0, help="Lines of the log to show.")] = 20,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Show the state of a job and the end of its log."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.background_jobs import find_job

    view = find_job(workspace.project, job, lines)
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _say_state(view)
        for line in view.log:
            say(f"  {_words(line)}")
    return DONE


@jobs_app.command("stop")
def stop_job(job: JobId, project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """Stop a job as Ctrl-C does; the same command, started again, goes on where it was."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline import background_jobs

    view = background_jobs.stop_job(workspace.project, job)
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        _say_state(view)
    return DONE


@jobs_app.command("execute", hidden=True)
def execute_job(job: JobId, project: ProjectFolder = Path()) -> int:
    """Run the command of a job in this process, which was started for it."""
    workspace, _ = open_project(project)
    from anytasktune.cli.app import run_safely
    from anytasktune.pipeline.background_jobs import run_job

    return run_job(workspace.project, job, run_safely)


def _say_state(view: "JobView") -> None:
    code = f", exit code {view.exit_code}" if view.exit_code is not None else ""
    say(f"{view.id}  {view.state}{code}  {' '.join(view.words)}")


def _table(found: "list[JobView]") -> "RenderableType":
    from anytasktune.cli.tables import new_table
    from anytasktune.cli.terminal import one_line

    table = new_table("job", "state", "command", "last event", left=4)
    for view in found:
        table.add_row(
            view.id, view.state, one_line(" ".join(view.command), 30), one_line(_words(view.log[-1]) if view.log else "", 40)
        )
    return table


def _words(line: "Event | str") -> str:
    """A line of a log in words."""
    if isinstance(line, str):
        return line
    facts = line.model_dump(exclude_defaults=True)
    done = [f"{facts['done']}/{facts['total']}"] if "done" in facts else []
    shown = [str(facts[key]) for key in ("stage", "name", "system", "text", "what", "detail") if facts.get(key)]
    return " ".join([line.event, *shown, *done])
