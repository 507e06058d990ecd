"""Routing: the task of a pool that an input is for, or the reason why none is chosen."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Name, Record, Usage
from anytasktune.schema.run import AnswerThreshold
from anytasktune.schema.task_answer import TaskAnswer

AUTO = "auto"
"""The name under which the router is asked, where a task's name could stand."""

AnsweredBy = Literal["task", "base", "endpoint"]
"""The task's system; where no task was chosen, the base model, or the endpoint of `router.fallback_url`."""

Abstention = Literal["unsure", "unlike_pool", "conversation", "no_task_lm"]
"""Reasons to choose no task: its probability is too low, the input is unlike all inputs of the pool, it is no single input but
a conversation, or the task has no Task-LM to answer it."""


class Route(Record):
    """The task chosen for one input."""

    task: Name | None
    """The task that is to answer; None where the router abstains."""
    probability: float | None = None
    """Of the likeliest task among those of the pool; None for an input that was not routed, see `by_prompt`."""
    probabilities: dict[Name, float] = Field(default_factory=dict)
    """Of every task, the likeliest first."""
    likeness: float | None = None
    """How like the inputs of the likeliest task it is: the value of its linear map, about 1 for an input of the task."""
    abstained: Abstention | None = None
    by_prompt: bool = False
    """Whether the input stood in the prompt that the task's Task-LM was trained with, so that there was nothing to route."""


class RouterManifest(Artifact):
    """Everything the linear model of a router must be used with; lies beside it as `manifest.json`."""

    id: str
    train_rows: dict[Name, int]
    """The tasks it chooses from, with the inputs of each that it was fitted on."""
    threshold: AnswerThreshold
    """Least probability of a task; `dev_rows` are the inputs it was chosen on, see `chosen_on`."""
    least_likeness: float | None
    """Least likeness to the pool; 19 of 20 of the inputs it was chosen on have at least that. None for too few."""
    chosen_on: Literal["dev", "train"]
    """Inputs the thresholds were chosen on: dev, or where it has fewer than 20, train by models fitted without them."""
    usage: Usage


class RoutedAnswer(Record):
    """The answer to an input whose task the router chose."""

    route: Route
    answered_by: AnsweredBy
    model: str
    """The system or model that answered; of an endpoint `MODEL@HOST:PORT`."""
    text: str
    answer: TaskAnswer | None = None
    """Of the task's system."""
