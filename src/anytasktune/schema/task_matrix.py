"""Every Task-LM on every task: how learning one task, or several together, affects the others."""

from pydantic import Field

from anytasktune.records import Name, Record
from anytasktune.schema.evaluation import Comparison
from anytasktune.schema.interval import Interval
from anytasktune.settings import System

BASE_MODEL = ""
"""Target of the matrix's first model, the base model without an adapter."""


class MatrixModel(Record):
    """A model of the matrix."""

    target: str
    """Adapter target: a task, `action-` and the name of an action, or `mixed-pool`; `BASE_MODEL`."""
    system: System
    learned: list[Name] = Field(default_factory=list)
    """The tasks it was trained on."""
    run: str = ""
    """Id of the training run."""


class MatrixCell(Record):
    """A model's answers to the dev rows of one task, compared with those of the task's own Task-LM and of the base model."""

    target: str
    """Of the model."""
    task: Name
    learned: bool
    """Whether the model was trained on the task."""
    score: Interval | None
    """None when nothing could be scored."""
    scored: int
    unscored: int
    against_own: Comparison | None = None
    """This model minus the task's own Task-LM; None for that one itself, and where there is none."""
    against_base: Comparison | None = None
    """This model minus the base model, where it was not trained on the task: what its training transfers."""
    predictions: str
    """Id of the predictions that were scored."""
    predictions_sha256: str
    """SHA-256 of their record."""


class JointTraining(Record):
    """The effect of training on several tasks on each of them, against a Task-LM of that task alone."""

    target: str
    """Of the Action-LM or Mixed-LM."""
    gains: list[Name] = Field(default_factory=list)
    """Tasks it does better than their own Task-LMs: learn them together."""
    losses: list[Name] = Field(default_factory=list)
    """Tasks it does worse: keep their own Task-LMs."""
    undecided: list[Name] = Field(default_factory=list)
    """Tasks for which neither is shown."""


class TaskMatrix(Record):
    """Models x tasks, on dev rows, so that what is advised costs no test rows.

    p values are corrected by Holm's method in three families: models trained on a task together with others against its own
    Task-LM; models not trained on it against its own Task-LM; these against the base model.
    """

    models: list[MatrixModel]
    rows: dict[Name, int]
    """Task → dev rows answered."""
    cells: list[MatrixCell]
    """Model by model, in the order of the tasks; those that could not be asked are left out."""
    joint: list[JointTraining] = Field(default_factory=list)
    """One per Action-LM or Mixed-LM that could be compared."""

    def cell(self, target: str, task: str) -> MatrixCell | None:
        """The answers of one model to one task."""
        return next((cell for cell in self.cells if cell.target == target and cell.task == task), None)
