"""The Task Pool: proposed, reviewed, drawn."""

from anytasktune.tasks.findings import Finding, PlacedRow
from anytasktune.tasks.picture import draw_mermaid, draw_svg
from anytasktune.tasks.pool_checks import check_pool

__all__ = ["Finding", "PlacedRow", "check_pool", "draw_mermaid", "draw_svg"]
