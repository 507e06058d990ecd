"""The record of a linear model of a task."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Language, Record, Usage
from anytasktune.schema.task import Task

LinearMethod = Literal["svm", "ridge", "median"]
"""Support vector machines, one column against the others; least squares; least absolute error."""


class Readout(Record):
    """Turning the values of the columns of a linear model into answers."""

    scale: float = 1.0
    """Labels: values are multiplied by this before they become probabilities."""
    threshold: float = 0.0
    """Several labels: those whose value is at least this are answered."""
    least: int = 0
    """Several labels: fewest in an answer."""
    most: int | None = None
    """Several labels: most in an answer."""
    styles: dict[Language, int | str | None] = Field(default_factory=dict)
    """The way training answers of each language are written: their separator, or their digits after the point."""


class LinearModelManifest(Artifact):
    """Everything the arrays of a linear model must be used with; lies beside them as `manifest.json`."""

    id: str
    task: Task
    """The task as it was when the model was fitted."""
    method: LinearMethod
    strength: float
    """C of a support vector machine or of the least absolute error, alpha of least squares; chosen by cross-validation."""
    readout: Readout
    cross_validated: float | None
    """The task's metric on training rows, each answered by a model fitted without it; None for too few rows."""
    train_rows: int
    features: int
    sha256: str
    """Of the arrays."""
    usage: Usage
