"""A Task Pool as a picture: SVG, and Mermaid for pages that draw it themselves."""

import math
import re
from dataclasses import dataclass
from html import escape

from anytasktune.records import Language
from anytasktune.schema import Action, Domain, Task
from anytasktune.text.scripts import CJK, HAN

_KIND_COLOURS = {"label": "#2f6f4f", "labels": "#4f7f2f", "json": "#2f5f8f", "number": "#8f5f2f", "text": "#6f4f8f"}
_OTHER_COLOUR = "#5f5f5f"
_BOX, _GAP, _LANE, _HEAD, _MARGIN = (214, 92), 64, 176, 74, 28
_HAS_HAN = re.compile(f"[{CJK}]")
_OTHERS: dict[Language, str] = {"en": "Other tasks", "zh": "其他任务"}
_LEGEND: dict[Language, tuple[str, str]] = {
    "en": ("takes the earlier step's output", "follows in time"),
    "zh": ("以上一步的输出为输入", "仅先后次序"),
}


@dataclass(frozen=True)
class Lane:
    """One action as it is drawn.

    Attributes:
        name: of the action.
        title: for people.
        steps: its tasks in order.
        links: places of the steps each step takes its input from; None for those that take it from nowhere.
    """

    name: str
    title: str
    steps: tuple[Task, ...]
    links: tuple[int | None, ...]


def lanes(domain: Domain, language: Language) -> list[Lane]:
    """The actions with their tasks in order, and after them the tasks that are in no action."""
    drawn = [_lane(domain, action, language) for action in domain.actions]
    steps = {task.name for lane in drawn for task in lane.steps}
    others = tuple(task for task in domain.tasks if task.name not in steps)
    if others:
        drawn.append(Lane("other_tasks", _OTHERS[language], others, (None,) * len(others)))
    return drawn


def _lane(domain: Domain, action: Action, language: Language) -> Lane:
    steps = tuple(domain.task(name) for name in action.steps)
    links = tuple(action.steps.index(task.input_from) if task.input_from in action.steps else None for task in steps)
    return Lane(action.name, in_language(action.title, language) or action.name, steps, links)


def in_language(texts: dict[Language, str], language: Language) -> str:
    """The text in `language`, else in another one, else nothing."""
    return texts.get(language) or next(iter(texts.values()), "")


def draw_mermaid(domain: Domain, language: Language = "en") -> str:
    """The pool as a Mermaid flowchart: an action is a box of steps, an arrow a hand-over, a dotted one mere order."""
    lines = ["flowchart LR"]
    for lane in lanes(domain, language):
        lines.append(f'  subgraph {lane.name}["{_mermaid(lane.title)}"]')
        lines.append("    direction LR")
        for task in lane.steps:
            title = in_language(task.title, language) or task.name
            lines.append(f'    {lane.name}__{task.name}["{_mermaid(title)}<br/><i>{task.output.kind}</i>"]')
        lines += [f"    {arrow}" for arrow in _mermaid_arrows(lane, language)]
        lines.append("  end")
    return "\n".join(lines) + "\n"


def _mermaid_arrows(lane: Lane, language: Language) -> list[str]:
    names = [f"{lane.name}__{task.name}" for task in lane.steps]
    arrows = []
    for place, source in enumerate(lane.links):
        if source is not None:
            said = in_language(lane.steps[source].hands_over, language)
            arrows.append(f"{names[source]} -->{f'|{_quoted(said)}|' if said else ''} {names[place]}")
        if place and source != place - 1 and lane.name != "other_tasks":
            arrows.append(f"{names[place - 1]} -.-> {names[place]}")
    return arrows


def _quoted(text: str) -> str:
    return f'"{_mermaid(text)}"'


