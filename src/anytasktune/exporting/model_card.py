"""The card of an exported model: what it answers, its measured scores, the parity check, and how it is used."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from anytasktune.chat import instruction_for
from anytasktune.exporting.export_source import ExportSource
from anytasktune.records import Language
from anytasktune.schema import ParityResult
from anytasktune.store import write_atomic

CARDS: dict[Language, str] = {"en": "README.md", "zh": "README.zh.md"}


@dataclass(frozen=True)
class CardFacts:
    """Facts on one export that its card names.

    Attributes:
        form: of the export.
        number_format: of its weights.
        parity: the result of the check; None where it could not be made.
        unchecked: why it could not be made.
        usage: commands that answer with it.
    """

    form: str
    number_format: str
    parity: ParityResult | None
    unchecked: str
    usage: str


def write_cards(source: ExportSource, facts: CardFacts, folder: Path) -> None:
    """Write the card in English and Chinese."""
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701
    for language, name in CARDS.items():
        template = files("anytasktune.exporting") / "templates" / f"card.{language}.md.j2"
        text = environment.from_string(template.read_text(encoding="utf-8")).render(_values(source, facts))
        write_atomic(folder / name, text.rstrip() + "\n")


def _values(source: ExportSource, facts: CardFacts) -> dict[str, Any]:
    task, manifest = source.task, source.task_lm.manifest
    return {
        "facts": facts,
        "task": task,
        "titles": {language: task.title.get(language, task.name) for language in CARDS},
        "manifest": manifest,
        "base": source.base_name,
        "base_is_folder": Path(source.base_name).is_absolute(),
        "instructions": {language: instruction_for(task, language) for language in task.languages},
        "has_head": source.has_head,
        "scores_numbers": manifest.decoding[task.name].method == "number_scoring",
        "scores_labels": manifest.decoding[task.name].method == "label_scoring",
        "results": source.results,
        "since_training": source.since_training,
        "system": source.system,
        "train_rows": source.train_rows,
        "elsewhere": source.trained_elsewhere,
    }
