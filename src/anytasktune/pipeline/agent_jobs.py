"""Tools that start, list, watch and stop jobs: commands of the program that cost time and delete nothing."""

import json
import time
from collections.abc import Iterator
from typing import Any, get_args

from anytasktune.agents.agent_tool import AgentTool, Arguments
from anytasktune.agents.tool_words import words
from anytasktune.errors import ConfigError, counted
from anytasktune.pipeline.background_jobs import JobView, find_job, list_jobs, start_job, stop_job
from anytasktune.pipeline.events import Event
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.training.adapter_targets import Granularity

MOST_RUNNING = 2
_COMMANDS = ("check", "tune", "train", "eval", "ingest", "build", "synth", "augment", "gate")
_TRAINING = {"tune", "train"}
_WITHOUT_TASKS = {"ingest"}
_LONGEST_RESULT = 20_000
_LONGEST_WAIT = 55
"""Seconds; clients give up on a call after a minute."""
_MOST_LISTED = 50
_LOOK_SECONDS = 0.2
_USERS_SECTION = "teacher"
"""Section of settings that decides where rows go and what may be spent."""


def job_tools(workspace: Workspace, language: Language) -> Iterator[AgentTool]:
    """The tools about jobs."""
    said, project = words(language), workspace.project
    job = {"job": {"type": "string", "minLength": 1, "description": said["job"]}}

    def start(arguments: Arguments) -> dict[str, Any]:
        line = _command_line(workspace, arguments)
        running = [view.id for view in list_jobs(project) if view.state in {"starting", "running"}]
        if len(running) >= MOST_RUNNING:
            fix = f"wait for one (watch_job) or stop it: {', '.join(running)}"
            raise ConfigError(f"{counted(len(running), 'job')} of this project run already", where="start_job", fix=fix)
        return _shown(start_job(project, line))

    def watch(arguments: Arguments) -> dict[str, Any]:
        deadline = time.monotonic() + arguments.get("wait_seconds", 0)
        lines = arguments.get("lines", 10)
        while (view := find_job(project, arguments["job"], lines)).state in {"starting", "running"}:
            if time.monotonic() >= deadline:
                break
            time.sleep(_LOOK_SECONDS)
        return _shown(view)

    def list_all(_: Arguments) -> dict[str, Any]:
        found = list_jobs(project)
        return {"jobs": [_shown(view) for view in found[-_MOST_LISTED:]], "left_out": max(0, len(found) - _MOST_LISTED)}

    names = [task.name for task in workspace.domain.tasks]
    yield AgentTool(
        name="start_job",
        title="Start a job",
        description=said["start_job"].format(most=MOST_RUNNING),
        properties={
            "command": {"enum": list(_COMMANDS), "description": said["command"]},
            "tasks": {"type": "array", "items": {"enum": names} if names else {}, "description": said["tasks"]},
            "granularity": {"enum": list(get_args(Granularity)), "description": said["granularity"]},
            "settings": {"type": "array", "items": {"type": "string"}, "maxItems": 40, "description": said["settings"]},
        },
        required=("command",),
        call=start,
    )
    yield AgentTool("list_jobs", "List jobs", said["list_jobs"], {}, (), list_all, reads_only=True)
    more = {
        "wait_seconds": {"type": "number", "minimum": 0, "maximum": _LONGEST_WAIT, "description": said["wait_seconds"]},
        "lines": {"type": "integer", "minimum": 1, "maximum": 40, "description": said["lines"]},
    }
    yield AgentTool("watch_job", "Watch a job", said["watch_job"], job | more, ("job",), watch, reads_only=True)
    yield AgentTool(
        "stop_job", "Stop a job", said["stop_job"], job, ("job",), lambda asked: _shown(stop_job(project, asked["job"]))
    )


def _command_line(workspace: Workspace, arguments: Arguments) -> list[str]:
    """The words of a command.

    Raises:
        ConfigError: arguments do not go together, a setting is wrong, or it is one of the user's own.
    """
    command, tasks, settings = arguments["command"], arguments.get("tasks", []), arguments.get("settings", [])
    granularity = arguments.get("granularity")
    if granularity and command not in _TRAINING:
        raise ConfigError(f"{command} does not take the argument granularity", where="start_job", fix="leave it out")
    if tasks and command in _WITHOUT_TASKS:
        raise ConfigError(f"{command} is not about single tasks", where="start_job", fix="leave tasks out")
    changed = workspace.settings(settings)
    if getattr(changed, _USERS_SECTION) != getattr(workspace.settings(), _USERS_SECTION):
        what = "the teacher's address, name and cost are the user's to set"
        raise ConfigError(what, where="start_job", fix="ask the user to set them in settings.yaml")
    line = [command, *tasks, *(["--granularity", granularity] if granularity else [])]
    return line + [part for setting in settings for part in ("-c", setting)]


def _shown(view: JobView) -> dict[str, Any]:
    """A job for an agent: what is empty is left out, and a result that is long."""
    shown: dict[str, Any] = {
        "job": view.id,
        "state": view.state,
        "command": " ".join(view.words[: view.words.index("-p")] if "-p" in view.words else view.words),
        "created": view.created,
        "exit_code": view.exit_code,
        "log": [_line(line) for line in view.log],
        "result": view.result,
    }
    length = len(json.dumps(view.result, ensure_ascii=False))
    if length > _LONGEST_RESULT:
        shown["result"] = f"({length:,} characters; `describe_project` has the scores, `anytasktune report` all of it)"
    return {key: value for key, value in shown.items() if value not in (None, "", [])}


def _line(line: Event | str) -> dict[str, Any] | str:
    return line if isinstance(line, str) else {"event": line.event} | line.model_dump(mode="json", exclude_defaults=True)
