"""Drift: the difference between requests in use and the rows of a task."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Name, Record

DriftFeature = Literal["input_length", "confidence", "answers", "unsure", "unseen_words"]


class FeatureDrift(Record):
    """One feature of the requests beside that of the task's rows."""

    feature: DriftFeature
    rows: int
    """Rows of the task."""
    requests: int
    before: float
    """In the rows: the mean length in characters, the mean probability, or a share."""
    now: float
    """In the requests, likewise."""
    label: str = ""
    """`answers`: the label whose share, of all answers, has changed most."""
    index: float
    """Population stability index beyond what chance gives."""
    p_value: float
    """Of a permutation test, corrected over the features (Holm)."""
    size: Literal["none", "moderate", "large"]
    """`none`: the test does not show it, or the index is below 0.1. `large`: from 0.25 on."""


class DriftResult(Record):
    """Drift of the requests to one task."""

    task: Name
    version: str
    """Id of the training run of the Task-LM that answers."""
    source: str
    """`requests`, or the name of a file."""
    read: int
    left_out: dict[str, int] = Field(default_factory=dict)
    """Requests that do not count, by reason."""
    requests: int
    """Those that count: `read == requests + sum(left_out.values())`."""
    fewest: int
    """Requests that are needed."""
    first: str = ""
    """When the first of them came, ISO 8601 in UTC; empty for a file."""
    last: str = ""
    features: list[FeatureDrift] = Field(default_factory=list)
    verdict: Literal["too_few", "none", "watch", "retrain"]
