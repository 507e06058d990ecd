"""The differences between two reports."""

from typing import Literal

from pydantic import Field

from anytasktune.outputs import Metric
from anytasktune.records import Language, Name, Record
from anytasktune.schema.evaluation import Comparison
from anytasktune.settings import System


class ChangedFact(Record):
    """Something the two reports were not made alike with."""

    name: str
    """Such as `model`, `eval.shots`, `versions.torch`, `topic.dataset`."""
    first: str
    second: str


class SystemDiff(Record):
    """One system on one task in both reports."""

    task: Name
    titles: dict[Language, str]
    metric: Metric
    lower_is_better: bool
    system: System
    first: float | None
    """Score in the first report, on all rows it has there."""
    second: float | None
    rows: int
    """Rows that both reports have a score for."""
    comparison: Comparison | None = None
    """The second minus the first on these rows; None where there are none, or the task is another one."""
    why_not: Literal["", "other_task", "other_rows"] = ""
    """The reason why there is no comparison."""
    improved: list[str] = Field(default_factory=list)
    """Ids of the rows that the second answers better."""
    worsened: list[str] = Field(default_factory=list)


class ReportDiff(Record):
    """Two reports, system by system on the rows they share."""

    first: str
    second: str
    changed: list[ChangedFact]
    systems: list[SystemDiff]
    only_first: list[str]
    """Tasks and systems that only the first report has: `task`, or `task/system`."""
    only_second: list[str]
