"""The Task Pool: what a good reviewer would say of one, and how it looks."""

from anytasktune.tasks.check_pool import check_pool
from anytasktune.tasks.findings import Finding, PlacedRow
from anytasktune.tasks.picture import draw_mermaid, draw_svg

__all__ = ["Finding", "PlacedRow", "check_pool", "draw_mermaid", "draw_svg"]
