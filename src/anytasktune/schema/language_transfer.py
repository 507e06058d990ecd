"""Transfer between languages: what a Task-LM that was trained on the rows of one language does in the other one."""

from typing import Literal

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Artifact, Language, Name, Record
from anytasktune.schema.interval import Interval

TrainedOn = Literal["base", "en", "zh", "both"]
"""Languages of the training rows. `base`: the base model, trained on none."""


class TransferModel(Record):
    """The base model, or a Task-LM by the languages of its training rows."""

    trained_on: TrainedOn
    train_rows: int
    seconds: float
    """Training time."""
    scores: dict[Language, Interval]
    """By the language of the rows that were answered."""
    rows: dict[Language, int]
    """Rows with a score."""
    predictions: str
    """Id of the predictions that were scored."""
    predictions_sha256: str
    """SHA-256 of their record."""
    run: str | None = None
    """Id of the training run; None for the base model."""


class TransferDifference(Record):
    """One model minus another one on the same rows of one language."""

    language: Language
    """Of the rows that were answered."""
    first: TrainedOn
    second: TrainedOn
    items: int
    """Rows that both have a score for."""
    difference: Interval
    p_value: float
    """Two-sided paired test."""
    p_holm: float
    """`p_value`, Holm-corrected over both languages and all tasks, for each question apart."""
    verdict: Literal["better", "worse", "inconclusive"]
    """On `first`."""

    @property
    def question(self) -> str:
        """The question it answers.

        `reaches`: the other language alone against no training. `replaces`: the other language alone against the rows' own.
        `adds`: both against the rows' own.
        """
        return "adds" if self.first == "both" else "reaches" if self.second == "base" else "replaces"


class LanguageTransfer(Artifact):
    """Scores of one task in either language after training on English, on Chinese and on both, measured on the same rows."""

    id: str
    task: Name
    titles: dict[Language, str]
    metric: Metric
    lower_is_better: bool
    dataset: str
    split: Literal["dev", "test"]
    """The rows that were answered."""
    models: list[TransferModel]
    differences: list[TransferDifference] = Field(default_factory=list)

    def of(self, trained_on: TrainedOn) -> TransferModel | None:
        """The model with these training rows."""
        return next((model for model in self.models if model.trained_on == trained_on), None)
