"""The Task Pool: what a good reviewer would say of one, and how it looks."""

from anytasktune.taskpool.checking import check_pool
from anytasktune.taskpool.findings import Finding, PlacedRow
from anytasktune.taskpool.picture import draw_mermaid, draw_svg

__all__ = ["Finding", "PlacedRow", "check_pool", "draw_mermaid", "draw_svg"]
