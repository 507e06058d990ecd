"""Clusters of rows by source: rows of one source are alike, so they count as one item where there are enough sources."""

from collections.abc import Sequence

from anytasktune.evaluation.caveats import FEWEST_SOURCES
from anytasktune.schema import Example
from anytasktune.scorers import ItemStatistics


def by_source(examples: Sequence[Example], rows: Sequence[int], statistics: ItemStatistics) -> ItemStatistics:
    """The statistics with the rows of one source as one item, since they are alike; row by row where sources are too few."""
    sources = [examples[row].source or f"row {row}" for row in rows]
    return statistics.summed_by(sources) if FEWEST_SOURCES <= len(set(sources)) < len(rows) else statistics
