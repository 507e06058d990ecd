"""Tools that list the candidates of a task and add a review to the agent's own file."""

from collections.abc import Iterator
from typing import Any

from anytasktune.agents.agent_tool import LONGEST_INPUT, AgentTool, Arguments
from anytasktune.agents.tool_words import words
from anytasktune.errors import ConfigError, DataError
from anytasktune.pipeline.posted_reviews import PostedDecision, decide
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
        if arguments["decision"] != "edit" and {"input", "output"} & set(arguments):
            what = f"{arguments['decision']} takes no input or output"
            raise DataError(what, where="review_candidate", fix="leave them out, or decide edit")
        texts = {name: arguments[name] for name in ("input", "output", "note") if name in arguments}
        decide(session, PostedDecision(number=1, decision=arguments["decision"], candidate=item.candidate.id, **texts))
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
