"""The card of a data set: what is in it, where that comes from, what to beware of; filled with what was counted."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from anytasktune.datasets.card_plots import label_plot, length_plot
from anytasktune.datasets.dataset_facts import OWN, SplitFacts, label_counts, measure
from anytasktune.datasets.dataset_warnings import cautions
from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.datasets.split import LEAK, check_splits
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Agreement, Example, SplitName, Task
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.plain_text import collapse_space

CARDS: dict[Language, str] = {"en": "CARD.md", "zh": "CARD.zh.md"}
LABEL_PLOT, LENGTH_PLOT = "plots/labels.svg", "plots/lengths.svg"
EXAMPLES_PER_LANGUAGE = 3

_MOST_LABELS, _MOST_DOCUMENTS, _BAR = 30, 20, 24
_LONGEST_SHOWN = 600
_BLANKS, _LINE_ENDS = re.compile(r"\n{3,}"), re.compile(r"[ \t]+$", re.MULTILINE)
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


@dataclass(frozen=True)
class CardNotes:
    """What a card tells that does not stand in the data set.

    Attributes:
        licences: names of files beside the documents that state licences.
        agreement: of people with each other and with the judge.
    """

    licences: Sequence[str] = ()
    agreement: Sequence[Agreement] = ()


def card_files(task: Task, frozen: FrozenDataset, notes: CardNotes | None = None) -> dict[str, str]:
    """The card in two languages and its plots, by name; equal data and notes give equal texts."""
    facts = measure(task, frozen)
    leaks = len(check_splits(frozen.splits, near_duplicate=frozen.manifest.config.near_duplicate))
    values = _values(task, frozen, facts, notes or CardNotes()) | {"leaks": leaks}
    files = {name: _card(values, language) for language, name in CARDS.items()}
    train = facts.get("train")
    if train is not None:
        files[LENGTH_PLOT] = length_plot(train.inputs, train.outputs, ("inputs · 输入", "outputs · 输出"))
        if train.labels:
            files[LABEL_PLOT] = label_plot(train.labels, "train")
    return files


def licence_files(folder: Path, root: Path) -> list[str]:
    """Names of files that state licences: in a folder of documents, or one level up unless the folder is directly in `root`."""
    places = [folder] if folder.resolve().parent == root else [folder, folder.parent]
    found = [path for place in places for path in sorted(place.iterdir())]
    folders = [f"{path.name}/" for path in found if path.is_dir() and _LICENCE_FILE.fullmatch(path.name)]
    files = [path for path in found if path.is_file() and (_LICENCE_FILE.match(path.name) or _names_licence(path))]
    return folders + [path.name for path in files]


def _names_licence(path: Path) -> bool:
    if not path.name.lower().startswith("readme"):
        return False
    try:
        with path.open("rb") as stream:
            return _LICENCE_WORD.search(stream.read(_MOST_READ).decode("utf-8", "replace")) is not None
    except OSError:
        return False


def shown_examples(task: Task, rows: Sequence[Example]) -> list[Example]:
    """A few rows per language, the first in their seeded order that hold no trace of a person."""
    found: dict[Language, list[Example]] = {}
    for row in rows:
        chosen = found.setdefault(task.language_of(row.language), [])
        if len(chosen) < EXAMPLES_PER_LANGUAGE and not find_personal_data(f"{row.input}\n{row.output}"):
            chosen.append(row)
        if len(found) == len(task.languages) and all(len(chosen) == EXAMPLES_PER_LANGUAGE for chosen in found.values()):
            break
    return [row for language in sorted(found) for row in found[language]]


def _card(values: dict[str, Any], language: Language) -> str:
    task: Task = values["task"]
    spoken: dict[str, Any] = {
        "title": collapse_space(task.title.get(language) or next(iter(task.title.values()), task.name)),
        "limits": collapse_space(task.limits.get(language) or next(iter(task.limits.values()), "")),
        "cautions": cautions(task, values["manifest"], values["facts"], language),
    }
    text = _environment().get_template(f"card.{language}.md.j2").render(values | spoken)
    return _BLANKS.sub("\n\n", _LINE_ENDS.sub("", text)).strip() + "\n"


def _values(task: Task, frozen: FrozenDataset, facts: Mapping[SplitName, SplitFacts], notes: CardNotes) -> dict[str, Any]:
    """What the templates of all languages are filled with."""
    manifest, made = frozen.manifest, frozen.manifest.generated
    ordered = {name: facts[name] for name in SPLIT_NAMES if name in facts}
    labels = _label_table(task, frozen, list(ordered))
    documents = sorted({line.origin.span.document for line in frozen.lineage if line.origin.span})
    train = facts.get("train") or next(iter(facts.values()))
    return {
        "task": task,
        "manifest": manifest,
        "made": made,
        "facts": ordered,
        "languages": sorted({one for split in ordered.values() for one in split.languages}),
        "origins": sorted({kind for split in ordered.values() for kind in split.origins}, key=lambda kind: (kind != OWN, kind)),
        "labels": dict(list(labels.items())[:_MOST_LABELS]),
        "more_labels": max(0, len(labels) - _MOST_LABELS),
        "most": max((counts[0] for counts in labels.values()), default=0),
        "inputs": train.inputs,
        "most_inputs": max((count for _, _, count in train.inputs.bins), default=0),
        "examples": [_shown(row) for row in shown_examples(task, frozen.splits.get("train", ()))],
        "prompts": sorted({prompt for line in frozen.lineage for prompt in line.origin.prompts}),
        "documents": documents,
        "most_documents": _MOST_DOCUMENTS,
        "licences": notes.licences,
        "agreement": notes.agreement,
        "dropped_leaks": manifest.counts.dropped.get(LEAK, 0) + (made.counts.dropped.get(LEAK, 0) if made else 0),
        "decision_names": _DECISIONS,
    }


def _label_table(task: Task, frozen: FrozenDataset, splits: Sequence[SplitName]) -> dict[str, list[int]]:
    counted = [label_counts(task, frozen.splits[name]) for name in splits]
    return {
        label: [counts.get(label, 0) for counts in counted] for label in dict.fromkeys(name for one in counted for name in one)
    }


def _shown(row: Example) -> str:
    fields = {name: _cut(text) for name, text in (("input", row.input), ("output", row.output))}
    return json.dumps(fields | ({"language": row.language} if row.language else {}), ensure_ascii=False, indent=2)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]} … (+{len(text) - _LONGEST_SHOWN})"


@functools.cache
def _environment() -> Environment:
    templates = FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8")
    environment = Environment(loader=templates, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    environment.filters["code"] = _code
    environment.globals |= {"number": "{:,}".format, "bar": _bar, "cell": _cell, "fence": _fence, "quote": _quote}
    return environment


def _bar(count: int, most: int) -> str:
    return "█" * max(1, round(_BAR * count / most)) if count and most else ""


def _cell(text: str) -> str:
    """Text inside a cell of a table: one line, without marks that mean something there."""
    return re.sub(r"([|\\`*_<>\[\]])", r"\\\1", collapse_space(text))


def _code(text: str) -> str:
    return f"`{collapse_space(text).replace('`', chr(39))}`"


def _fence(text: str) -> str:
    """A block of code, fenced by more back quotes than it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}json\n{text}\n{mark}"


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
