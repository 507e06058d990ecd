"""A run of an action: what it was asked, and what every step was given and answered."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Language, Name, Record
from anytasktune.schema.task_answer import AnswerViolation, TaskAnswer
from anytasktune.settings import System

Decision = Literal["approved", "edited", "taken_over", "rejected"]


class StepSystem(Record):
    """The system that answers a step."""

    name: System
    version: str = ""
    """Id of the run of a Task-LM, or of a linear model."""
    identity: str
    """Id of everything that decides on an answer but the input."""


class ActionRun(Artifact):
    """One run of an action, as it was begun."""

    id: str
    """Of all fields below."""
    action: Name
    input: str
    language: Language
    systems: dict[Name, StepSystem]
    """Step → what answers it; steps that a person takes over are not among them."""
    definition: str
    """Id of the steps, their wiring and their tasks."""
    attempt: int = 0
    """Number of earlier runs of the same, after which it was begun anew."""


class StepTrace(Record):
    """One step of a run, or one item of a step that is run for each item of a list. A line of `steps.jsonl`."""

    step: Name
    position: int
    """Of the step in the action, from 0."""
    item: int | None = None
    """Number of the item, from 0."""
    input: str = ""
    answer: TaskAnswer | None = None
    """The model's."""
    first_answer: TaskAnswer | None = None
    """The model's answer that broke a rule, so that another system was asked, too."""
    decision: Decision | None = None
    """The person's."""
    output: str | None = None
    """The text that later steps are given. None where a person is waited for, rejected it, or it was not run."""
    violations: list[AnswerViolation] = Field(default_factory=list)
    """Faults of `output`."""
    not_run: str = ""
    """The reason why the step was not run."""
    seconds: float = 0.0

    @property
    def waits(self) -> bool:
        """Whether a person has yet to decide."""
        return self.output is None and self.decision is None and not self.not_run

    @property
    def key(self) -> tuple[int, int | None]:
        """Its place in the run."""
        return self.position, self.item


class ActionResult(Record):
    """A run so far.

    `done`: every step was answered, or not run for a reason. `waiting`: a person decides next. `rejected`: a person stopped it.
    """

    run: ActionRun
    status: Literal["done", "waiting", "rejected"]
    steps: list[StepTrace]
