"""Tools that list the candidates of a task and add a review to the agent's own file."""

from collections.abc import Iterator
from typing import Any

from anytasktune.agents.agent_tool import LONGEST_INPUT, AgentTool, Arguments
from anytasktune.agents.tool_words import words
from anytasktune.errors import ConfigError, DataError
from anytasktune.pipeline.reviewing import ReviewSession, has_candidates
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Passage, ReviewItem

_MOST_LISTED = 30
_PASSAGE_LENGTH = 1500


def review_tools(workspace: Workspace, language: Language, reviewer: str) -> Iterator[AgentTool]:
    """The tools about candidates; none where no task has any."""
    said, project = words(language), workspace.project
    tasks = {task.name: task for task in workspace.domain.tasks if has_candidates(project, task)}
    if not tasks:
        return
    task = {"task": {"enum": list(tasks), "description": said["task"]}}

    def list_some(arguments: Arguments) -> dict[str, Any]:
        session = ReviewSession.open(project, tasks[arguments["task"]], reviewer)
        items = session.queue(arguments.get("show", "kept"))
        shown = items[: arguments.get("limit", 10)]
        passages = session.passages(shown)
        return {"candidates": [_shown(item, passages) for item in shown], "left_out": len(items) - len(shown)}

    def add(arguments: Arguments) -> dict[str, Any]:
        session = ReviewSession.open(project, tasks[arguments["task"]], reviewer)
        item = session.item(arguments["candidate"])
        if item is None:
            fix = "list_candidates has the ids"
            raise ConfigError(f"there is no candidate {arguments['candidate'][:40]!r}", where="review_candidate", fix=fix)
        _decide(session, item, arguments)
        file = session.path.relative_to(project.root).as_posix()
        return {"file": file, "decision": arguments["decision"], "candidate": item.candidate.id, "reviewer": reviewer}

    text = {"type": "string", "maxLength": LONGEST_INPUT}
    yield AgentTool(
        name="list_candidates",
        title="List candidates",
        description=said["list_candidates"],
        properties=task
        | {
            "show": {"enum": ["kept", "dropped", "disputed"], "description": said["show"]},
            "limit": {"type": "integer", "minimum": 1, "maximum": _MOST_LISTED, "description": said["limit"]},
        },
        required=("task",),
        call=list_some,
        reads_only=True,
    )
    yield AgentTool(
        name="review_candidate",
        title="Review a candidate",
        description=said["review_candidate"].format(reviewer=reviewer),
        properties=task
        | {
            "candidate": {"type": "string", "minLength": 1, "description": said["candidate"]},
            "decision": {"enum": ["accept", "edit", "reject", "skip"], "description": said["decision"]},
            "input": text | {"description": said["edited_input"]},
            "output": text | {"description": said["edited_output"]},
            "note": text | {"description": said["note"]},
        },
        required=("task", "candidate", "decision"),
        call=add,
    )


def _decide(session: ReviewSession, item: ReviewItem, arguments: Arguments) -> None:
    """Write a decision.

    Raises:
        DataError: it cannot be applied, or texts are given for a decision that takes none.
    """
    candidate, decision, note = item.candidate, arguments["decision"], arguments.get("note", "")
    if decision != "edit" and {"input", "output"} & set(arguments):
        raise DataError(f"{decision} takes no input or output", where="review_candidate", fix="leave them out, or decide edit")
    match decision:
        case "edit":
            session.edit(candidate, arguments.get("input", candidate.input), arguments.get("output", candidate.output), note)
        case "accept":
            session.accept(candidate)
        case "reject":
            session.reject(candidate, note)
        case _:
            session.skip(candidate)


def _shown(item: ReviewItem, passages: dict[str, Passage]) -> dict[str, Any]:
    candidate, failed = item.candidate, [verdict for verdict in item.verdicts if not verdict.passed]
    passage = passages.get(candidate.origin.passage or "")
    shown = {
        "candidate": candidate.id,
        "input": candidate.input,
        "output": candidate.output,
        "language": candidate.language,
        "reasons_to_review": list(item.reasons),
        "dropped_by": [f"{verdict.gate}: {verdict.detail or verdict.reason}" for verdict in failed],
        "passage": passage.text[:_PASSAGE_LENGTH] if passage else None,
    }
    return {key: value for key, value in shown.items() if value not in (None, [])}
