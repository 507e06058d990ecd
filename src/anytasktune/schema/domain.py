"""A domain: the Task Pool of a field of work, grouped into actions. The user writes it as `domain.yaml`."""

from pydantic import Field, model_validator

from anytasktune.records import Artifact, Language, Name, Record, fault
from anytasktune.schema.task import Task
from anytasktune.schema.wiring import StepWiring, WiredAction


class Action(Record):
    """A thing a practitioner does, made of ordered steps, each of which is a task."""

    name: Name
    title: dict[Language, str] = Field(default_factory=dict)
    steps: list[Name] = Field(min_length=1)
    wiring: dict[Name, StepWiring] = Field(default_factory=dict)
    """Step → how it is run; steps without wiring take what their task's `input_from` names, else the action's input."""


class Domain(Artifact):
    """A field of work with its actions and its Task Pool (arXiv 2407.07094: field → actions → steps)."""

    name: Name
    title: dict[Language, str] = Field(default_factory=dict)
    description: str = ""
    limits: dict[Language, str] = Field(default_factory=dict)
    """Uses the whole pool is not meant for."""
    jurisdiction: dict[Language, str] = Field(default_factory=dict)
    """Law, rules or customs that the answers follow, where that matters."""
    actions: list[Action] = Field(default_factory=list)
    tasks: list[Task] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> "Domain":
        names = [task.name for task in self.tasks]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise fault(f"two tasks are called {name}", "tasks", place, "name")
        for place, action in enumerate(self.actions):
            for step, name in enumerate(action.steps):
                if name not in names:
                    what = f"action {action.name} has step {name}, but no task is called that"
                    raise fault(what, "actions", place, "steps", step, known=names)
            self._check_hand_overs(action)
            if unknown := next((name for name in action.wiring if name not in action.steps), None):
                what = f"action {action.name} has wiring of {unknown}, which is none of its steps"
                raise fault(what, "actions", place, "wiring", unknown, known=action.steps)
            for wrong in self.wired(action).faults():
                context = wrong.context or {}
                raise fault(wrong.message(), "actions", place, *context["at"], known=context["known"])
        return self

    def wired(self, action: Action) -> WiredAction:
        """The action with its tasks, and the wiring of every step."""
        return WiredAction.of(action.name, action.steps, action.wiring, {task.name: task for task in self.tasks})

    def _check_hand_overs(self, action: Action) -> None:
        for place, task in enumerate(self.tasks):
            own = action.wiring.get(task.name, StepWiring())
            if task.input_from is None or task.name not in action.steps or own.input or own.for_each:
                continue
            if task.input_from not in action.steps[: action.steps.index(task.name)]:
                what = f"task {task.name} takes its input from {task.input_from}, no earlier step of {action.name}"
                raise fault(what, "tasks", place, "input_from")

    def task(self, name: str) -> Task:
        """The task called `name`; raises KeyError if there is none."""
        return next((task for task in self.tasks if task.name == name), None) or self._unknown(name)

    def _unknown(self, name: str) -> Task:
        raise KeyError(f"domain {self.name} has no task {name}; it has: {', '.join(task.name for task in self.tasks)}")
