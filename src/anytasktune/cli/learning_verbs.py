"""The verbs that learn from use: `correct`, `drift`, `improve`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, say, show
from anytasktune.cli.messages import spoken
from anytasktune.cli.options import (
    Json,
    ProgressForm,
    ProjectFolder,
    Record,
    Replay,
    ShownLanguage,
    TeacherName,
    UseOverrides,
    Yes,
    open_project,
)
from anytasktune.cli.person_name import person_name

_TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]


def correct(
    task: _TaskName,
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="The right answer.")],
    request: Annotated[
        str, typer.Option("--request", metavar="ID", help="Id of the reply of a server that records its requests.")
    ] = "",
    text: Annotated[str, typer.Option("--input", metavar="TEXT", help="The input, where it is not a recorded request.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", help="Your name in the log; default: user.name of git, or your account.")
    ] = None,
    language: Annotated[
        Literal["en", "zh"] | None, typer.Option("--language", help="Language of the input; default: detected from its script.")
    ] = None,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    as_json: Json = False,
) -> int:
    """Record the correct answer to an input that was answered wrongly; accepted in `review`, it becomes a training row."""
    workspace, settings = open_project(project, [task], overrides)
    if bool(request) == bool(text):
        raise UsageError("give either --request or --input", fix='for example: correct TASK "right answer" --input "the text"')
    name = person_name(by, workspace.project.root, "--by")
    from anytasktune.pipeline.correcting import correct_input, correct_request

    if request:
        kept = correct_request(workspace, task, request, answer, name, settings)
    else:
        kept = correct_input(workspace, task, text, answer, name, language, settings)
    if as_json:
        print_json(kept.model_dump(mode="json"))
    else:
        say(f"✓ {task}: kept for review: {workspace.project.command('review', task)}")
    return DONE


def drift(
    task: _TaskName,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Inputs to look at, in any form that predict reads; default: recorded requests."),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--input", metavar="COLUMN", help="Column of the file's inputs; several joined by +.")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Look at so many of the most recent requests.")] = None,
    language: ShownLanguage = None,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Say whether requests in use differ from the rows the task was made of: lengths, probabilities, answers, words."""
    workspace, settings = open_project(project, [task], overrides)
    from anytasktune.cli.drift_lines import drift_lines
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.watching_drift import drift as watch_drift

    with reporter(progress, workspace) as on_event:
        result = watch_drift(workspace, task, file, column=column, last=last, settings=settings, on_event=on_event)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        show(drift_lines(result, workspace.project.command, language or spoken()), whole_lines=True)
    return DONE


def improve(
    task: _TaskName,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make a new plan, even if one is waiting for rows.")] = False,
    teacher: TeacherName = None,
    record: Record = None,
    replay: Replay = None,
    yes: Yes = False,
    language: ShownLanguage = None,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Plan rows against the most frequent error on dev; run again with them: retrain and test whether they fixed it."""
    named = [f"teacher.name={teacher}"] if teacher else []
    workspace, settings = open_project(project, [task], [*(overrides or ()), *named])
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.improvement_lines import improvement_lines
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.build_context import BuildOptions
    from anytasktune.pipeline.improving import improve as improve_task

    with reporter(progress, workspace) as on_event:
        asked = BuildOptions(record=record, replay=replay, agreed=agreement(yes, on_event)) if teacher else None
        found = improve_task(workspace, task, fresh=fresh, teacher=asked, settings=settings, on_event=on_event)
    if as_json:
        print_json(found.model_dump(mode="json") if found else None)
    else:
        show(improvement_lines(task, found, workspace, language or spoken()), whole_lines=True)
    return DONE
