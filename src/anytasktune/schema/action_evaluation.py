"""The score of an action, step by step: what each step loses by itself, and what it loses by the answers it is given."""

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Artifact, Name, Record
from anytasktune.schema.action_run import StepSystem
from anytasktune.schema.interval import Interval


class StepScore(Record):
    """One step, scored against the references of its own test rows."""

    step: Name
    metric: Metric
    test_rows: int
    test_score: Interval | None
    """On all its test rows; None where none could be scored."""
    chain_rows: int
    """Its test rows whose input follows from the reference answers of the steps before, and that were scored both ways."""
    reference_input: Interval | None = None
    """On these, with the reference as its input."""
    predicted_input: Interval | None = None
    """On the same, with what the steps before answered."""
    difference: Interval | None = None
    """The second minus the first: the effect of earlier steps' wrong answers; None for a step that needs none."""
    with_reference_of: dict[Name, float] = Field(default_factory=dict)
    """Earlier step → the score with predicted inputs, but with the reference as that step's answer."""
    unscored: int = 0
    """Rows of chains without a score, because a step could not answer."""


class ActionEvaluation(Artifact):
    """Scores of an action on test rows whose chain of reference answers is known."""

    id: str
    """Of what went into it."""
    action: Name
    split: str
    systems: dict[Name, StepSystem]
    chains: int
    """Inputs of the action with a reference for two steps at least, one of which needs the other."""
    steps: list[StepScore]
    first_wrong: dict[Name, int]
    """Step → the chains in which it is the first whose answer is not right; steps of free text are not judged so."""
    all_right: int
    """Chains in which every judged step is right."""
    notes: list[str] = Field(default_factory=list)
    """What could not be measured, and why."""
