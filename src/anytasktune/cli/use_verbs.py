"""The verbs that use what was trained: `ask`, `predict`."""

import gc
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from anytasktune.cli.console import DONE, ROWS_DROPPED, UsageError, print_json, show
from anytasktune.cli.options import Force, Json, ProgressForm, ProjectFolder, UseOverrides, YesToFallback, open_project

TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]
TaskOrAuto = Annotated[
    str, typer.Argument(metavar="TASK", help="Name of the task; auto: the task that the router chooses for the input.")
]
AnsweredBy = Annotated[
    str,
    typer.Option(
        "--with",
        metavar="SYSTEM",
        help="What answers: tuned, action, mixed, base, few_shot, linear, nearest, constant, or the beginning of the id of a "
        "training run or Task-LM. Default: the promoted Task-LM, else the newest one, else the Action-LM, else the Mixed-LM.",
    ),
]
InputLanguage = Annotated[
    Literal["en", "zh"] | None, typer.Option("--language", help="Language of the input; default: detected from its script.")
]
FileEncoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of a text file, e.g. gb18030; else detected.")]


def _load_engine() -> None:
    """Import the engine, which takes seconds: after everything that can be refused without it."""
    gc.disable()  # as in training: all the objects that are made stay
    import anytasktune.pipeline.answering  # noqa: F401

    gc.freeze()
    gc.enable()


def ask(
    task: TaskOrAuto,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The input; standard input if it is left out.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the input from this text file.")] = None,
    answered_by: AnsweredBy = "",
    language: InputLanguage = None,
    encoding: FileEncoding = None,
    yes: YesToFallback = False,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Answer one input: the answer, for labels their probabilities, and whether it is unsure."""
    workspace, settings = open_project(project, [], overrides)
    from anytasktune.schema import AUTO, RoutedAnswer

    is_routed = task == AUTO and all(one.name != AUTO for one in workspace.domain.tasks)
    if not is_routed:
        workspace.tasks([task])
    given = given_text(text, file, encoding)
    _load_engine()
    from anytasktune.cli.answer_lines import answer_lines, routed_lines
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import ask as ask_task
    from anytasktune.pipeline.routing import ask_auto

    with reporter(progress, workspace) as on_event:
        asked = partial(ask_auto, agreed=agreement(yes, on_event)) if is_routed else partial(ask_task, task=task)
        found = asked(workspace, text=given, system=answered_by, language=language, settings=settings, on_event=on_event)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(routed_lines(found) if isinstance(found, RoutedAnswer) else answer_lines(found), whole_lines=True)
    return DONE


def predict(
    task: TaskName,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Rows to answer: CSV, TSV, XLSX, JSONL, JSON or parquet.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its ending is its format.")],
    answered_by: AnsweredBy = "",
    column: Annotated[
        str | None, typer.Option("--input", metavar="COLUMN", help="Column of the input; several joined by +.")
    ] = None,
    language: Annotated[
        Literal["en", "zh"] | None,
        typer.Option("--language", help="Language of rows that do not say theirs; default: detected from their script."),
    ] = None,
    encoding: FileEncoding = None,
    force: Force = False,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Answer every row of a file; write the same rows with answer, probability, unsure and violations added."""
    workspace, settings = open_project(project, [task], overrides)
    from anytasktune.pipeline.answer_files import require_places

    require_places(source, out, force=force)
    _load_engine()
    from anytasktune.cli.answer_lines import account_lines, account_of
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline import PredictOptions
    from anytasktune.pipeline import predict as predict_rows

    options = PredictOptions(answered_by, column, language, encoding, force)
    with reporter(progress, workspace) as on_event:
        done = predict_rows(workspace, task, source, out, options, settings, on_event)
    if as_json:
        print_json(account_of(done))
    else:
        show(account_lines(done), whole_lines=True)
    return ROWS_DROPPED if done.missing else DONE


def given_text(text: str | None, file: Path | None, encoding: str | None = None) -> str:
    """The input, from wherever it was given; UsageError if it was given twice or not at all."""
    if text is not None and file is not None:
        raise UsageError("TEXT and --file exclude each other", fix="give one of them")
    if text is not None:
        return text
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        fix = "give it in quotes after the task, with --file, or on standard input"
        raise UsageError("there is no text to answer", fix=fix)
    from anytasktune.pipeline.given_text import text_of_file, text_of_standard_input

    return text_of_file(file, encoding) if file else text_of_standard_input()
