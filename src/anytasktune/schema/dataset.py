"""A data set: frozen splits of one task, named by their content."""

from typing import Literal

from pydantic import Field, model_validator

from anytasktune.schema.base import Artifact, Record, Usage, fault
from anytasktune.schema.example import RowCounts
from anytasktune.schema.task import Name

SplitName = Literal["train", "dev", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "dev", "test")


class SplitConfig(Record):
    """How rows that come without splits are divided."""

    dev: float = Field(0.1, ge=0, lt=1)
    """Share of rows for choosing when to stop."""
    test: float = Field(0.2, gt=0, lt=1)
    """Share of rows kept sealed for the report."""
    seed: int = 0
    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Inputs at least this similar (Jaccard over character 5-grams, by MinHash) go to the same split."""

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "SplitConfig":
        if self.dev + self.test >= 1:
            raise fault(f"dev {self.dev:g} + test {self.test:g} leaves no rows to train on", "dev")
        return self


class SplitInfo(Record):
    """One split of a data set."""

    rows: int
    sha256: str
    """Hash of the split's JSONL file."""


class DatasetManifest(Artifact):
    """What a frozen data set is made of and how."""

    id: str
    task: Name
    splits: dict[SplitName, SplitInfo]
    counts: RowCounts
    """Of the rows read from the sources."""
    sources: dict[str, str]
    """File → SHA-256 of what was read."""
    split_by: Literal["given", "grouped"]
    """`given`: the sources came split. `grouped`: divided here, by source and near-duplicate."""
    config: SplitConfig
    code_version: str
    usage: Usage = Usage()
