"""The card of a data set: its contents, sources and warnings, filled with counts; and its plots as SVG."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from anytasktune.datasets.dataset_facts import OWN, Lengths, SplitFacts, data_warnings, label_counts, measure
from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.datasets.split import LEAK, check_splits
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Agreement, Example, SplitName, Task
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.plain_text import collapse_space

CARDS: dict[Language, str] = {"en": "CARD.md", "zh": "CARD.zh.md"}
LABEL_PLOT, LENGTH_PLOT = "plots/labels.svg", "plots/lengths.svg"
EXAMPLES_PER_LANGUAGE = 3

_MOST_LABELS, _MOST_DOCUMENTS = 30, 20
_LONGEST_SHOWN = 600
_TEXT_BAR = 24
_BLANKS, _LINE_ENDS = re.compile(r"\n{3,}"), re.compile(r"[ \t]+$", re.MULTILINE)
_MARKS = re.compile(r"([|\\`*_<>\[\]])")
_LICENCE_FILE = re.compile(r"(licen[cs]es?|copying|notice|copyright|许可|版权)", re.IGNORECASE)
_LICENCE_WORD = re.compile(r"licen[cs]e|copyright|public domain|许可|版权", re.IGNORECASE)
_MOST_READ = 1 << 20
_DECISIONS = {
    "unseen": "未看",
    "accepted": "接受",
    "edited": "修改",
    "rejected": "拒绝",
    "disputed": "有争议",
    "refused": "修改无效",
    "repeated": "重复",
}

# plots, in points
_WIDTH, _MARGIN, _ROW, _BAR, _NAMES, _NUMBERS = 640, 16, 24, 14, 200, 60
_LONGEST_NAME = 28
_MOST_BARS = 24
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#20242a}.bar{fill:#4a76ad}.dim{fill:#616872}"
    "@media(prefers-color-scheme:dark){text{fill:#e7e6e2}.dim{fill:#9ba3ad}.bar{fill:#7ea9dc}}"
)


@dataclass(frozen=True)
class CardNotes:
    """Facts for a card that are not in the data set.

    Attributes:
        licences: names of files beside the documents that state licences.
        agreement: of reviewers with each other and with the LLM judge.
    """

    licences: Sequence[str] = ()
    agreement: Sequence[Agreement] = ()


def card_files(task: Task, frozen: FrozenDataset, notes: CardNotes | None = None) -> dict[str, str]:
    """The card in two languages and its plots, by name; equal data and notes give equal texts."""
    facts = measure(task, frozen)
    values = _values(task, frozen, facts, notes or CardNotes())
    files: dict[str, str] = {}
    for language, name in CARDS.items():
        spoken: dict[str, Any] = {
            "title": collapse_space(task.title.get(language) or next(iter(task.title.values()), task.name)),
            "limits": collapse_space(task.limits.get(language) or next(iter(task.limits.values()), "")),
            "warnings": data_warnings(task, frozen.manifest, facts, language),
        }
        text = _environment().get_template(f"card.{language}.md.j2").render(values | spoken)
        files[name] = _BLANKS.sub("\n\n", _LINE_ENDS.sub("", text)).strip() + "\n"
    if (train := facts.get("train")) is not None:
        files[LENGTH_PLOT] = length_plot(train.inputs, train.outputs, ("inputs · 输入", "outputs · 输出"))
        if train.labels:
            files[LABEL_PLOT] = label_plot(train.labels, "train")
    return files


def licence_files(folder: Path, root: Path) -> list[str]:
    """Names of files that state licences: in a folder of documents, or one level up unless the folder is directly in `root`."""
    places = [folder] if folder.resolve().parent == root else [folder, folder.parent]
    folders: list[str] = []
    files: list[str] = []
    for path in (path for place in places for path in sorted(place.iterdir())):
        if path.is_dir() and _LICENCE_FILE.fullmatch(path.name):
            folders.append(f"{path.name}/")
        elif path.is_file() and (_LICENCE_FILE.match(path.name) or _is_readme_on_licence(path)):
            files.append(path.name)
    return folders + files


def _is_readme_on_licence(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            start = stream.read(_MOST_READ) if path.name.lower().startswith("readme") else b""
    except OSError:
        return False
    return _LICENCE_WORD.search(start.decode("utf-8", "replace")) is not None


def shown_examples(task: Task, rows: Sequence[Example]) -> list[Example]:
    """A few rows per language: the first in their seeded order without personal data."""
    found: dict[Language, list[Example]] = {}
    for row in rows:
        chosen = found.setdefault(task.language_of(row.language), [])
        if len(chosen) < EXAMPLES_PER_LANGUAGE and not find_personal_data(f"{row.input}\n{row.output}"):
            chosen.append(row)
        if len(found) == len(task.languages) and all(len(chosen) == EXAMPLES_PER_LANGUAGE for chosen in found.values()):
            break
    return [row for language in sorted(found) for row in found[language]]


def _values(task: Task, frozen: FrozenDataset, facts: Mapping[SplitName, SplitFacts], notes: CardNotes) -> dict[str, Any]:
    """Values that the templates of all languages are filled with."""
    manifest, generated = frozen.manifest, frozen.manifest.generated
    ordered = {name: facts[name] for name in SPLIT_NAMES if name in facts}
    counted = [label_counts(task, frozen.splits[name]) for name in ordered]
    labels = {
        label: [counts.get(label, 0) for counts in counted] for label in dict.fromkeys(key for one in counted for key in one)
    }
    train = facts.get("train") or next(iter(facts.values()))
    return {
        "task": task,
        "manifest": manifest,
        "generated": generated,
        "facts": ordered,
        "languages": sorted({one for split in ordered.values() for one in split.languages}),
        "origins": sorted({kind for split in ordered.values() for kind in split.origins}, key=lambda kind: (kind != OWN, kind)),
        "labels": dict(list(labels.items())[:_MOST_LABELS]),
        "more_labels": max(0, len(labels) - _MOST_LABELS),
        "most": max((counts[0] for counts in labels.values()), default=0),
        "inputs": train.inputs,
        "most_inputs": max((count for _, _, count in train.inputs.bins), default=0),
        "examples": [_as_json(row) for row in shown_examples(task, frozen.splits.get("train", ()))],
        "prompts": sorted({prompt for line in frozen.lineage for prompt in line.origin.prompts}),
        "documents": sorted({line.origin.span.document for line in frozen.lineage if line.origin.span}),
        "most_documents": _MOST_DOCUMENTS,
        "licences": notes.licences,
        "agreement": notes.agreement,
        "leaks": len(check_splits(frozen.splits, near_duplicate=manifest.config.near_duplicate)),
        "dropped_leaks": sum(
            counts.dropped.get(LEAK, 0) for counts in (manifest.counts, generated and generated.counts) if counts
        ),
        "decision_names": _DECISIONS,
    }


def _as_json(row: Example) -> str:
    fields = {"input": row.input, "output": row.output}
    for name, text in fields.items():
        if len(text) > _LONGEST_SHOWN:
            fields[name] = f"{text[:_LONGEST_SHOWN]} … (+{len(text) - _LONGEST_SHOWN})"
    return json.dumps(fields | ({"language": row.language} if row.language else {}), ensure_ascii=False, indent=2)


@functools.cache
def _environment() -> Environment:
    """The templates, with functions that keep texts from breaking out of their place in Markdown."""

    def bar(count: int, most: int) -> str:
        return "█" * max(1, round(_TEXT_BAR * count / most)) if count and most else ""

    def cell(text: str) -> str:
        return _MARKS.sub(r"\\\1", collapse_space(text))

    def code(text: str) -> str:
        return f"`{collapse_space(text).replace('`', chr(39))}`"

    def fence(text: str) -> str:
        longest = max((len(run) for run in re.findall("`+", text)), default=0)
        mark = "`" * max(3, longest + 1)
        return f"{mark}json\n{text}\n{mark}"

    def quote(text: str) -> str:
        return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())

    templates = FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8")
    environment = Environment(loader=templates, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters["code"] = code
    environment.globals |= {"number": "{:,}".format, "bar": bar, "cell": cell, "fence": fence, "quote": quote}
    return environment


def label_plot(counts: Mapping[str, int], title: str) -> str:
    """A bar per label, in the order given; after `_MOST_BARS` the rest is counted together. Equal counts give equal bytes."""
    shown = list(counts.items())[:_MOST_BARS]
    rest = sum(counts.values()) - sum(count for _, count in shown)
    return _plots([(title, [*shown, *([("…", rest)] if rest else [])])])


def length_plot(inputs: Lengths, outputs: Lengths, titles: tuple[str, str]) -> str:
    """Two histograms of lengths in characters, one below the other. Equal lengths give equal bytes."""
    named = [
        [(f"{low:,}–{high - 1:,}" if high - low > 1 else f"{low:,}", count) for low, high, count in lengths.bins]
        for lengths in (inputs, outputs)
    ]
    return _plots(list(zip(titles, named, strict=True)))


def _plots(plots: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> str:
    """Bars of named numbers, each plot under its title, one below the other."""

    def safe(text: str) -> str:
        return escape("".join(char if char.isprintable() else " " for char in text))

    parts: list[str] = []
    top = _MARGIN
    for title, bars in plots:
        most = max((count for _, count in bars), default=0) or 1
        parts.append(f'<text class="dim" x="{_MARGIN}" y="{top + 12}">{safe(title)}</text>')
        for number, (name, count) in enumerate(bars, 1):
            y = top + number * _ROW
            width = round((_WIDTH - 2 * _MARGIN - _NAMES - _NUMBERS) * count / most, 1)
            shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
            parts.append(f'<text x="{_MARGIN + _NAMES - 8}" y="{y + 12}" text-anchor="end">{safe(shown)}</text>')
            parts.append(f'<rect class="bar" x="{_MARGIN + _NAMES}" y="{y}" width="{width:g}" height="{_BAR}" rx="2"/>')
            parts.append(f'<text class="dim" x="{_MARGIN + _NAMES + width + 6:g}" y="{y + 12}">{count:,}</text>')
        top += (len(bars) + 1) * _ROW + _MARGIN
    size = f'viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"
