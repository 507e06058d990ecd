"""A group of like faults that new rows are to mend, and whether they did."""

from typing import Literal

from pydantic import Field

from anytasktune.outputs import FaultKind, Metric
from anytasktune.records import Artifact, Language, Name


class Improvement(Artifact):
    """One attempt to mend a group of faults of a task; lies in `improve/<task>/<id>/plan.json`."""

    id: str
    task: Name
    at: str
    """ISO 8601 in UTC."""
    version: str
    """Id of the training run whose faults these are."""
    dataset: str
    """Id of the data set that it was trained on."""
    kind: FaultKind
    expected: str = ""
    given: str = ""
    name: dict[Language, str]
    """The fault in words."""
    dev_rows: int
    """Dev rows that were answered."""
    faults: int
    """Of these, the rows with this fault."""
    wanted: int
    """New rows that are proposed."""
    teacher_rows: int = 0
    """Generated rows per language that there are to be with those a teacher writes against the fault; 0: none was asked."""
    teacher_kept: int = 0
    """Rows it wrote that passed the gates."""
    teacher_left_out: dict[str, int] = Field(default_factory=dict)
    """Rows it wrote that did not, by reason."""
    split_by: Literal["given", "grouped"] = "grouped"
    """As of the data set: where the splits are given, new rows are imported into train."""
    status: Literal["waiting", "measured"] = "waiting"
    after: str = ""
    """Id of the training run with the new rows."""
    test_rows: int = 0
    """Test rows that neither version has learned; counts below are of these."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Other test rows, by reason."""
    wrong_before: int = 0
    """Rows with the fault."""
    wrong_after: int = 0
    mended: int = 0
    """Rows that only the earlier version got wrong so."""
    broken: int = 0
    """Rows that only the new version gets wrong so."""
    p_value: float | None = None
    """Of McNemar's exact test."""
    verdict: Literal["better", "worse", "inconclusive"] | None = None
    metric: Metric | None = None
    score_before: float | None = None
    """On all these rows."""
    score_after: float | None = None
