"""Frozen data sets as people read them in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anytasktune.datasets.dataset_facts import OWN, Lengths
from anytasktune.datasets.dataset_warnings import cautions
from anytasktune.reports.report_words import clean
from anytasktune.schema import SPLIT_NAMES, DatasetManifest, Example, Lineage, MadeRows
from anytasktune.text.plain_text import shorten

if TYPE_CHECKING:
    from anytasktune.datasets.differences import Counts, DatasetDiff, Placed
    from anytasktune.pipeline.dataset_views import DatasetView, RowView

_BAR, _SHOWN, _TEXT = 24, 8, 96


def dataset(view: "DatasetView", root: Path) -> RenderableType:
    """Rows per split by language and way, labels, lengths, what was dropped, and where it lies."""
    manifest = view.frozen.manifest
    folder = view.folder.relative_to(root).as_posix() if view.folder.is_relative_to(root) else str(view.folder)
    parts: list[RenderableType] = [Text(f"{manifest.task}  {manifest.id}", style="bold"), _splits(view)]
    labels: dict[str, int] = {}
    for facts in view.facts.values():
        for label, count in facts.labels.items():
            labels[label] = labels.get(label, 0) + count
    if labels:
        parts += [Text("\nlabels, all splits", style="dim"), _bars(labels)]
    parts += [Text(f"\n{line}", style="dim") for line in (_lengths(view),)]
    parts += [Text(line) for line in _origins(manifest)]
    parts += [Text(f"! {line}", style="yellow") for line in cautions(view.task, manifest, view.facts)]
    parts.append(Text(f"\n{folder}", style="dim"))
    return Group(*parts)


def _splits(view: "DatasetView") -> Table:
    ways = sorted({way for facts in view.facts.values() for way in facts.ways}, key=lambda way: (way != OWN, way))
    languages = sorted({language for facts in view.facts.values() for language in facts.languages})
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("split", no_wrap=True)
    for heading in ("rows", *languages, *ways):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in SPLIT_NAMES:
        if (facts := view.facts.get(name)) is not None:
            numbers = [
                facts.rows,
                *(facts.languages.get(one, 0) for one in languages),
                *(facts.ways.get(one, 0) for one in ways),
            ]
            table.add_row(name, *(f"{number:,}" for number in numbers))
    return table


def _bars(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    most = max(counts.values())
    for label, count in list(counts.items())[: 2 * _SHOWN]:
        table.add_row(shorten(clean(label), 32), f"{count:,}", Text("█" * max(1, round(_BAR * count / most)), style="cyan"))
    if len(counts) > 2 * _SHOWN:
        table.add_row(f"… and {len(counts) - 2 * _SHOWN} more", "", "")
    return table


def _lengths(view: "DatasetView") -> str:
    def said(lengths: Lengths) -> str:
        return f"{lengths.shortest:,} to {lengths.longest:,}, half up to {lengths.median:,}"

    facts = view.facts.get("train") or next(iter(view.facts.values()))
    return f"characters in train: inputs {said(facts.inputs)}; outputs {said(facts.outputs)}"


def _origins(manifest: DatasetManifest) -> list[str]:
    lines = [f"own rows: {manifest.counts}"] if manifest.counts.read else []
    return lines + (_made(manifest.made) if manifest.made else [])


def _made(made: MadeRows) -> list[str]:
    counts = made.counts
    dropped, failed = _listed(counts.dropped), _listed(counts.failed)
    lines = [f"candidates: {counts.planned} planned, {counts.kept} kept, {sum(counts.dropped.values())} dropped{dropped}"]
    lines[0] += f", {sum(counts.failed.values())} failed{failed}"
    teachers = ", ".join(made.teachers) or "no teacher"
    cost = "" if made.usage.cost is None else f", {made.usage.cost:.4f} {made.usage.currency}"
    tokens = f"{made.usage.prompt_tokens:,} + {made.usage.answer_tokens:,} tokens{cost}"
    lines.append(f"made by {teachers}: {tokens}; gated set {made.gated}, seal {', '.join(made.seals)}")
    looked = {name: count for name, count in made.decisions.items() if name != "unseen"}
    lines.append(f"reviewed: {_listed(looked).strip(' ()') or 'nobody looked at these rows'}")
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    words = ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return f" ({words})" if words else ""


def row(view: "RowView") -> RenderableType:
    """One row with its way back to its source."""
    parts: list[RenderableType] = [Text(f"{view.split}:{view.number}  {view.row.id}", style="bold"), _texts(view.row)]
    if view.lineage is None:
        parts.append(_facts([("own row", view.place), ("source", view.row.source or "")]))
        return Group(*parts)
    parts.append(_facts(_history(view.lineage)))
    for parent in view.parents:
        said = f"{shorten(clean(parent.row.input), _TEXT)} → {shorten(clean(parent.row.output), 40)}" if parent.row else "gone"
        parts.append(_facts([("made after", f"{parent.place}  {parent.id}"), ("", said)]))
    for verdict in view.verdicts:
        score = "" if verdict.score is None else f" {verdict.score:.2f}"
        outcome = "passed" if verdict.passed else "dropped"
        parts.append(_facts([("gate", f"{verdict.gate}: {outcome}{score} {verdict.detail}".rstrip())]))
    return Group(*parts)


def _history(lineage: Lineage) -> list[tuple[str, str]]:
    origin, span = lineage.origin, lineage.origin.span
    cell = ", ".join(f"{name} {value}" for name, value in origin.cell.model_dump(exclude_defaults=True).items())
    place = f"{span.document}, characters {span.start} to {span.end}" if span else ""
    place += f", page {lineage.page}" if lineage.page is not None else ""
    agreement = "" if origin.agreement is None else f"{origin.agreement:.0%} of the sampled answers"
    people = f"{lineage.decision} by {', '.join(lineage.reviewers)}" if lineage.reviewers else "nobody looked at it"
    return [
        ("way", origin.way),
        ("teacher", origin.teacher),
        ("prompts", ", ".join(origin.prompts)),
        ("was to be", cell),
        ("agreement", agreement),
        ("document", place),
        ("heading", " › ".join(lineage.heading)),
        ("words", f"“{lineage.quote}”" if lineage.quote else ""),
        ("review", people + (f", though {lineage.overruled} had dropped it" if lineage.overruled else "")),
        ("made as", lineage.candidate if lineage.candidate != lineage.example else ""),
    ]


def _texts(example: Example) -> RenderableType:
    language = f" ({example.language})" if example.language else ""
    return _facts([(f"input{language}", example.input), ("output", example.output)])


def _facts(facts: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True, min_width=11)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, Text(clean(value)))
    return table


def difference(found: "DatasetDiff") -> RenderableType:
    """What changed: counts before and now, then the first rows of each kind of change."""
    parts: list[RenderableType] = [Text(f"{found.old} → {found.new}", style="bold")]
    if found.is_same:
        return Group(*parts, Text("✓ the same rows in the same splits", style="green"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(("", "before", "now", "")):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for name, counts in found.rows.items():
        table.add_row(name, *_change(counts))
        if (made := found.made[name]).before or made.now:
            table.add_row(f"  made, {name}", *_change(made), style="dim")
    for label, counts in found.labels.items():
        if counts.before != counts.now:
            table.add_row(f"  {shorten(clean(label), 32)}", *_change(counts), style="dim")
    parts.append(table)
    parts += _listing("+", "green", "added", [_placed(place) for place in found.added])
    parts += _listing("-", "red", "removed", [_placed(place) for place in found.removed])
    moved = [f"{move.before} → {move.now}: {shorten(clean(move.row.input), _TEXT)}" for move in found.moved]
    parts += _listing("»", "yellow", "moved", moved)
    changed = [
        f"{shorten(clean(change.now.row.input), _TEXT)}: {shorten(clean(change.before.row.output), 40)}"
        f" → {shorten(clean(change.now.row.output), 40)}"
        for change in found.changed
    ]
    return Group(*parts, *_listing("≠", "magenta", "answered differently", changed))


def _change(counts: "Counts") -> tuple[str, str, str]:
    change = counts.now - counts.before
    return f"{counts.before:,}", f"{counts.now:,}", f"{change:+,}" if change else ""


def _placed(place: "Placed") -> str:
    return f"{place.split}: {shorten(clean(place.row.input), _TEXT)} → {shorten(clean(place.row.output), 40)}"


def _listing(mark: str, style: str, what: str, lines: Sequence[str]) -> list[Text]:
    if not lines:
        return []
    shown = [Text(f"  {mark} {line}", style=style) for line in lines[:_SHOWN]]
    rest = [Text(f"  … and {len(lines) - _SHOWN} more (all with --json)", style=style)] if len(lines) > _SHOWN else []
    return [Text(f"\n{len(lines)} {what}", style="bold"), *shown, *rest]
