"""`mcp`: the tools of a project for agents, and the server that offers them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from anytasktune.agents.agent_tool import AgentTool, Arguments
from anytasktune.agents.tool_words import words
from anytasktune.errors import AnyTaskTuneError, ConfigError
from anytasktune.pipeline.agent_answers import AnswerTools, current_run
from anytasktune.pipeline.agent_jobs import job_tools
from anytasktune.pipeline.agent_reviews import review_tools
from anytasktune.pipeline.events import Note, OnEvent
from anytasktune.pipeline.pool_checking import count_rows, review_pool
from anytasktune.pipeline.reporting import load_report
from anytasktune.pipeline.reviewing import has_candidates
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Report, Task, TaskReport
from anytasktune.store import read_ref

_MOST_FINDINGS = 50
_MOST_TASKS = 100


class AgentTools:
    """The tools of a project; listed anew for every call, so that they follow `domain.yaml` and what was trained.

    Attributes:
        folder: of the project.
        reviewer: name under which an agent's reviews are written.
        language: of descriptions; None: the first language of each task, English for other tools.
    """

    def __init__(
        self, folder: Path, on_event: OnEvent, reviewer: str, system: str = "", language: Language | None = None
    ) -> None:
        self.folder = folder
        self.reviewer = reviewer
        self.language = language
        self._on_event = on_event
        self._answers = AnswerTools(on_event, system, language)

    def tools(self) -> list[AgentTool]:
        """All tools there are now.

        Raises:
            ConfigError: there is no project, or `domain.yaml` is wrong.
        """
        workspace, language = Workspace.open(self.folder), self.language or "en"
        return [
            *_project_tools(workspace, language),
            *self._answers.tools(workspace),
            *job_tools(workspace, language),
            *review_tools(workspace, language, self.reviewer),
        ]

    def serve(self) -> None:
        """Offer the tools on standard input and output until the client closes them.

        Raises:
            ConfigError: the package `mcp` is not installed.
        """
        try:
            from anytasktune.agents.mcp_server import serve_tools  # noqa: PLC0415
        except ImportError as error:
            fix = 'install it: pip install "anytasktune[agents]"'
            raise ConfigError(f"the package {error.name or 'mcp'} is not installed", fix=fix) from None
        name = Workspace.open(self.folder).domain.name
        instructions = words(self.language or "en")["server"].format(project=name)
        serve_tools(f"anytasktune {name}", instructions, self.tools, lambda text: self._on_event(Note(text=text)))


def _project_tools(workspace: Workspace, language: Language) -> Iterator[AgentTool]:
    def describe(_: Arguments) -> dict[str, Any]:
        domain, scores = workspace.domain, _last_scores(workspace)
        return {
            "domain": domain.name,
            "title": domain.title.get(language, ""),
            "description": domain.description,
            "tasks": [_described(workspace, task, scores.get(task.name), language) for task in domain.tasks[:_MOST_TASKS]],
            "tasks_left_out": max(0, len(domain.tasks) - _MOST_TASKS),
            "actions": [{"action": action.name, "steps": action.steps} for action in domain.actions],
            "folder": str(workspace.project.root),
        }

    def check(_: Arguments) -> dict[str, Any]:
        found = review_pool(workspace)
        shown = [
            {"level": one.level, "code": one.code, "place": one.place, "what": one.why, "instead": one.instead} for one in found
        ]
        return {"findings": shown[:_MOST_FINDINGS], "left_out": max(0, len(shown) - _MOST_FINDINGS)}

    said = words(language)
    yield AgentTool("describe_project", "Describe the project", said["describe_project"], {}, (), describe, reads_only=True)
    yield AgentTool("check_tasks", "Check tasks and rows", said["check_tasks"], {}, (), check, reads_only=True)


def _described(workspace: Workspace, task: Task, scores: TaskReport | None, language: Language) -> dict[str, Any]:
    spoken, run = task.language_of(language), current_run(workspace, task)
    described = {
        "task": task.name,
        "title": task.title.get(spoken, ""),
        "instruction": task.instruction[spoken],
        "languages": list(task.languages),
        "answer": task.output.placeholder(spoken),
        "rows": count_rows(workspace, task),
        "task_lm": run.id if run else "",
        "candidates": has_candidates(workspace.project, task),
    }
    return described | (_scores(scores) if scores else {})


def _scores(report: TaskReport) -> dict[str, Any]:
    """The last report on a task in a few numbers."""
    return {
        "metric": report.metric,
        "test_rows": report.test_rows,
        "scores": {one.system: round(one.score.value, 4) for one in report.systems if one.score},
        "recommended": report.recommendation.use if report.recommendation else "",
    }


def _last_scores(workspace: Workspace) -> dict[str, TaskReport]:
    """The tasks of the last report; none where there is no report, or it is damaged."""
    if read_ref(workspace.project.reports) is None:
        return {}
    try:
        report: Report = load_report(workspace)
    except AnyTaskTuneError:
        return {}
    return {task.task: task for task in report.tasks}


def listed(tools: Sequence[AgentTool]) -> list[dict[str, Any]]:
    """Tools as JSON: name, description and schemas."""
    return [
        {
            "name": tool.name,
            "title": tool.title,
            "description": tool.description,
            "input_schema": tool.input_schema,
            "output_schema": tool.output_schema,
            "reads_only": tool.reads_only,
        }
        for tool in tools
    ]
