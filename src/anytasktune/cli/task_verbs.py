"""The verbs about the Task Pool: `tasks add`, `tasks propose`, `tasks check`, `tasks show`, `tasks graph`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anytasktune.cli.console import DONE, MENDABLE, ROWS_DROPPED, UsageError, print_json, say, show
from anytasktune.cli.messages import message, phrase, spoken
from anytasktune.cli.options import Force, Json, Overrides, ProjectFolder, ShownLanguage, TeacherName, Yes, open_project
from anytasktune.errors import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anytasktune.pipeline import Event, Finding
    from anytasktune.pipeline.pool_checking import PoolOutline
    from anytasktune.pipeline.proposing import Proposed
    from anytasktune.records import Language

tasks_app = typer.Typer(help="The Task Pool: add, propose, check, show, draw.", no_args_is_help=True)
_SHOWN = 10


@tasks_app.command("add")
def add_task(
    name: Annotated[str, typer.Argument(help="Name of the new task: lower-case letters, digits and _.")],
    kind: Annotated[Literal["label", "labels", "json", "number", "text"], typer.Option("--kind", help="Kind of the answer.")],
    instruction: Annotated[
        str, typer.Option("--instruction", help="What a new colleague would be told; the form of the answer is added.")
    ],
    labels: Annotated[str, typer.Option("--labels", help="Answers to choose from, with commas: complaint,praise")] = "",
    fields: Annotated[str, typer.Option("--fields", help="Keys of a JSON answer, with commas: name,amount")] = "",
    minimum: Annotated[float | None, typer.Option("--minimum", help="Least number, for --kind number.")] = None,
    maximum: Annotated[float | None, typer.Option("--maximum", help="Greatest number, for --kind number.")] = None,
    title: Annotated[str, typer.Option("--title", help="Title for people.")] = "",
    language: Annotated[Literal["en", "zh"], typer.Option("--language", help="Language of instruction and title.")] = "en",
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Add a task to domain.yaml, whose comments stay."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.adding_tasks import NewTask, add_new_task

    named = {language: title} if title else {}
    new = NewTask(kind, {language: instruction}, _parts(labels), _parts(fields), (minimum, maximum), name, named)
    task = add_new_task(workspace, new)
    if as_json:
        print_json(task.model_dump(mode="json", exclude_defaults=True))
        return DONE
    say(f"✓ task {task.name}: {task.instruction[language]}")
    say(f"  Next: {workspace.project.command('import', 'FILE', '--task', task.name)}")
    return DONE


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


@tasks_app.command("propose")
def propose_tasks(
    about: Annotated[str | None, typer.Option("--about", help="The field in a sentence, or a file that describes it.")] = None,
    documents: Annotated[
        Path | None, typer.Option("--documents", help="A folder of documents about the work: PDF, Office, web pages, text.")
    ] = None,
    examples: Annotated[
        list[Path] | None, typer.Option("--examples", help="Input/output pairs of past work, as for `import`. Repeatable.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Columns of --examples to read: input=QUESTION,output=ANSWER")
    ] = None,
    interview: Annotated[
        bool, typer.Option("--interview", help="Interview a practitioner; a stopped interview resumes.")
    ] = False,
    teacher: TeacherName = None,
    language: Annotated[
        Literal["en", "zh", "both"], typer.Option("--language", help="Language of the interview and of the teacher's texts.")
    ] = "en",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the proposal to this new file instead of domain.yaml.")
    ] = None,
    project: ProjectFolder = Path(),
    yes: Yes = False,
    overrides: Overrides = None,
    as_json: Json = False,
) -> int:
    """Propose tasks: by interview, from past work, or from a description and documents with a teacher model."""
    _check_usage(about, documents, examples, interview, teacher, language)
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.interview_screen import hold
    from anytasktune.pipeline.interviewing import InterviewLog
    from anytasktune.pipeline.proposing import PoolSources, propose_pool

    log = InterviewLog.open(project, "zh" if language == "zh" else "en", out) if interview else None
    if log is not None:
        hold(log)
    languages: list[Language] = ["en", "zh"] if language == "both" else [language]
    answers = log.interview if log else None
    sources = PoolSources(
        about, documents, examples or (), columns, answers, teacher or "", languages, overrides or (), agreement(yes)
    )
    proposed = propose_pool(project, sources, out, on_wait=_say_wait, on_event=_say_start)
    if as_json:
        print_json(_proposal_document(proposed))
    else:
        show(_proposal(proposed, out), whole_lines=True)
    return ROWS_DROPPED if proposed.dropped else DONE


def _check_usage(
    about: str | None,
    documents: Path | None,
    examples: list[Path] | None,
    interview: bool,
    teacher: str | None,
    language: str,
) -> None:
    if not (about or documents or examples or interview):
        fix = "give --interview, --examples, or --about or --documents with --teacher"
        raise UsageError("there is nothing to find tasks in", fix=fix)
    if not teacher and (documents or not (examples or interview)):
        given = "documents are" if documents else "a description is"
        fix = "name a model with --teacher, or let a practitioner answer: --interview"
        raise UsageError(f"{given} read by a teacher model, and none is named", fix=fix)
    if language == "both" and not teacher:
        fix = "give en or zh; run the same command again with the other one for its texts"
        raise UsageError("without a teacher one language is written at a time", fix=fix)


def _say_wait(why: str, seconds: float) -> None:
    from anytasktune.cli.terminal import visible

    typer.echo(visible(message(f"· teacher  {why}" + (f"; again in {seconds:.0f} s" if seconds else ""))), err=True)


def _say_start(event: "Event") -> None:
    from anytasktune.cli.terminal import visible

    if event.event == "started":
        typer.echo(visible(f"· {event.stage} {event.name}: {message(event.detail)}"), err=True)


def _proposal_document(proposed: "Proposed") -> dict[str, Any]:
    merged = proposed.merged
    return {
        "file": str(proposed.file),
        "actions": merged.actions,
        "tasks": merged.tasks,
        "completed": merged.completed,
        "known": merged.known,
        "refused": [asdict(one) for one in proposed.refused],
        "rows": proposed.rows.model_dump() if proposed.rows else None,
        "dropped": [row.model_dump() for row in proposed.dropped],
        "unclustered": proposed.unclustered,
        "notes": list(proposed.notes),
        "teacher": proposed.spent.model_dump() if proposed.spent else None,
    }


def _proposal(proposed: "Proposed", out: Path | None) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    merged = proposed.merged
    lines = [
        phrase(
            f"✓ {proposed.file}: {counted(len(merged.actions), 'action')} and {counted(len(merged.tasks), 'task')} added",
            style="bold",
        )
    ]
    lines += [Text(f"  {', '.join(merged.tasks)}")] if merged.tasks else []
    for what, names in (("given texts in another language", merged.completed), ("there already, unchanged", merged.known)):
        lines += [phrase(f"  {what}: {', '.join(names)}")] if names else []
    if proposed.rows:
        lines.append(phrase(f"  rows: {proposed.rows}; {proposed.unclustered} in no task"))
    for row in proposed.dropped[:_SHOWN]:
        lines.append(phrase(f"  dropped {row.file}:{row.row}: {row.reason}, {row.detail}", style="yellow"))
    if reasons := Counter(one.reason for one in proposed.refused):
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        lines.append(phrase(f"  proposed and not taken: {counts}", style="yellow"))
    for one in proposed.refused[:_SHOWN]:
        lines.append(phrase(f"    {one.what}: {one.reason}{f', {one.detail}' if one.detail else ''}", style="yellow"))
    lines += [phrase(f"  note: {note}", style="yellow") for note in proposed.notes]
    if spent := proposed.spent:
        tokens = f"{spent.prompt_tokens:,} + {spent.answer_tokens:,} tokens"
        lines.append(
            phrase(f"  teacher: {counted(spent.requests, 'request')} ({tokens}), {counted(spent.reused, 'answer')} reused")
        )
    if out is None:
        lines.append(phrase(f"  Next: {proposed.project.command('tasks', 'check')}"))
    return Group(*lines)


@tasks_app.command("check")
def check_tasks(project: ProjectFolder = Path(), as_json: Json = False) -> int:
    """Review the pool and its rows; each finding gives the reason and the correction."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.pool_checking import review_pool

    findings = review_pool(workspace)
    errors = [finding for finding in findings if finding.level == "error"]
    if as_json:
        fields = [
            {"code": one.code, "level": one.level, "where": one.place, "why": one.why, "instead": one.instead}
            for one in findings
        ]
        print_json({"ok": not errors, "findings": fields})
    else:
        show(_review(findings, len(workspace.domain.tasks)), whole_lines=True)
    return MENDABLE if errors else DONE


