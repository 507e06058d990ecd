"""English against Chinese: how a system does one task in both languages."""

from typing import Literal

from anytasktune.records import Language, Record
from anytasktune.schema.interval import Interval
from anytasktune.settings import System


class LanguageParity(Record):
    """A system's scores on the English and on the Chinese rows of a task."""

    system: System
    scores: dict[Language, Interval]
    rows: dict[Language, int]
    """Rows with a score."""
    difference: Interval
    """English minus Chinese, in the metric; the rows are not pairs, since no test row is a translation of another one."""
    p_value: float
    """Two-sided test of two independent samples."""
    p_holm: float
    """`p_value`, Holm-corrected over all tasks of the report for this system."""
    verdict: Literal["en", "zh", "inconclusive"]
    """The language it does better in."""
    other_script: dict[Language, int]
    """Answers in another script than that of the row's language, or with a whole sentence of the other language, where the
    reference is in that language alone; of answers with freely written text only."""
    free_text: dict[Language, int]
    """Answers that this was looked for in."""