def _mermaid(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;").replace("\n", " ")


def draw_svg(domain: Domain, language: Language = "en") -> str:
    """The pool as an SVG picture that stands alone: a lane per action, steps from left to right."""
    drawn = lanes(domain, language)
    widest = max((len(lane.steps) for lane in drawn), default=1)
    width = max(2 * _MARGIN + widest * (_BOX[0] + _GAP) - _GAP + 32, 560)
    height = _HEAD + len(drawn) * _LANE + 44
    title = in_language(domain.title, language) or domain.name
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}" font-family="system-ui, \'Noto Sans CJK SC\', \'PingFang SC\', sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#445"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(_MARGIN, 42, title, size=24, weight=600),
    ]
    for number, lane in enumerate(drawn):
        parts += _svg_lane(lane, _HEAD + number * _LANE, width, language)
    parts += _svg_legend(height - 22, language)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_lane(lane: Lane, top: int, width: int, language: Language) -> list[str]:
    parts = [
        f'<rect x="{_MARGIN - 12}" y="{top}" width="{width - 2 * _MARGIN + 24}" height="{_LANE - 16}" rx="10" fill="#f4f5f8"/>',
        _text(_MARGIN + 4, top + 26, lane.title, size=15, weight=600),
    ]
    y = top + 44
    for place, task in enumerate(lane.steps):
        parts += _svg_box(task, _left(place), y, language)
    for place, source in enumerate(lane.links):
        if source is not None:
            parts.append(_arrow(source, place, y, dashed=False))
        if place and source != place - 1 and lane.name != "other_tasks":
            parts.append(_arrow(place - 1, place, y, dashed=True))
    return parts


def _left(place: int) -> int:
    return _MARGIN + 4 + place * (_BOX[0] + _GAP)


def _svg_box(task: Task, x: int, y: int, language: Language) -> list[str]:
    width, height = _BOX
    colour = _KIND_COLOURS.get(task.output.kind, _OTHER_COLOUR)
    title = in_language(task.title, language) or task.name
    handed = in_language(task.hands_over, language)
    tooltip = f"{task.name}: {handed}" if handed else task.name
    lines = wrapped(title, width - 24, 14, most=2)
    return [
        f'<g><title>{escape(tooltip)}</title><rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" '
        f'fill="#ffffff" stroke="{colour}" stroke-width="1.5"/>',
        *(_text(x + 12, y + 26 + 19 * number, line, size=14, weight=600) for number, line in enumerate(lines)),
        _text(x + 12, y + height - 28, wrapped(task.name, width - 24, 9.5, most=1)[0], size=11, colour="#667"),
        _text(x + 12, y + height - 11, task.output.kind, size=11, colour=colour, weight=600),
        "</g>",
    ]


def _arrow(source: int, target: int, y: int, *, dashed: bool) -> str:
    style = 'stroke="#99a" stroke-dasharray="4 4"' if dashed else 'stroke="#445"'
    start, end = _left(source) + _BOX[0], _left(target)
    middle = y + _BOX[1] // 2
    path = f"M{start},{middle} L{end},{middle}"
    if target - source > 1:  # over the boxes in between
        path = f"M{start - 40},{y} C{start - 10},{y - 26} {end + 10},{y - 26} {end + 40},{y}"
    return f'<path d="{path}" fill="none" {style} stroke-width="1.6" marker-end="url(#tip)"/>'


def _svg_legend(y: int, language: Language) -> list[str]:
    solid, dotted = _LEGEND[language]
    second = _MARGIN + 64 + math.ceil(text_width(solid, 12)) + 28
    return [
        f'<path d="M{_MARGIN},{y - 4} h44" stroke="#445" stroke-width="1.6" marker-end="url(#tip)"/>',
        _text(_MARGIN + 54, y, solid, size=12, colour="#556"),
        f'<path d="M{second},{y - 4} h44" stroke="#99a" stroke-dasharray="4 4" stroke-width="1.6" marker-end="url(#tip)"/>',
        _text(second + 54, y, dotted, size=12, colour="#556"),
    ]


def _text(x: int, y: int, text: str, *, size: int, colour: str = "#223", weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'


def text_width(text: str, size: float) -> float:
    """At most how wide `text` is in pixels, bold: a Chinese character as wide as high, a Latin letter two thirds of that."""
    return sum(size if _HAS_HAN.match(char) else 0.66 * size for char in text)


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """`text` in at most `most` lines of `width` pixels, broken between words or Chinese characters, cut with an ellipsis."""
    lines = [""]
    for piece in re.findall(rf"[{HAN}]|[^\s{HAN}]+\s*|\s+", text):
        if lines[-1] and text_width(lines[-1] + piece.rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece
    lines = [line.strip() for line in lines]
    kept = lines[:most]
    if len(lines) > most or text_width(kept[-1], size) > width:
        while kept[-1] and text_width(kept[-1] + "…", size) > width:
            kept[-1] = kept[-1][:-1]
        kept[-1] += "…"
    return kept
