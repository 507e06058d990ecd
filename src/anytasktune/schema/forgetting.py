"""General instructions before and after training: what a Task-LM can no longer do."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Language, Name, Record
from anytasktune.schema.interval import Interval
from anytasktune.settings import System


class InstructionItem(Record):
    """A general instruction whose answer can be checked by rule; a line of `evaluation/general_instructions/*.jsonl`."""

    id: str
    language: Language
    kind: Literal["arithmetic", "format", "facts", "translation", "reading"]
    input: str
    check: Literal["exact", "same_case", "contains", "choice"]
    """`exact`: the answer is an accepted one, but for case, quotes and full stop; `same_case`: not for case. `contains`: an
    accepted one occurs in it. `choice`: of the options, an accepted one is named first."""
    accept: list[str] = Field(min_length=1)
    options: list[str] = Field(default_factory=list)


class LostItem(Record):
    """An instruction that the base model answers rightly and the Task-LM wrongly."""

    id: str
    input: str
    before: str
    after: str


class ForgettingOf(Record):
    """A Task-LM on general instructions, against its base model."""

    target: str
    """Adapter target: a task, `action-` and the name of an action, or `mixed-pool`."""
    system: System
    right: Interval
    """Share of the instructions answered rightly."""
    difference: Interval
    """After training minus before."""
    p_value: float
    """McNemar's exact test."""
    p_holm: float
    """`p_value`, Holm-corrected over the Task-LMs."""
    verdict: Literal["better", "worse", "inconclusive"]
    over_budget: bool = False
    """The whole interval of the difference lies below the budget."""
    lost: list[LostItem] = Field(default_factory=list)
    gained: list[str] = Field(default_factory=list)
    """Ids of instructions that only the Task-LM answers rightly."""
    run: str
    """Id of the training run."""
    predictions: str
    predictions_sha256: str


class TaskOverBudget(Record):
    """A task that a Task-LM was not trained on and now does worse than the base model, by more than the budget."""

    target: str
    task: Name
    difference: Interval
    """After training minus before, as a share of the best score."""


class Forgetting(Record):
    """General instructions asked of the base model and of each Task-LM, without any task's instruction."""

    instructions: dict[Language, int]
    set_id: str
    """Id of the content of the instructions."""
    budget: float | None = None
    """Largest drop allowed; None: none was set."""
    before: Interval
    """The base model's share of right answers."""
    predictions: str
    """Of the base model, as `predictions_sha256`."""
    predictions_sha256: str
    models: list[ForgettingOf]
    tasks_over_budget: list[TaskOverBudget] = Field(default_factory=list)
    """From the matrix of every Task-LM on every task, where that was asked for as well."""

    @property
    def is_over_budget(self) -> bool:
        """Whether a Task-LM has forgotten more than the budget allows."""
        return bool(self.tasks_over_budget) or any(one.over_budget for one in self.models)
