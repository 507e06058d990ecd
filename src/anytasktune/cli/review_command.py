"""`review`: people look at what a teacher made."""

import getpass
import re
import subprocess
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, show
from anytasktune.cli.options import Json, ProjectFolder

if TYPE_CHECKING:
    from anytasktune.pipeline.workspace import Workspace
    from anytasktune.records import Language
    from anytasktune.review import QueueConfig
    from anytasktune.schema import Task

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GIT_SECONDS = 5
_SHOWN = 10


def review(
    task: Annotated[str | None, typer.Argument(help="Whose candidates; may be left out where only one task has any.")] = None,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Who you are; your name in git or here, unless given.")
    ] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="Look at what the gates dropped.")] = False,
    disputed: Annotated[bool, typer.Option("--disputed", help="Settle what the reviewers do not agree on.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Look at so many at most.")] = None,
    double: Annotated[float, typer.Option("--double", min=0, max=1, help="Share of candidates that two people look at.")] = 0.2,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="Say how far people agree, with each other and the judge.")
    ] = False,
    language: Annotated[Literal["en", "zh"] | None, typer.Option("--language", help="Of the screen; the task's first.")] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Accept, edit or reject candidates, the most telling first. Stopped, the same command goes on."""
    from anytasktune.pipeline.workspace import Workspace

    workspace = Workspace.open(project)
    if dropped and disputed:
        raise UsageError("--dropped and --disputed exclude each other", fix="give one of them")
    if agreement:
        return _agreement(workspace, task, language, as_json)
    from anytasktune.review import QueueConfig

    chosen = _task(workspace, task)
    name = _reviewer(reviewer, workspace.project.root)
    config = QueueConfig(name, "dropped" if dropped else "disputed" if disputed else "kept", double, limit)
    return _review(workspace, chosen, config, language or chosen.languages[0], as_json)


def _review(workspace: "Workspace", task: "Task", config: "QueueConfig", language: "Language", as_json: bool) -> int:
    from dataclasses import replace

    from anytasktune.cli.keys import keys_of_process
    from anytasktune.cli.review_screen import Screen
    from anytasktune.cli.review_session import Session
    from anytasktune.cli.review_summary import document, greeting, summary
    from anytasktune.pipeline.reviewing import ReviewLog, passages_of

    held = ReviewLog.open(workspace.project, task, config.reviewer)
    items = held.queue(config)
    passages = passages_of(workspace.project, held.manifest, [item.candidate for item in items])
    screen = Screen(task, language, passages, settles=config.show == "disputed")
    Session(held, items, screen, keys_of_process(), language).run(greeting(held, len(items), language))
    left = held.queue(replace(config, limit=None))
    if as_json:
        print_json(document(held, left))
    else:
        show(summary(held, len(left), language), whole_lines=True)
    return DONE


def _agreement(workspace: "Workspace", task: str | None, language: "Language | None", as_json: bool) -> int:
    from anytasktune.cli.review_summary import kappa_document, kappa_table
    from anytasktune.pipeline.reviewing import agreement_of

    named = [task] if task else [each.name for each in _gated(workspace)]
    found = [(each, agreement_of(workspace.project, each)) for each in workspace.tasks(named or ())]
    if as_json:
        print_json([kappa_document(each.name, kappa) for each, kappas in found for kappa in kappas])
        return DONE
    for each, kappas in found:
        show(kappa_table(each, kappas, language or each.languages[0]))
    return DONE


def _task(workspace: "Workspace", name: str | None) -> "Task":
    """The task that was named, or the only one that has candidates; the first where none has any."""
    if name is not None:
        return workspace.tasks([name])[0]
    found = _gated(workspace)
    if len(found) > 1:
        fix = f"name one: anytasktune review {' | '.join(task.name for task in found)}"
        raise UsageError(f"{len(found)} tasks have candidates", fix=fix)
    return (found or workspace.tasks())[0]


def _gated(workspace: "Workspace") -> "list[Task]":
    from anytasktune.store import read_ref

    return [task for task in workspace.tasks() if read_ref(workspace.project.gated(task.name))]


def _reviewer(given: str | None, folder: Path) -> str:
    """The name that was given, or one made of the name in git or of the user's account."""
    if given is not None:
        if _NAME.fullmatch(given):
            return given
        near = _as_name(given)
        fix = "use lower-case letters, digits and underscores, a letter first" + (f": {near}" if near else "")
        raise UsageError(f"--reviewer {given!r} cannot be the name of a file", fix=fix)
    found = _as_name(_name_in_git(folder)) or _as_name(_account())
    if not found:
        raise UsageError("it is not known who you are", fix="say it: --reviewer NAME")
    return found


def _as_name(text: str) -> str:
    """`Anna Müller` → `anna_muller`; empty where no Latin letter is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:64]


def _name_in_git(folder: Path) -> str:
    command = ["git", "-C", str(folder), "config", "user.name"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
