"""The verbs about the Task Pool itself: find it, review it, show it, draw it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anytasktune.cli.console import DONE, MENDABLE, print_json
from anytasktune.cli.options import Json, ProjectFolder
from anytasktune.cli.propose_command import propose_tasks

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anytasktune.pipeline import Workspace
    from anytasktune.records import Language
    from anytasktune.schema import Task
    from anytasktune.tasks import Finding

tasks_app = typer.Typer(help="The Task Pool: find it, review it, show it, draw it.", no_args_is_help=True)
ShownLanguage = Annotated[Literal["en", "zh"], typer.Option("--language", help="Language of titles, where there are two.")]

tasks_app.command("propose")(propose_tasks)


@tasks_app.command("check")
def check_tasks(project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """Review the pool and its rows as a good reviewer would; each finding says why, and what to write instead."""
    from anytasktune.cli import show
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline.pool_checking import review_pool

    workspace = Workspace.open(project)
    findings = review_pool(workspace)
    errors = [finding for finding in findings if finding.level == "error"]
    if as_json:
        print_json({"ok": not errors, "findings": [_fields(finding) for finding in findings]})
    else:
        show.show(_reviewed(findings, len(workspace.domain.tasks)), whole_lines=True)
    return MENDABLE if errors else DONE


@tasks_app.command("show")
def show_tasks(project: ProjectFolder = Path(), language: ShownLanguage = "en", as_json: Json = False) -> int:
    """Show the pool as a tree: field, actions, steps, and what goes from one to the next."""
    from anytasktune.cli import show
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline.pool_checking import rows_of

    workspace = Workspace.open(project)
    rows = {task.name: rows_of(workspace, task) for task in workspace.tasks()}
    if as_json:
        print_json(workspace.domain.model_dump(mode="json", exclude_defaults=True) | {"rows": rows})
    else:
        show.show(_tree(workspace, rows, language))
    return DONE


@tasks_app.command("graph")
def graph_tasks(
    project: ProjectFolder = Path(),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; the project's artifacts/.")] = None,
    language: ShownLanguage = "en",
    as_json: Json = False,
) -> int:
    """Draw the pool: an SVG picture, and a Mermaid text for pages that draw it themselves."""
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline.pool_checking import draw_pool

    files = draw_pool(Workspace.open(project), out, language)
    if as_json:
        print_json({"files": [str(path) for path in files]})
    for path in files if not as_json else ():
        typer.echo(str(path))
    return DONE


def _fields(finding: "Finding") -> dict[str, str]:
    return {
        "code": finding.code,
        "level": finding.level,
        "where": finding.place,
        "why": finding.why,
        "instead": finding.instead,
    }


def _reviewed(findings: "list[Finding]", tasks: int) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    lines = []
    for finding in findings:
        mark, style = ("✗", "bold red") if finding.level == "error" else ("!", "bold yellow")
        line = Text(f"{mark} ", style=style).append(f"{finding.place}: ", style="default bold")
        line.append(f"{finding.why} ", style="default not bold").append(f"[{finding.code}]", style="dim not bold")
        lines.append(line.append(f"\n  → {finding.instead}", style="cyan not bold"))
    errors = sum(finding.level == "error" for finding in findings)
    verdict = f"{tasks} tasks: {errors} errors, {len(findings) - errors} pieces of advice"
    return Group(*lines, Text(verdict if findings else f"✓ {tasks} tasks, nothing to say", style="bold"))


def _tree(workspace: "Workspace", rows: dict[str, int], language: "Language") -> "RenderableType":
    from rich.text import Text
    from rich.tree import Tree

    from anytasktune.tasks.picture import in_language, lanes

    domain = workspace.domain
    tree = Tree(Text(in_language(domain.title, language) or domain.name, style="bold"), guide_style="dim")
    for lane in lanes(domain, language):
        branch = tree.add(Text(lane.title, style="bold cyan"))
        for number, (task, source) in enumerate(zip(lane.steps, lane.links, strict=True), 1):
            step = branch.add(_step(number, task, rows[task.name], language))
            for sign, text in _places(task, None if source is None else lane.steps[source], language):
                step.add(Text(f"{sign} {text}", style="dim"))
    return tree


def _step(number: int, task: "Task", rows: int, language: "Language") -> Any:
    from rich.text import Text

    from anytasktune.tasks.picture import in_language

    line = Text(f"{number}. {in_language(task.title, language) or task.name}  ")
    return line.append(f"{task.name} · {task.output.kind} · {task.scored_by} · {rows} rows", style="dim")


def _places(task: "Task", source: "Task | None", language: "Language") -> list[tuple[str, str]]:
    """Whom the step is done by, what it starts from and what it gives: what is known of it."""
    from anytasktune.tasks.picture import in_language

    words = {"en": ("today: ", "from ", "gives: "), "zh": ("现由：", "接自：", "交出：")}[language]
    start = f"{words[1]}{in_language(source.title, language) or source.name}" if source else ""
    done_by, given = in_language(task.done_by, language), in_language(task.hands_over, language)
    known = [("·", f"{words[0]}{done_by}" if done_by else ""), ("←", start), ("→", f"{words[2]}{given}" if given else "")]
    return [(sign, text) for sign, text in known if text]
