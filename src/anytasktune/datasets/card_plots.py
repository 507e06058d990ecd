"""Plots of a data set as SVG: bars of labels and of lengths. Equal data give equal bytes."""

from collections.abc import Mapping, Sequence
from html import escape

from anytasktune.datasets.dataset_facts import Lengths

WIDTH = 640
_MARGIN, _ROW, _BAR, _NAMES, _NUMBERS = 16, 24, 14, 200, 60
_LONGEST_NAME = 28
_MOST_BARS = 24
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#20242a}.bar{fill:#4a76ad}.dim{fill:#616872}"
    "@media(prefers-color-scheme:dark){text{fill:#e7e6e2}.dim{fill:#9ba3ad}.bar{fill:#7ea9dc}}"
)


def label_plot(counts: Mapping[str, int], title: str) -> str:
    """A bar per label, in the order given; after `_MOST_BARS` the rest is counted together."""
    shown = list(counts.items())[:_MOST_BARS]
    rest = sum(counts.values()) - sum(count for _, count in shown)
    return _bars([*shown, *([("…", rest)] if rest else [])], title)


def length_plot(inputs: Lengths, outputs: Lengths, titles: tuple[str, str]) -> str:
    """Two histograms of lengths in characters, one below the other."""
    above = [(f"{low:,}–{high - 1:,}" if high - low > 1 else f"{low:,}", count) for low, high, count in inputs.bins]
    below = [(f"{low:,}–{high - 1:,}" if high - low > 1 else f"{low:,}", count) for low, high, count in outputs.bins]
    first, height = _group(above, titles[0], _MARGIN)
    second, height = _group(below, titles[1], height + _MARGIN)
    return _document([*first, *second], height + _MARGIN)


def _bars(bars: Sequence[tuple[str, int]], title: str) -> str:
    parts, height = _group(bars, title, _MARGIN)
    return _document(parts, height + _MARGIN)


def _group(bars: Sequence[tuple[str, int]], title: str, top: int) -> tuple[list[str], int]:
    """The elements of one plot, and how far down they reach."""
    most = max((count for _, count in bars), default=0) or 1
    room = WIDTH - 2 * _MARGIN - _NAMES - _NUMBERS
    parts = [f'<text class="dim" x="{_MARGIN}" y="{top + 12}">{_safe(title)}</text>']
    for number, (name, count) in enumerate(bars, 1):
        y = top + number * _ROW
        width = round(room * count / most, 1)
        parts.append(f'<text x="{_MARGIN + _NAMES - 8}" y="{y + 12}" text-anchor="end">{_safe(_cut(name))}</text>')
        parts.append(f'<rect class="bar" x="{_MARGIN + _NAMES}" y="{y}" width="{width:g}" height="{_BAR}" rx="2"/>')
        parts.append(f'<text class="dim" x="{_MARGIN + _NAMES + width + 6:g}" y="{y + 12}">{count:,}</text>')
    return parts, top + (len(bars) + 1) * _ROW


def _document(parts: Sequence[str], height: int) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _safe(text: str) -> str:
    return escape("".join(char if char.isprintable() else " " for char in text))
