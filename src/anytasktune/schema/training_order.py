"""A training that is done on another machine: everything that decides on its result, but the base model's weights."""

from pydantic import Field

from anytasktune.records import Artifact, Record
from anytasktune.schema.dataset import SplitName
from anytasktune.schema.example import Example
from anytasktune.schema.run import BaseModelRef
from anytasktune.schema.task import Task
from anytasktune.settings import TrainConfig


class RowsOfTask(Record):
    """The rows that one task of a training has."""

    task: Task
    splits: dict[SplitName, list[Example]]
    dataset_id: str
    left_out: list[str] = Field(default_factory=list)
    """Ids of rows that were removed."""


class TrainingOrder(Artifact):
    """One training, as a worker of a cluster gets it."""

    run_id: str
    """The id that the run must have; it is computed again on the worker."""
    target: str
    parts: list[RowsOfTask]
    config: TrainConfig
    base_model: BaseModelRef