def _review(findings: "list[Finding]", tasks: int) -> "RenderableType":
    from rich.console import Group

    from anytasktune.cli.tables import finding_lines

    lines = []
    for finding in findings:
        mark, style = ("✗", "bold red") if finding.level == "error" else ("!", "bold yellow")
        lines.append(finding_lines(finding, mark, style))
    errors = sum(finding.level == "error" for finding in findings)
    advice = counted(len(findings) - errors, "piece of advice", "pieces of advice")
    verdict = f"{counted(tasks, 'task')}: {counted(errors, 'error')}, {advice}"
    return Group(*lines, phrase(verdict if findings else f"✓ {counted(tasks, 'task')}, no findings", style="bold"))


@tasks_app.command("show")
def show_tasks(project: ProjectFolder = Path(), language: ShownLanguage = None, as_json: Json = False) -> int:
    """Show the pool as a tree: field, actions, steps, and hand-overs between them."""
    workspace, _ = open_project(project, ())
    from anytasktune.pipeline.pool_checking import count_rows, outline

    if as_json:
        rows = {task.name: count_rows(workspace, task) for task in workspace.tasks()}
        print_json(workspace.domain.model_dump(mode="json", exclude_defaults=True) | {"rows": rows})
    else:
        shown = language or spoken()
        show(_tree(outline(workspace, shown), shown))
    return DONE


