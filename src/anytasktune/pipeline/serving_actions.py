"""Actions of a server: the steps are answered by its engine, nothing is kept, and people answer in the request."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.pipeline.answering import AnsweringSystem, usable_text, violations_of
from anytasktune.pipeline.running_actions import definition_of, language_of_input, step_example
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import ActionResult, ActionRun, AnswerViolation, StepSystem, Task, TaskAnswer
from anytasktune.schema.wiring import WiredAction
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.engine_messages import Engine
from anytasktune.serving.served_actions import ActionRequest, answer_by_engine
from anytasktune.workflow.execute import ActionRunner, PersonDecision, PersonTurn


@dataclass(frozen=True)
class ActionServer:
    """Runs the actions of a project on the Task-LMs of a server.

    Attributes:
        answer_seconds: longest time from a request to its answer.
    """

    workspace: Workspace
    engine: Engine
    answer_seconds: float

    def run(self, name: str, request: ActionRequest) -> ActionResult:
        """Run an action; a step of a person that the request has no answer for ends it with the status `waiting`.

        Raises:
            ApiError: there is no such action, a step has no Task-LM on the server, or the engine could not answer.
            AnyTaskTuneError: the input cannot be used.
        """
        actions = {action.name: action for action in self.workspace.domain.actions}
        if name not in actions:
            known = f"it has {', '.join(actions)}" if actions else "it has none"
            raise ApiError(404, f"the project has no action {name[:100]!r}; {known}", code="action_not_found")
        wired = self.workspace.domain.wired(actions[name])
        text = usable_text(request.input)
        language = language_of_input(wired, text, request.language)
        deadline = time.monotonic() + self.answer_seconds
        opened = {
            step: self._system(task, deadline) for step, task in wired.tasks.items() if wired.wiring[step].person != "takeover"
        }
        run = ActionRun(
            id="",
            action=name,
            input=text,
            language=language,
            systems={
                step: StepSystem(name=one.name, version=one.version, identity=one.identity) for step, one in opened.items()
            },
            definition=definition_of(wired),
        )

        def answer(step: str, inputs: Sequence[str], again: bool) -> list[TaskAnswer]:
            examples = [step_example(wired.tasks[step], text, language) for text in inputs]
            answers = opened[step].answer(examples)
            if failed := next((one.error for one in answers if one.error), None):
                raise ApiError(400, f"step {step}: no answer: {failed}", param="input")
            return [opened[step].judged(example, one) for example, one in zip(examples, answers, strict=True)]

        def person(turn: PersonTurn) -> PersonDecision | None:
            given = request.people.get(turn.line.step)
            if given is None or (not given.strip() and turn.role == "takeover"):
                return None
            if not given.strip() or turn.role == "approve":
                return PersonDecision("approved")
            return PersonDecision("taken_over" if turn.role == "takeover" else "edited", given)

        def violations(step: str, text: str, output: str) -> list[AnswerViolation]:
            return violations_of(wired.tasks[step], step_example(wired.tasks[step], text, language), output)

        runner = ActionRunner(_without_retries(wired), answer, violations, person, lambda _: None)
        return runner.go_on(run, ())

    def _system(self, task: Task, deadline: float) -> AnsweringSystem:
        """The current Task-LM of a task."""
        model = self.engine.models.find(task.name)
        if model.task is None or model.source is None:
            raise ApiError(404, f"task {task.name} has no Task-LM", code="model_not_found")
        return AnsweringSystem(
            "tuned",
            model.task,
            model.name,
            model.source.manifest.id,
            model.source.manifest.thresholds.get(task.name),
            _load=lambda: lambda examples, _: answer_by_engine(self.engine, model, examples, deadline),
        )


def _without_retries(wired: WiredAction) -> WiredAction:
    """The action without other systems to ask: a server has Task-LMs only."""
    wiring = {step: own.model_copy(update={"retry_with": None}) for step, own in wired.wiring.items()}
    return WiredAction(wired.name, wired.steps, wired.tasks, wiring)
