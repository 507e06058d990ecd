"""`tasks propose`: find the tasks of a field."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, UsageError, print_json
from anytasktune.cli.options import Json, ProjectFolder

if TYPE_CHECKING:
    from rich.console import RenderableType

    from anytasktune.llm import Teacher
    from anytasktune.pipeline.proposing import Proposed
    from anytasktune.records import Language
    from anytasktune.store import Project
    from anytasktune.tasks.interview import Interview

_SHOWN = 10
_TIMEOUT = 300.0
_NOTHING = "say what to start from: --interview, --examples, or --about or --documents with --teacher"


def propose_tasks(
    about: Annotated[str | None, typer.Option("--about", help="The field in a sentence, or a file that describes it.")] = None,
    documents: Annotated[
        Path | None, typer.Option("--documents", help="A folder of documents about the work: PDF, Office, web pages, text.")
    ] = None,
    examples: Annotated[
        list[Path] | None, typer.Option("--examples", help="Input/output pairs of past work, as for `import`. Repeatable.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Which columns of --examples to take: input=QUESTION,output=ANSWER")
    ] = None,
    interview: Annotated[
        bool, typer.Option("--interview", help="Ask a practitioner; stopped, the same command goes on.")
    ] = False,
    teacher: Annotated[
        str | None,
        typer.Option("--teacher", help="Let this model propose; OPENAI_BASE_URL says where, OPENAI_API_KEY who asks."),
    ] = None,
    language: Annotated[
        Literal["en", "zh", "both"], typer.Option("--language", help="Of the interview and of what a teacher writes.")
    ] = "en",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file for the proposal, instead of domain.yaml.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds to wait for one answer of the teacher.", min=1)
    ] = _TIMEOUT,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Find the tasks of a field: by interview, from past work, or from a description and documents with a teacher model."""
    from anytasktune.cli import show
    from anytasktune.datasets import ColumnMap
    from anytasktune.pipeline.proposing import Sources, propose_pool
    from anytasktune.store import Project

    _check_usage(about, documents, examples, interview, teacher, language)
    place = Project(project.resolve())
    asked = _asked(place, teacher, timeout) if teacher else None
    held = _interview(place, "zh" if language == "zh" else "en", out) if interview else None
    languages: list[Language] = ["en", "zh"] if language == "both" else [language]
    chosen = ColumnMap.parse(columns) if columns else None
    proposed = propose_pool(place, Sources(about, documents, examples or (), chosen, held, asked, languages), out)
    if as_json:
        print_json(_fields(proposed))
    else:
        show.show(_shown(proposed, project, out), whole_lines=True)
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
        raise UsageError("there is nothing to find tasks in", fix=_NOTHING)
    if not teacher and (documents or not (examples or interview)):
        given = "documents are" if documents else "a description is"
        fix = "name a model with --teacher, or let a practitioner answer: --interview"
        raise UsageError(f"{given} read by a teacher model, and none is named", fix=fix)
    if language == "both" and not teacher:
        fix = "give en or zh; run the same command again with the other one for its texts"
        raise UsageError("without a teacher one language is written at a time", fix=fix)


def _asked(place: "Project", model: str, timeout: float) -> "Teacher":
    from anytasktune.llm import ANSWERS_FILE, Teacher
    from anytasktune.settings import TeacherConfig

    config = TeacherConfig(teacher=model, timeout=timeout)
    return Teacher.open(config, os.environ, place.teacher_answers / ANSWERS_FILE, on_wait=_say_wait)


def _say_wait(why: str, seconds: float) -> None:
    typer.echo(f"· teacher  {why}; again in {seconds:.0f} s", err=True)


def _interview(place: "Project", language: "Language", out: Path | None) -> "Interview":
    from anytasktune.cli.interview_screen import hold
    from anytasktune.errors import ConfigError
    from anytasktune.pipeline import Workspace
    from anytasktune.pipeline.hold_interview import InterviewLog

    if out is not None and out.exists():  # said before all the questions, not after
        raise ConfigError("the file exists, and is not overwritten", where=str(out), fix="give --out another name")
    if out is None and place.domain_file.exists():
        Workspace.open(place.root)  # a mistake in it is better known before the questions, too
    held = InterviewLog.open(place, language)
    hold(held)
    return held.interview


def _fields(proposed: "Proposed") -> dict[str, Any]:
    from dataclasses import asdict

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


def _shown(proposed: "Proposed", project: Path, out: Path | None) -> "RenderableType":
    from collections import Counter

    from rich.console import Group
    from rich.text import Text

    merged = proposed.merged
    lines = [Text(f"✓ {proposed.file}: {len(merged.actions)} actions and {len(merged.tasks)} tasks added", style="bold")]
    lines += [Text(f"  {', '.join(merged.tasks)}")] if merged.tasks else []
    for what, names in (("given texts in another language", merged.completed), ("there already, unchanged", merged.known)):
        lines += [Text(f"  {what}: {', '.join(names)}")] if names else []
    if proposed.rows:
        lines.append(Text(f"  rows: {proposed.rows}; {proposed.unclustered} belong to no task"))
    for row in proposed.dropped[:_SHOWN]:
        lines.append(Text(f"  dropped {row.file}:{row.row}: {row.reason}, {row.detail}", style="yellow"))
    if reasons := Counter(one.reason for one in proposed.refused):
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        lines.append(Text(f"  proposed and not taken: {counts}", style="yellow"))
    for one in proposed.refused[:_SHOWN]:
        lines.append(Text(f"    {one.what}: {one.reason}{f', {one.detail}' if one.detail else ''}", style="yellow"))
    lines += [Text(f"  note: {note}", style="yellow") for note in proposed.notes]
    if spent := proposed.spent:
        tokens = f"{spent.prompt_tokens:,} + {spent.answer_tokens:,} tokens"
        lines.append(Text(f"  teacher: {spent.requests} requests ({tokens}), {spent.found} answers from before"))
    if out is None:
        lines.append(Text(f"  now: anytasktune tasks check -p {project}"))
    return Group(*lines)