def _tree(pool: "PoolOutline", language: "Language") -> "RenderableType":
    from rich.text import Text
    from rich.tree import Tree

    words = {"en": ("today: ", "from ", "gives: "), "zh": ("现由：", "接自：", "交出：")}[language]
    tree = Tree(Text(pool.title, style="bold"), guide_style="dim")
    for title, steps in pool.actions:
        branch = tree.add(Text(title, style="bold cyan"))
        for number, step in enumerate(steps, 1):
            facts = f"{step.task.name} · {step.task.output.kind} · {step.task.scored_by} · {message(counted(step.rows, 'row'))}"
            twig = branch.add(Text(f"{number}. {step.title}  ").append(facts, style="dim"))
            for sign, word, text in zip("·←→", words, (step.done_by, step.source, step.hands_over), strict=True):
                if text:
                    twig.add(Text(f"{sign} {word}{text}", style="dim"))
    return tree


@tasks_app.command("graph")
def graph_tasks(
    project: ProjectFolder = Path(),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to; default: artifacts/.")] = None,
    force: Force = False,
    language: ShownLanguage = None,
    as_json: Json = False,
) -> int:
    """Draw the pool: an SVG picture, and Mermaid text for pages that draw it themselves."""
    workspace, _ = open_project(project)
    from anytasktune.pipeline.pool_checking import draw_pool

    files = draw_pool(workspace, out, language or spoken(), force=force)
    if as_json:
        print_json({"files": [str(path) for path in files]})
    for path in () if as_json else files:
        say(str(path))
    return DONE
