"""Tools that answer: one per task that has a Task-LM, one per action all of whose steps have one."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from anytasktune.agents.agent_tool import LONGEST_INPUT, LONGEST_TEXT, AgentTool, Arguments, placed_below, tool_name
from anytasktune.agents.tool_words import words
from anytasktune.errors import StoreError
from anytasktune.outputs.schema_validation import schema_fault
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.kept_systems import KeptSystems
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Run, StepTrace, Task, TaskAnswer
from anytasktune.schema.promotion import Promotion, standing_promotions
from anytasktune.schema.wiring import WiredAction
from anytasktune.store import read_lines, read_record, read_ref
from anytasktune.training.adapter_targets import targets_with

_LIKELIEST = 10
_MOST_STEPS = 50
_INPUT = {"type": "string", "minLength": 1, "maxLength": LONGEST_INPUT}


@dataclass
class AnswerTools:
    """The systems behind the answering tools; opened when the first call needs one, anew when the project has changed.

    Attributes:
        system: what answers, see `system_for`; empty: the Task-LM in production, else the newest.
        language: of descriptions; None: the first language of each task.
    """

    on_event: OnEvent
    system: str = ""
    language: Language | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._systems = KeptSystems(self.on_event)

    def tools(self, workspace: Workspace) -> Iterator[AgentTool]:
        """The tools that can answer now."""
        answering = {task.name for task in workspace.domain.tasks if self.system or current_run(workspace, task)}
        for task in workspace.domain.tasks:
            if task.name in answering:
                yield self._task_tool(workspace, task)
        for action in workspace.domain.actions:
            wired = workspace.domain.wired(action)
            if all(step in answering or wired.wiring[step].person == "takeover" for step in action.steps):
                yield self._action_tool(workspace, wired, action.title)

    def _task_tool(self, workspace: Workspace, task: Task) -> AgentTool:
        spoken = self._spoken(task)
        values = _value_schemas(task)

        def call(arguments: Arguments) -> dict[str, Any]:
            with self._lock:
                answer = self._systems.of(workspace).of(task, self.system).ask(arguments["input"], arguments.get("language"))
            return _answer(task, answer, with_value=bool(values))

        described = [task.instruction[spoken], words(spoken)["ask"]]
        if spoken in task.limits:
            described.insert(1, task.limits[spoken])
        languages = {"language": {"enum": list(task.languages), "description": words(spoken)["language"]}}
        return AgentTool(
            name=tool_name("ask", task.name),
            title=task.title.get(spoken) or task.name,
            description="\n\n".join(described),
            properties={"input": _INPUT | {"description": words(spoken)["input"]}, **(languages if task.languages[1:] else {})},
            required=("input",),
            call=call,
            reads_only=True,
            output_schema=_answer_schema(values),
        )

    def _action_tool(self, workspace: Workspace, wired: WiredAction, titles: dict[Language, str]) -> AgentTool:
        spoken = self._spoken(wired.tasks[wired.steps[0]])

        def call(arguments: Arguments) -> dict[str, Any]:
            from anytasktune.pipeline.running_actions import ActionRunOptions, run_action  # noqa: PLC0415

            options = ActionRunOptions(self.system, arguments.get("language"), fresh=arguments.get("fresh", False))
            with self._lock:
                done = run_action(workspace, wired.name, arguments["input"], options, systems=self._systems.of(workspace))
            resume = workspace.project.command("run", "--resume", done.run.id)
            lines = [_step(line) for line in done.steps]
            return {
                "status": done.status,
                "action_run": done.run.id,
                "steps": lines[-_MOST_STEPS:],
                "steps_left_out": max(0, len(lines) - _MOST_STEPS),
                "for_a_person": words(spoken)["waiting"].format(command=resume) if done.status == "waiting" else "",
            }

        steps = "\n".join(
            f"{place}. {step}: {_first_line(wired.tasks[step], spoken)}" for place, step in enumerate(wired.steps, 1)
        )
        return AgentTool(
            name=tool_name("run", wired.name),
            title=titles.get(spoken) or wired.name,
            description=f"{titles.get(spoken) or wired.name}\n\n{words(spoken)['run']}\n{steps}",
            properties={
                "input": _INPUT | {"description": words(spoken)["input"]},
                "language": {"enum": ["en", "zh"], "description": words(spoken)["language"]},
                "fresh": {"type": "boolean", "description": words(spoken)["fresh"]},
            },
            required=("input",),
            call=call,
        )

    def _spoken(self, task: Task) -> Language:
        return task.language_of(self.language)


def current_run(workspace: Workspace, task: Task) -> Run | None:
    """The run in production, else of the newest Task-LM of a task, its Action-LM or the Mixed-LM; damaged ones are left out.

    The files of the adapter are not read.
    """
    project = workspace.project
    standing = standing_promotions(read_lines(project.promotions, Promotion)).get(task.name, [])
    named = [(one.target, one.run) for one in standing[-1:]]
    for target, run_id in [*named, *((target, "") for _, target in targets_with(workspace.domain, task))]:
        folder = project.runs(target)
        with contextlib.suppress(StoreError):
            last = run_id or read_ref(folder)
            record = folder / (last or "") / "run.json"
            if last and record.exists() and task.name in (run := read_record(record, Run)).tasks:
                return run
    return None


def _value_schemas(task: Task) -> list[dict[str, Any]]:
    """JSON Schemas of an answer as JSON, one per language where they differ; none where it is free text."""
    schemas = [task.output.answer_schema(language, task.rules, []) for language in task.languages]
    if task.output.free_text and {"type": "string"} in schemas:
        return []
    return [schema for place, schema in enumerate(schemas) if schema not in schemas[:place]]


def _answer_schema(values: list[dict[str, Any]]) -> dict[str, Any]:
    number, flag = {"type": ["number", "null"]}, {"type": ["boolean", "null"]}
    properties: dict[str, Any] = {
        "answer": {"type": "string"},
        "language": {"enum": ["en", "zh"]},
        "probability": number,
        "probabilities": {"type": ["object", "null"], "additionalProperties": {"type": "number"}},
        "unsure": flag,
        "violations": {"type": "array", "items": {"type": "object"}},
        "answered_by": {"type": "string"},
    }
    if values:
        either = [placed_below(schema, f"#/properties/value/anyOf/{place}") for place, schema in enumerate(values)]
        properties["value"] = {"anyOf": [*either, {"type": "null"}]}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _answer(task: Task, answer: TaskAnswer, *, with_value: bool) -> dict[str, Any]:
    likeliest = sorted((answer.probabilities or {}).items(), key=lambda item: -item[1])[:_LIKELIEST]
    reply: dict[str, Any] = {
        "answer": answer.answer,
        "language": answer.language,
        "probability": answer.probability,
        "probabilities": dict(likeliest) or None,
        "unsure": answer.unsure,
        "violations": [broken.model_dump() for broken in answer.violations],
        "answered_by": f"{answer.system} {answer.version}".strip(),
    }
    if with_value:
        value = task.output.to_json(answer.answer, answer.language)
        value = list(value) if isinstance(value, tuple) else value
        fits = not schema_fault(task.output.answer_schema(answer.language, task.rules, []), value)
        reply["value"] = value if fits and len(answer.answer) <= LONGEST_TEXT else None
    return reply


def _step(line: StepTrace) -> dict[str, Any]:
    """A step for an agent: what is empty is left out."""
    shown = {
        "step": line.step,
        "item": line.item,
        "input": line.input,
        "answer": line.answer.answer if line.answer else None,
        "unsure": line.answer.unsure if line.answer else None,
        "decision_of_a_person": line.decision,
        "output": line.output,
        "not_run": line.not_run,
        "violations": [broken.what for broken in line.violations],
    }
    return {key: value for key, value in shown.items() if value not in (None, "", [])}


def _first_line(task: Task, language: Language) -> str:
    return task.title.get(language) or task.instruction[task.language_of(language)].partition("\n")[0][:120]
