"""Growth curves as one picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.growth import Growth

_INK = "#1f4e79"


def draw_growth(curves: Sequence[Growth], path: Path) -> list[Path]:
    """Write `path` as PNG and SVG, a panel per curve. Returns the files."""
    mpl.rcParams.update({"svg.hashsalt": "anytasktune", "svg.fonttype": "none", "font.size": 10})
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.6 * columns, 3.2 * rows), squeeze=False, layout="constrained")
    for panel in axes.flat[len(curves) :]:
        panel.set_axis_off()
    for panel, curve in zip(axes.flat, curves, strict=False):
        _draw(panel, curve)
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    for file in files:
        figure.savefig(file, dpi=110, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)
    return files


def _draw(panel: Axes, curve: Growth) -> None:
    panel.plot([p.x for p in curve.points], [p.seconds for p in curve.points], "o-", color=_INK, markersize=4, linewidth=1.5)
    panel.set_xlabel(curve.axis)
    panel.set_ylabel(f"seconds per {curve.unit.split()[0]}")
    panel.set_xlim(left=0)
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)
