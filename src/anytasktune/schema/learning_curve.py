"""Learning curves: the scores of what was trained on a part of the rows, and what twice the rows would bring."""

from typing import Literal

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Artifact, Language, Name, Record
from anytasktune.schema.interval import Interval

Learner = Literal["tuned", "head", "linear"]
"""Learners of a curve: the Task-LM, a label head alone, the linear model."""
TRAINING_SPREAD = 0.03
"""Standard deviation of a score, as a share of the best one, between trainings on other rows and with another seed."""
Outlook = Literal["rising", "flat", "no_law"]
"""`rising`: the score rises with the rows. `flat`: it is not shown to. `no_law`: it rises, but a straight line fits better than
a law that levels off, so that nothing is said of more rows."""


class CurvePoint(Record):
    """One size of the training data."""

    rows: int
    score: Interval
    seconds: float
    """Training time."""
    predictions: str
    """Id of the predictions that were scored."""
    predictions_sha256: str
    """SHA-256 of their record."""
    run: str | None = None
    """Id of the training run; None for the linear model."""


class FittedScore(Record):
    """The fitted law at one number of rows."""

    rows: float
    score: Interval


class PowerLaw(Record):
    """share(n) = limit - gap * n ** -exponent, the score as a share of the best one."""

    limit: float
    gap: float
    exponent: float


class LearningCurve(Record):
    """The scores of one learner by the number of training rows."""

    learner: Learner
    points: list[CurvePoint]
    """The fewest rows first; the last one has all of them."""
    evaluated_rows: int
    """Rows that every size has a score for; only these count."""
    outlook: Outlook
    slope: Interval
    """Improvement per doubling of the rows so far, in the metric; positive is better for errors, too."""
    law: PowerLaw | None = None
    """None unless the curve is rising."""
    fitted: list[FittedScore] = Field(default_factory=list)
    """The law from the fewest rows to twice all rows; the last one is that of twice the rows."""
    gain: Interval | None = None
    """Improvement that doubling all rows would bring by the law, in the metric."""


class LearningCurves(Artifact):
    """The learning curves of one task, measured on the same rows."""

    id: str
    task: Name
    titles: dict[Language, str]
    metric: Metric
    lower_is_better: bool
    dataset: str
    split: Literal["dev", "test"]
    """The rows that were answered."""
    curves: list[LearningCurve]

    def of(self, learner: Learner) -> LearningCurve | None:
        """The curve of this learner."""
        return next((curve for curve in self.curves if curve.learner == learner), None)
