"""What making data sets gave, as people read it in a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from anytasktune.pipeline.building import Built
    from anytasktune.store import Project


def built(project: "Project", results: "Sequence[Built]") -> RenderableType:
    """The account of every candidate and where the data sets lie."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("task", no_wrap=True)
    for heading in ("planned", "failed", "dropped", "kept", "train", "dev", "test"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in results:
        counts, splits = one.gated.manifest.counts, one.dataset.manifest.splits
        account = (counts.planned, sum(counts.failed.values()), sum(counts.dropped.values()), counts.kept)
        rows = (splits[name].rows if name in splits else 0 for name in ("train", "dev", "test"))
        table.add_row(one.task, *(str(number) for number in (*account, *rows)))
    remark = "planned = failed + dropped + kept; train, dev and test hold the task's own rows, too."
    lines = [Text(f"{one.task}: {project.datasets(one.task) / one.dataset.manifest.id / 'CARD.md'}") for one in results]
    names = " ".join(one.task for one in results)
    following = f"Next: anytasktune review {results[0].task}, then anytasktune tune {names}"
    return Group(table, Text(remark, style="dim"), Text(), *lines, Text(following, style="dim"))
